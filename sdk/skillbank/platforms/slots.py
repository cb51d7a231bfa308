"""Waits for a CPU slot or for GPUs: files whose locks are the right to use them.

Whoever wants one first takes the turnstile, by a wait in the kernel; only the one who holds it
looks for free places, so nobody is overtaken by a smaller job and no two wait for each other.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from skillbank.locks import try_lock, wait_lock

_LOOK_EVERY_S = 0.1


def hold_slot(folder: Path, num_slots: int) -> None:
    """Wait for one of the CPU slots and hold it until this process ends."""
    _hold(folder, "slot", [str(index) for index in range(num_slots)], 1)


def hold_gpus(folder: Path, gpus: list[str], num_gpus: int) -> list[str]:
    """Wait until `num_gpus` of the GPUs are free together; hold them until this process ends."""
    return _hold(folder, "gpu", gpus, num_gpus)


def _hold(folder: Path, kind: str, names: list[str], num_wanted: int) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    turnstile = wait_lock(folder / f"{kind}.turnstile")
    while len(held := _try(folder, kind, names, num_wanted)) < num_wanted:
        time.sleep(_LOOK_EVERY_S)
    os.close(turnstile)
    return held


def _try(folder: Path, kind: str, names: list[str], num_wanted: int) -> list[str]:
    """Names that are now held: as many as are wanted, or none."""
    held: dict[str, int] = {}
    for name in names:
        if len(held) == num_wanted:
            break
        lock = try_lock(folder / f"{kind}-{name}.lock")
        if lock is not None:
            held[name] = lock
    if len(held) < num_wanted:
        for lock in held.values():
            os.close(lock)
        return []
    return list(held)
