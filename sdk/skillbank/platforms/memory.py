"""Tells whether the kernel may have killed a process because memory ran out."""

from __future__ import annotations

import signal
from pathlib import Path

_COUNTERS = Path("/proc/vmstat")
_KILLED_FOR_MEMORY = (
    "the kernel killed it (SIGKILL) because memory ran out: use a smaller batch size or fewer data "
    "workers, or close other programs"
)


def count_memory_kills(counters: Path = _COUNTERS) -> int:
    """Processes that the kernel has killed for memory since it started, in all containers."""
    try:
        lines = counters.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def explain_kill(exit_code: int, kills_before: int, kills_after: int) -> str:
    """Why a job ended so; empty when it was not SIGKILL, or when the kernel has killed nobody.

    Somebody else's `kill -9` looks the same but for the kernel's count, which rises by every kill
    for memory.

    Args:
        exit_code: Exit status of the job's process; negative for a signal.
        kills_before: `count_memory_kills` when the job began.
        kills_after: The same after its end.
    """
    was_killed = exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL)
    return _KILLED_FOR_MEMORY if was_killed and kills_after > kills_before else ""
