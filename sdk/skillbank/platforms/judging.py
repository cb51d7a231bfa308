"""What the traces of an attempt say about it: how it ended, or that nobody answers for it."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import asdict

from skillbank.job import PAUSED_EXIT, JobState, Observation
from skillbank.platforms.attempt import AttemptFolder, Ending, read_json, write_json
from skillbank.platforms.supervisor import STOPPED_FROM_OUTSIDE

_VERDICT = "verdict.json"
_STOPPED_BY_SIGTERM = (143, -signal.SIGTERM)


def observe_ending(ending: Ending) -> Observation:
    """The final state of an attempt whose end was recorded."""
    state, detail = _judge(ending)
    return Observation(state, detail, ending.exit_code, ending.started_at, ending.ended_at)


def observe_loss(folder: AttemptFolder, why: str = "") -> Observation:
    """The final state of an attempt that nobody answers for any more.

    Args:
        folder: The attempt.
        why: What is known about it, without a full stop.
    """
    started_at = folder.started_at()
    if folder.is_to_cancel():
        return Observation(JobState.CANCELED, "cancelled on request", started_at=started_at)
    when = "while it ran" if started_at is not None else "before it ran"
    lost = f"the process that watched the job disappeared {when} (killed, or the machine restarted)"
    return Observation(
        JobState.LOST,
        f"{why or lost}; run 'skillbank resume {folder.job_folder.name}' to go on from its last "
        "checkpoint",
        started_at=started_at,
    )


def record_verdict(folder: AttemptFolder, seen: Observation) -> None:
    """Keep how an attempt ended in its scheduler's words, which that forgets in time.

    Where it cannot be written it is not kept: the client's records still have it.
    """
    if recall_verdict(folder) != seen:
        with suppress(OSError):
            write_json(folder.path / _VERDICT, asdict(seen), is_durable=True)


def forget_verdict(folder: AttemptFolder) -> None:
    """Take back how an attempt ended: its scheduler runs it again."""
    with suppress(OSError):
        (folder.path / _VERDICT).unlink(missing_ok=True)


def recall_verdict(folder: AttemptFolder) -> Observation | None:
    """How an attempt ended, as its scheduler told once; None where it never did."""
    try:
        content = read_json(folder.path / _VERDICT)
        if content is None:
            return None
        return Observation(**{**content, "state": JobState(content["state"])})
    except (ValueError, TypeError, KeyError):  # of another version, or torn by a power cut
        return None


def _judge(ending: Ending) -> tuple[JobState, str]:
    if ending.exit_code == 0:
        return JobState.COMPLETE, ""
    if ending.is_cancelled:
        return JobState.CANCELED, ending.detail
    if ending.exit_code in _STOPPED_BY_SIGTERM and not ending.detail:
        return JobState.CANCELED, STOPPED_FROM_OUTSIDE
    if ending.exit_code == PAUSED_EXIT:
        return JobState.PAUSED, ""
    return JobState.ERROR, ending.detail
