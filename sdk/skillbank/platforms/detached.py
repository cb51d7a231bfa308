"""Processes that go on when their starter ends: started with a lock, stopped by word and signal.

Jobs of the local platform and workflows live this way. Whoever holds `launcher.lock` of a folder
answers for what runs there; see `supervisor` for the other side.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import skillbank
from skillbank.locks import is_locked, take_lock, try_lock
from skillbank.platforms.attempt import AttemptFolder, Identity, Order, identify
from skillbank.platforms.queue import Queue
from skillbank.platforms.strays import kill_strays
from skillbank.platforms.supervisor import LOCK_DESCRIPTOR, TICKET_DESCRIPTOR

_LETS_GO_WITHIN_S = 30.0
"""Who has told how an attempt ended has only to go, which takes long on a busy disk."""
_DIES_WITHIN_S = 20.0

# Run isolated and without site packages: up in 20 ms, whatever the user's environment holds.
_BOOT = """
import sys
sys.path.append(sys.argv[1])
from skillbank.platforms.supervisor import main
main(sys.argv[2:])
"""


class Supervisors:
    """Starts and stops supervisors, and collects those of this process that ended."""

    def __init__(self) -> None:
        self._pids: set[int] = set()

    def start(self, folder: AttemptFolder, order: Order, environment: Mapping[str, str]) -> bool:
        """Start a supervisor that holds the folder's lock from before it exists.

        Returns:
            False when an earlier attempt still runs, and nothing was started.

        Raises:
            OSError: No process can be started, or the folder cannot be written.
        """
        self.reap()
        earlier = AttemptFolder(folder.job_folder, order.attempt - 1)
        if earlier.ending() is None:
            lock = take_lock(folder.lock)
        else:
            lock = try_lock(folder.lock, patience_s=_LETS_GO_WITHIN_S)
        if lock is None:
            return False
        locks = [lock]
        try:
            if order.takes_place:
                queue = Queue(Path(order.slots_folder), "gpu" if order.num_gpus else "slot")
                ticket = queue.draw(order.priority, order.job_id)
                locks.append(ticket.lock)
                order = order._replace(ticket=ticket.name)
            folder.create(order)
            self._pids.add(_start_supervisor(folder, order.attempt, locks, environment))
        finally:
            for held in locks:
                os.close(held)  # the supervisor holds its own copies
        return True

    def stop(self, folder: AttemptFolder, grace_s: float) -> None:
        """Ask a supervisor to stop what it runs; where it does not, end everything by force.

        Args:
            folder: The attempt.
            grace_s: Time that what it runs has to stop by itself.
        """
        if folder.is_past:
            return
        folder.ask_to_cancel()
        _signal(folder.identity(), signal.SIGTERM)
        # As long again, and a little, for the supervisor to clean up and write the ending.
        if not _is_free_within(folder.lock, 2 * grace_s + 2.0):
            _signal(folder.identity(), signal.SIGKILL)
            _is_free_within(folder.lock, _DIES_WITHIN_S)
        if folder.ending() is None:
            kill_strays(folder.job_folder)
        self.reap()

    def reap(self) -> None:
        """Collect supervisors of this process that ended, so that they do not stay as zombies."""
        for pid in tuple(self._pids):
            try:
                has_ended = os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                has_ended = True  # collected by somebody else, or this is a forked child
            if has_ended:
                self._pids.discard(pid)


def _start_supervisor(
    folder: AttemptFolder, attempt: int, locks: list[int], environment: Mapping[str, str]
) -> int:
    """Pid of a detached process that prints to the folder's log and holds copies of the locks."""
    root = str(Path(skillbank.__file__ or "").parents[1])
    arguments = [root, str(folder.job_folder), str(attempt)]
    targets = (LOCK_DESCRIPTOR, TICKET_DESCRIPTOR)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # Out of the way of the descriptors that are set up below, in that order.
    high = [fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, 10) for lock in locks]
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-c", _BOOT, *arguments],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(folder.log), append, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                *[(os.POSIX_SPAWN_DUP2, *pair) for pair in zip(high, targets, strict=False)],
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGHUP],
        )
    finally:
        for lock in high:
            os.close(lock)


def _is_free_within(lock: Path, seconds: float) -> bool:
    """Wait until nobody holds a lock any more; False: somebody still does."""
    deadline = time.monotonic() + seconds
    while is_locked(lock):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(identity: Identity | None, number: signal.Signals) -> None:
    """Signal a process if, and only if, it is still the one that was meant."""
    if identity is None:
        return
    try:
        process = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        # The descriptor pins the process; only then does a comparison mean anything.
        if identify(identity.pid) == identity:
            signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)
