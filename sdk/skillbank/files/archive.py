"""Unpack archives of data sets, which come from strangers.

What lies in an archive is data: regular files, folders, and links that stay inside. A member with
an absolute name or `..`, a device, a link that leads out, or more bytes than an archive of that
size can honestly hold, refuses the whole archive, and names the member.

An archive stands for the folder that it holds. Where everything lies in one top folder that bears
the archive's own name (`train.tar.gz` made by `tar czf train.tar.gz train`), that folder is it;
otherwise the folder that it was unpacked into is (`train.tar.gz` with `images/` and `labels.csv`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from skillbank.errors import FileDamaged, RequestInvalid
from skillbank.files.disk import disk_errors
from skillbank.files.members import ENDINGS, Member, MemberKind, read_members, telling_damage

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most.

    Attributes:
        ratio: Bytes unpacked for one byte packed; text and masks of one colour come to some 100,
            and gzip itself ends at 1,032.
        free_bytes: Bytes that are allowed at any ratio.
        num_members: Files, folders and links.
    """

    ratio: float = 200.0
    free_bytes: int = 1 << 30
    num_members: int = 20_000_000

    def total_bytes(self, packed_bytes: int) -> int:
        """Most bytes that an archive may unpack to."""
        return max(self.free_bytes, int(self.ratio * packed_bytes))


def is_archive(name: str) -> bool:
    """Tell whether a path or URI is that of an archive, by its name."""
    return name.lower().endswith(ENDINGS)


def stem_of(name: str) -> str:
    """File name of an archive without its ending: `train` of `train.tar.gz`."""
    ending = next((one for one in ENDINGS if name.lower().endswith(one)), "")
    return name[: len(name) - len(ending)] or name


def unpack(archive: Path, target: Path, limits: Limits | None = None) -> Path:
    """Unpack a `.tar`, `.tar.gz`, `.tgz` or `.zip` file into a folder, whole or not at all.

    Args:
        archive: The file.
        target: The folder; where it is there already, nothing is done.
        limits: What the archive may hold; None: the usual.

    Returns:
        The folder that the archive stands for: `target`, or the one folder in it that bears the
        archive's name.

    Raises:
        FileDamaged: It ends too early, or is no archive.
        RequestInvalid: A member is none that may be unpacked; names it.
        FilesFull: The disk is full.
    """
    if not target.is_dir():
        limits = limits or Limits()
        with disk_errors(target, "written", archive.stat().st_size):
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _Unpacking(archive, draft, limits).run()
            with disk_errors(target, "written"):
                draft.chmod(0o755)
                _place(draft, target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder_of(target, archive.name)


def folder_of(target: Path, name: str) -> Path:
    """The folder that an archive of this name stands for, which was unpacked into `target`."""
    inner = target / stem_of(name)
    is_alone = inner.is_dir() and not inner.is_symlink() and len(list(target.iterdir())) == 1
    return inner if is_alone else target


def _place(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():  # else somebody else unpacked the same meanwhile
            raise


class _Unpacking:
    def __init__(self, archive: Path, root: Path, limits: Limits) -> None:
        self._archive = archive
        self._root = root
        self._max_bytes = limits.total_bytes(archive.stat().st_size)
        self._limits = limits
        self._num_bytes = 0
        self._links: dict[str, Member] = {}
        self._files: set[str] = set()

    def run(self) -> None:
        for number, member in enumerate(read_members(self._archive), start=1):
            if number > self._limits.num_members:
                raise self._refuse(member, f"it holds more than {number - 1:,} members")
            path = self._path_of(member)
            if path is not None:
                with self._explaining(member):
                    self._unpack(member, path)
        # Last: nothing can be written through a link that is not there yet.
        for name, link in self._links.items():
            with self._explaining(link):
                self._make_link(name, link)

    def _unpack(self, member: Member, name: str) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match member.kind:
            case MemberKind.FOLDER:
                path.mkdir(exist_ok=True)
            case MemberKind.FILE:
                self._forget(name)
                with path.open("xb") as file, member.open() as source:
                    self._copy(member, source, file)
                self._files.add(name)
            case MemberKind.HARD_LINK:
                first = self._inside(member, member.target)
                if first not in self._files:
                    raise self._refuse(member, f"is a link to {first!r}, which is not before it")
                if first != name:
                    self._forget(name)
                    os.link(self._root / first, path)
                    self._files.add(name)
            case MemberKind.LINK:
                self._forget(name)
                self._links[name] = member

    def _forget(self, name: str) -> None:
        """A name that comes twice means its last member, as `tar --append` makes it."""
        self._links.pop(name, None)
        if name in self._files:
            self._files.remove(name)
            (self._root / name).unlink()

    def _copy(self, member: Member, source: IO[bytes], file: IO[bytes]) -> None:
        num_bytes = 0
        while block := source.read(_BLOCK_BYTES):
            num_bytes += len(block)
            self._num_bytes += len(block)
            if self._num_bytes > self._max_bytes:
                raise self._refuse(
                    member,
                    f"the archive unpacks to more than {self._max_bytes:,} bytes, too many for "
                    "its size",
                )
            file.write(block)
        if num_bytes != member.size_bytes:
            raise FileDamaged(
                f"{self._archive}: {member.name!r} ends after {num_bytes:,} of "
                f"{member.size_bytes:,} bytes; the archive was not copied whole: copy it again."
            )

    def _make_link(self, name: str, link: Member) -> None:
        if link.target.startswith("/"):
            raise self._refuse(link, f"is a link out of the archive, to {link.target!r}")
        self._inside(link, os.path.normpath(Path(name).parent / link.target))
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(link.target)
        # Links on the way may lead elsewhere than the names say.
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._root)):
            raise self._refuse(link, f"is a link out of the archive, to {link.target!r}")

    def _path_of(self, member: Member) -> str | None:
        """Path below the folder; None for the folder itself."""
        if member.kind is MemberKind.OTHER:
            raise self._refuse(member, "is no file, folder or link but a device or a pipe")
        inside = self._inside(member, member.name)
        return None if inside == "." else inside

    def _inside(self, member: Member, name: str) -> str:
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise self._refuse(member, f"leads out of the archive's folder ({name!r})")
        return os.path.normpath(name or ".")

    @contextmanager
    def _explaining(self, member: Member) -> Iterator[None]:
        try:
            with disk_errors(self._root, "written", member.size_bytes):
                try:
                    with telling_damage(self._archive):
                        yield
                except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                    raise self._refuse(
                        member,
                        "has the name of another member here (names that differ in case or accents "
                        "only are the same on some disks), or lies below one that is no folder",
                    ) from error
        except UnicodeEncodeError as error:
            raise self._refuse(member, "has a name that this machine cannot write") from error

    def _refuse(self, member: Member, why: str) -> RequestInvalid:
        return RequestInvalid(
            f"{self._archive}: the member {member.name!r} {why}. Nothing was unpacked; make the "
            "archive anew, or unpack it yourself and name the folder."
        )
