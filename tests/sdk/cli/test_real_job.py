"""One real job through the command line, start to end; it takes some 5 s, most of it to load
PyTorch in the job's own process.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.sdk.cli.conftest import SKILL


@pytest.fixture
def skillbank(root):
    """Call `skillbank` as a process of its own."""

    def call(*arguments, **options):
        line = [sys.executable, "-m", "skillbank.cli", "--root", str(root), *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, check=False, **options)

    return call


def test_a_job_that_fails_is_submitted_followed_looked_at_and_resumed(skillbank, dataset):
    line = [SKILL, "train", "--data", dataset, "--automl", "off"]

    planned = skillbank("plan", *line, "--json")
    run = skillbank("run", "--plan", "-", input=planned.stdout)
    job_id = json.loads(planned.stdout)["job_id"]
    status = skillbank("status", job_id, "--json")
    resumed = skillbank("resume", job_id, "--json")

    assert run.returncode == 1  # the data files are empty
    assert f"job {job_id}" in run.stdout
    assert "train_data.npy" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert json.loads(status.stdout)["state"] == "ERROR"
    assert resumed.returncode == 1
    events = [json.loads(x) for x in resumed.stdout.splitlines()]
    assert events[0]["event"] == "job"
    assert (events[-1]["event"], events[-1]["job"]["attempt"]) == ("end", 2)


def test_a_saved_plan_runs_once(skillbank, dataset):
    line = [SKILL, "train", "--data", dataset, "--automl", "off"]
    planned = skillbank("plan", *line, "--json").stdout

    first = skillbank("run", "--plan", "-", "--detach", "--json", input=planned)
    second = skillbank("run", "--plan", "-", "--detach", "--json", input=planned)
    skillbank("cancel", json.loads(planned)["job_id"])

    assert first.returncode == 0
    assert json.loads(first.stdout)["id"] == json.loads(planned)["job_id"]
    assert second.returncode == 2
    assert json.loads(second.stdout)["error"]["type"] == "JobConflict"
