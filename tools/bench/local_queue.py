"""The queue of one machine under many submitters: `python tools/bench/local_queue.py [RESULTS]`.

Four processes submit 50 trivial jobs each, of three priorities, to one root with four slots. Told:
how many are done in a second, whether any was overtaken by one of lower rank, what a job costs
beyond the bare process that it is, and what 200 waiting jobs weigh. The figures are written to
RESULTS, by default tools/bench/results/local_queue.json.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psutil

from skillbank.job import JobState
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform
from skillbank.testing import ScriptPlan, make_script_plan

RESULTS = Path(__file__).parent / "results" / "local_queue.json"
NUM_SUBMITTERS, JOBS_EACH, NUM_SLOTS, NUM_PRIORITIES = 4, 50, 4, 3
NUM_JOBS = NUM_SUBMITTERS * JOBS_EACH
_WATCHED_S = 5.0

# Notes when its place was taken: its lease tells.
TRIVIAL = """
import json, os, pathlib, sys
results = pathlib.Path(sys.argv[1])
for lock in results.parents[2].joinpath("slots").glob("slot-*.lock"):
    text = lock.read_text()
    if text and json.loads(text)["job_id"] == os.environ.get("SKILLBANK_JOB_ID"):
        (results / "since").write_text(repr(json.loads(text)["since"]))
"""
HOLD = 'import pathlib, sys, time\npathlib.Path(sys.argv[1], "on").touch()\ntime.sleep(600)'


class Served(NamedTuple):
    """One job of the queue.

    Attributes:
        rank: Sorts before the ranks of all that are to be served later.
        drawn_at: When it came, in seconds since the epoch.
        taken_at: When it got its place.
    """

    rank: tuple[int, int]
    drawn_at: float
    taken_at: float


class Share(NamedTuple):
    """What one submitter did.

    Attributes:
        began_at: When it began, all it imports being there, in seconds since the epoch.
        ended_at: When its last job had ended.
        cpu_s: What it and its jobs used, supervisors among them.
    """

    began_at: float
    ended_at: float
    cpu_s: float


def main(path: Path) -> int:
    """Measure, print, write; 1 where a job was lost or overtaken."""
    with TemporaryDirectory() as folder:
        figures = _measure_queue(Path(folder, "queue"))
        figures |= _measure_baseline(Path(folder, "plain"), figures)
        figures |= _measure_waiting(Path(folder, "waiting"))
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    return 1 if figures["order_violations"] or figures["complete"] < NUM_JOBS else 0


def _measure_queue(root: Path) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    load = os.getloadavg()[0]
    with context.Pool(NUM_SUBMITTERS) as pool:
        shares = [(root, number) for number in range(NUM_SUBMITTERS)]
        told = pool.starmap(submit_some, shares, chunksize=1)
    seconds = max(share.ended_at for share in told) - min(share.began_at for share in told)
    cpu_s = sum(share.cpu_s for share in told)
    folders = [
        root / "jobs" / f"job-{s}-{n}" for s in range(NUM_SUBMITTERS) for n in range(JOBS_EACH)
    ]
    endings = [AttemptFolder(folder, 1).ending() for folder in folders]
    return {
        "when": time.strftime("%Y-%m-%d"),
        "load_before": round(load, 1),
        "cpus": len(os.sched_getaffinity(0)),
        "jobs": NUM_JOBS,
        "slots": NUM_SLOTS,
        "submitters": NUM_SUBMITTERS,
        "complete": sum(ending is not None and ending.exit_code == 0 for ending in endings),
        "order_violations": _count_violations([_read_served(folder) for folder in folders]),
        "seconds": round(seconds, 2),
        "jobs_per_second": round(NUM_JOBS / seconds, 1),
        "cpu_ms_per_job": round(1000 * cpu_s / NUM_JOBS, 1),
    }


def submit_some(root: Path, number: int) -> Share:
    """Submit one process's share of the jobs, and wait for their ends."""
    began_at, cpu_s = time.time(), _cpu_seconds()
    platform = LocalPlatform(root, gpus=(), num_slots=NUM_SLOTS)
    plans = []
    for index in range(JOBS_EACH):
        resources = {"priority": index % NUM_PRIORITIES}
        plans.append(
            make_script_plan(root, TRIVIAL, job_id=f"job-{number}-{index}", resources=resources)
        )
        platform.submit(plans[-1], 1)
    for plan in plans:
        _wait(lambda: platform.poll(plan, 1).state is JobState.COMPLETE)  # noqa: B023
    return Share(began_at, time.time(), _cpu_seconds() - cpu_s)


