"""The space of a cache: who uses what, and what goes when it is too full."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from skillbank.files.disk import disk_errors, write_all
from skillbank.locks import is_locked, try_lock

FOLDERS = ("objects", "index", "trees", "coming", "locks", "users")
TREE_FILE = ".tree.json"
"""In every tree: what it is. Its time is that of the last use."""

_DRAFT = ".draft-"
_DEAD = ".dead-"
_ABANDONED_S = 7 * 24 * 3600.0
"""Age from which on a half-done download that nobody went on with is given up."""


class Users:
    """This process among the users of a cache: its trees, named in a file that it holds locked.

    Args:
        folder: The cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}-{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def claiming(self, tree_id: str) -> Iterator[None]:
        """Name a tree as used; inside, nothing is evicted, so that it can be looked for."""
        with _barrier(self._folder, fcntl.LOCK_SH), self._lock:
            # Its first byte ends a line that a full disk cut short.
            write_all(self._open(), f"\n{tree_id}\n".encode())
            yield

    @contextmanager
    def drafting(self) -> Iterator[Path]:
        """A folder to fill; what is left there in the end goes."""
        draft = self._folder / "trees" / f"{_DRAFT}{self._name}-{uuid.uuid4().hex}"
        with _barrier(self._folder, fcntl.LOCK_SH), self._lock:
            self._open()
            draft.mkdir()
        try:
            yield draft
        finally:
            if draft.exists():
                _remove(draft)

    def close(self) -> None:
        """Use nothing any more."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                self._path.unlink(missing_ok=True)
                os.close(descriptor)

    @property
    def _path(self) -> Path:
        return self._folder / "users" / self._name

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = try_lock(self._path)
            assert self._descriptor is not None, "nobody else has this name"
        return self._descriptor


@dataclass
class _Object:
    path: Path
    size_bytes: int
    num_links: int
    used_at: float


@dataclass
class _Tree:
    path: Path
    own_bytes: int
    used_at: float


class Space:
    """Keeps a cache below a size.

    Args:
        folder: The cache.
        max_bytes: The size; None: the disk is the limit.
    """

    def __init__(self, folder: Path, max_bytes: int | None) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def make_room(self, num_bytes: int) -> None:
        """Evict until so much more fits below the limit; what is in use stays."""
        if self._max_bytes is None or num_bytes == 0:
            return
        excess = self._total() + num_bytes - self._max_bytes
        if excess > 0:
            self.free(excess)

    def free(self, num_bytes: int) -> bool:
        """Evict what was not used for longest, at least so much where it is not in use.

        Returns:
            Whether anything went.
        """
        with disk_errors(self._folder, "written"), _barrier(self._folder, fcntl.LOCK_EX):
            freed = self._clear_away()
            objects = self._objects()
            removed: set[str] = set()
            for entry in self._candidates(objects):
                if freed >= num_bytes:
                    break
                freed += self._evict(entry, objects, removed)
            if removed:
                self._forget(removed)
        return freed > 0

    def _candidates(self, objects: dict[int, _Object]) -> list[_Tree | _Object]:
        in_use = self._in_use()
        trees = [tree for tree in self._trees() if tree.path.name not in in_use]
        orphans = [one for one in objects.values() if one.num_links == 1]
        return sorted([*trees, *orphans], key=lambda one: one.used_at)

    def _evict(self, entry: _Tree | _Object, objects: dict[int, _Object], removed: set[str]) -> int:
        if isinstance(entry, _Object):
            return self._evict_object(entry, removed)
        dead = entry.path.with_name(f"{_DEAD}{uuid.uuid4().hex}")
        entry.path.rename(dead)
        freed = entry.own_bytes
        for path in _files_below(dead):
            one = objects.get(path.lstat().st_ino)
            if one is not None:
                one.num_links -= 1
                if one.num_links == 1:
                    freed += self._evict_object(one, removed)
        _remove(dead)
        return freed

    def _evict_object(self, one: _Object, removed: set[str]) -> int:
        if one.path.name in removed:
            return 0
        one.path.unlink(missing_ok=True)
        removed.add(one.path.name)
        return one.size_bytes

    def _clear_away(self) -> int:
        """What the dead left: drafts, half-done downloads that nobody wants, names of users."""
        freed = 0
        for user in (self._folder / "users").iterdir():
            if not is_locked(user):
                user.unlink(missing_ok=True)
        alive = {user.name for user in (self._folder / "users").iterdir()}
        for path in (self._folder / "trees").iterdir():
            owner = path.name.removeprefix(_DRAFT).rpartition("-")[0]
            is_draft = path.name.startswith(_DRAFT)
            if path.name.startswith(_DEAD) or (is_draft and owner not in alive):
                _remove(path)
        for path in (self._folder / "coming").iterdir():
            stat = path.stat()
            if time.time() - stat.st_mtime > _ABANDONED_S:
                path.unlink(missing_ok=True)
                freed += stat.st_size
        return freed

    def _in_use(self) -> set[str]:
        used: set[str] = set()
        for user in (self._folder / "users").iterdir():
            with suppress(FileNotFoundError):
                used.update(user.read_text(encoding="ascii").split())
        return used

    def _total(self) -> int:
        with disk_errors(self._folder, "read"):
            objects = sum(one.size_bytes for one in self._objects().values())
            return objects + sum(tree.own_bytes for tree in self._trees())

    def _objects(self) -> dict[int, _Object]:
        """Objects by inode."""
        found: dict[int, _Object] = {}
        for folder in (self._folder / "objects").iterdir():
            for entry in os.scandir(folder):
                with suppress(FileNotFoundError):
                    # DirEntry.stat is kept from the listing; links to it may be newer.
                    stat = Path(entry.path).stat()
                    found[stat.st_ino] = _Object(
                        Path(entry.path), stat.st_size, stat.st_nlink, stat.st_mtime
                    )
        return found

    def _trees(self) -> list[_Tree]:
        found = []
        for path in (self._folder / "trees").iterdir():
            about = path / TREE_FILE
            if path.name.startswith("."):
                continue
            with suppress(FileNotFoundError):
                found.append(_Tree(path, _own_bytes(about), about.stat().st_mtime))
        return found

    def _forget(self, removed: set[str]) -> None:
        """Drop the names of contents that are gone."""
        for folder in (self._folder / "index").iterdir():
            for entry in folder.iterdir():
                with suppress(FileNotFoundError):
                    if entry.readlink().name in removed:
                        entry.unlink()


def _own_bytes(about: Path) -> int:
    try:
        num_bytes: int = json.loads(about.read_text(encoding="utf-8"))["own_bytes"]
    except (ValueError, KeyError, TypeError):
        return 0  # a crash of the machine cut it short
    return num_bytes


@contextmanager
def _barrier(folder: Path, mode: int) -> Iterator[None]:
    """Users share it for a moment; who evicts has it alone."""
    path = folder / "locks" / "evicting"
    with disk_errors(path, "written"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)


def _files_below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield Path(root, name)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
