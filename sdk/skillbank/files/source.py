"""A local file that goes up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

from skillbank.errors import FileMissing, FilesUnavailable
from skillbank.files.disk import disk_errors, sha256_of


@dataclass(frozen=True)
class Source:
    """A file as long as it was when it was opened; made by `open_source`.

    Attributes:
        path: Where it lies.
        descriptor: It, opened for reading.
        found: What the disk said of it then.
    """

    path: Path
    descriptor: int
    found: os.stat_result

    @property
    def size_bytes(self) -> int:
        """How much of it counts."""
        return self.found.st_size

    def read(self, start: int, end: int) -> bytes:
        """Bytes of it, `end` not included.

        Raises:
            FilesUnavailable: It has become shorter.
        """
        content = bytearray()
        with disk_errors(self.path, "read"):
            while len(content) < end - start:
                block = os.pread(self.descriptor, end - start - len(content), start + len(content))
                if not block:
                    raise self._rewritten()
                content += block
        return bytes(content)

    def digest(self) -> str:
        """Its sha256."""
        with disk_errors(self.path, "read"):
            return sha256_of(self.descriptor, self.size_bytes)

    def check(self, digest: str) -> None:
        """Make sure that nothing but appending happened to it since it had this digest.

        Raises:
            FilesUnavailable: What counts of it was rewritten.
        """
        with disk_errors(self.path, "read"):
            now = os.fstat(self.descriptor)
        if now.st_mtime_ns != self.found.st_mtime_ns and self.digest() != digest:
            raise self._rewritten()

    def _rewritten(self) -> FilesUnavailable:
        return FilesUnavailable(
            f"{self.path}: it was rewritten while it was read; wait for its writer, then try again."
        )


@contextmanager
def open_source(path: Path, uri: str = "") -> Iterator[Source]:
    """A file, opened for reading.

    Args:
        path: Where it lies.
        uri: What the caller named it.

    Raises:
        FileMissing: There is none, or it is a folder.
    """
    with disk_errors(path, "read"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileMissing(f"{uri or path}: there is no such file.") from error
    try:
        found = os.fstat(descriptor)
        if S_ISDIR(found.st_mode):
            raise FileMissing(f"{uri or path}: is a folder; expected a file.")
        yield Source(path, descriptor, found)
    finally:
        os.close(descriptor)
