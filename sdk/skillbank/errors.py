"""Every error that this package raises on purpose.

SkillbankError
    SkillNotFound        no skill, or no action of a skill, has that name
    SkillInvalid         a skill folder breaks the format
    RequestInvalid       a request contradicts itself or cannot be carried out here
        SpecInvalid      a spec breaks its skill's schema; lists every breach
        PlanInvalid      a saved plan was changed, or no longer fits
    JobNotFound          no job has that id
    WorkflowNotFound     no workflow has that id
    JobConflict          the job's state, or an idempotency key, does not allow what was asked
        JobElsewhere     it was resumed on another machine
        JobUnfinished    the job did not end within the time given to wait
    StoreInvalid         the job database cannot be read or written
    CheckpointNotFound   a job left no checkpoint (or other artefact) that fits
    SearchFailed         a search came to nothing
    PlatformError        the platform cannot run or reach the job
    AccessRefused        an agent asked for what its server does not let it do or see
    LimitReached         an agent has started as much as it may

A message says what was found, what was expected, and what to do next, in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class SkillbankError(Exception):
    """Base of every error raised on purpose; the command line prints it without a traceback."""


class SkillNotFound(SkillbankError):
    """No skill, or no action of a skill, has the asked name."""


class SkillInvalid(SkillbankError):
    """A skill folder breaks the skill format; `problems` lists the breaches of one file."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class RequestInvalid(SkillbankError):
    """A request contradicts itself, or cannot be carried out here."""


class SpecInvalid(RequestInvalid):
    """A spec breaks its schema; `problems` lists every breach, not just the first."""

    def __init__(self, problems: Sequence[str], what: str = "the spec") -> None:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"{what} cannot be used:\n{lines}")
        self.problems = tuple(problems)


class PlanInvalid(RequestInvalid):
    """A saved plan was changed after it was made, or is not a plan."""


class JobNotFound(SkillbankError):
    """No job has the asked id."""


class WorkflowNotFound(SkillbankError):
    """No workflow has the asked id."""


class JobConflict(SkillbankError):
    """The state of a job or workflow, or of an idempotency key, does not allow what was asked."""


class JobElsewhere(JobConflict):
    """The job was resumed, or completed, on another machine: asking again soon does not help."""


class JobUnfinished(JobConflict, TimeoutError):
    """The job, or the workflow, did not end within the time that the caller gave it."""


class StoreInvalid(SkillbankError):
    """The job database cannot be read or written, or is not one."""


class CheckpointNotFound(SkillbankError):
    """A job left no checkpoint, or other artefact, that fits."""


class SearchFailed(SkillbankError):
    """An AutoML job came to nothing: no trial left a checkpoint that was measured."""


class PlatformError(SkillbankError):
    """The platform cannot run the job, or cannot reach it."""


class FilesError(SkillbankError):
    """A file or object cannot be read or written where it is kept."""


class FileMissing(FilesError):
    """Nothing lies under the asked URI."""


class FileConflict(FilesError):
    """A conditional write did not apply: somebody else wrote first."""


class FileDamaged(FilesError):
    """What arrived is not what was recorded: its size or its digest differs."""


class FilesRefused(FilesError):
    """The store does not take the credentials, or does not grant the access."""


class FilesFull(FilesError):
    """There is no room left, on the disk or in the bucket's quota."""


class FilesUnavailable(FilesError):
    """The store cannot be reached, or failed for the moment: later it may work."""


class LeaseLost(FilesError):
    """Somebody else holds the results of the job: this process must write no more."""


class AccessRefused(SkillbankError):
    """An agent asked for what its server does not let it do, or for a place it may not use."""


class LimitReached(SkillbankError):
    """An agent has started as much as its server lets it."""


_BEGUN = 8  # characters from which on a name counts as begun


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Second half of a sentence about a wrong `name`: the nearest of `known`, else all."""
    known = sorted(map(str, known))  # an enum is shown by its value
    near = _by_beginning(name, known) or get_close_matches(name, known, n=1)
    near = near or _by_last_part(name, known)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}."


def _by_beginning(name: str, known: Sequence[str]) -> list[str]:
    """The one name that is the rest of what was begun: tao-train-pose -> its only skill."""
    longer = [one for one in known if len(name) >= _BEGUN and one.startswith(name)]
    return longer if len(longer) == 1 else []


def _by_last_part(name: str, known: Sequence[str]) -> list[str]:
    """Dotted keys whose last part is near the last part of `name`: lr -> train.optim.lr."""
    lasts = {key.rpartition(".")[2]: key for key in known}
    near = get_close_matches(name.rpartition(".")[2], lasts, n=1)
    return [lasts[near[0]]] if near else []
