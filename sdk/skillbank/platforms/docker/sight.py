"""What the daemon's answer about a container says about the attempt in it."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path
from typing import Any

from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.memory import count_memory_kills, explain_kill
from skillbank.platforms.staged import Handle, Sight, SightKind
from skillbank.staging.order import PLACE_FAILED_EXIT

NEVER_STARTED = frozenset({"created", "configured", "initialized"})
"""States of a container that was made and does not run yet, as Docker and Podman name them."""
_NO_GROUP = Path("/proc/none")  # this process's own group tells nothing about a container
_ENDED = frozenset({"exited", "stopped", "dead"})
_KILLED = frozenset({128 + signal.SIGKILL, 128 + signal.SIGTERM, 255})


def sight_of(found: dict[str, Any], handle: Handle) -> Sight:
    """What is to be made of a container.

    Args:
        found: The daemon's answer to a look at it.
        handle: By what it was found.
    """
    state = found["State"]
    status = str(state["Status"]).lower()
    if status in NEVER_STARTED:
        return Sight(SightKind.GONE, "its submitter disappeared before its container was started")
    if status == "removing":
        return Sight(SightKind.GONE, "its container is being removed by somebody else")
    if status in _ENDED:
        return _ended(found, handle)
    folder = AttemptFolder(Path(handle["folder"]), handle["attempt"])
    what_for = folder.waits_for()
    if folder.started_at() is None and what_for is not None:
        return Sight(SightKind.WAITING, what_for or "waits behind others")
    paused = f"its container is paused: 'docker unpause {handle['name']}'"
    return Sight(SightKind.RUNNING, paused if status == "paused" else "")


def count_kills_anywhere() -> int:
    """Processes that this machine's kernel has killed for memory, in whatever container."""
    return count_memory_kills(own=_NO_GROUP)


def read_time(text: str) -> float | None:
    """Seconds since the epoch of the daemon's times; None for its year 1, which means never."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).timestamp()


def _ended(found: dict[str, Any], handle: Handle) -> Sight:
    state = found["State"]
    exit_code = int(state["ExitCode"])
    detail, is_failure = _why(found, handle, exit_code)
    return Sight(
        SightKind.ENDED,
        detail,
        exit_code,
        read_time(state["StartedAt"]),
        read_time(state["FinishedAt"]),
        is_failure,
    )


def _why(found: dict[str, Any], handle: Handle, exit_code: int) -> tuple[str, bool]:
    """Why it ended, where that is known, and whether its machine was the cause."""
    limit = found["HostConfig"].get("Memory") or 0
    # Podman never tells, and the kernel counts kills for memory of the whole machine only.
    killed = explain_kill(exit_code, handle["memory_kills"], count_kills_anywhere())
    if found["State"].get("OOMKilled") or killed:
        return _memory_detail(limit) if limit else killed, False
    if message := str(found["State"].get("Error") or ""):
        return f"the daemon says: {message}", True
    if exit_code in _KILLED:
        why = "by somebody else, or the daemon or the machine restarted"
        return f"its container was killed ({why}; exit code {exit_code})", True
    return "", exit_code == PLACE_FAILED_EXIT


def _memory_detail(limit_bytes: int) -> str:
    return (
        f"out of memory: its container may use {limit_bytes / 2**30:.1f} GiB; ask for more with "
        "'memory', or use a smaller batch size or fewer data workers"
    )
