"""Jobs of this machine whose results go to a URI while they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.job import JobState
from skillbank.plan import Route
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform
from skillbank.staging.order import read_order
from skillbank.testing import (
    SLEEP,
    ScriptPlan,
    make_script_plan,
    start_and_wait,
    wait_for_end,
)

WRITE = """
import os, pathlib, sys
pathlib.Path(sys.argv[1], "model.pth").write_bytes(b"weights")
print("written")
"""


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'elsewhere' / 'job-1'}"


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return LocalPlatform(tmp_path / "root", gpus=("7",), num_slots=1, grace_s=1.0)


def make_plan(tmp_path: Path, uri: str, script: str, **changes: object) -> ScriptPlan:
    return make_script_plan(tmp_path / "root", script, results_uri=uri, **changes)


def test_results_of_a_job_here_are_at_its_uri_when_it_has_ended(
    platform: LocalPlatform, tmp_path: Path, uri: str
) -> None:
    plan = make_plan(tmp_path, uri, WRITE + "sys.exit(3)")
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert (seen.state, seen.exit_code) == (JobState.ERROR, 3)
    assert (tmp_path / "elsewhere" / "job-1" / "results" / "model.pth").read_bytes() == b"weights"
    assert "written" in platform.logs(plan)


def test_its_supervisor_keeps_places_time_and_retries_and_staging_the_rest(
    platform: LocalPlatform, tmp_path: Path, uri: str
) -> None:
    resources = {"time_limit": "1h", "retries": 2, "retry_wait": 0.05}
    plan = make_plan(
        tmp_path, uri, WRITE, num_gpus=1, resources=resources, upload_excludes=("*.tmp",)
    )
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    order, staged = AttemptFolder(plan.folder, 1).order(), read_order(plan.folder, 1)

    assert order.command == ["-m", "skillbank.staging", str(plan.folder), "1"]
    assert (order.time_limit_s, order.retries) == (3600, 2)
    assert (staged.time_limit_s, staged.retries) == (None, 0)
    assert staged.is_lock_held
    assert staged.command == plan.command()
    assert (staged.results_uri, staged.upload_excludes) == (uri, ["*.tmp"])
    assert order.grace_s == staged.grace_s + 60


def test_it_is_stopped_gently_and_what_it_wrote_then_arrives(tmp_path: Path, uri: str) -> None:
    save = """
import pathlib, signal, sys
def stop(*_):
    pathlib.Path(sys.argv[1], "saved.pth").write_bytes(b"in time")
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
"""
    platform = LocalPlatform(tmp_path / "root", gpus=(), num_slots=1, grace_s=30.0)
    plan = make_plan(tmp_path, uri, save + SLEEP)
    start_and_wait(platform, plan)

    platform.cancel(plan, 1)

    assert platform.poll(plan, 1).state is JobState.CANCELED
    arrived = tmp_path / "elsewhere" / "job-1" / "results" / "saved.pth"
    assert arrived.read_bytes() == b"in time"


def test_a_run_that_was_killed_is_made_again_and_both_leave_their_results(
    platform: LocalPlatform, tmp_path: Path, uri: str
) -> None:
    script = """
import os, pathlib, sys
runs = pathlib.Path(sys.argv[1], "runs")
runs.open("a").write(os.environ["CUDA_VISIBLE_DEVICES"])
if len(runs.read_text()) == 1:
    os.kill(os.getpid(), 9)
"""
    resources = {"retries": 1, "retry_wait": 0.05}
    plan = make_plan(tmp_path, uri, script, num_gpus=1, resources=resources)
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert (tmp_path / "elsewhere" / "job-1" / "results" / "runs").read_text() == "77"


def test_a_search_sends_its_own_results_and_keeps_the_credentials_for_its_trials(
    platform: LocalPlatform, tmp_path: Path, uri: str
) -> None:
    plan = make_plan(tmp_path, uri, WRITE, route=Route.AUTOML)
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    staged, order = read_order(plan.folder, 1), AttemptFolder(plan.folder, 1).order()
    assert seen.state is JobState.COMPLETE
    assert (tmp_path / "elsewhere" / "job-1" / "results" / "model.pth").is_file()
    assert staged.keeps_credentials
    # Its trials stop one after the other before it does, and its last bytes go then.
    assert (staged.grace_s, order.grace_s) == (8.0, 68.0)


def test_a_search_that_keeps_its_results_here_moves_nothing(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_plan(tmp_path, "", WRITE, route=Route.AUTOML)
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    assert AttemptFolder(plan.folder, 1).order().command == plan.command()
