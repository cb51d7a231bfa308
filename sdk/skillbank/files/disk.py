"""The local disk: whole files or none, and what it says when it is full."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skillbank.errors import FilesError, FilesFull, FilesRefused

BLOCK_BYTES = 1 << 20
PART_SUFFIX = ".skillbank-part"
"""End of the names of files that are not whole yet; no store lists them."""
JOURNAL_SUFFIX = ".skillbank-parts"
"""End of the names of files that tell what of a half-done download is there."""

_BUFFER_BYTES = 256 << 10  # fits into a cache of the processor
_NAME_BYTES = 200  # of 255, which leaves room for a dot and a suffix
TICK_S = 0.1
"""Files that change twice within it may bear one time; disks count in steps of 10 ms and less."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def beside(path: Path, suffix: str) -> Path:
    """Hidden companion of a file, in its folder."""
    name = path.name
    if len(os.fsencode(name)) > _NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return path.with_name(f".{name}{suffix}")


def is_companion(name: str) -> bool:
    """Tell whether a file name is one that `beside` makes."""
    return name.startswith(".") and name.endswith((PART_SUFFIX, JOURNAL_SUFFIX))


@contextmanager
def disk_errors(path: Path, verb: str, num_bytes: int = 0) -> Iterator[None]:
    """Turn what the disk refuses into errors of ours.

    Args:
        path: What is worked on.
        verb: What is done to it: `read` or `written`.
        num_bytes: What it needs in all.

    Raises:
        FilesFull: There is no room.
        FilesRefused: The permissions do not allow it.
        FilesError: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(path, num_bytes) from error
        why = error.strerror or type(error).__name__
        if error.errno in _REFUSED:
            raise FilesRefused(
                f"{path}: cannot be {verb}: {why}; check its permissions with "
                f"'ls -ld {path.parent}'."
            ) from error
        raise FilesError(f"{path}: cannot be {verb}: {why}.") from error


def is_young(modified_at: float, seen_at: float) -> bool:
    """Whether a file was so new when it was seen that it may change and keep its time.

    Both times are in seconds since the epoch.
    """
    return abs(seen_at - modified_at) < TICK_S


def check_room(path: Path, num_bytes: int) -> None:
    """Make sure, before anything is moved, that a file of this size can lie at a path.

    Raises:
        FilesFull: The disk has less room.
    """
    with disk_errors(path, "written", num_bytes):
        disk = os.statvfs(path.parent)
    if num_bytes > disk.f_bavail * disk.f_frsize:
        raise _full(path, num_bytes)


def hold(path: Path) -> int:
    """Open a file for writing and lock it, waiting for whoever else has it.

    Its holder may have renamed or removed it by then: in that case the next one is made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def discard_abandoned(part: Path, newest: float) -> bool:
    """Remove a half-written file, and its journal, if nobody holds it; False: it stays.

    Args:
        part: A path that `beside` made, with PART_SUFFIX.
        newest: One that was written after this time stays.
    """
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        is_abandoned = found.st_mtime <= newest and os.path.samestat(found, part.stat())
        if is_abandoned:
            journal = part.name.removesuffix(PART_SUFFIX) + JOURNAL_SUFFIX
            part.with_name(journal).unlink(missing_ok=True)
            part.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)
    return is_abandoned


def write_at(descriptor: int, content: memoryview, offset: int) -> None:
    """Write all of it at an offset, however little the disk takes at once."""
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it where the file stands, however little the disk takes at once."""
    while content:
        content = content[os.write(descriptor, content) :]


def sync_folder(folder: Path) -> None:
    """Make sure that what was renamed in a folder outlives a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_disk(folder: Path) -> None:
    """Bring all that was written to the disk of a folder there, at once for any number of files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


def blocks_of(descriptor: int, start: int, end: int) -> Iterator[memoryview]:
    """Bytes of an open file, `end` not included; each block is good until the next is taken.

    One buffer serves for all: fresh memory for each takes longer than the reading.
    """
    buffer = memoryview(bytearray(min(_BUFFER_BYTES, max(0, end - start))))
    while start < end:
        num_read = os.preadv(descriptor, [buffer[: end - start]], start)
        if not num_read:
            return
        yield buffer[:num_read]
        start += num_read


def sha256_of(descriptor: int, num_bytes: int) -> str:
    """Digest of the first bytes of an open file; of fewer where it ends before."""
    digest = hashlib.sha256()
    for block in blocks_of(descriptor, 0, num_bytes):
        digest.update(block)
    return digest.hexdigest()


def _full(path: Path, num_bytes: int) -> FilesFull:
    try:
        disk = os.statvfs(path.parent)
        free = f"{disk.f_bavail * disk.f_frsize:,} bytes are free"
    except OSError:
        free = "no room is left"
    return FilesFull(
        f"{path}: the disk is full: {free}, {num_bytes:,} are needed; make room "
        f"('df -h {path.parent}' shows the disk) and try again."
    )
