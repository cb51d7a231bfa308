"""Whether a run that failed is made again by itself, when, and what it failed of.

Whoever runs a job uses it, on whatever platform; it takes the standard library only.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from skillbank.following import GrowingFile, find_failure, parse_status
from skillbank.job import FailureKind, JobState, classify_failure, describe_exit, describe_failure

LONGEST_PAUSE_S = 3600.0
"""However often it doubled, a pause is never longer."""
_SPREAD = 0.25
_PLACE_FAILED_EXIT = 74  # of `skillbank.staging`: not the job failed, but files, lease or disk
_LOG_BYTES_SEARCHED = 20_000


@dataclass(frozen=True)
class RetryPolicy:
    """How often a job is run again after failures that are not its own.

    Attributes:
        retries: Further runs, at most.
        wait_s: Pause before the first of them, in seconds; it doubles with each.
    """

    retries: int = 0
    wait_s: float = 10.0

    def decide(self, kind: FailureKind, tries: int) -> float | None:
        """Pause in seconds before the next run; None: there is none.

        A machine that failed the job may not do so again. What is not understood is tried once
        more, as the first retry or not at all: twice the same is no accident. The same settings
        run out of memory, diverge or are refused again.

        Args:
            kind: What the last run failed of.
            tries: Runs that have failed so far, the last one among them.
        """
        is_worth_it = kind is FailureKind.INFRASTRUCTURE or (
            kind is FailureKind.UNKNOWN and tries == 1
        )
        if tries > self.retries or not is_worth_it:
            return None
        return min(self.wait_s * 2.0 ** (tries - 1), LONGEST_PAUSE_S)


def spread_pause(pause_s: float) -> float:
    """A pause up to a quarter longer, so that what failed together is not tried together."""
    return pause_s * random.uniform(1.0, 1.0 + _SPREAD)


@dataclass(frozen=True)
class RunMarks:
    """How long the growing files of a job were when a run of it began.

    Attributes:
        log_bytes: Of its log.
        status_bytes: Of its status lines.
    """

    log_bytes: int = 0
    status_bytes: int = 0


@dataclass(frozen=True)
class RunFailure:
    """What a run failed of.

    Attributes:
        kind: Its class.
        reason: In a sentence, without a full stop.
    """

    kind: FailureKind
    reason: str


def mark_run(job_folder: Path) -> RunMarks:
    """Remember where the run that is about to begin will begin to write."""
    paths = (job_folder / "log.txt", job_folder / "results" / "status.json")
    return RunMarks(*(path.stat().st_size if path.is_file() else 0 for path in paths))


def explain_run(
    job_folder: Path, exit_code: int | None, marks: RunMarks, detail: str = ""
) -> RunFailure:
    """What a run failed of, by its status lines, its log and its exit code.

    Args:
        job_folder: Folder of the job.
        exit_code: Exit status of the run, which is no success; None: it could not be started.
        marks: What `mark_run` said before it began.
        detail: What its keeper knows about its end, such as that the kernel killed it for memory.
    """
    status = GrowingFile(job_folder / "results" / "status.json", marks.status_bytes)
    lines = parse_status(status.read_new(is_ended=True))
    told = find_failure(lines)
    marker = str(lines[-1].get("failure", "")) if told else ""
    log_path = job_folder / "log.txt"
    size = log_path.stat().st_size if log_path.is_file() else 0
    log = GrowingFile(log_path, max(marks.log_bytes, size - _LOG_BYTES_SEARCHED))
    whole = detail or describe_failure(exit_code, told, log.read_new(is_ended=True))
    kind = classify_failure(JobState.ERROR, exit_code, whole, marker)
    if exit_code == _PLACE_FAILED_EXIT:
        kind = FailureKind.INFRASTRUCTURE
    reason = detail or told or describe_exit(exit_code)
    return RunFailure(kind, reason.strip().splitlines()[0].rstrip("."))
