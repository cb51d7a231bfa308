"""Jobs as processes of this machine: who lives, who is lost, who is ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sdk.platforms.local_world import (
    STRAY,
    WITH_STRAY,
    make_search_plan,
    supervisor_of,
    wait_until_dead,
    wait_until_none_runs,
)

from skillbank.errors import PlatformError
from skillbank.job import JobState
from skillbank.plan import Route
from skillbank.platforms.attempt import AttemptFolder, identify
from skillbank.platforms.local import LocalPlatform
from skillbank.testing import (
    SLEEP,
    STUBBORN,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return LocalPlatform(tmp_path, gpus=("0", "1", "GPU-c"), num_slots=1, grace_s=0.2)


@pytest.mark.parametrize("script", [SLEEP, STUBBORN, STRAY], ids=["plain", "stubborn", "stray"])
def test_a_job_whose_supervisor_was_killed_is_lost_at_once(
    platform: LocalPlatform, tmp_path: Path, script: str
) -> None:
    plan = make_script_plan(tmp_path, script)
    start_and_wait(platform, plan)
    os.kill(supervisor_of(plan).pid, signal.SIGKILL)
    # This process has not collected it: it stays as a zombie, which must count as dead.
    other = LocalPlatform(tmp_path)

    wait_until(lambda: other.poll(plan, 1).state is JobState.LOST, "the job is LOST", 10)

    wait_until_none_runs(plan)
    assert "skillbank resume job-1" in other.poll(plan, 1).detail


def test_a_job_outlives_the_kill_of_its_submitter(tmp_path: Path) -> None:
    code = '''
import os, sys
from pathlib import Path
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.memory import count_memory_kills, explain_kill
from skillbank.testing import make_script_plan
root = Path(sys.argv[1])
wait = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1], "go").exists():
    time.sleep(0.01)
"""
LocalPlatform(root).submit(make_script_plan(root, wait), 1)
os.kill(os.getpid(), 9)
'''
    submitter = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    plan = replace(make_script_plan(tmp_path, "", job_id="other"), job_id="job-1")
    plan = replace(plan, folder=tmp_path / "jobs" / "job-1")
    platform = LocalPlatform(tmp_path)
    wait_until(lambda: platform.poll(plan, 1).state is JobState.RUNNING, "it runs")

    (plan.results / "go").touch()

    assert submitter.returncode == -signal.SIGKILL
    assert wait_for_end(platform, plan).state is JobState.COMPLETE


def test_cancelling_ends_processes_in_sessions_of_their_own(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_script_plan(tmp_path, STRAY)
    start_and_wait(platform, plan)
    stray = int((plan.results / "stray.pid").read_text())

    platform.cancel(plan, 1)

    wait_until_dead(stray)
    wait_until_none_runs(plan)


def test_cancelling_works_when_the_supervisor_is_dead_already(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_script_plan(tmp_path, STRAY)
    start_and_wait(platform, plan)
    os.kill(supervisor_of(plan).pid, signal.SIGKILL)

    platform.cancel(plan, 1)

    wait_until_none_runs(plan)
    assert platform.poll(plan, 1).state is JobState.CANCELED


def test_cancelling_works_when_the_supervisor_does_not_answer(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    """Slow (3 s): a supervisor has that long to answer."""
    plan = make_script_plan(tmp_path, STUBBORN)
    start_and_wait(platform, plan)
    os.kill(supervisor_of(plan).pid, signal.SIGSTOP)

    platform.cancel(plan, 1)

    wait_until_none_runs(plan)
    assert wait_for_end(platform, plan).state is JobState.CANCELED


def test_what_a_job_left_running_ends_with_it(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, "import pathlib, sys" + WITH_STRAY)
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.COMPLETE
    wait_until_dead(int((plan.results / "stray.pid").read_text()))


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (signal.SIGKILL, JobState.ERROR),
        (signal.SIGSEGV, JobState.ERROR),
        (signal.SIGTERM, JobState.CANCELED),
    ],
)
def test_a_job_that_a_signal_ended_says_which(
    platform: LocalPlatform, tmp_path: Path, number: signal.Signals, state: JobState
) -> None:
    plan = make_script_plan(tmp_path, f"import os; os.kill(os.getpid(), {number.value})")
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert (seen.state, seen.exit_code) == (state, -number)


@pytest.mark.parametrize("script", [SLEEP, STUBBORN], ids=["plain", "stubborn"])
def test_a_shutdown_stops_a_job_and_nobody_is_said_to_have_asked(
    platform: LocalPlatform, tmp_path: Path, script: str
) -> None:
    """At a shutdown every process gets SIGTERM, the supervisor too."""
    plan = make_script_plan(tmp_path, script)
    start_and_wait(platform, plan)

    os.kill(supervisor_of(plan).pid, signal.SIGTERM)

    seen = wait_for_end(platform, plan)
    assert (seen.state, "from outside" in seen.detail) == (JobState.CANCELED, True)


def test_a_running_job_is_not_started_twice(platform: LocalPlatform, tmp_path: Path) -> None:
    """Slow (0.5 s): a lock that is only being looked at is waited out."""
    plan = make_script_plan(tmp_path, SLEEP)
    start_and_wait(platform, plan)

    with pytest.raises(PlatformError, match="job-1 still runs"):
        platform.submit(plan, 2)
    platform.cancel(plan, 1)


@pytest.mark.parametrize("wrong", ["boot", "start"])
def test_a_pid_that_belongs_to_somebody_else_by_now_is_never_signalled(
    platform: LocalPlatform, tmp_path: Path, wrong: str
) -> None:
    plan = make_script_plan(tmp_path, SLEEP)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    identity = identify(bystander.pid)
    assert identity is not None
    changed = {"boot": {"boot_id": "another"}, "start": {"started_ticks": 1}}[wrong]
    folder = AttemptFolder(plan.folder, 1)
    folder.ask_to_cancel()
    folder.write_identity(identity._replace(**changed))

    platform.cancel(plan, 1)
    time.sleep(0.05)  # a signal would have arrived by now

    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_the_end_of_a_job_is_on_disk(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, "raise SystemExit(7)")
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    written = json.loads((plan.folder / "attempts" / "1" / "exit.json").read_text())

    assert written["exit_code"] == 7
    assert written["started_at"] < written["ended_at"]


def test_the_log_says_where_a_further_attempt_begins(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_script_plan(tmp_path, "print('hello')")
    for attempt in (1, 2):
        platform.submit(plan, attempt)
        wait_for_end(platform, plan, attempt)

    assert platform.logs(plan) == "hello\n\n--- attempt 2 of job job-1 ---\nhello\n"


def test_a_job_runs_where_its_submitter_stands(
    platform: LocalPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths in a spec then mean what they meant to its writer."""
    monkeypatch.chdir(tmp_path)
    plan = make_script_plan(tmp_path, "import os; print(os.getcwd())")
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    assert platform.logs(plan) == f"{tmp_path}\n"


# Submits a job of its own, as a search does, and waits.
SUBMIT_ANOTHER = """
import pathlib, sys, time
from skillbank.platforms.local import LocalPlatform
from skillbank.testing import SLEEP, make_script_plan
root = pathlib.Path(sys.argv[1]).parents[2]
LocalPlatform(root, gpus=(), num_slots=1).submit(make_script_plan(root, SLEEP, job_id="trial"), 1)
time.sleep(600)
"""


def test_a_job_that_a_search_submitted_outlives_the_searchs_kill(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    """It is a job of its own: the search finds it again when it is resumed."""
    search = make_search_plan(tmp_path, SUBMIT_ANOTHER)
    folder = tmp_path / "jobs" / "trial"
    platform.submit(search, 1)
    wait_until((folder / "results" / "running").exists, "the trial runs")
    trial = replace(search, job_id="trial", folder=folder, route=Route.DIRECT)

    os.kill(supervisor_of(search).pid, signal.SIGKILL)

    assert wait_for_end(platform, search).state is JobState.LOST
    assert platform.poll(trial, 1).state is JobState.RUNNING
    platform.cancel(trial, 1)
    assert platform.poll(trial, 1).state is JobState.CANCELED


def test_a_search_is_given_time_to_stop_its_trials(tmp_path: Path) -> None:
    """Slow (1 s): longer than any other job's 0.5 s."""
    script = """
import pathlib, signal, sys, time
def stop(*_):
    time.sleep(0.6)
    pathlib.Path(sys.argv[1], "stopped").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
"""
    platform = LocalPlatform(tmp_path, gpus=(), num_slots=1, grace_s=0.5)
    plan = make_search_plan(tmp_path, script + SLEEP)
    start_and_wait(platform, plan)

    platform.cancel(plan, 1)

    assert (plan.results / "stopped").exists()
    assert platform.poll(plan, 1).state is JobState.CANCELED
