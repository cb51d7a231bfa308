"""Full disks: told from other failures, and survived by what must be written all the same."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers of a file system, or a quota, that has no more room."""

_PROBE_BYTES = 64 * 1024
_RESERVE_BYTES = 4096


def is_full(error: OSError) -> bool:
    """Tell whether something could not be written because there was no room for it."""
    return error.errno in FULL


@contextmanager
def pass_over_full() -> Iterator[None]:
    """Do without what the body writes where there is no room for it."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise


def find_full(folder: Path) -> OSError | None:
    """The error with which a folder refuses a small file; None where it takes it."""
    probe = folder / f".room.{os.getpid()}.tmp"
    try:
        with probe.open("wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error if is_full(error) else None
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return None


def explain_full(error: OSError, job_folder: Path) -> str:
    """Why a job ended for want of room, and what to do about it."""
    return (
        f"the disk is full ({error.strerror}): nothing more can be written below {job_folder}. "
        f"Free some space, then run 'skillbank resume {job_folder.name}' to go on from its last "
        "checkpoint"
    )


def reserve(path: Path) -> None:
    """Take the room of a small file that must be written later, whatever happens.

    Raises:
        OSError: There is none.
    """
    kept = _reserve_of(path)
    try:
        descriptor = _open_reserve(kept)
    except PermissionError:  # whoever submitted the job, as another user, took it already
        kept.unlink()
        descriptor = _open_reserve(kept)
    try:
        os.posix_fallocate(descriptor, 0, _RESERVE_BYTES)
    finally:
        os.close(descriptor)


def take_reserve(path: Path, draft: Path) -> None:
    """Show a file that found room elsewhere, and give back the room that was kept for it.

    Either takes a name that is there already, which needs no room either.

    Raises:
        OSError: It cannot be shown; what was kept is still there.
    """
    draft.replace(_reserve_of(path))
    _reserve_of(path).replace(path)


def write_on_reserve(path: Path, text: str) -> None:
    """Write a file in the room that was kept for it; spaces fill what is left over.

    Raises:
        OSError: None was kept, or even that cannot be written.
        ValueError: The text is longer than the room.
    """
    content = text.encode().ljust(_RESERVE_BYTES)
    if len(content) > _RESERVE_BYTES:
        raise ValueError(f"{len(content)} bytes do not fit into {_RESERVE_BYTES}")
    descriptor = os.open(_reserve_of(path), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, content, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _reserve_of(path).replace(path)


def _open_reserve(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _reserve_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.reserve")
