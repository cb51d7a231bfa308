"""Tell how far long work is: status lines that a terminal shows as a bar with the time left."""

from __future__ import annotations

import time
from datetime import timedelta

from skillbank_runners.api import Run

EVERY_S = 1.0


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: `1 person`, `2 people`."""
    return f"{number} {one if number == 1 else many}"


class Progress:
    """Counts work and reports it, at most once a second.

    Args:
        run: Gets the status lines.
        verb: What is done to one unit, in a word, such as `read`.
        noun: What is counted, such as `frames` or `MB`.
        total: How many there are; 0: unknown, then nothing but the count is told.
    """

    def __init__(self, run: Run, verb: str, noun: str, total: int) -> None:
        self._run = run
        self._verb = verb
        self._noun = noun
        self._total = total
        self._began_s = self._told_s = time.monotonic()
        self.done = 0

    def advance(self, count: int = 1) -> None:
        """Count finished work."""
        self.reach(self.done + count)

    def reach(self, done: int) -> None:
        """Set the count of finished work."""
        self.done = done
        now_s = time.monotonic()
        if now_s - self._told_s < EVERY_S:
            return
        self._told_s = now_s
        if not self._total:
            self._run.report(f"{self._verb} {done} {self._noun}")
            return
        passed_s = now_s - self._began_s
        left_s = passed_s / max(done, 1) * max(0, self._total - done)
        self._run.report(
            f"{self._verb} {done} of {self._total} {self._noun}",
            step=min(done, self._total),
            max_step=self._total,
            eta=str(timedelta(seconds=round(left_s))),
        )
