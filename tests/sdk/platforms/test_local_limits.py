"""Time, memory and disk that run out under a job, and what it says then."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skillbank.errors import PlatformError
from skillbank.job import FailureKind, JobState, Observation, classify_failure
from skillbank.platforms.attempt import AttemptFolder, Ending
from skillbank.platforms.disk import write_on_reserve
from skillbank.platforms.limits import describe_duration
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.retrying import explain_run, mark_run
from skillbank.testing import (
    POLITE,
    SLEEP,
    STUBBORN,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

ROOM = 256 * 1024
# What a training does that writes one checkpoint too many, and removes no part of it.
FILL_THE_DISK = """
import pathlib, sys
with pathlib.Path(sys.argv[1], "checkpoint.tmp").open("wb", buffering=0) as file:
    while True:
        file.write(bytes(4096))
"""
TAKE_MEMORY = "taken = [bytes(range(256)) * 4096 for _ in range(1000)]"
SUBMIT = """
import sys
from pathlib import Path
from skillbank.platforms.local import LocalPlatform
from skillbank.testing import make_script_plan, wait_for_end
Path(sys.argv[3]).write_text(str(__import__("os").getpid()))
root = Path(sys.argv[1])
platform = LocalPlatform(root, gpus=())
plan = make_script_plan(root, sys.argv[2], resources={"retries": 3, "retry_wait": 0.01})
platform.submit(plan, 1)
wait_for_end(platform, plan)
"""


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return LocalPlatform(tmp_path, gpus=(), num_slots=1, grace_s=0.5)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A root on a file system with room for little more than one job."""
    root = tmp_path / "small"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)


@pytest.mark.parametrize(
    ("script", "grace_s", "exit_code"), [(POLITE, 30, 143), (STUBBORN, 0.5, -9)]
)
def test_a_job_over_its_time_limit_is_asked_to_save_and_then_ended(
    tmp_path: Path, script: str, grace_s: float, exit_code: int
) -> None:
    """Slow (1 s): the limit. It is not run again: the same would take as long again."""
    platform = LocalPlatform(tmp_path, gpus=(), num_slots=1, grace_s=grace_s)
    for number, limit_s in enumerate((0.7, 5, 30)):
        resources = {"time_limit": limit_s, "retries": 5, "retry_wait": 0.01}
        plan = make_script_plan(tmp_path, script, job_id=f"job-{number}", resources=resources)
        platform.submit(plan, 1)
        seen = wait_for_end(platform, plan)
        if (plan.results / "running").exists():
            break  # else the limit ended Python's start, which proves nothing

    assert (seen.state, seen.exit_code) == (JobState.ERROR, exit_code)
    assert seen.detail == (
        f"stopped by its time limit of {limit_s} s; run 'skillbank resume {plan.job_id}' to go on "
        "from its last checkpoint, for as long again"
    )
    assert "run 2" not in platform.logs(plan)


def test_a_job_that_ends_well_within_its_time_is_complete(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_script_plan(tmp_path, "", resources={"time_limit": "1h"})
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE


def test_waiting_for_a_place_takes_none_of_a_jobs_time(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    """Slow (1 s): longer than the limit."""
    first = make_script_plan(tmp_path, "import time; time.sleep(1)", job_id="first")
    second = make_script_plan(
        tmp_path, "", job_id="second", resources={"time_limit": 0.9, "priority": -1}
    )
    platform.submit(first, 1)
    platform.submit(second, 1)

    assert wait_for_end(platform, second).state is JobState.COMPLETE


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.5, "0.5 s"), (59, "59 s"), (60, "1 min"), (5400, "1 h 30 min"), (86405, "24 h 5 s")],
)
def test_a_limit_is_told_as_people_say_it(seconds: float, told: str) -> None:
    assert describe_duration(seconds) == told


def kind_of(seen: Observation) -> FailureKind:
    return classify_failure(seen.state, seen.exit_code, seen.detail)


def test_a_job_that_fills_the_disk_says_so(small_disk: Path) -> None:
    """Its log, its status lines and its ending have no more room than its checkpoint."""
    platform = LocalPlatform(small_disk, gpus=())
    plan = make_script_plan(small_disk, FILL_THE_DISK)
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.ERROR
    assert seen.exit_code == 1
    assert "the disk is full (No space left on device)" in seen.detail
    assert f"below {plan.folder}. Free some space, then run 'skillbank resume job-1'" in seen.detail
    assert kind_of(seen) is FailureKind.INFRASTRUCTURE


def test_a_job_goes_on_once_there_is_room_again(small_disk: Path) -> None:
    """Slow (1 s): the pause in which somebody frees some."""
    platform = LocalPlatform(small_disk, gpus=())
    once = f"import os, sys\nif os.path.exists(sys.argv[1] + '/again'): sys.exit()\n{FILL_THE_DISK}"
    for number, pause_s in enumerate((1, 5, 30)):
        resources = {"retries": 1, "retry_wait": pause_s}
        plan = make_script_plan(small_disk, once, job_id=f"job-{number}", resources=resources)
        platform.submit(plan, 1)
        attempt = AttemptFolder(plan.folder, 1)
        wait_until(lambda: attempt.retry() is not None, "the run has failed")  # noqa: B023

        full = plan.results / "checkpoint.tmp"
        assert full.stat().st_size > ROOM // 2
        full.unlink()
        (plan.results / "again").touch()
        retry = attempt.retry()
        if retry is not None and time.time() < retry.begins_at:
            break
        wait_for_end(platform, plan)  # there may have been no room yet when it began again

    assert wait_for_end(platform, plan).state is JobState.COMPLETE


