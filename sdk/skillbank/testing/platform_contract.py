"""The suite that every platform must pass."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from skillbank.errors import PlatformError
from skillbank.job import JobState
from skillbank.platforms.api import Platform
from skillbank.platforms.inspection import CheckState, Needs
from skillbank.testing.jobs import POLITE, SLEEP, STUBBORN, ScriptPlan
from skillbank.testing.platform_faults import PlatformFaults

_MOST_STARTED = 16


class PlatformContract(PlatformFaults):
    """Behaviour that callers may rely on, whatever the platform.

    Subclasses give a fixture `platform`; `PlatformSuite` and `PlatformFaults` show what else they
    may change: patience, the number of jobs, how a plan is made, how a machine is lost.
    """

    def test_a_job_that_exits_with_0_is_complete(self, platform: Platform, root: Path) -> None:
        """The good path, with its times."""
        plan = self.make_plan(root, "print('all is well')")
        began = time.time()
        platform.submit(plan, 1)

        seen = self.wait_for_end(platform, plan)

        assert (seen.state, seen.exit_code) == (JobState.COMPLETE, 0)
        assert seen.started_at is not None
        assert seen.ended_at is not None
        assert began - 1 < seen.started_at <= seen.ended_at < time.time() + 1

    def test_the_log_holds_both_outputs_of_a_job(self, platform: Platform, root: Path) -> None:
        """Standard output and standard error end in one log."""
        script = "import sys; print('out'); print('err', file=sys.stderr)"
        plan = self.make_plan(root, script)
        platform.submit(plan, 1)
        self.wait_for_end(platform, plan)

        assert {"out", "err"} <= set(platform.logs(plan).split())

    @pytest.mark.parametrize("exit_code", [1, 2, 77])
    def test_a_job_that_fails_is_an_error_with_its_exit_code(
        self, platform: Platform, root: Path, exit_code: int
    ) -> None:
        """The exit status arrives as it was."""
        plan = self.make_plan(root, f"import sys; sys.exit({exit_code})")
        platform.submit(plan, 1)

        seen = self.wait_for_end(platform, plan)

        assert (seen.state, seen.exit_code) == (JobState.ERROR, exit_code)

    def test_a_job_that_exits_with_75_is_paused(self, platform: Platform, root: Path) -> None:
        """A pause is an end as it was asked for, and a further attempt goes on from it."""
        script = """
import pathlib, sys
paused = pathlib.Path(sys.argv[1], "paused")
if not paused.exists():
    paused.touch()
    sys.exit(75)
"""
        plan = replace(self.make_plan(root, script), pause_after=1)
        platform.submit(plan, 1)

        first = self.wait_for_end(platform, plan)
        platform.submit(replace(plan, pause_after=None), 2)

        assert (first.state, first.exit_code) == (JobState.PAUSED, 75)
        assert first.ended_at is not None
        assert self.wait_for_end(platform, plan, 2).state is JobState.COMPLETE
        assert platform.poll(plan, 1) == first

    def test_a_job_that_is_cancelled_before_it_pauses_is_cancelled(
        self, platform: Platform, root: Path
    ) -> None:
        """Whoever cancelled it must not see it go on."""
        script = POLITE.replace("sys.exit(143)", "sys.exit(75)")
        plan = replace(self.make_plan(root, script), pause_after=1)
        self.start(platform, plan)

        platform.cancel(plan, 1)

        assert platform.poll(plan, 1).state is JobState.CANCELED

    def test_the_capacity_is_the_number_of_jobs_that_run_at_once(
        self, platform: Platform, root: Path
    ) -> None:
        """One job more than that waits until another has ended."""
        capacity = platform.capacity(self.make_plan(root, "", job_id="asked"))
        assert capacity >= 1
        if capacity > _MOST_STARTED:
            pytest.skip(f"{capacity} jobs would have to be started to see the next one wait")
        plans = [self.make_plan(root, SLEEP, job_id=f"job-{n}") for n in range(capacity + 1)]
        for plan in plans[:-1]:
            self.start(platform, plan)

        platform.submit(plans[-1], 1)
        self.wait_until(
            lambda: platform.poll(plans[-1], 1).state is JobState.QUEUED, "the last waits"
        )
        platform.cancel(plans[0], 1)

        self.wait_for_file(platform, plans[-1], "running")
        for plan in plans[1:]:
            platform.cancel(plan, 1)

    @pytest.mark.parametrize("num_gpus", [1, 2, 3])
    def test_the_capacity_for_jobs_on_gpus_counts_gpus(
        self, platform: Platform, root: Path, num_gpus: int
    ) -> None:
        """Also where there is none: then no such job can run."""
        plan = replace(self.make_plan(root, ""), num_gpus=num_gpus)

        assert platform.capacity(plan) == platform.gpus() // num_gpus

    def test_a_running_job_says_so(self, platform: Platform, root: Path) -> None:
        """RUNNING has a start and no end."""
        plan = self.make_plan(root, SLEEP)
        self.start(platform, plan)
        self.wait_until(
            lambda: platform.poll(plan, 1).state is JobState.RUNNING, f"{plan.job_id} is RUNNING"
        )

        seen = platform.poll(plan, 1)
        platform.cancel(plan, 1)

        assert seen.started_at is not None
        assert seen.ended_at is None

    @pytest.mark.parametrize(
        "script", [SLEEP, STUBBORN, POLITE], ids=["plain", "stubborn", "polite"]
    )
    def test_a_cancelled_job_ends_and_stays_cancelled(
        self, platform: Platform, root: Path, script: str
    ) -> None:
        """Also one that ignores SIGTERM; and cancelling twice is harmless."""
        plan = self.make_plan(root, script)
        self.start(platform, plan)

        platform.cancel(plan, 1)
        first = platform.poll(plan, 1)
        platform.cancel(plan, 1)

        assert first.state is JobState.CANCELED
        assert platform.poll(plan, 1) == first

    def test_a_cancelled_job_may_clean_up_first(self, platform: Platform, root: Path) -> None:
        """SIGTERM comes before SIGKILL."""
        platform = self.make_patient(platform, root)
        plan = self.make_plan(root, POLITE)
        self.start(platform, plan)

        platform.cancel(plan, 1)

        assert self.has_left(platform, plan, "stopped")

    def test_cancelling_an_ended_job_changes_nothing(self, platform: Platform, root: Path) -> None:
        """COMPLETE stays COMPLETE."""
        plan = self.make_plan(root, "")
        platform.submit(plan, 1)
        ended = self.wait_for_end(platform, plan)

        platform.cancel(plan, 1)

        assert platform.poll(plan, 1) == ended

    def test_an_attempt_that_was_never_started_is_lost(
        self, platform: Platform, root: Path
    ) -> None:
        """Its submitter died; nobody will ever start it."""
        plan = self.make_plan(root, "")

        seen = platform.poll(plan, 1)

        assert seen.state is JobState.LOST
        assert seen.detail

    def test_a_further_attempt_runs_beside_the_memory_of_the_first(
        self, platform: Platform, root: Path
    ) -> None:
        """The second attempt has its own end; the first keeps its own."""
        script = """
