"""Waits for a CPU slot or for GPUs: files whose locks are the right to use them.

Whoever wants one first takes the turnstile, by a wait in the kernel; only the one who holds it
looks for free places, so nobody is overtaken by a smaller job and no two wait for each other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from skillbank.locks import try_lock, wait_lock

_LOOK_EVERY_S = 0.1


class Places(NamedTuple):
    """Places of one kind, of which a job holds some while it runs.

    Attributes:
        folder: Where the lock files lie.
        kind: `slot` or `gpu`.
        names: All there are.
    """

    folder: Path
    kind: str
    names: list[str]

    def hold(self, num_wanted: int, tell_waiting: Callable[[], None]) -> list[str]:
        """Names of places that this process holds, from now until it ends.

        Args:
            num_wanted: How many; they come all together.
            tell_waiting: Called before a wait, once.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.kind}.turnstile"
        turnstile = try_lock(path)
        held = [] if turnstile is None else self._try(num_wanted)
        if turnstile is None or len(held) < num_wanted:
            tell_waiting()
            turnstile = turnstile or wait_lock(path)
            while len(held := self._try(num_wanted)) < num_wanted:
                time.sleep(_LOOK_EVERY_S)
        os.close(turnstile)
        return held

    def _try(self, num_wanted: int) -> list[str]:
        """Names that are now held: as many as are wanted, or none."""
        held: dict[str, int] = {}
        for name in self.names:
            if len(held) == num_wanted:
                break
            lock = try_lock(self.folder / f"{self.kind}-{name}.lock")
            if lock is not None:
                held[name] = lock
        if len(held) == num_wanted:
            return list(held)
        for lock in held.values():
            os.close(lock)
        return []
