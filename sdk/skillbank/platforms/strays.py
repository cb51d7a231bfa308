"""Finds and ends processes of a job that outlived whoever should have ended them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from skillbank.errors import PlatformError

_PATIENCE_S = 1.0
_GIVE_UP_S = 20.0


def kill_strays(job_folder: Path) -> None:
    """SIGKILL every process that carries the mark of a job, except this one.

    A killed process runs no more code; where it takes long to go, because the machine is busy or a
    device does not answer, that is not waited for.

    Raises:
        PlatformError: New ones keep coming.
    """
    began = time.monotonic()
    killed: set[psutil.Process] = set()
    while strays := _find_strays(job_folder):
        waited_s = time.monotonic() - began
        if waited_s > _PATIENCE_S and killed.issuperset(strays):
            return
        if waited_s > _GIVE_UP_S:
            raise PlatformError(
                f"the job in {job_folder} starts processes faster than they can be ended; end what "
                "starts them, then ask again."
            )
        for process in strays:
            _kill(process)
        killed.update(strays)
        time.sleep(0.005)


def _find_strays(job_folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _belongs(process, job_folder)
    ]


def _belongs(process: psutil.Process, job_folder: Path) -> bool:
    """Read the mark off the environment; a zombie has none, which is right: it is dead."""
    try:
        return process.environ().get("SKILLBANK_JOB_FOLDER") == str(job_folder)
    except (psutil.Error, OSError):
        return False  # gone meanwhile, or another user's


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()  # psutil compares creation times first, so a reused pid is safe
