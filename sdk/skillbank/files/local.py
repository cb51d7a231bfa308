"""Files on a disk of this machine, or on one that it has mounted."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple
from urllib.parse import quote, unquote

from skillbank.errors import FileConflict, FileMissing, FilesUnavailable, RequestInvalid
from skillbank.files.api import ABSENT, FileStore, Progress, StoredFile
from skillbank.files.disk import (
    BLOCK_BYTES,
    JOURNAL_SUFFIX,
    PART_SUFFIX,
    beside,
    check_room,
    disk_errors,
    is_companion,
    sync_folder,
    write_at,
)
from skillbank.files.partial import PartialFile, hold, open_partial

_SCHEME = "file://"
_PART_BYTES = 64 << 20
_TRIES = 5  # of a source that somebody rewrites meanwhile


class _Form(NamedTuple):
    """Whether a caller writes paths as `file://` URIs, with % for odd characters."""

    is_uri: bool

    def write(self, path: str) -> str:
        return _SCHEME + quote(path) if self.is_uri else path


class LocalStore(FileStore):
    """Files by path.

    Whoever writes, deletes or conditionally replaces a file holds a lock beside it, which the
    kernel frees when its holder ends. Nothing is retried: a disk either works or is broken.
    No digest is kept with a file, so `sha256` is empty but in what writes and downloads return.
    """

    def stat(self, uri: str) -> StoredFile | None:
        """What lies there; a link is what it leads to."""
        path, _ = _path_of(uri)
        with disk_errors(path, "read"):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return None if path.is_dir() else _stored(uri, found)

    def list(self, folder: str) -> Iterator[StoredFile]:
        """Every file below a folder, links followed; what is half written is left out."""
        root, form = _path_of(folder)
        if not root.is_dir():
            return
        with disk_errors(root, "read"):
            start = root.stat()
            for path, found in _walk(str(root), ((start.st_dev, start.st_ino),)):
                yield _stored(form.write(path), found)

    def read(self, uri: str, start: int = 0, num_bytes: int | None = None) -> bytes:
        """The bytes as they are at this moment."""
        path, _ = _path_of(uri)
        with _reading(uri, path) as descriptor, disk_errors(path, "read"):
            size = max(0, os.fstat(descriptor).st_size - start)
            wanted = size if num_bytes is None else min(num_bytes, size)
            content = bytearray()
            while len(content) < wanted:
                block = os.pread(descriptor, wanted - len(content), start + len(content))
                if not block:
                    break
                content += block
            return bytes(content)

    def write(self, uri: str, content: bytes, if_version: str | None = None) -> StoredFile:
        """Write beside the target, then rename."""
        path, _ = _path_of(uri)
        with _replacing(uri, path, len(content), if_version) as replacing:
            write_at(replacing.descriptor, memoryview(content), 0)
        return _stored(uri, replacing.found(), hashlib.sha256(content).hexdigest())

    def delete(self, uri: str) -> None:
        """Remove a file; a writer that holds it is waited for."""
        path, _ = _path_of(uri)
        if not path.exists() and not path.is_symlink():
            return
        with disk_errors(path, "deleted"), _held(path):
            path.unlink(missing_ok=True)

    def download(self, uri: str, target: Path, progress: Progress | None = None) -> StoredFile:
        """Copy a file; one that only grows meanwhile is copied as it was at the beginning."""
        path, _ = _path_of(uri)
        for _ in range(_TRIES):
            with _reading(uri, path) as descriptor:
                before = os.fstat(descriptor)
                file = _stored(uri, before)
                with open_partial(target, file, _PART_BYTES) as partial:
                    _copy(descriptor, path, partial, progress)
                    if _only_grew(before, os.fstat(descriptor)):
                        digest = partial.finish()
                        return _stored(uri, before, digest)
                    partial.discard()
        raise FilesUnavailable(
            f"{uri}: it was rewritten {_TRIES} times while it was copied; wait for its writer, "
            "or copy it once and name the copy."
        )

    def upload(
        self,
        source: Path,
        uri: str,
        if_version: str | None = None,
        progress: Progress | None = None,
    ) -> StoredFile:
        """Copy a file beside the target, then rename."""
        path, _ = _path_of(uri)
        with _reading(str(source), source) as descriptor:
            size = os.fstat(descriptor).st_size
            digest = hashlib.sha256()
            with _replacing(uri, path, size, if_version) as replacing:
                offset = 0
                while block := _read_block(descriptor, source, offset, size):
                    write_at(replacing.descriptor, memoryview(block), offset)
                    digest.update(block)
                    offset += len(block)
                    if progress:
                        progress(len(block))
                if offset < size:
                    raise FilesUnavailable(
                        f"{source}: it was cut short while it was uploaded; wait for its writer."
                    )
        return _stored(uri, replacing.found(), digest.hexdigest())


def _path_of(uri: str) -> tuple[Path, _Form]:
    is_uri = uri.startswith(_SCHEME)
    text = unquote(uri.removeprefix(_SCHEME)) if is_uri else uri
    if not text.startswith("/"):
        raise RequestInvalid(
            f"{uri}: depends on the folder that a process runs in; give the whole path, such as "
            "'/data/clips' or 'file:///data/clips'."
        )
    return Path(text), _Form(is_uri)


def _version(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"


def _stored(uri: str, found: os.stat_result, sha256: str = "") -> StoredFile:
    return StoredFile(uri, found.st_size, _version(found), found.st_mtime, sha256)


def _walk(
    folder: str, parents: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, os.stat_result]]:
    """Paths in the order of their bytes, since `a-b` stands before `a/b`."""
    with os.scandir(folder) as entries:
        kept = [entry for entry in entries if not is_companion(entry.name)]
    for entry in sorted(kept, key=lambda e: os.fsencode(e.name + "/" * e.is_dir())):
        try:
            found = entry.stat()
        except FileNotFoundError:
            continue  # removed meanwhile, or a link to nothing
        here = (found.st_dev, found.st_ino)
        if not entry.is_dir():
            yield entry.path, found
        elif here not in parents:  # a link to a folder above would never end
            yield from _walk(entry.path, (*parents, here))


@contextmanager
def _reading(uri: str, path: Path) -> Iterator[int]:
    with disk_errors(path, "read"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileMissing(f"{uri}: there is no such file.") from error
    try:
        if S_ISDIR(os.fstat(descriptor).st_mode):
            raise FileMissing(f"{uri}: is a folder; expected a file.")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """The lock of a path, which is also the file that is renamed to it."""
    part = beside(path, PART_SUFFIX)
    descriptor = hold(part)
    try:
        beside(path, JOURNAL_SUFFIX).unlink(missing_ok=True)  # of a download that goes on no more
        try:
            yield descriptor
        finally:
            if part.exists() and os.path.samestat(part.stat(), os.fstat(descriptor)):
                part.unlink()
    finally:
        os.close(descriptor)


class _Replacing:
    """A new content on its way to a path."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._found: os.stat_result | None = None

    def seal(self) -> None:
        """Bring it to the disk, with a time of our own: the kernel's may stand still meanwhile."""
        now = time.time_ns()
        os.utime(self.descriptor, ns=(now, now))
        os.fsync(self.descriptor)
        self._found = os.fstat(self.descriptor)

    def found(self) -> os.stat_result:
        """What was written; known after `seal`."""
        assert self._found is not None
        return self._found


