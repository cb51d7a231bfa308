"""A workflow that was submitted, its steps, and the states they go through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from skillbank.following import StatusLine
from skillbank.job import Job

WorkflowId = Annotated[
    str, "Id of a workflow, or its beginning where no other workflow's begins so."
]


class WorkflowState(StrEnum):
    """PENDING -> RUNNING -> one of COMPLETE, ERROR, CANCELED, LOST."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"  # every step is
    ERROR = "ERROR"  # a step failed, and nothing is left that does not build on it
    CANCELED = "CANCELED"
    LOST = "LOST"  # nobody advances it any more; its running steps go on

    @property
    def is_final(self) -> bool:
        """Tell whether this attempt of the workflow will never change state again."""
        return self not in {WorkflowState.PENDING, WorkflowState.RUNNING}

    @property
    def can_resume(self) -> bool:
        """Tell whether a further attempt may be started from here."""
        return self.is_final and self is not WorkflowState.COMPLETE

    @property
    def is_failure(self) -> bool:
        """Tell whether this attempt ended otherwise than it was asked to."""
        return self.can_resume


class StepState(StrEnum):
    """WAITING -> the states of its job; or BLOCKED, or REFUSED, instead of a job."""

    WAITING = "WAITING"  # for the step that it builds on, or for the workflow to go on
    BLOCKED = "BLOCKED"  # the step that it builds on did not complete
    REFUSED = "REFUSED"  # it could not be planned or submitted; `detail` says why
    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    CANCELED = "CANCELED"
    LOST = "LOST"

    @property
    def is_failure(self) -> bool:
        """Tell whether what builds on the step cannot run as things stand."""
        return self in _FAILED

    @property
    def is_settled(self) -> bool:
        """Tell whether the step stays as it is until the workflow is resumed."""
        return self is StepState.COMPLETE or self in _FAILED

    @property
    def is_cause(self) -> bool:
        """Tell whether the failure is the step's own, not that of a step before."""
        return self in _FAILED and self is not StepState.BLOCKED


_FAILED = frozenset(
    {
        StepState.BLOCKED,
        StepState.REFUSED,
        StepState.PAUSED,
        StepState.ERROR,
        StepState.CANCELED,
        StepState.LOST,
    }
)


@dataclass(frozen=True)
class Step:
    """One step of a workflow at one moment.

    Attributes:
        index: Its place, counted from 0.
        skill: Name of the skill.
        action: Action of the skill.
        parent: Index of the step that it builds on, if any.
        state: What it does.
        detail: Why it failed, is blocked or was refused; empty when all is well.
        job_id: Its job; None before there is one.
        attempt: Attempts of its job so far.
        started_at: When the newest attempt of its job began to run; seconds since the epoch, UTC.
        ended_at: When it ended.
    """

    index: int
    skill: str
    action: str
    parent: int | None
    state: StepState
    detail: str = ""
    job_id: str | None = None
    attempt: int = 0
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def label(self) -> str:
        """What the step is called in a sentence: `step 1 (evaluate)`."""
        return f"step {self.index} ({self.action})"


@dataclass(frozen=True)
class Workflow:
    """A submitted workflow at one moment; ask the client again for a fresh one.

    Attributes:
        id: Unique within one root folder.
        name: What its maker called it; may be empty.
        state: State of the newest attempt.
        detail: Why it failed, was cancelled or lost, and what to do; empty when all is well.
        attempt: 1 for the first try; each resume adds 1.
        folder: Its own folder: plan.json, log.txt; the jobs of its steps have theirs.
        steps: Its steps, in the order of the request.
        created_at: Seconds since the epoch, UTC.
        started_at: When the newest attempt began.
        ended_at: When it ended.
    """

    id: str
    name: str
    state: WorkflowState
    detail: str
    attempt: int
    folder: Path
    steps: tuple[Step, ...]
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None

    @property
    def num_complete(self) -> int:
        """How many steps are complete."""
        return sum(step.state is StepState.COMPLETE for step in self.steps)


@dataclass(frozen=True)
class StepNews:
    """What is new about a step: its job as it is now, and the status lines that came since."""

    index: int
    job: Job
    lines: tuple[StatusLine, ...] = ()


@dataclass(frozen=True)
class WorkflowNews:
    """What is new about a workflow since the last look.

    Attributes:
        workflow: The workflow as it is now.
        steps: Steps of which something is new, in order.
    """

    workflow: Workflow
    steps: tuple[StepNews, ...] = ()
