"""A local file that goes up."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

from skillbank.errors import FileMissing, FilesUnavailable
from skillbank.files.disk import blocks_of, disk_errors, is_young, sha256_of


class SourceRewritten(FilesUnavailable):
    """A file changed while it was read, in more than by appending."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file holds.

    Attributes:
        sha256: Digest of all of it.
        crc32s: Checksum of each part.
    """

    sha256: str
    crc32s: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """A file as long as it was when it was opened; made by `open_source`.

    Attributes:
        path: Where it lies.
        descriptor: It, opened for reading.
        found: What the disk said of it then.
        opened_at: When that was, in seconds since the epoch.
    """

    path: Path
    descriptor: int
    found: os.stat_result
    opened_at: float

    @property
    def size_bytes(self) -> int:
        """How much of it counts."""
        return self.found.st_size

    def read(self, start: int, end: int) -> bytes:
        """Bytes of it, `end` not included.

        Raises:
            SourceRewritten: It has become shorter.
        """
        with disk_errors(self.path, "read"):
            content = os.pread(self.descriptor, end - start, start)  # in one piece, nearly always
            while len(content) < end - start:
                more = os.pread(self.descriptor, end - start - len(content), start + len(content))
                if not more:
                    raise self._rewritten()
                content += more
        return content

    def digest(self) -> str:
        """Its sha256."""
        with disk_errors(self.path, "read"):
            return sha256_of(self.descriptor, self.size_bytes)

    def crc32(self, start: int, end: int) -> int:
        """Checksum of bytes of it."""
        checksum = 0
        with disk_errors(self.path, "read"):
            for block in blocks_of(self.descriptor, start, end):
                checksum = zlib.crc32(block, checksum)
        return checksum

    def fingerprint(self, part_bytes: int) -> Fingerprint:
        """Digest of all and checksums of its parts, by two threads: neither needs the other."""
        starts = range(0, self.size_bytes, part_bytes)
        ends = (min(start + part_bytes, self.size_bytes) for start in starts)
        with ThreadPoolExecutor(1, "skillbank-crc") as pool:
            crc32s = pool.map(self.crc32, starts, ends)
            return Fingerprint(self.digest(), tuple(crc32s))

    def check(self, digest: str) -> None:
        """Make sure that nothing but appending happened to it since it had this digest.

        Raises:
            SourceRewritten: What counts of it was rewritten.
        """
        if self._is_touched() and self.digest() != digest:
            raise self._rewritten()

    def check_part(self, start: int, end: int, crc32: int) -> None:
        """The same for some bytes of it, by their checksum.

        Raises:
            SourceRewritten: They were rewritten.
        """
        if self._is_touched() and self.crc32(start, end) != crc32:
            raise self._rewritten()

    def _is_touched(self) -> bool:
        if is_young(self.found.st_mtime, self.opened_at):
            return True  # its time may have stayed as it was
        with disk_errors(self.path, "read"):
            return os.fstat(self.descriptor).st_mtime_ns != self.found.st_mtime_ns

    def _rewritten(self) -> SourceRewritten:
        return SourceRewritten(
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
        yield Source(path, descriptor, found, time.time())
    finally:
        os.close(descriptor)
