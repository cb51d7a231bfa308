"""A job that was submitted, the states it goes through, and what a failure means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class JobState(StrEnum):
    """PENDING -> QUEUED -> RUNNING -> one of COMPLETE, ERROR, CANCELED, LOST."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ERROR = "ERROR"
    CANCELED = "CANCELED"
    LOST = "LOST"

    @property
    def is_final(self) -> bool:
        """Tell whether this attempt of the job will never change state again."""
        return self in _FINAL

    @property
    def can_resume(self) -> bool:
        """Tell whether a further attempt may be started from here."""
        return self in _FINAL and self is not JobState.COMPLETE


_FINAL = frozenset({JobState.COMPLETE, JobState.ERROR, JobState.CANCELED, JobState.LOST})


@dataclass(frozen=True)
class Job:
    """A submitted job at one moment; ask the client again for a fresh one.

    Attributes:
        id: Unique within one root folder.
        skill: Name of the skill.
        action: Action of the skill.
        state: State of the newest attempt.
        detail: Why it failed, was cancelled or lost, and what to do; empty when all is well.
        attempt: 1 for the first try; each resume adds 1.
        folder: The job's own folder: plan.json, spec.yaml, log.txt, results/.
        parent_job_id: Job whose artefacts this one used.
        route: `direct` or `automl`.
        platform: Where it runs.
        created_at: Seconds since the epoch, UTC.
        started_at: When the newest attempt began to run.
        ended_at: When it ended.
        exit_code: Exit status of its process; negative for a signal; None while unknown.
    """

    id: str
    skill: str
    action: str
    state: JobState
    detail: str
    attempt: int
    folder: Path
    parent_job_id: str | None
    route: str
    platform: str
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None

    @property
    def results(self) -> Path:
        """Folder the action writes to."""
        return self.folder / "results"
