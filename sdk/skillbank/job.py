"""A job that was submitted, the states it goes through, and what a failure means."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from skillbank.errors import RequestInvalid, did_you_mean

JobId = Annotated[
    str, "Id of a job, its beginning where no other job's begins so, or its results URI."
]


class JobState(StrEnum):
    """PENDING -> QUEUED -> RUNNING -> one of COMPLETE, PAUSED, ERROR, CANCELED, LOST."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PAUSED = "PAUSED"
    ERROR = "ERROR"
    CANCELED = "CANCELED"
    LOST = "LOST"

    @classmethod
    def parse(cls, word: str) -> JobState:
        """Read a state, in small letters or large.

        Raises:
            RequestInvalid: No state has this name.
        """
        if word.upper() in cls.__members__:
            return cls[word.upper()]
        raise RequestInvalid(
            f"state: no state is named {word!r}; {did_you_mean(word.upper(), cls)}"
        )

    @property
    def is_final(self) -> bool:
        """Tell whether this attempt of the job will never change state again."""
        return self in _FINAL

    @property
    def can_resume(self) -> bool:
        """Tell whether a further attempt may be started from here."""
        return self in _FINAL and self is not JobState.COMPLETE

    @property
    def is_failure(self) -> bool:
        """Tell whether this attempt ended otherwise than it was asked to."""
        return self in _FINAL and self not in _AS_ASKED


_AS_ASKED = frozenset({JobState.COMPLETE, JobState.PAUSED})
_FINAL = _AS_ASKED | {JobState.ERROR, JobState.CANCELED, JobState.LOST}

PAUSED_EXIT = 75
"""Exit status of an action that paused as asked; the runners' launcher gives the same."""
_WRONG_REQUEST_EXIT = 2


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
        search_id: AutoML job that it is a trial of.
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
    search_id: str | None = None

    @property
    def results(self) -> Path:
        """Folder the action writes to."""
        return self.folder / "results"


@dataclass(frozen=True)
class Observation:
    """What a platform knows about one attempt of a job.

    Attributes:
        state: State now.
        detail: What the user should know about it; empty when there is nothing to say.
        exit_code: Exit status of its process; negative for a signal; None while unknown.
        started_at: When it began to run, in seconds since the epoch, UTC.
        ended_at: When it ended.
    """

    state: JobState
    detail: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True)
class ErrorAdvice:
    """What to do about failures whose message or log matches a regular expression."""

    pattern: str
    advice: str


# Failures that any action can have; a skill adds its own in `error_patterns`.
_GENERAL_ADVICE = (
    ErrorAdvice(
        r"CUDA (error: )?out of memory|OutOfMemoryError",
        "the GPU ran out of memory: use a smaller batch size",
    ),
    ErrorAdvice(
        r"DefaultCPUAllocator: can't allocate memory|\bMemoryError\b",
        "the machine ran out of memory: use a smaller batch size, or fewer data workers",
    ),
    ErrorAdvice(
        r"No space left on device",
        "the disk is full: free some space, then resume the job",
    ),
    ErrorAdvice(
        r"No module named '(torch|pytorch_lightning|torchmetrics|onnx|onnxruntime|numpy)'",
        "the training libraries are not installed: run \"pip install 'skillbank[train]'\"",
    ),
    ErrorAdvice(
        r"bus error|out of shared memory",
        "shared memory is too small for the data workers: use fewer of them, or enlarge /dev/shm",
    ),
)

_SIGNAL_ADVICE = {
    signal.SIGKILL: "most often the machine ran out of memory: use a smaller batch size or fewer "
    "data workers, or close other programs",
    signal.SIGBUS: "most often shared memory is too small for the data workers: use fewer of them, "
    "or enlarge /dev/shm",
    signal.SIGSEGV: "a native library crashed: check the versions of torch and its drivers",
}

_LOG_LINES_SHOWN = 5
_ADVICE = "Advice: "


class FailureKind(StrEnum):
    """What a failure says about trying once more: the first question of whoever runs many jobs."""

    BAD_CONFIGURATION = "bad_configuration"
    """The request is wrong: the same again fails the same way."""
    DIVERGED = "diverged"
    """Training lost itself in numbers that are no numbers: other settings may not."""
    OUT_OF_MEMORY = "out_of_memory"
    """It needed more memory than there is: a smaller batch may fit."""
    INFRASTRUCTURE = "infrastructure"
    """The place where it ran failed it: it can be resumed as it is."""
    UNKNOWN = "unknown"


