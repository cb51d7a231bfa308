"""Lines for people while files move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from skillbank.files.cache import Cache

_EVERY_S = 10.0
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size_text(num_bytes: float) -> str:
    """A size for people: `1.2 GB`."""
    unit = 0
    while num_bytes >= 1000 and unit < len(_UNITS) - 1:
        num_bytes, unit = num_bytes / 1000, unit + 1
    return f"{num_bytes:.3g} {_UNITS[unit]}" if unit else f"{num_bytes:.0f} bytes"


class Meter:
    """Tells every ten seconds how much of an input has come, while it is entered.

    Args:
        cache: What brings it.
        key: Spec key of the input.
        tell: Told the lines.
    """

    def __init__(self, cache: Cache, key: str, tell: Callable[[str], None]) -> None:
        self._cache = cache
        self._key = key
        self._tell = tell
        self._lock = threading.Lock()
        self._num_bytes = 0
        self._began = self._told_at = time.monotonic()

    def __enter__(self) -> None:
        self._cache.progress = self._count

    def __exit__(self, *_: object) -> None:
        self._cache.progress = None

    def _count(self, num_bytes: int) -> None:
        with self._lock:
            self._num_bytes += num_bytes
            now = time.monotonic()
            if now - self._told_at < _EVERY_S:
                return
            self._told_at = now
            rate = self._num_bytes / (now - self._began)
        self._tell(
            f"input {self._key}: {size_text(self._num_bytes)} so far, {size_text(rate)} per second"
        )