@contextmanager
def _replacing(
    uri: str, path: Path, num_bytes: int, if_version: str | None
) -> Iterator[_Replacing]:
    """A new content to write; it takes the path's place at the end."""
    with disk_errors(path, "written", num_bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _held(path) as descriptor:
            _check_version(uri, path, if_version)
            os.ftruncate(descriptor, 0)
            check_room(path, num_bytes)
            replacing = _Replacing(descriptor)
            yield replacing
            replacing.seal()
            beside(path, PART_SUFFIX).replace(path)
            sync_folder(path.parent)


def _check_version(uri: str, path: Path, if_version: str | None) -> None:
    if if_version is None:
        return
    try:
        version = _version(path.stat())
    except FileNotFoundError:
        version = ABSENT
    if version != if_version:
        wanted = f"version {if_version}" if if_version else "nothing"
        raise FileConflict(
            f"{uri}: {'version ' + version if version else 'nothing'} lies there, expected "
            f"{wanted}; somebody else wrote first: read it again and decide anew."
        )


def _copy(descriptor: int, path: Path, partial: PartialFile, progress: Progress | None) -> None:
    for number in partial.missing:
        offset, end = partial.range_of(number)
        while offset < end:
            block = _read_block(descriptor, path, offset, end)
            if not block:
                return  # it was cut short, which its size tells
            partial.write(block, offset)
            offset += len(block)
            if progress:
                progress(len(block))
        partial.finish_part(number)


def _only_grew(before: os.stat_result, after: os.stat_result) -> bool:
    return _version(before) == _version(after) or before.st_size < after.st_size


def _read_block(descriptor: int, path: Path, offset: int, end: int) -> bytes:
    """The next bytes of an open file; none at the end, wherever that is by now."""
    with disk_errors(path, "read"):
        return os.pread(descriptor, min(BLOCK_BYTES, end - offset), offset)
