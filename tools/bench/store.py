"""How fast jobs are submitted and listed: `python tools/bench/store.py`.

Three figures: 16 processes that submit 50 jobs each to one store; a listing of the newest 20 of
10,000 jobs; a submission to the local platform, until the caller has its job.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from skillbank.client import Client
from skillbank.errors import SkillbankError
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan, Route
from skillbank.platforms.api import Platform
from skillbank.platforms.local import LocalPlatform
from skillbank.store import JobStore

NUM_WRITERS, JOBS_PER_WRITER = 16, 50
NUM_LISTED, NUM_STORED = 20, 10_000
NUM_LOCAL = 20


class PaperPlatform(Platform):
    """Starts nothing, so that only records and folders are measured."""

    def submit(self, plan: JobPlan, attempt: int) -> None:
        """Do nothing."""

    def poll(self, plan: JobPlan, attempt: int) -> Observation:  # noqa: ARG002 - the same for all
        """Say that it runs."""
        return Observation(JobState.RUNNING, started_at=1.0)

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Do nothing."""

    def logs(self, plan: JobPlan) -> str:  # noqa: ARG002 - the same for all
        """Give an empty log."""
        return ""

    def gpus(self) -> int:
        """Count none."""
        return 0


def main() -> int:
    """Print a line per figure; 1 when a goal was missed."""
    with TemporaryDirectory() as folder:
        is_met = [
            _measure_writers(Path(folder, "writers")),
            _measure_listing(Path(folder, "listing")),
            _measure_local(Path(folder, "local")),
        ]
    return 0 if all(is_met) else 1


def _measure_writers(root: Path) -> bool:
    context = multiprocessing.get_context("spawn")
    began = time.perf_counter()
    with context.Pool(NUM_WRITERS) as pool:
        results = pool.starmap(_write, [(root, writer) for writer in range(NUM_WRITERS)], 1)
    seconds = time.perf_counter() - began
    times = [each for took, _ in results for each in took]
    errors = [error for _, found in results for error in found]
    stored = [job.id for job in JobStore(root).newest(10_000)]
    print(f"{NUM_WRITERS} processes x {JOBS_PER_WRITER} submissions: {seconds:.1f} s with start-up")
    print(f"  recorded {len(stored)}, doubled {len(stored) - len(set(stored))}", end=", ")
    print(f"errors {len(errors)} {errors[:1] or ''}")
    _print_times("  one submission, 16 at once", times)
    return len(set(stored)) == len(stored) == NUM_WRITERS * JOBS_PER_WRITER and not errors


def _write(root: Path, writer: int) -> tuple[list[float], list[str]]:
    """Seconds that each submission took, and the errors."""
    client = Client(root, platforms={"local": PaperPlatform()})
    errors: list[str] = []

    def submit(index: int) -> None:
        try:
            client.submit(_make_plan(root, f"job-{writer}-{index}"))
        except SkillbankError as error:
            errors.append(str(error))

    return _time(submit, JOBS_PER_WRITER), errors


def _measure_listing(root: Path) -> bool:
    store = JobStore(root)
    for index in range(NUM_STORED):
        job = store.add(_make_plan(root, f"job-{index}"))
        store.observe(job, Observation(JobState.COMPLETE, "", 0, 1.0, 2.0))
    store.close()

    def open_and_list(_: int) -> None:
        opened = JobStore(root)
        assert len(opened.newest(NUM_LISTED)) == NUM_LISTED
        opened.close()

    times = _time(open_and_list, 51)
    _print_times(f"open and list the newest {NUM_LISTED} of {NUM_STORED:,} jobs", times)
    return statistics.median(times) <= 0.005


def _measure_local(root: Path) -> bool:
    """Submissions one by one, each on a quiet machine; the jobs themselves fail at once."""
    client = Client(root, platforms={"local": LocalPlatform(root, gpus=())})
    times = []
    for index in range(NUM_LOCAL):
        plan = _make_plan(root, f"job-{index}")
        times += _time(lambda _, plan=plan: client.submit(plan), 1)  # type: ignore[misc]
        client.wait(plan.job_id)
    _print_times("submit to the local platform", times)
    return statistics.median(times) <= 0.030


def _make_plan(root: Path, job_id: str) -> JobPlan:
    return JobPlan(
        job_id=job_id,
        skill="tao-train-pose-classification",
        action="train",
        network_arch="none",
        route=Route.DIRECT,
        reason="measured by tools/bench/store.py",
        spec={"train": {f"key_{index}": index for index in range(60)}},
        folder=root / "jobs" / job_id,
    )


def _time(action: Callable[[int], object], num_calls: int) -> list[float]:
    times = []
    for index in range(num_calls):
        began = time.perf_counter()
        action(index)
        times.append(time.perf_counter() - began)
    return times


def _print_times(what: str, times: Sequence[float]) -> None:
    ordered = sorted(1000 * each for each in times)
    p95 = ordered[int(0.95 * (len(ordered) - 1))]
    median = statistics.median(ordered)
    print(f"{what}: median {median:.1f} ms, 95 % {p95:.1f} ms, worst {ordered[-1]:.1f} ms")


if __name__ == "__main__":
    sys.exit(main())
