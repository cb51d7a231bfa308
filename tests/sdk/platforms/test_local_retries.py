"""Runs that failed and are made again: which, when, from where, and what is told meanwhile."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import yaml
from tests.sdk.platforms.local_world import supervisor_of
from tests.sdk.toy import FIXTURES, TOY

from skillbank.job import JobState
from skillbank.plan import JobPlan, Route
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.slots import list_holders
from skillbank.testing import ScriptPlan, make_script_plan, wait_for_end, wait_until

# Ends badly as often as told, then well; every run leaves a line.
FAIL_FIRST = """
import os, pathlib, sys, time
runs = pathlib.Path(sys.argv[1], "runs")
with runs.open("a") as file:
    file.write(os.environ["CUDA_VISIBLE_DEVICES"] + "\\n")
if len(runs.read_text().splitlines()) <= {times}:
    {how}
"""
KILL = "os.kill(os.getpid(), 9)"
QUICK = {"retries": 2, "retry_wait": 0.05}


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return LocalPlatform(tmp_path, gpus=("0", "1"), num_slots=1, grace_s=0.2)


def make_plan(root: Path, how: str, times: int = 1, **changes: object) -> ScriptPlan:
    script = FAIL_FIRST.format(how=how, times=times)
    return make_script_plan(root, script, **{"resources": QUICK, **changes})  # type: ignore[arg-type]


def num_runs(plan: ScriptPlan) -> int:
    return len((plan.results / "runs").read_text().splitlines())


@pytest.mark.parametrize(
    "how", [KILL, "raise OSError(5, 'Input/output error')", "sys.exit('NCCL error: lost')"]
)
def test_a_failure_of_the_machine_costs_a_run_and_no_more(
    platform: LocalPlatform, tmp_path: Path, how: str
) -> None:
    plan = make_plan(tmp_path, how)
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert num_runs(plan) == 2


@pytest.mark.parametrize(
    ("how", "runs"),
    [
        ("sys.exit(2)", 1),  # a wrong request
        ("raise MemoryError", 1),
        ("sys.exit('training has diverged')", 1),
        ("sys.exit(75)", 1),  # paused
        ("os.kill(os.getpid(), 15)", 1),  # somebody stopped it
        ("raise KeyError('x')", 2),  # not understood: once more, and only once
        (KILL, 3),
    ],
)
def test_what_is_not_worth_it_is_not_run_again(
    platform: LocalPlatform, tmp_path: Path, how: str, runs: int
) -> None:
    plan = make_plan(tmp_path, how, times=9)
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert seen.state is not JobState.COMPLETE
    assert num_runs(plan) == runs


def test_without_being_asked_nothing_is_run_again(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_plan(tmp_path, KILL, resources={})
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).exit_code == -9
    assert num_runs(plan) == 1


def test_the_log_marks_every_run(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_plan(tmp_path, KILL)
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    log = platform.logs(plan)

    assert "run 1 failed: it was killed by signal 9 (SIGKILL)" in log
    assert "run 2 of at most 3 begins at " in log
    assert "--- run 2 of attempt 1 of job job-1 ---" in log


def test_a_job_says_why_it_waits_and_holds_no_place_meanwhile(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_plan(tmp_path, KILL, num_gpus=1, resources={"retries": 3, "retry_wait": "10m"})
    platform.submit(plan, 1)
    wait_until(lambda: "failed" in platform.poll(plan, 1).detail, "it waits")
    seen, holders = platform.poll(plan, 1), list_holders(tmp_path / "slots")
    began = time.monotonic()
    platform.cancel(plan, 1)
    stopped = platform.poll(plan, 1)

    assert seen.state is JobState.QUEUED
    assert seen.started_at is None
    assert seen.detail.startswith(
        "run 1 of 4 failed: it was killed by signal 9 (SIGKILL); the next begins at "
    )
    assert holders == []
    assert stopped.state is JobState.CANCELED
    assert stopped.started_at is not None
    assert time.monotonic() - began < 60


def test_a_job_that_waits_for_its_next_run_and_loses_its_supervisor_is_lost(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_plan(tmp_path, KILL, resources={"retries": 1, "retry_wait": "10m"})
    platform.submit(plan, 1)
    wait_until(lambda: "failed" in platform.poll(plan, 1).detail, "it waits")

    os.kill(supervisor_of(plan).pid, signal.SIGKILL)

    assert wait_for_end(platform, plan).state is JobState.LOST


def test_a_further_run_takes_another_gpu_where_one_is_free(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    """The one that it had may be what failed."""
    plan = make_plan(tmp_path, KILL, num_gpus=1)
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    assert (plan.results / "runs").read_text().split() == ["0", "1"]


def test_the_times_of_a_job_span_its_runs(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_plan(tmp_path, KILL, resources={"retries": 1, "retry_wait": 0.3})
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert seen.started_at is not None
    assert seen.ended_at is not None
    assert seen.ended_at - seen.started_at > 0.3


def test_a_further_run_goes_on_from_the_newest_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow (3 s): two runs of a trainer, and the package that writes its spec."""
    monkeypatch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
    monkeypatch.setenv("SKILLBANK_SKILLS", str(FIXTURES / "skills"))
    train = {"num_epochs": 1, "signal": int(signal.SIGKILL)}  # after its epoch
    plan = JobPlan(
        job_id="toy",
        skill=TOY,
        action="train",
        network_arch="toy",
        route=Route.DIRECT,
        reason="a test asks for it",
        spec={"results_dir": "", "train": train},
        folder=tmp_path / "jobs" / "toy",
        resources=QUICK,
    )
    plan.results.mkdir(parents=True)
    (plan.folder / "plan.json").write_text(plan.to_json())
    (plan.folder / "spec.yaml").write_text(yaml.safe_dump(dict(plan.spec)))
    platform = LocalPlatform(tmp_path, gpus=())
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.COMPLETE, platform.logs(plan)
    second = yaml.safe_load((AttemptFolder(plan.folder, 1).path / "spec-2.yaml").read_text())
    (checkpoint,) = plan.results.glob("model_epoch_*.pth")
    assert second["train"]["resume_training_checkpoint_path"] == str(checkpoint)
    assert "resumed after epoch 0" in platform.logs(plan)
