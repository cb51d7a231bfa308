"""What the traces of an attempt say about it: how it ended, or that nobody answers for it."""

from __future__ import annotations

import signal

from skillbank.job import PAUSED_EXIT, JobState, Observation
from skillbank.platforms.attempt import AttemptFolder, Ending
from skillbank.platforms.supervisor import STOPPED_FROM_OUTSIDE

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
