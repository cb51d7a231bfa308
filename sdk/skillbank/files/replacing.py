"""A file that is replaced whole or not at all, by one writer at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from skillbank.errors import FileConflict
from skillbank.files.api import ABSENT, StoredFile
from skillbank.files.disk import (
    JOURNAL_SUFFIX,
    PART_SUFFIX,
    beside,
    check_room,
    disk_errors,
    hold,
    sync_folder,
)


def stored(uri: str, found: os.stat_result, sha256: str = "") -> StoredFile:
    """A file on a disk as stores describe it."""
    return StoredFile(uri, found.st_size, _version(found), found.st_mtime, sha256)


class Replacement:
    """A new content on its way to a path.

    Attributes:
        descriptor: Where it is written.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._found = os.fstat(descriptor)

    def seal(self) -> None:
        """Bring it to the disk, with a time of our own: the kernel's may stand still meanwhile."""
        now = time.time_ns()
        os.utime(self.descriptor, ns=(now, now))
        os.fsync(self.descriptor)
        self._found = os.fstat(self.descriptor)

    def stored(self, uri: str, sha256: str) -> StoredFile:
        """What was written; whoever wrote after it does not change this."""
        return stored(uri, self._found, sha256)


@contextmanager
def replacing(
    uri: str, path: Path, num_bytes: int, if_version: str | None
) -> Iterator[Replacement]:
    """A new content to write; it takes the path's place when the context ends well.

    Args:
        uri: What the caller named the path.
        path: What is replaced; its folder is made.
        num_bytes: Size of the new content.
        if_version: As in `FileStore.write`.

    Raises:
        FileConflict: The condition does not hold.
        FilesFull: There is no room for it.
    """
    with disk_errors(path, "written", num_bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        with held(path) as descriptor:
            _check_version(uri, path, if_version)
            os.ftruncate(descriptor, 0)
            check_room(path, num_bytes)
            replacement = Replacement(descriptor)
            yield replacement
            replacement.seal()
            beside(path, PART_SUFFIX).replace(path)
            sync_folder(path.parent)


@contextmanager
def held(path: Path) -> Iterator[int]:
    """The lock of a path: an open file beside it, which a writer renames to it."""
    part = beside(path, PART_SUFFIX)
    descriptor = hold(part)
    try:
        beside(path, JOURNAL_SUFFIX).unlink(missing_ok=True)  # of a download that goes on no more
        try:
            yield descriptor
        finally:
            with suppress(FileNotFoundError):  # it is the next one's part, who may rename it now
                if os.path.samestat(part.stat(), os.fstat(descriptor)):
                    part.unlink()
    finally:
        os.close(descriptor)


def _version(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"


def _check_version(uri: str, path: Path, if_version: str | None) -> None:
    if if_version is None:
        return
    try:
        version = _version(path.stat())
    except FileNotFoundError:
        version = ABSENT
    if version != if_version:
        lies = f"version {version}" if version else "nothing"
        wanted = f"version {if_version}" if if_version else "nothing"
        raise FileConflict(
            f"{uri}: {lies} lies there, expected {wanted}; somebody else wrote first: read it "
            "again and decide anew."
        )