def test_a_job_that_nobody_can_write_down_is_not_started(small_disk: Path) -> None:
    platform = LocalPlatform(small_disk, gpus=())
    plan = make_script_plan(small_disk, SLEEP)
    fill(small_disk)

    with pytest.raises(PlatformError, match=r"job-1 cannot be started: .*No space left"):
        platform.submit(plan, 1)

    assert platform.poll(plan, 1).state is JobState.LOST


def test_a_job_ends_well_on_a_disk_that_others_have_filled(small_disk: Path) -> None:
    platform = LocalPlatform(small_disk, gpus=())
    plan = make_script_plan(small_disk, "import sys; sys.stdin.read()" + SLEEP)
    start_and_wait(platform, plan)

    fill(small_disk)
    platform.cancel(plan, 1)

    assert platform.poll(plan, 1).state is JobState.CANCELED
    written = json.loads((plan.folder / "attempts" / "1" / "exit.json").read_text())
    assert written["is_cancelled"] is True


def test_a_job_that_waited_and_finds_the_disk_full_says_so(small_disk: Path) -> None:
    platform = LocalPlatform(small_disk, gpus=(), num_slots=1)
    first, second = (
        make_script_plan(small_disk, SLEEP, job_id=name) for name in ("first", "second")
    )
    start_and_wait(platform, first)
    platform.submit(second, 1)
    wait_until(lambda: platform.poll(second, 1).state is JobState.QUEUED, "the second waits")

    fill(small_disk)
    platform.cancel(first, 1)

    seen = wait_for_end(platform, second)
    assert (seen.state, "the disk is full" in seen.detail) == (JobState.ERROR, True)


def test_what_is_written_in_kept_room_is_read_like_anything_else(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path, 1)
    folder.path.mkdir(parents=True)
    (folder.path / ".exit.json.reserve").write_bytes(bytes(4096))
    ending = Ending(1, False, "why \N{SNOWMAN}", 1.0, 2.0)

    write_on_reserve(folder.path / "exit.json", json.dumps(ending._asdict()))

    assert folder.ending() == ending


def test_the_ending_is_the_last_change_of_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who sees it may copy the folder at once."""
    folder = AttemptFolder(tmp_path, 1)
    folder.path.mkdir(parents=True)
    folder.reserve_ending()
    replace, seen = Path.replace, []

    def look_after(self: Path, target: Path) -> Path:
        shown = replace(self, target)
        seen.append([path.name for path in folder.path.iterdir()])
        return shown

    monkeypatch.setattr(Path, "replace", look_after)
    folder.write_ending(Ending(0, False, "", 1.0, 2.0))

    assert seen[-1] == ["exit.json"]


def test_an_ending_leaves_no_kept_room_behind(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, "")
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    names = {path.name for path in (plan.folder / "attempts" / "1").iterdir()}
    assert names == {"exit.json", "order.json", "started.json", "supervisor.json"}


def test_a_job_whose_own_memory_is_limited_says_that_it_ran_out(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    """A limit of the shell, which jobs inherit: Python raises, and nothing is run again."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({2**27}, {2**27}))\n"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    plan = make_script_plan(tmp_path, limit + TAKE_MEMORY, resources={"retries": 2})
    marks = mark_run(plan.folder)
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    failure = explain_run(plan.folder, seen.exit_code, marks, seen.detail)
    assert (seen.state, failure.kind) == (JobState.ERROR, FailureKind.OUT_OF_MEMORY)
    assert "run 2" not in platform.logs(plan)


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A control group with 96 MB of memory, of version 1 or 2, whichever can be made here."""
    for mounted, limit in (
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup"), "memory.max"),
    ):
        group = mounted / f"skillbank-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(96 * 2**20))
        except OSError:
            if group.is_dir():
                group.rmdir()
            continue
        yield group
        wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")  # noqa: B023
        group.rmdir()
        return
    pytest.skip("no control group for memory can be made here: it takes root, and no container")


def test_a_job_that_the_kernel_kills_for_memory_says_so(memory_group: Path, tmp_path: Path) -> None:
    """Slow (2 s): a group with little memory, and the whole of the package in it."""
    join = f"open({str(memory_group / 'cgroup.procs')!r}, 'w').write('0')\n"
    done = [sys.executable, "-c", join + SUBMIT, str(tmp_path), TAKE_MEMORY, str(tmp_path / "pid")]
    subprocess.run(done, check=True)
    platform, plan = LocalPlatform(tmp_path, gpus=()), make_script_plan(tmp_path, "", job_id="x")
    folder = AttemptFolder(tmp_path / "jobs" / "job-1", 1)
    ending = folder.ending()

    assert ending is not None
    assert ending.exit_code == -9
    assert ending.detail.startswith("the kernel killed it (SIGKILL) because memory ran out: use a")
    kind = classify_failure(JobState.ERROR, ending.exit_code, ending.detail)
    assert kind is FailureKind.OUT_OF_MEMORY
    assert folder.retry() is None
    assert platform.logs(plan) == ""


def fill(folder: Path) -> None:
    """Write until nothing more fits."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return
