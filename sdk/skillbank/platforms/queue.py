"""The queue for places: tickets in a folder, served by priority and age, without a daemon.

A submitter draws its job's ticket and hands it, locked, to the job's supervisor; the kernel drops
the lock of one that dies. Each waits in the kernel for the one before it, so that only the first in
line looks for free places. Whoever looks, or draws, holds the turnstile for that moment: no job
takes a place while one that was before it waits.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from skillbank.locks import is_locked, take_lock, wait_lock
from skillbank.platforms.slots import Lease

HIGHEST_PRIORITY = 1000
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.02, 0.25
_STIR_EVERY_S = 2.0


class Ticket(NamedTuple):
    """A place in a queue.

    Attributes:
        name: Sorts before the names of all that are served later.
        lock: Descriptor of its lock.
    """

    name: str
    lock: int


class Queue:
    """Everybody who waits for places of one kind below one root.

    Args:
        folder: Where the lock files of places lie, and the tickets below it.
        kind: `slot` or `gpu`.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._kind = kind
        self._tickets = folder / "queue"
        self._turnstile = folder / "turnstile.lock"

    def draw(self, priority: int, job_id: str) -> Ticket:
        """A new ticket, behind all of the same or a higher priority.

        Args:
            priority: Up to HIGHEST_PRIORITY; higher ones are served first.
            job_id: Job that will wait.

        Raises:
            OSError: There is no room for it.
        """
        self._tickets.mkdir(parents=True, exist_ok=True)
        rank = f"{self._kind}.{HIGHEST_PRIORITY - priority:04d}"
        with self._hold_turnstile():
            # Time, so that old and new ones can be told apart; later than all of its rank, whatever
            # the clock says.
            last = max((int(n.split(".")[2]) for n in self._list(f"{rank}.")), default=0)
            return self._lock(f"{rank}.{max(time.time_ns(), last + 1):020d}.{job_id}")

    def draw_again(self, name: str) -> Ticket:
        """The ticket of a name once more, for a job that had its turn and needs another."""
        with self._hold_turnstile():
            return self._lock(name)

    def count_before(self, name: str) -> int:
        """How many are served before a ticket."""
        return sum(1 for other in self._list() if other < name and self._is_alive(other))

    def wait(
        self, ticket: Ticket, take: Callable[[], Lease | str], tell: Callable[[str], None]
    ) -> Lease:
        """What a job takes when its turn has come; its ticket is gone then.

        SIGTERM, which is blocked otherwise, is heard while this waits, and only then.

        Args:
            ticket: The job's.
            take: What the first in line tries: gives what it took, or what there is none of.
            tell: Called with what is waited for, as that changes.
        """
        told: str | None = None
        pause_s = _FIRST_LOOK_S
        while True:
            with self._hold_turnstile():
                before = self._next_before(ticket.name)
                found = take() if before is None else ""
                if isinstance(found, Lease):
                    self.leave(ticket)
                    return found
            if found != told:
                told = found
                tell(found)
            if before is None:
                with _hearing_sigterm():
                    time.sleep(pause_s)
                pause_s = min(pause_s * 1.2, _LONGEST_LOOK_S)
            else:
                self._await_departure(before)

    def leave(self, ticket: Ticket) -> None:
        """Give a ticket back."""
        (self._tickets / ticket.name).unlink(missing_ok=True)
        os.close(ticket.lock)

    @contextmanager
    def _hold_turnstile(self) -> Iterator[None]:
        lock = wait_lock(self._turnstile)
        try:
            yield
        finally:
            os.close(lock)

    def _list(self, prefix: str = "") -> list[str]:
        """Names of tickets, the first in line first."""
        try:
            with os.scandir(self._tickets) as found:
                names = [entry.name for entry in found]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if name.startswith(prefix or f"{self._kind}."))

    def _lock(self, name: str) -> Ticket:
        lock = take_lock(self._tickets / name)
        if lock is None:
            raise BlockingIOError(f"the ticket {name} is held by another process")
        return Ticket(name, lock)

    def _is_alive(self, name: str) -> bool:
        return is_locked(self._tickets / name)

    def _next_before(self, name: str) -> str | None:
        """The last living ticket before one; dead ones on the way to it are thrown away."""
        for other in reversed([each for each in self._list() if each < name]):
            if self._is_alive(other):
                return other
            (self._tickets / other).unlink(missing_ok=True)
        return None

    def _await_departure(self, name: str) -> None:
        """Sleep in the kernel until nobody holds a ticket any more."""
        with suppress(FileNotFoundError):
            descriptor = os.open(self._tickets / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                with _hearing_sigterm():
                    fcntl.flock(descriptor, fcntl.LOCK_SH)
            finally:
                os.close(descriptor)


@contextmanager
def _hearing_sigterm() -> Iterator[None]:
    """Let SIGTERM through, also when it comes in the moment before a wait begins.

    Python would act on it after the wait only; a timer interrupts the wait now and then.
    """
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, _STIR_EVERY_S, _STIR_EVERY_S)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        signal.setitimer(signal.ITIMER_REAL, 0)