# In order: the first pattern that the reason matches tells the kind.
_KIND_PATTERNS = (
    (FailureKind.DIVERGED, r"training has diverged"),
    (
        FailureKind.OUT_OF_MEMORY,
        r"out of memory|OutOfMemoryError|\bMemoryError\b|can(no|')t allocate memory"
        r"|CUBLAS_STATUS_ALLOC_FAILED|because memory ran out|bus error|out of shared memory",
    ),
    (
        FailureKind.INFRASTRUCTURE,
        r"No space left on device|Disk quota exceeded|Input/output error|Stale file handle"
        r"|No module named|CUDA (driver|error: device)|NCCL error|No such device",
    ),
)
_MEMORY_SIGNALS = (signal.SIGBUS,)
_OUTSIDE_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def describe_exit(exit_code: int | None) -> str:
    """How a process ended, in words."""
    if exit_code is None:
        return "it could not be started"
    # A shell, or a container, reports a signal as 128 + its number.
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number not in {s.value for s in signal.Signals}:
        return f"it exited with status {exit_code}"
    return f"it was killed by signal {number} ({signal.Signals(number).name})"


def classify_failure(
    state: JobState, exit_code: int | None, detail: str, marker: str = ""
) -> FailureKind:
    """What kind of failure ended an attempt.

    Args:
        state: State that the attempt ended in.
        exit_code: Exit status of its process; negative for a signal; None when it never ran.
        detail: Why it failed, as the job says.
        marker: Kind that the action itself wrote under `failure` in its last status line, which is
            believed before everything else; empty when it wrote none.

    Raises:
        ValueError: The attempt did not fail.
    """
    if not state.is_failure:
        raise ValueError(f"an attempt that is {state} did not fail")
    if marker in set(FailureKind):
        return FailureKind(marker)
    if state is not JobState.ERROR or exit_code is None:
        return FailureKind.INFRASTRUCTURE  # lost, stopped, or never started
    if exit_code == _WRONG_REQUEST_EXIT:
        return FailureKind.BAD_CONFIGURATION
    # Advice guesses at causes, so it is no evidence of one.
    reason = "\n".join(line for line in detail.splitlines() if not line.startswith(_ADVICE))
    for kind, pattern in _KIND_PATTERNS:
        if re.search(pattern, reason, re.IGNORECASE):
            return kind
    return _kind_of_signal(exit_code)


def _kind_of_signal(exit_code: int) -> FailureKind:
    """SIGKILL alone is somebody's kill: where the kernel lacked memory, its detail says so."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    if number in _MEMORY_SIGNALS:
        return FailureKind.OUT_OF_MEMORY
    return FailureKind.INFRASTRUCTURE if number in _OUTSIDE_SIGNALS else FailureKind.UNKNOWN


def describe_failure(
    exit_code: int | None, message: str, log: str, advice: Iterable[ErrorAdvice] = ()
) -> str:
    """Why a job failed and what to do about it.

    Args:
        exit_code: Exit status of its process; negative for a signal.
        message: The failure that the action itself reported; empty when it could not.
        log: End of what it printed.
        advice: What its skill knows about failures; the general ones are added.
    """
    shown = "\n".join(log.strip().splitlines()[-_LOG_LINES_SHOWN:])
    reason = message.strip() or f"{describe_exit(exit_code)}{_quoted(shown)}"
    told = _advice_for(exit_code, f"{message}\n{log}", advice)
    return "\n".join([reason, *(f"{_ADVICE}{sentence}" for sentence in told)])


def _quoted(log: str) -> str:
    return f"; its log ends with:\n{log}" if log else " and printed nothing"


def _advice_for(exit_code: int | None, text: str, advice: Iterable[ErrorAdvice]) -> dict[str, None]:
    """Sentences that fit, each once, in order: the skill's own first."""
    known = [*advice, *_GENERAL_ADVICE]
    found = {a.advice: None for a in known if re.search(a.pattern, text, re.IGNORECASE)}
    by_signal = {s: told for s, told in _SIGNAL_ADVICE.items() if exit_code in {-s, 128 + s}}
    return found or dict.fromkeys(by_signal.values())
