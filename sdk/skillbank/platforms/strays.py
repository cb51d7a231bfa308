"""Finds and ends processes of a job that outlived whoever should have ended them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from skillbank.errors import PlatformError

_PATIENCE_S = 5.0


def kill_strays(job_folder: Path) -> None:
    """SIGKILL every process that carries the mark of a job, except this one.

    Raises:
        PlatformError: One of them does not die.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while strays := _find_strays(job_folder):
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in strays)
            raise PlatformError(
                f"processes {pids} of the job in {job_folder} do not end, even by SIGKILL; they "
                "wait for a device or a file system. Free that, then ask again."
            )
        for process in strays:
            _kill(process)
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
