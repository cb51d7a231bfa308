"""What a scheduler once told of an attempt's end is told for ever, though it forgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder, Ending
from skillbank.platforms.staged import Handle, Sight, SightKind, StagedPlatform
from skillbank.testing import make_script_plan

OUT_OF_MEMORY = Sight(SightKind.ENDED, "out of memory: ask for more", exit_code=137)


class Forgetful(StagedPlatform):
    """A scheduler that says what it is told to say."""

    is_shared = True
    says = OUT_OF_MEMORY

    def gpus(self) -> int:
        return 0

    def launch(self, plan: JobPlan, attempt: int, arguments: list[str]) -> Handle:
        return {"job": plan.job_id, "attempt": attempt, "arguments": arguments}

    def find(self, plan: JobPlan, attempt: int) -> Handle | None:  # noqa: ARG002 - none is found
        return None

    def look(self, handle: Handle) -> Sight:  # noqa: ARG002 - it knows one job
        return self.says

    def stop(self, handle: Handle, grace_s: float) -> None:  # noqa: ARG002 - at once
        self.says = Sight(SightKind.GONE)


@pytest.fixture
def platform(tmp_path: Path) -> Forgetful:
    return Forgetful(tmp_path)


@pytest.fixture
def plan(tmp_path: Path, platform: Forgetful) -> JobPlan:
    plan = make_script_plan(tmp_path, "")
    platform.submit(plan, 1)
    return plan


def test_an_end_is_the_same_after_a_further_attempt_was_started(
    platform: Forgetful, plan: JobPlan
) -> None:
    seen = platform.poll(plan, 1)
    platform.submit(plan, 2)

    assert seen.state is JobState.ERROR
    assert platform.poll(plan, 1) == seen


def test_an_end_is_the_same_when_its_scheduler_has_forgotten_it(
    tmp_path: Path, platform: Forgetful, plan: JobPlan
) -> None:
    seen = platform.poll(plan, 1)
    anew = Forgetful(tmp_path)
    anew.says = Sight(SightKind.GONE)

    assert anew.poll(plan, 1) == seen


def test_an_attempt_that_its_scheduler_begins_again_runs(
    platform: Forgetful, plan: JobPlan
) -> None:
    platform.poll(plan, 1)
    platform.says = Sight(SightKind.RUNNING, started_at=1.0)
    again = platform.poll(plan, 1)
    platform.says = Sight(SightKind.ENDED, "its node was lost", is_failure_of_machine=True)
    seen = platform.poll(plan, 1)
    platform.says = Sight(SightKind.GONE)

    assert (again.state, seen.state) == (JobState.RUNNING, JobState.LOST)
    assert platform.poll(plan, 1) == seen


def test_what_the_job_itself_leaves_is_believed_first(platform: Forgetful, plan: JobPlan) -> None:
    platform.poll(plan, 1)
    AttemptFolder(plan.folder, 1).write_ending(Ending(0, False, "", 1.0, 2.0))

    assert platform.poll(plan, 1) == Observation(JobState.COMPLETE, "", 0, 1.0, 2.0)


@pytest.mark.parametrize("damage", ["", "{", '{"state": "GONE"}', '{"other": 1}', "[1]"])
def test_a_damaged_verdict_counts_as_none(platform: Forgetful, plan: JobPlan, damage: str) -> None:
    seen = platform.poll(plan, 1)
    (plan.folder / "attempts" / "1" / "verdict.json").write_text(damage)

    assert platform.poll(plan, 1) == seen


def test_a_verdict_is_not_replaced_by_a_later_look_that_finds_nothing(
    tmp_path: Path, platform: Forgetful, plan: JobPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process removed the job while this one looked."""
    other = Forgetful(tmp_path)
    told: list[Observation] = []

    def look(_: Handle) -> Sight:
        told.append(other.poll(plan, 1))
        return Sight(SightKind.GONE, "somebody deleted it")

    monkeypatch.setattr(platform, "look", look)

    assert platform.poll(plan, 1) == told[0]
    assert told[0].detail.endswith(OUT_OF_MEMORY.detail)


def test_what_a_verdict_said_of_an_earlier_run_is_forgotten(
    platform: Forgetful, plan: JobPlan
) -> None:
    platform.poll(plan, 1)
    platform.says = Sight(SightKind.RUNNING, started_at=1.0)
    platform.poll(plan, 1)
    platform.says = Sight(SightKind.GONE, "somebody deleted it")

    assert "somebody deleted it" in platform.poll(plan, 1).detail
