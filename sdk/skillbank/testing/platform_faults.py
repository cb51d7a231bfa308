"""The part of the platforms' suite in which things go wrong, come in numbers, or take too long."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from skillbank.job import JobState
from skillbank.platforms.api import Platform
from skillbank.testing.jobs import POLITE, SLEEP
from skillbank.testing.platform_suite import PlatformSuite

# A second run of the same job would find the file of the first.
_ONCE = 'import pathlib, sys; pathlib.Path(sys.argv[1], "done").open("x").close()'
# The first attempt runs until it is lost; the next one finds that it was there, and completes.
_SLEEP_ONCE = (
    """
import pathlib, sys
if pathlib.Path(sys.argv[1], "running").exists():
    sys.exit(0)
"""
    + SLEEP
)
_TELL_AND_SLEEP = 'print("I am here", flush=True)\n' + SLEEP


class PlatformFaults(PlatformSuite):
    """Behaviour that callers may rely on when a day is not a good one."""

    num_jobs = 50
    """Jobs that are submitted at once."""
    loss_within_s: float = 10.0
    """Longest time in seconds from the loss of a machine to a final state."""
    has_time_limits = True
    """Whether the platform reads `time_limit` in a plan's resources."""

    def test_many_jobs_that_are_submitted_at_once_all_complete_and_run_once(
        self, platform: Platform, root: Path
    ) -> None:
        """Whatever the number of places, none is lost, forgotten or run twice."""
        plans = [self.make_plan(root, _ONCE, job_id=f"job-{n}") for n in range(self.num_jobs)]
        for plan in plans:
            platform.submit(plan, 1)

        changed_at = time.monotonic()
        states = {plan.job_id: JobState.PENDING for plan in plans}
        while not all(state.is_final for state in states.values()):
            assert time.monotonic() < changed_at + self.patience_s, states
            time.sleep(0.05)
            waiting = [plan for plan in plans if not states[plan.job_id].is_final]
            before = dict(states)
            states |= {plan.job_id: platform.poll(plan, 1).state for plan in waiting}
            if states != before:
                changed_at = time.monotonic()

        assert set(states.values()) == {JobState.COMPLETE}
        assert all(self.has_left(platform, plan, "done") for plan in plans)

    def test_the_log_can_be_read_while_the_job_runs(self, platform: Platform, root: Path) -> None:
        """Whoever waits for a job of days sees what it says."""
        plan = self.make_plan(root, _TELL_AND_SLEEP)
        self.start(platform, plan)

        self.wait_until(lambda: "I am here" in platform.logs(plan), "the log shows what it said")

        assert platform.poll(plan, 1).state is JobState.RUNNING
        platform.cancel(plan, 1)

    def test_a_job_that_was_killed_is_an_error_that_names_the_signal(
        self, platform: Platform, root: Path
    ) -> None:
        """As a negative number, or as shells and containers tell it."""
        plan = self.make_plan(root, "import os; os.kill(os.getpid(), 9)")
        platform.submit(plan, 1)

        seen = self.wait_for_end(platform, plan)

        assert (seen.state, seen.exit_code in {-9, 137}) == (JobState.ERROR, True)

    def test_a_platform_that_starts_anew_knows_what_runs(
        self, platform: Platform, root: Path
    ) -> None:
        """Nothing is kept in memory: the next process sees the job, and can stop it."""
        plan = self.make_plan(root, POLITE)
        self.start(self.make_patient(platform, root), plan)

        another = self.make_patient(self.restart(platform, root), root)
        self.wait_until(lambda: another.poll(plan, 1).state is JobState.RUNNING, "it is seen")
        another.cancel(plan, 1)

        assert another.poll(plan, 1).state is JobState.CANCELED
        assert platform.poll(plan, 1).state is JobState.CANCELED
        assert self.has_left(platform, plan, "stopped")

    def test_another_process_can_stop_a_job(self, platform: Platform, root: Path) -> None:
        """The one that submitted it need not be told."""
        plan = self.make_plan(root, SLEEP)
        self.start(platform, plan)

        def stop() -> None:
            another = self.restart(platform, root)
            self.wait_until(lambda: another.poll(plan, 1).state is JobState.RUNNING, "it is seen")
            another.cancel(plan, 1)

        assert _in_another_process(stop) == 0
        assert platform.poll(plan, 1).state is JobState.CANCELED

    def test_a_job_whose_machine_is_lost_is_told_and_can_go_on(
        self, platform: Platform, root: Path
    ) -> None:
        """Nobody waits for ever; a further attempt finds what the first one left."""
        plan = self.make_plan(root, _SLEEP_ONCE)
        self.start(platform, plan)
        self.wait_until(lambda: platform.poll(plan, 1).state is JobState.RUNNING, "it runs")

        self.lose_node(platform, plan)
        began = time.monotonic()
        seen = self.wait_for_end(platform, plan)
        waited_s = time.monotonic() - began
        platform.submit(plan, 2)

        assert seen.state in {JobState.LOST, JobState.ERROR}
        assert seen.state.can_resume
        assert waited_s < self.loss_within_s
        assert self.wait_for_end(platform, plan, 2).state is JobState.COMPLETE
        assert platform.poll(plan, 1).state is seen.state

    def test_a_job_that_takes_longer_than_its_limit_is_stopped_and_says_so(
        self, platform: Platform, root: Path
    ) -> None:
        """Slow (2 s): the limit."""
        if not self.has_time_limits:
            pytest.skip("it reads no time limit")
        plan = self.make_plan(root, SLEEP, resources={"time_limit": "2s"})
        platform.submit(plan, 1)

        seen = self.wait_for_end(platform, plan)

        assert (seen.state, "time limit" in seen.detail) == (JobState.ERROR, True)
        assert seen.state.can_resume


def _in_another_process(act: Callable[[], None]) -> int:
    """Exit status of a child of this process that does something."""
    with warnings.catch_warnings():
        # A suite may have threads by now; the child uses none of what they hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = multiprocessing.get_context("fork").Process(target=act)
        child.start()
    child.join()
    return child.exitcode if child.exitcode is not None else 1
