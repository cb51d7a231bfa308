"""Time limits, in words."""

from __future__ import annotations


def explain_limit(job_id: str, limit_s: float) -> str:
    """Why a job that took too long was stopped, and what to do about it."""
    return (
        f"stopped by its time limit of {describe_duration(limit_s)}; run 'skillbank resume "
        f"{job_id}' to go on from its last checkpoint, for as long again"
    )


def describe_duration(seconds: float) -> str:
    """A time for a person: `1 h 30 min`, `45 s`, `0.5 s`."""
    if seconds < 60:
        return f"{seconds:g} s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(parts)
