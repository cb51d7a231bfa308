"""The queue of this machine: who is served when, across processes, whoever dies on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sdk.platforms.local_world import STRAY, is_alive, supervisor_of, wait_until_dead

from skillbank.errors import PlatformError, RequestInvalid
from skillbank.job import JobState
from skillbank.locks import is_locked
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.memory import read_memory
from skillbank.platforms.queue import Queue, Ticket
from skillbank.platforms.slots import Holder, Lease, Places, list_holders
from skillbank.testing import (
    SLEEP,
    ScriptPlan,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

# Adds its name to a list that all jobs of a root share.
SIGN = """
import os, pathlib, sys
with pathlib.Path(sys.argv[1]).parents[2].joinpath("served").open("a") as file:
    file.write(os.environ["SKILLBANK_JOB_ID"] + "\\n")
"""
WAIT_FOR_GO = """
import pathlib, sys, time
pathlib.Path(sys.argv[1], "running").touch()
while not pathlib.Path(sys.argv[1]).parents[2].joinpath("go").exists():
    time.sleep(0.01)
"""
SUBMIT_FIVE = """
import sys
from pathlib import Path
from skillbank.platforms.local import LocalPlatform
from skillbank.testing import make_script_plan
from tests.sdk.platforms.test_local_queue import SIGN
root, mark = Path(sys.argv[1]), sys.argv[2]
platform = LocalPlatform(root, gpus=(), num_slots=1)
for number in range(5):
    platform.submit(make_script_plan(root, SIGN, job_id=f"{mark}{number}"), 1)
