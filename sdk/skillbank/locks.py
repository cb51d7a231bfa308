"""Advisory locks on files: the kernel drops them however their holder ends.

A lock belongs to the open file, not to a process: it can be handed to a child, and it is held
until every copy of the descriptor is closed.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

# A passing `is_locked` shares the lock for microseconds; a taker waits that out.
_PATIENCE_S = 0.5


def try_lock(path: Path, *, patience_s: float = 0.0) -> int | None:
    """Descriptor that holds the lock of a file, or None while somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.005)
        else:
            return descriptor


def take_lock(path: Path) -> int | None:
    """Descriptor that holds the lock, or None when somebody holds it for more than a look."""
    return try_lock(path, patience_s=_PATIENCE_S)


def wait_lock(path: Path) -> int:
    """Descriptor that holds the lock, as soon as nobody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_locked(path: Path) -> bool:
    """Tell whether somebody holds the lock of a file; a missing file is held by nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who look at once do not take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
