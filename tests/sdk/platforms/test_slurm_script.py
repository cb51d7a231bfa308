"""The batch script of an attempt, against scripts that were read by people and run by SLURM."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.sdk.platforms.slurm_plans import CASES, GOLDEN, Case, make_plan, read_case, write_case

from skillbank.errors import RequestInvalid
from skillbank.platforms.slurm.script import job_name, launcher, show_time
from skillbank.platforms.slurm.settings import (
    ONLY_IN_CONFIG,
    SlurmSettings,
    refuse_only_in_config,
)
from skillbank.run_settings import read_run_settings


@pytest.mark.parametrize("name", CASES)
def test_the_script_is_the_one_that_was_read(name: str) -> None:
    """After a wanted change: `python -m tests.sdk.platforms.slurm_plans`, and read what changed."""
    assert write_case(CASES[name]) == (GOLDEN / f"{name}.sbatch").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_bash_can_read_the_script(name: str) -> None:
    done = subprocess.run(["bash", "-n", GOLDEN / f"{name}.sbatch"], check=False)

    assert done.returncode == 0


def test_every_attempt_of_every_root_has_a_name_of_its_own() -> None:
    here = make_plan(Case({}))
    there = make_plan(Case({}, folder="/scratch/ana/jobs/train-1"))

    assert len({job_name(here, 1), job_name(here, 2), job_name(there, 1)}) == 3


def test_a_job_of_one_node_needs_no_launcher() -> None:
    assert launcher(make_plan(Case({})), read_case(Case({}))) == []


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("pyxis", ["--container-image=x.sqsh", "--container-mounts=/home/ana/skillbank:"]),
        ("apptainer", ["apptainer exec --nv --bind=/home/ana/skillbank x.sqsh"]),
    ],
)
def test_several_nodes_start_containers_by_srun_with_the_python_of_the_image(
    runtime: str, expected: list[str]
) -> None:
    settings = {"container_image": "x.sqsh", "container_runtime": runtime}
    case = Case(settings, num_gpus=2, num_nodes=3)

    words = " ".join(launcher(make_plan(case), read_case(case))[4:])

    assert "srun --nodes=3 --ntasks-per-node=2" in words
    assert [part for part in expected if part not in words] == []
    assert words.endswith('sh -c shift; exec "$0" "$@" python3')


@pytest.mark.parametrize(
    ("seconds", "shown"), [(1, "0-00:00:01"), (5400, "0-01:30:00"), (129600.2, "1-12:00:01")]
)
def test_a_time_is_shown_as_slurm_reads_it(seconds: float, shown: str) -> None:
    assert show_time(seconds) == shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"partiton": "a100"}, "did you mean 'partition'"),
        ({"python": "/a", "venv": "/b"}, "found both, expected one"),
        ({"sbatch_options": ["licenses=x"]}, "is no option"),
        ({"setup": ["true\nrm -rf /"]}, "expected one line"),
        ({"environment": ["A=B"]}, "environment"),
        ({"scratch": "/local/$(id)"}, "scratch"),
        ({"container_mounts": ["data:/data"]}, "expected /SOURCE"),
        ({"partition": "a b"}, "partition"),
        ({"warning": "2d"}, "warning"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(
    given: dict[str, object], said: str
) -> None:
    with pytest.raises(RequestInvalid, match=said):
        read_run_settings(SlurmSettings, given, "resources of platform 'slurm'")


@pytest.mark.parametrize("key", ONLY_IN_CONFIG)
def test_what_is_executed_is_no_matter_of_one_job(key: str) -> None:
    with pytest.raises(RequestInvalid, match=rf"{key}: cannot be said for one job.*config\.yaml"):
        refuse_only_in_config({key: "x"}, "resources of platform 'slurm'")


def test_every_key_that_is_only_for_the_config_is_a_key() -> None:
    assert set(ONLY_IN_CONFIG) <= set(SlurmSettings.model_fields)


@pytest.mark.parametrize(
    ("given", "stay_s", "lead_s"),
    [
        ({}, None, 120),
        ({"walltime": "24h"}, 86400, 120),
        ({"walltime": "2m"}, 120, 60),
        ({"time_limit": "1h", "grace": 30}, 3600 + 30 + 120, 120),
        ({"time_limit": "1h", "walltime": "10m"}, 600, 120),
    ],
)
def test_the_warning_leaves_time_to_work(
    given: dict[str, object], stay_s: float | None, lead_s: int
) -> None:
    settings = read_run_settings(SlurmSettings, given, "the case")

    assert (settings.stay_s, settings.warning_lead_s) == (stay_s, lead_s)


# The script's own part in bash, with programs that stand for SLURM's: what the cluster cannot be
# brought to do at will.
@pytest.mark.parametrize(
    ("code", "state", "is_queued_again"),
    [
        (143, "RUNNING", True),
        (137, "RUNNING", True),
        (143, "COMPLETING", False),
        (0, "RUNNING", False),
        (1, "RUNNING", False),
        (76, "RUNNING", False),
    ],
)
def test_the_script_queues_a_warned_job_again_unless_slurm_has_decided(
    tmp_path: Path, code: int, state: str, is_queued_again: bool
) -> None:
    _put_program(tmp_path, "squeue", f"echo {state}")
    _put_program(tmp_path, "scontrol", f'echo "$@" > {tmp_path}/told')
    job = f"import os, signal, sys; signal.signal(signal.SIGUSR1, lambda *_: os._exit({code}))\n"
    job += "os.kill(os.getppid(), signal.SIGUSR1); signal.pause()"

    assert _run_script(tmp_path, job) == code
    assert (tmp_path / "told").exists() is is_queued_again


def test_the_script_does_not_queue_again_what_was_not_warned(tmp_path: Path) -> None:
    _put_program(tmp_path, "squeue", "echo RUNNING")
    _put_program(tmp_path, "scontrol", f'echo "$@" > {tmp_path}/told')

    assert _run_script(tmp_path, "import sys; sys.exit(143)") == 143
    assert not (tmp_path / "told").exists()


def _put_program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def _run_script(folder: Path, job: str) -> int:
    _put_program(folder, "python", f"exec python3 -c {_quoted(job)}")
    script = write_case(Case({}, folder=str(folder / "jobs/job-1"))).replace(
        "/opt/python/bin/python", str(folder / "python")
    )
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "SLURM_JOB_ID": "7"}
    return subprocess.run(["bash", "-c", script], env=environment, check=False).returncode


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