import pathlib, sys
marker = pathlib.Path(sys.argv[1], "tried")
if not marker.exists():
    marker.touch()
    sys.exit(3)
"""
        plan = self.make_plan(root, script)
        platform.submit(plan, 1)
        self.wait_for_end(platform, plan, 1)
        platform.submit(plan, 2)

        second = self.wait_for_end(platform, plan, 2)

        assert second.state is JobState.COMPLETE
        assert platform.poll(plan, 1).state is JobState.ERROR

    def test_a_past_attempt_is_not_taken_for_the_one_that_runs(
        self, platform: Platform, root: Path
    ) -> None:
        """Neither when it is looked at, nor when a late caller cancels it."""
        plan = self.make_plan(root, SLEEP)
        platform.submit(plan, 2)
        self.wait_for_file(platform, plan, "running")

        platform.cancel(plan, 1)
        states = [platform.poll(plan, attempt).state for attempt in (1, 2)]
        platform.cancel(plan, 2)

        assert states == [JobState.LOST, JobState.RUNNING]

    def test_more_gpus_than_there_are_are_refused(self, platform: Platform, root: Path) -> None:
        """The message names both numbers."""
        plan = self.make_plan(root, "")
        wanted = platform.gpus() + 1
        greedy = ScriptPlan(**{**vars(plan), "num_gpus": wanted})

        with pytest.raises(PlatformError, match=rf"{wanted} GPUs.* {platform.gpus()}"):
            platform.submit(greedy, 1)

    def test_looking_at_a_platform_leaves_nothing_behind(
        self, platform: Platform, root: Path
    ) -> None:
        """Checks are told, never raised, and whoever reads one that fails knows what to do."""
        before = sorted(root.rglob("*"))

        checks = platform.inspect(Needs(num_gpus=platform.gpus()))

        assert sorted(root.rglob("*")) == before
        assert checks
        assert all(check.found for check in checks)
        assert all(c.expected or c.fix for c in checks if c.state is CheckState.FAIL)

    def test_more_gpus_than_there_are_fail_a_check(self, platform: Platform) -> None:
        """Where the platform looks at places at all."""
        wanted = platform.gpus() + 1
        checks = [c for c in platform.inspect(Needs(num_gpus=wanted)) if c.name == "places"]

        assert all(check.state is CheckState.FAIL for check in checks)

    def test_its_resources_have_the_gpus_that_it_counts(self, platform: Platform) -> None:
        """What a job can get is one answer."""
        resources = platform.resources()
        if resources is None:
            pytest.skip("it does not tell")

        assert len(resources.gpus) == platform.gpus()
        assert resources.cpus >= 1
        assert 0 < resources.available_bytes <= resources.memory_bytes

    def test_it_sees_files_as_its_jobs_do(self, platform: Platform, root: Path) -> None:
        """A file, a folder, a pattern and nothing, in the order in which they are asked for."""
        folder = root / "data"
        folder.mkdir()
        (folder / "a.npy").write_bytes(b"0123456789")
        paths = [folder / "a.npy", folder, folder / "*.npy", folder / "none", folder / "*.csv"]

        facts = platform.look_at([str(path) for path in paths])

        if facts is None:
            pytest.skip("it cannot tell")
        assert [(fact.kind.value, fact.size_bytes, fact.num_files) for fact in facts] == [
            ("file", 10, 1),
            ("folder", 0, 1),
            ("pattern", 10, 1),
            ("missing", 0, 0),
            ("missing", 0, 0),
        ]
        assert facts[0].head == b"0123456789"

    def test_it_names_the_packages_that_are_there_and_no_others(self, platform: Platform) -> None:
        """By distribution or by module."""
        found = platform.installed(["pydantic", "yaml", "json", "no-such-distribution-7"])
        if found is None:
            pytest.skip("it cannot tell")

        assert found.keys() == {"pydantic", "yaml", "json"}
        assert found["pydantic"]
