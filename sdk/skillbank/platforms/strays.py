"""Finds and ends processes of a job that outlived whoever should have ended them.

It reads /proc itself: the supervisor of every job does so at its end, and psutil takes longer to
import than most jobs of a test to run.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from skillbank.errors import PlatformError

_PATIENCE_S = 1.0
_GIVE_UP_S = 20.0
_PROCESSES = Path("/proc")


def kill_strays(job_folder: Path) -> None:
    """SIGKILL every process that carries the mark of a job, except this one.

    A killed process runs no more code; where it takes long to go, because the machine is busy or a
    device does not answer, that is not waited for.

    Raises:
        PlatformError: New ones keep coming.
    """
    began = time.monotonic()
    killed: set[int] = set()
    while strays := set(_find_strays(job_folder)):
        waited_s = time.monotonic() - began
        if waited_s > _PATIENCE_S and killed.issuperset(strays):
            return
        if waited_s > _GIVE_UP_S:
            raise PlatformError(
                f"the job in {job_folder} starts processes faster than they can be ended; end what "
                "starts them, then ask again."
            )
        for pid in strays:
            _kill(pid, job_folder)
        killed.update(strays)
        time.sleep(0.005)


def _find_strays(job_folder: Path) -> Iterator[int]:
    with os.scandir(_PROCESSES) as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdecimal()]
    own = os.getpid()
    yield from (pid for pid in pids if pid != own and _belongs(pid, job_folder))


def _belongs(pid: int, job_folder: Path) -> bool:
    """Read the mark off the environment; a zombie has none, which is right: it is dead."""
    try:
        environment = (_PROCESSES / str(pid) / "environ").read_bytes()
    except OSError:
        return False  # gone meanwhile, or another user's
    return os.fsencode(f"SKILLBANK_JOB_FOLDER={job_folder}") in environment.split(b"\0")


def _kill(pid: int, job_folder: Path) -> None:
    with suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            # The descriptor pins the process; what its number meant before is asked again.
            if _belongs(pid, job_folder):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)
