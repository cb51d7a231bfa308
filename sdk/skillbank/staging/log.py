"""The job's log: a file that holds all that is printed, and is shown on for those who want it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from skillbank.staging.order import StagedOrder

_LOOK_EVERY_S = 0.3
_CHUNK_BYTES = 2**20


def say(text: str) -> None:
    """Add a line to the log, at once; a full disk may keep it out."""
    with suppress(OSError):
        os.write(1, f"{text}\n".encode())


@contextmanager
def kept_log(path: Path, order: StagedOrder) -> Iterator[None]:
    """Let everything that this process and its children print end in a file.

    Args:
        path: The file; what is in it stays.
        order: Whether it also goes where it went before.
    """
    own = os.dup(1)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    begin = os.fstat(log).st_size
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    stop = threading.Event()
    echo = threading.Thread(target=_echo, args=(path, begin, own, stop), daemon=True)
    if order.echoes_log:
        echo.start()
    try:
        yield
    finally:
        stop.set()
        if order.echoes_log:
            echo.join()
        os.dup2(own, 1)
        os.dup2(own, 2)
        os.close(own)


def _echo(path: Path, begin: int, target: int, stop: threading.Event) -> None:
    """Copy what a file grows by, until told to stop, and then its rest."""
    with path.open("rb") as file:
        file.seek(begin)
        while True:
            is_last = stop.wait(_LOOK_EVERY_S)
            while chunk := file.read(_CHUNK_BYTES):
                os.write(target, chunk)
            if is_last:
                return
