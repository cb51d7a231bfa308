"""Files on a disk of this machine, or on one that it has mounted."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from skillbank.errors import FilesUnavailable, RequestInvalid
from skillbank.files.api import FileStore, Progress, StoredFile
from skillbank.files.disk import (
    BLOCK_BYTES,
    PART_SUFFIX,
    discard_abandoned,
    disk_errors,
    is_companion,
    write_at,
)
from skillbank.files.partial import PartialFile, open_partial
from skillbank.files.replacing import held, replacing, stored
from skillbank.files.source import Source, open_source
from skillbank.files.telling import Telling

_SCHEME = "file://"
_PART_BYTES = 64 << 20
_TRIES = 5  # of a source that somebody rewrites meanwhile


class LocalStore(FileStore):
    """Files by path, with or without `file://` before it; names are taken as they are written.

    Whoever writes, deletes or conditionally replaces a file holds a lock beside it, which the
    kernel frees when its holder ends. Nothing is retried: a disk either works or is broken.
    No digest is kept with a file, so `sha256` is empty but in what writes and downloads return.

    Args:
        part_bytes: How much of a download is brought to the disk at once; after an end in the
            middle it goes on from there.
    """

    def __init__(self, part_bytes: int = _PART_BYTES) -> None:
        self._part_bytes = part_bytes

    def stat(self, uri: str) -> StoredFile | None:
        """What lies there; a link is what it leads to."""
        path = _path_of(uri)
        with disk_errors(path, "read"):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return None if path.is_dir() else stored(uri, found)

    def list(self, folder: str) -> Iterator[StoredFile]:
        """Every file below a folder, links followed; what is half written is left out."""
        root, scheme = _path_of(folder), _SCHEME * folder.startswith(_SCHEME)
        if not root.is_dir():
            return
        with disk_errors(root, "read"):
            start = root.stat()
            for path, found in _walk(str(root), ((start.st_dev, start.st_ino),)):
                yield stored(scheme + path, found)

    def read(self, uri: str, start: int = 0, num_bytes: int | None = None) -> bytes:
        """The bytes as they are at this moment."""
        path = _path_of(uri)
        with open_source(path, uri) as source:
            end = source.size_bytes if num_bytes is None else start + num_bytes
            return source.read(min(start, source.size_bytes), min(end, source.size_bytes))

    def write(self, uri: str, content: bytes, if_version: str | None = None) -> StoredFile:
        """Write beside the target, then rename."""
        path = _path_of(uri)
        with replacing(uri, path, len(content), if_version) as replacement:
            write_at(replacement.descriptor, memoryview(content), 0)
        return replacement.stored(uri, hashlib.sha256(content).hexdigest())

    def delete(self, uri: str) -> None:
        """Remove a file; a writer that holds it is waited for."""
        path = _path_of(uri)
        if not os.path.lexists(path):
            return
        with disk_errors(path, "deleted"), held(path):
            path.unlink(missing_ok=True)

    def download(self, uri: str, target: Path, progress: Progress | None = None) -> StoredFile:
        """Copy a file; one that only grows meanwhile is copied as it was at the beginning."""
        telling = Telling(progress)
        for _ in range(_TRIES - 1):
            try:
                return self._download_once(uri, target, telling)
            except FilesUnavailable:
                telling.take_back()
        return self._download_once(uri, target, telling)

    def upload(
        self,
        source: Path,
        uri: str,
        if_version: str | None = None,
        progress: Progress | None = None,
    ) -> StoredFile:
        """Copy a file beside the target, then rename."""
        path = _path_of(uri)
        digest = hashlib.sha256()
        with (
            open_source(source) as opened,
            replacing(uri, path, opened.size_bytes, if_version) as replacement,
        ):
            for offset in range(0, opened.size_bytes, BLOCK_BYTES):
                block = opened.read(offset, min(offset + BLOCK_BYTES, opened.size_bytes))
                write_at(replacement.descriptor, memoryview(block), offset)
                digest.update(block)
                if progress:
                    progress(len(block))
            opened.check(digest.hexdigest())
        return replacement.stored(uri, digest.hexdigest())

    def clean(self, folder: str, older_than_s: float = 86_400.0) -> int:
        """Remove companions of files that nobody writes any more."""
        root = _path_of(folder)
        newest = time.time() - older_than_s
        parts = root.rglob(f".*{PART_SUFFIX}")
        with disk_errors(root, "cleaned"):
            return sum(discard_abandoned(part, newest) for part in parts)

    def _download_once(self, uri: str, target: Path, telling: Telling) -> StoredFile:
        path = _path_of(uri)
        with open_source(path, uri) as source:
            file = stored(uri, source.found)
            with open_partial(target, file, self._part_bytes) as partial:
                try:
                    _copy(source, partial, telling)
                    source.check(partial.digest())
                except FilesUnavailable:
                    partial.discard()
                    raise
                return stored(uri, source.found, partial.finish())


def _path_of(uri: str) -> Path:
    path = uri.removeprefix(_SCHEME)
    if not path.startswith("/"):
        raise RequestInvalid(
            f"{uri}: depends on the folder that a process runs in; give the whole path, such as "
            "'/data/clips' or 'file:///data/clips'."
        )
    return Path(path)


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


def _copy(source: Source, partial: PartialFile, telling: Telling) -> None:
    telling(partial.num_there_bytes)
    for number in partial.missing:
        start, end = partial.range_of(number)
        for offset in range(start, end, BLOCK_BYTES):
            block = source.read(offset, min(offset + BLOCK_BYTES, end))
            partial.write(block, offset)
            telling(len(block))
        partial.finish_part(number)
