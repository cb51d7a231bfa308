"""What an archive holds, member by member, whatever its format; nothing is believed."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import IO, cast

from skillbank.errors import FileDamaged

ENDINGS = (".tar.gz", ".tgz", ".tar", ".zip")

_HEADER_BYTES = 64 << 20
"""Largest piece that a format may want in memory: a table of names, not a bomb."""

_LINK_BYTES = 4096
_BLOCK = 512
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile)


class MemberKind(Enum):
    """What a member is."""

    FILE = auto()
    FOLDER = auto()
    LINK = auto()
    HARD_LINK = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Member:
    """One member; its content can be read until the next is asked for.

    Attributes:
        name: As the archive has it.
        kind: What it is.
        size_bytes: What it is said to hold.
        target: Where a link points.
        open: Opens its content.
    """

    name: str
    kind: MemberKind
    size_bytes: int
    target: str
    open: Callable[[], IO[bytes]]


def read_members(archive: Path) -> Iterator[Member]:
    """Members in their order.

    Raises:
        FileDamaged: The file ends too early, is damaged, or is no archive of its ending.
    """
    reader = _read_zip if archive.name.lower().endswith(".zip") else _read_tar
    with telling_damage(archive):
        yield from reader(archive)


@contextmanager
def telling_damage(archive: Path) -> Iterator[None]:
    """Turn what the formats' readers raise into an error of ours.

    Raises:
        FileDamaged: The archive cannot be read.
    """
    try:
        yield
    except UnicodeError:
        raise
    except (*_BROKEN, NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        raise FileDamaged(
            f"{archive}: cannot be unpacked: {error or type(error).__name__}; expected a "
            f"{' or '.join(ENDINGS)} file that is whole and not encrypted. Copy or make it again."
        ) from error


class _Metered:
    """A file for tarfile that gives no huge piece at once, and knows how it ended."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.ends_in_zeros = False

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        content = self._file.read(size)
        if size == _BLOCK:
            self.ends_in_zeros = content == bytes(_BLOCK)
        return content

    def seek(self, position: int, whence: int = 0) -> int:
        return self._file.seek(position, whence)

    def tell(self) -> int:
        return self._file.tell()


def _read_tar(archive: Path) -> Iterator[Member]:
    is_packed = not archive.name.lower().endswith(".tar")
    with archive.open("rb") as raw:
        plain = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw
        metered = _Metered(plain)
        with tarfile.open(fileobj=cast("IO[bytes]", metered), mode="r:") as tar:
            for info in tar:
                yield _tar_member(tar, info)
                tar.members = []  # type: ignore[attr-defined]  # else it keeps every one
        # tarfile takes a header that is cut, or none of its own, for the end.
        if not metered.ends_in_zeros:
            raise tarfile.ReadError("it ends too early")
        while metered.read(_HEADER_BYTES):  # to where gzip keeps its checksum
            pass


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    kind = MemberKind.OTHER
    if info.isreg():
        kind = MemberKind.FILE
    elif info.isdir():
        kind = MemberKind.FOLDER
    elif info.issym():
        kind = MemberKind.LINK
    elif info.islnk():
        kind = MemberKind.HARD_LINK

    def open_it() -> IO[bytes]:
        content = tar.extractfile(info)
        if content is None:
            raise tarfile.ReadError(f"{info.name!r} cannot be read")
        return content

    size = info.size if kind is MemberKind.FILE else 0
    return Member(info.name, kind, size, info.linkname, open_it)


def _read_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            yield _zip_member(file, info)


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    name = info.filename.replace("\\", "/")  # as some programs on Windows write it
    if info.is_dir() or name.endswith("/"):
        kind = MemberKind.FOLDER
    elif stat.S_ISLNK(mode):
        kind = MemberKind.LINK
    elif stat.S_IFMT(mode) in {0, stat.S_IFREG}:
        kind = MemberKind.FILE
    else:
        kind = MemberKind.OTHER
    target = ""
    if kind is MemberKind.LINK:
        with file.open(info) as content:
            target = content.read(_LINK_BYTES).decode("utf-8", "surrogateescape")
    size = info.file_size if kind is MemberKind.FILE else 0
    return Member(name, kind, size, target, lambda: file.open(info))
