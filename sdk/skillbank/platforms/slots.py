"""CPU slots and GPUs that jobs hold while they run: files whose locks are the right to use them.

The lock file of a place tells who holds it. The kernel drops the lock when its holder ends, however
it ends; one that did not end by itself leaves its name in the file, and whoever comes next first
ends what may still run of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from skillbank.locks import is_locked, try_lock
from skillbank.platforms.disk import pass_over_full


class Holder(NamedTuple):
    """Who holds a place.

    Attributes:
        job_id: Id of the job.
        folder: The job's folder.
        pid: Process that holds the lock, which is the job's supervisor.
        since: When it began to, in seconds since the epoch, UTC.
        memory_bytes: Memory that the job asked for; 0: it did not say.
    """

    job_id: str
    folder: str
    pid: int
    since: float
    memory_bytes: int = 0


class Lease:
    """Places that this process holds until `release`, or until it ends."""

    def __init__(self, locks: dict[str, int]) -> None:
        self._locks = locks

    @property
    def names(self) -> list[str]:
        """Names of the places, in the order in which they were taken."""
        return list(self._locks)

    def release(self) -> None:
        """Give the places back; what ran on them has ended."""
        for lock in self._locks.values():
            os.ftruncate(lock, 0)
            os.close(lock)
        self._locks = {}


class Places(NamedTuple):
    """Places of one kind, of which a job holds some while it runs.

    Attributes:
        folder: Where the lock files lie.
        kind: `slot` or `gpu`.
        names: All that a job may take, the ones it likes best first.
    """

    folder: Path
    kind: str
    names: Sequence[str]

    def take(self, num_wanted: int, holder: Holder) -> Lease | None:
        """Free places, all that are wanted, or none of them."""
        held: dict[str, int] = {}
        for name in self.names:
            if len(held) == num_wanted:
                break
            lock = try_lock(self.folder / f"{self.kind}-{name}.lock")
            if lock is not None:
                held[name] = lock
        if len(held) < num_wanted:
            for lock in held.values():
                os.close(lock)
            return None
        for lock in held.values():
            _end_what_is_left(_read_holder(lock))
            _sign(lock, holder)
        return Lease(held)

    def list_free(self) -> list[str]:
        """Names of places that nobody holds; one whose lock cannot be looked at is not free."""
        return [n for n in self.names if not _is_held(self.folder / f"{self.kind}-{n}.lock")]


def list_holders(folder: Path, kinds: Collection[str] = ("slot", "gpu")) -> list[Holder]:
    """Who holds places now: each job once, whatever the number of its places.

    Args:
        folder: Where the lock files lie.
        kinds: Kinds of places that count.
    """
    found: dict[str, Holder] = {}
    for kind in kinds:
        for path in folder.glob(f"{kind}-*.lock"):
            if _is_held(path):
                # One that has not signed yet counts all the same.
                holder = _read_holder_of(path) or Holder(path.name, "", 0, 0.0)
                found[holder.job_id] = holder
    return list(found.values())


def _is_held(path: Path) -> bool:
    try:
        return is_locked(path)
    except OSError:
        return True


def _sign(lock: int, holder: Holder) -> None:
    """Write down who holds a place; on a full disk it is held by somebody without a name."""
    os.ftruncate(lock, 0)
    with pass_over_full():
        os.pwrite(lock, json.dumps(holder._asdict()).encode(), 0)


def _read_holder(lock: int) -> Holder | None:
    return _parse_holder(os.pread(lock, 4096, 0))


def _read_holder_of(path: Path) -> Holder | None:
    try:
        return _parse_holder(path.read_bytes())
    except OSError:
        return None


def _parse_holder(content: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(content))
    except (ValueError, TypeError):
        return None  # nobody, or one who was interrupted while signing


def _end_what_is_left(holder: Holder | None) -> None:
    """End what runs on of a job whose supervisor was killed, before its place is used again."""
    if holder is None:
        return
    with suppress(OSError):
        # Under the job's own lock: a further attempt of it must not be taken for what is left.
        lock = try_lock(Path(holder.folder) / "launcher.lock")
        if lock is not None:
            from skillbank.platforms.strays import kill_strays

            try:
                kill_strays(Path(holder.folder))
            finally:
                os.close(lock)