"""


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return LocalPlatform(tmp_path, gpus=("0", "1"), num_slots=1, grace_s=5.0)


@pytest.fixture
def busy(platform: LocalPlatform, tmp_path: Path) -> Iterator[ScriptPlan]:
    """A job that keeps the only slot until its test lets it go."""
    plan = make_script_plan(tmp_path, WAIT_FOR_GO, job_id="busy")
    start_and_wait(platform, plan)
    yield plan
    (tmp_path / "go").touch()
    wait_for_end(platform, plan)


def enqueue(platform: LocalPlatform, root: Path, job_id: str, **resources: object) -> ScriptPlan:
    """Submit a job that signs the list, and return when it waits."""
    plan = make_script_plan(root, SIGN, job_id=job_id, resources=resources)
    platform.submit(plan, 1)
    wait_until(lambda: platform.poll(plan, 1).state is JobState.QUEUED, f"{job_id} waits")
    return plan


def served(platform: LocalPlatform, root: Path, plans: list[ScriptPlan]) -> list[str]:
    """Let the busy job go; the names of the others in the order in which they ran."""
    (root / "go").touch()
    for plan in plans:
        assert wait_for_end(platform, plan).state is JobState.COMPLETE
    return (root / "served").read_text().split()


@pytest.mark.usefixtures("busy")
def test_higher_priorities_are_served_first_and_equal_ones_in_order(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    wanted = [("a", 0), ("b", 5), ("c", 0), ("d", -7), ("e", 5), ("f", 1000)]
    plans = [enqueue(platform, tmp_path, name, priority=rank) for name, rank in wanted]

    assert served(platform, tmp_path, plans) == ["f", "b", "e", "a", "c", "d"]


@pytest.mark.usefixtures("busy")
def test_a_job_knows_how_many_are_before_it(platform: LocalPlatform, tmp_path: Path) -> None:
    plans = [enqueue(platform, tmp_path, name) for name in ("a", "b", "c")]
    enqueue(platform, tmp_path, "urgent", priority=1)

    details = [platform.poll(plan, 1).detail for plan in plans]
    for plan in plans:
        platform.cancel(plan, 1)

    assert [detail.split(";")[0] for detail in details] == [
        "1 job before it",
        "2 jobs before it",
        "3 jobs before it",
    ]
    left = platform.poll(plans[0], 1)
    assert left.state is JobState.CANCELED


@pytest.mark.usefixtures("busy")
def test_a_job_that_waits_and_dies_holds_nobody_up(platform: LocalPlatform, tmp_path: Path) -> None:
    first, second, third = (enqueue(platform, tmp_path, name) for name in ("a", "b", "c"))
    for plan in (first, second):
        os.kill(supervisor_of(plan).pid, signal.SIGKILL)
    wait_until(lambda: "next in line" in platform.poll(third, 1).detail, "the third is next")

    assert served(platform, tmp_path, [third]) == ["c"]
    assert platform.poll(first, 1).state is JobState.LOST


@pytest.mark.usefixtures("busy")
def test_jobs_that_several_processes_submit_run_in_the_order_of_their_tickets(
    tmp_path: Path,
) -> None:
    """Slow (1 s): three processes that import the package."""
    submitters = [
        subprocess.Popen([sys.executable, "-c", SUBMIT_FIVE, str(tmp_path), mark])
        for mark in ("x", "y", "z")
    ]
    for submitter in submitters:
        assert submitter.wait() == 0
    folders = [tmp_path / "jobs" / f"{mark}{n}" for mark in "xyz" for n in range(5)]
    tickets = {AttemptFolder(folder, 1).order().ticket: folder.name for folder in folders}
    list_of_served = tmp_path / "served"
    list_of_served.touch()
    (tmp_path / "go").touch()
    wait_until(lambda: len(list_of_served.read_text().split()) == 15, "all ran")

    assert list_of_served.read_text().split() == [tickets[name] for name in sorted(tickets)]
    for mark in "xyz":  # and each process's own in the order in which it submitted them
        assert [n for n in sorted(tickets) if tickets[n][0] == mark] == [
            name for n in range(5) for name, job in tickets.items() if job == f"{mark}{n}"
        ]
    wait_until(lambda: all(not is_locked(f / "launcher.lock") for f in folders), "all ended")


def test_a_job_on_the_gpus_does_not_wait_for_the_cpu(
    platform: LocalPlatform, tmp_path: Path, busy: ScriptPlan
) -> None:
    plan = make_script_plan(tmp_path, SIGN, job_id="gpu", num_gpus=2)
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert platform.poll(busy, 1).state is JobState.RUNNING


def test_a_small_job_does_not_overtake_a_large_one(platform: LocalPlatform, tmp_path: Path) -> None:
    """Else a job that wants two GPUs would wait for ever beside others that want one."""
    holder = make_script_plan(tmp_path, WAIT_FOR_GO, job_id="holder", num_gpus=1)
    start_and_wait(platform, holder)
    large, small = (
        make_script_plan(tmp_path, SIGN, job_id=name, num_gpus=wanted)
        for name, wanted in (("large", 2), ("small", 1))
    )
    for plan in (large, small):
        platform.submit(plan, 1)
        wait_until(lambda: platform.poll(plan, 1).state is JobState.QUEUED, "it waits")  # noqa: B023

    assert "it needs 2 GPUs, and 1 of 2 are free" in platform.poll(large, 1).detail
    assert served(platform, tmp_path, [large, small])[0] == "large"
    wait_for_end(platform, holder)


def test_each_job_keeps_to_its_own_limit_of_jobs_at_once(tmp_path: Path) -> None:
    """Another that has none may still start beside it."""
    platform = LocalPlatform(tmp_path, gpus=("0",), num_slots=3)
    running = [
        make_script_plan(tmp_path, WAIT_FOR_GO, job_id=f"running-{number}", num_gpus=number)
        for number in range(2)
    ]
    for plan in running:
        start_and_wait(platform, plan)

    limited = enqueue(platform, tmp_path, "limited", max_parallel=2)
    told = platform.poll(limited, 1).detail
    urgent = make_script_plan(tmp_path, SIGN, job_id="urgent", resources={"priority": 1})
    platform.submit(urgent, 1)
    wait_for_end(platform, urgent)

    assert told == "next in line; it starts while fewer than 2 jobs run here (max_parallel)"
    assert served(platform, tmp_path, [limited]) == ["urgent", "limited"]


def test_each_process_keeps_to_its_own_number_of_slots(tmp_path: Path) -> None:
    """Also where others, with more of them, have taken those beyond it."""
    wide, narrow = (LocalPlatform(tmp_path, gpus=(), num_slots=n) for n in (3, 2))
    running = [make_script_plan(tmp_path, SLEEP, job_id=f"running-{n}") for n in range(3)]
    for plan in running:
        start_and_wait(wide, plan)
    waiting = enqueue(narrow, tmp_path, "waiting")

    wide.cancel(running[0], 1)  # slot 0 is free now, and two jobs still run
    time.sleep(0.3)
    still = narrow.poll(waiting, 1)
    wide.cancel(running[1], 1)

    assert "CPU jobs run 2 at a time" in still.detail
    assert wait_for_end(narrow, waiting).state is JobState.COMPLETE
    wide.cancel(running[2], 1)


def test_a_limit_of_jobs_at_once_bounds_what_a_search_starts(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    plan = make_script_plan(tmp_path, "", num_gpus=1, resources={"max_parallel": 1})

    assert platform.capacity(plan) == 1


def test_a_place_tells_who_holds_it(platform: LocalPlatform, tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, WAIT_FOR_GO, num_gpus=2, resources={"memory": "1M"})
    began = time.time()
    start_and_wait(platform, plan)

    (holder,) = list_holders(tmp_path / "slots")
    locks = [tmp_path / "slots" / f"gpu-{name}.lock" for name in ("0", "1")]
    written = [json.loads(lock.read_text()) for lock in locks]
    (tmp_path / "go").touch()
    wait_for_end(platform, plan)

    assert written == [holder._asdict()] * 2
    assert (holder.job_id, holder.folder) == ("job-1", str(plan.folder))
    assert holder.pid == supervisor_of(plan).pid
    assert began - 1 < holder.since < time.time()
    assert holder.memory_bytes == 2**20
    assert [lock.read_text() for lock in locks] == ["", ""]
    assert list_holders(tmp_path / "slots") == []


def test_a_place_whose_holder_was_killed_is_free_and_nothing_of_it_is_left(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    """Nobody asked for the lost job: the next one that takes its GPU ends what it left."""
    lost = make_script_plan(tmp_path, STRAY, job_id="lost", num_gpus=2)
    start_and_wait(platform, lost)
    stray = int((lost.results / "stray.pid").read_text())
    os.kill(supervisor_of(lost).pid, signal.SIGKILL)
    wait_until(lambda: not is_locked(lost.folder / "launcher.lock"), "its supervisor is gone")
    was_alive = is_alive(stray)

    following = make_script_plan(tmp_path, SIGN, job_id="following", num_gpus=1)
    platform.submit(following, 1)

    assert wait_for_end(platform, following).state is JobState.COMPLETE
    assert was_alive
    wait_until_dead(stray)


def test_a_further_attempt_of_a_lost_job_is_not_taken_for_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "slots").mkdir()
    plan = make_script_plan(tmp_path, SLEEP)
    platform = LocalPlatform(tmp_path, gpus=(), num_slots=2)
    start_and_wait(platform, plan)
    stale = tmp_path / "slots" / "gpu-7.lock"
    stale.write_text(json.dumps(Holder("job-1", str(plan.folder), 1, 0.0)._asdict()))

    lease = Places(tmp_path / "slots", "gpu", ["7"]).take(1, Holder("new", "", 1, 0.0))

    assert lease is not None
    assert platform.poll(plan, 1).state is JobState.RUNNING
    platform.cancel(plan, 1)
    lease.release()


@pytest.mark.usefixtures("busy")
def test_memory_that_another_job_asked_for_is_its_own(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path, gpus=(), num_slots=3)
    everything = read_memory().total_bytes
    holder = make_script_plan(tmp_path, WAIT_FOR_GO, job_id="holder", resources={"memory": 10**6})
    start_and_wait(platform, holder)
    big = make_script_plan(tmp_path, SIGN, job_id="big", resources={"memory": everything})
    platform.submit(big, 1)
    wait_until(lambda: "of memory" in platform.poll(big, 1).detail, "it waits for memory")

    told = platform.poll(big, 1).detail
    platform.cancel(big, 1)
    small = make_script_plan(tmp_path, SIGN, job_id="small", resources={"memory": "1M"})
    platform.submit(small, 1)

    assert told.startswith("next in line; it needs ")
    assert served(platform, tmp_path, [small, holder]) == ["small"]


@pytest.mark.parametrize(
    ("resources", "error", "told"),
    [
        ({"max_paralel": 2}, RequestInvalid, r"max_paralel: no such key; did you mean 'max_para"),
        ({"max_parallel": 0}, RequestInvalid, r"max_parallel: found '0', expected greater than"),
        ({"time_limit": "soon"}, RequestInvalid, r"time_limit: found 'soon', expected a time, su"),
        ({"time_limit": "-5"}, RequestInvalid, r"time_limit: found '-5', expected greater than 0"),
        ({"memory": "lots"}, RequestInvalid, r"memory: found 'lots', expected a size, such as 16G"),
        ({"priority": 5000, "memory": "lots"}, RequestInvalid, r"priority: .*\n.*memory: "),
        ({"memory": "900T"}, PlatformError, r"memory: found 9\d*.* GB, expected at most"),
        ({"cpus": 100_000}, PlatformError, r"cpus: found 100000, expected at most \d+"),
    ],
)
def test_resources_that_cannot_be_had_are_refused_by_key(
    platform: LocalPlatform,
    tmp_path: Path,
    resources: dict[str, object],
    error: type[Exception],
    told: str,
) -> None:
    plan = make_script_plan(tmp_path, "", resources=resources)

    with pytest.raises(error, match=rf"(?s)resources of platform 'local'.*{told}"):
        platform.check(plan)


def test_what_the_configuration_says_holds_unless_the_job_says_otherwise(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path, gpus=(), settings={"retries": 2, "max_parallel": 3})

    settings = platform.settings_of(make_script_plan(tmp_path, "", resources={"retries": 0}))

    assert (settings.retries, settings.max_parallel) == (0, 3)


def take_nothing() -> Lease:
    return Lease({})


def draw(queue: Queue, *wanted: int) -> list[Ticket]:
    return [queue.draw(rank, f"job-{n}") for n, rank in enumerate(wanted)]


def test_a_ticket_whose_holder_died_is_thrown_away(tmp_path: Path) -> None:
    queue = Queue(tmp_path, "slot")
    dead, alive = draw(queue, 0, 0)
    os.close(dead.lock)

    assert queue.count_before(alive.name) == 0
    assert queue.wait(alive, take_nothing, lambda _: None).names == []
    assert list((tmp_path / "queue").iterdir()) == []


def test_tickets_are_drawn_in_order_also_when_the_clock_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(tmp_path, "slot")
    (first,) = draw(queue, 0)
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    (second,) = draw(queue, 0)

    assert queue.count_before(second.name) == 1
    for ticket in (first, second):
        queue.leave(ticket)


def test_a_job_that_had_its_turn_gets_its_old_place_in_the_line_again(tmp_path: Path) -> None:
    queue = Queue(tmp_path, "slot")
    first, second = draw(queue, 0, 0)
    queue.wait(first, take_nothing, lambda _: None)

    again = queue.draw_again(first.name)

    assert (queue.count_before(again.name), queue.count_before(second.name)) == (0, 1)
    for ticket in (again, second):
        queue.leave(ticket)


def test_queues_of_different_kinds_do_not_see_each_other(tmp_path: Path) -> None:
    slots, gpus = Queue(tmp_path, "slot"), Queue(tmp_path, "gpu")
    (first,), (second,) = draw(gpus, 0), draw(slots, 0)

    assert (slots.count_before(second.name), gpus.count_before(first.name)) == (0, 0)
    gpus.leave(first)
    slots.leave(second)
