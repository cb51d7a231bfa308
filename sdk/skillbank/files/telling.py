"""Progress of a transfer whose parts go over side by side."""

from __future__ import annotations

import threading

from skillbank.files.api import Progress


class Telling:
    """Tells one listener, one call at a time, what went over, and takes it back."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._total = 0

    def __call__(self, num_bytes: int) -> None:
        """Bytes went over; a negative number: they must go again."""
        if self._progress is None or not num_bytes:
            return
        with self._lock:
            self._total += num_bytes
            self._progress(num_bytes)

    def take_back(self) -> None:
        """All of it must go again."""
        self(-self._total)
