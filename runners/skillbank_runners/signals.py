"""Signals that ask a program to stop, as an exception."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from skillbank_runners.errors import Cancelled


@contextmanager
def signals_stop(advice: str = "") -> Iterator[list[int]]:
    """SIGTERM and SIGINT raise Cancelled; yields the signals that came.

    Args:
        advice: What to say behind the signal's name.
    """
    received: list[int] = []

    def stop(signum: int, _: FrameType | None) -> None:
        received.append(signum)
        raise Cancelled(f"cancelled by {signal.Signals(signum).name}{advice}")

    before = {signum: signal.signal(signum, stop) for signum in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