def _read_served(folder: Path) -> Served:
    _, rank, number, _ = AttemptFolder(folder, 1).order().ticket.split(".", 3)
    since = float((folder / "results" / "since").read_text())
    return Served((int(rank), int(number)), int(number) / 1e9, since)


def _count_violations(served: Iterable[Served]) -> int:
    """Pairs of which the later rank got its place first, though the other waited already."""
    jobs = list(served)
    return sum(
        first.rank < second.rank and first.drawn_at < second.taken_at < first.taken_at
        for first in jobs
        for second in jobs
    )


def _measure_baseline(root: Path, queued: dict[str, Any]) -> dict[str, Any]:
    """The same scripts as bare processes, as many at once."""
    plans = [make_script_plan(root, TRIVIAL, job_id=f"job-{number}") for number in range(NUM_JOBS)]
    cpu, began = _cpu_seconds(), time.perf_counter()
    waiting, running = list(plans), dict[subprocess.Popen[bytes], ScriptPlan]()
    while waiting or running:
        for process in [each for each in running if each.poll() is not None]:
            del running[process]
        while waiting and len(running) < NUM_SLOTS:
            plan = waiting.pop()
            running[subprocess.Popen([sys.executable, *plan.command()])] = plan
        time.sleep(0.001)
    seconds, used = time.perf_counter() - began, _cpu_seconds() - cpu
    per_job = 1000 * seconds / NUM_JOBS
    cpu_per_job = 1000 * used / NUM_JOBS
    return {
        "plain_jobs_per_second": round(NUM_JOBS / seconds, 1),
        "plain_cpu_ms_per_job": round(cpu_per_job, 1),
        "overhead_ms_per_job": round(1000 * queued["seconds"] / NUM_JOBS - per_job, 1),
        "overhead_cpu_ms_per_job": round(queued["cpu_ms_per_job"] - cpu_per_job, 1),
    }


def _measure_waiting(root: Path) -> dict[str, Any]:
    """What jobs weigh that wait behind one, and how long submitting and asking then take."""
    platform = LocalPlatform(root, gpus=(), num_slots=1, grace_s=1.0)
    holder = make_script_plan(root, HOLD, job_id="holder")
    platform.submit(holder, 1)
    _wait((holder.results / "on").exists)
    plans = [make_script_plan(root, "", job_id=f"waiting-{n}") for n in range(NUM_JOBS)]
    submit_s = [_time(lambda: platform.submit(plan, 1)) for plan in plans]  # noqa: B023
    _wait(lambda: all(AttemptFolder(plan.folder, 1).waits_for() is not None for plan in plans))
    poll_s = [_time(lambda: platform.poll(plan, 1)) for plan in plans]  # noqa: B023
    identities = [AttemptFolder(plan.folder, 1).identity() for plan in plans]
    supervisors = [psutil.Process(each.pid) for each in identities if each is not None]
    before = sum(sum(each.cpu_times()[:2]) for each in supervisors)
    time.sleep(_WATCHED_S)
    used = sum(sum(each.cpu_times()[:2]) for each in supervisors) - before
    own = [each.memory_full_info().uss for each in supervisors]
    for plan in [*reversed(plans), holder]:
        platform.cancel(plan, 1)
    return {
        "waiting_jobs": len(supervisors),
        "waiting_cpu_percent_of_a_core": round(100 * used / _WATCHED_S, 2),
        "waiting_own_memory_mb_each": round(statistics.mean(own) / 1e6, 2),
        "submit_ms_median": round(1000 * statistics.median(submit_s), 2),
        "submit_ms_worst": round(1000 * max(submit_s), 2),
        "poll_ms_median_of_waiting": round(1000 * statistics.median(poll_s), 2),
    }


def _cpu_seconds() -> float:
    """Of this process and of all that it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _time(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _wait(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS))
