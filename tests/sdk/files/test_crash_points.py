"""A process dies, or the disk is full, at any step of the cache; later fetches give right bytes."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from skillbank.errors import FilesFull, FilesUnavailable
from skillbank.files import cache
from skillbank.files.api import StoredFile
from skillbank.files.cache import Cache
from skillbank.files.cache_space import Space
from skillbank.files.disk import JOURNAL_SUFFIX, beside
from skillbank.files.local import LocalStore
from skillbank.files.opening import Stores
from skillbank.files.partial import open_partial

_STEPS = (
    "open", "mkdir", "rename", "replace", "unlink", "link", "symlink", "chmod", "utime",
    "write", "pwrite", "ftruncate", "fsync", "fdatasync", "rmdir",
)  # fmt: skip
_NEEDS_ROOM = {"open", "mkdir", "rename", "replace", "link", "symlink", "write", "pwrite"}


STRIDE = 4
"""Here every fourth step; `tools/bench/crash_points.py` tries all."""


class Killed(BaseException):
    """What no handler catches."""


class Disk:
    """Counts what is asked of the disk below a folder; something happens at a chosen step."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        self._at = 0
        self._is_full = False
        self._is_dead = False
        self._folder = str(folder)
        for name in _STEPS:
            monkeypatch.setattr(os, name, self._watching(name, getattr(os, name)))
        monkeypatch.setattr(io, "open", self._watching("io.open", io.open))

    @contextmanager
    def failing(self, at: int, *, is_full: bool) -> Iterator[None]:
        """From step `at` on the process is dead, or the disk is full."""
        self.done, self._at, self._is_full = 0, at, is_full
        try:
            yield
        finally:
            self._at = 0

    def _watching(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **options: Any) -> Any:
            if self._concerns(given, options) and _changes(name, given):
                self._meet(name)
                if name in {"fsync", "fdatasync"}:
                    return None  # takes long, and no power is cut here
            return step(*given, **options)

        return watched

    def _meet(self, name: str) -> None:
        self.done += 1
        if not self._at or self.done < self._at:
            return
        if not self._is_full:
            raise Killed
        if name in _NEEDS_ROOM:
            raise OSError(errno.ENOSPC, "No space left on device")

    def _concerns(self, given: tuple[Any, ...], options: dict[str, Any]) -> bool:
        descriptor = options.get("dir_fd") or given[0]
        if isinstance(descriptor, int):
            return str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(self._folder)
        return any(str(one).startswith(self._folder) for one in given)


def _changes(name: str, given: tuple[Any, ...]) -> bool:
    if name == "open":
        return bool(given[1] & os.O_CREAT) and not os.path.lexists(given[0])
    return name != "io.open" or (len(given) > 1 and given[1] != "r" and "r" not in given[1])


class Place:
    """Files, and a cache of them that holds some already, which have to go."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.data = folder / "data"
        self.contents = {"a.bin": b"a" * 50, "set/1": b"1" * 40, "set/2/\u00e9": b"2", "set/3": b""}
        for name, content in {**self.contents, "old": b"o" * 100}.items():
            path = self.data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with tarfile.open(self.data / "poses.tar", "w") as tar:
            tar.add(self.data / "set", "images")

    def fill(self) -> None:
        """What somebody used before."""
        user = self.open()
        user.fetch(str(self.data / "old"))
        user.close()

    def use(self) -> None:
        """Fetch all in one process; its end frees what it held, however it ends."""
        user = self.open()
        try:
            self._use(user)
        finally:
            if user._users._descriptor is not None:
                os.close(user._users._descriptor)  # as the kernel does
                user._users._descriptor = None

    def _use(self, user: Cache) -> None:
        path = user.fetch(str(self.data / "a.bin"))
        folder = user.fetch_folder(str(self.data / "set"))
        images = user.fetch_unpacked(str(self.data / "poses.tar")) / "images"
        assert path.read_bytes() == self.contents["a.bin"]
        for name in ("1", "2/\u00e9", "3"):
            content = self.contents[f"set/{name}"]
            assert (folder / name).read_bytes() == (images / name).read_bytes() == content

    def open(self) -> Cache:
        return Cache(self.cache, Stores(), max_bytes=150)


def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """What watches the disk below a folder, on which one thing happens after the other."""
    monkeypatch.setattr(cache, "_THREADS", 1)
    monkeypatch.setattr(cache, "sync_disk", lambda _: None)  # takes long, and no power is cut here
    return Disk(folder / "cache", monkeypatch)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return watched(tmp_path, monkeypatch)


def steps_of(place: Place, disk: Disk) -> int:
    """How many steps there are."""
    place.fill()
    with disk.failing(0, is_full=False):
        place.use()
        return disk.done


# 60 deaths: 2 s.
def test_a_death_at_any_step_leaves_a_cache_that_gives_the_right_bytes(
    tmp_path: Path, disk: Disk
) -> None:
    place = Place(tmp_path)
    number = steps_of(place, disk)
    assert number > 100
    for at in range(1, number, STRIDE):
        shutil.rmtree(place.cache)
        place.fill()
        with pytest.raises(Killed), disk.failing(at, is_full=False):
            place.use()

        place.use()
        place.use()

        Space(place.cache, 0).free(10**9)
        left = [p for p in place.cache.rglob("*") if p.is_file() and p.parent.name != "locks"]
        assert left == [], at


# 60 full disks: 2 s.
def test_a_disk_that_is_full_from_any_step_on_is_told_and_harms_nothing(
    tmp_path: Path, disk: Disk
) -> None:
    place = Place(tmp_path)
    number = steps_of(place, disk)
    for at in range(2, number, STRIDE):
        shutil.rmtree(place.cache)
        place.fill()
        with suppress(FilesFull), disk.failing(at, is_full=True):
            place.use()  # right, or refused
        place.use()


def test_a_line_that_a_full_disk_cut_short_spoils_no_other(tmp_path: Path) -> None:
    """What is used is named in lines, and so are the parts of a download that are there."""
    place = Place(tmp_path)
    user = place.open()
    path = user.fetch(str(place.data / "old"))
    with user._users._path.open("a") as names:
        names.write("0123")
    used = user.fetch(str(place.data / "a.bin"))
    Space(place.cache, 0).free(10**9)
    assert (path.exists(), used.exists()) == (True, True)

    target = tmp_path / "here" / "a.bin"
    file = StoredFile("s3://data/a.bin", 150, "1")
    with open_partial(target, file, part_bytes=10) as partial:
        for part in range(15):
            partial.write(b"x" * 10, part * 10)
        partial.finish_part(2)
    journal = beside(target, JOURNAL_SUFFIX)
    journal.write_text(journal.read_text() + "\n1")  # of 12
    with open_partial(target, file, part_bytes=10) as partial:
        assert partial.missing == [0, 1, *range(3, 15)]
        partial.finish_part(3)
    with open_partial(target, file, part_bytes=10) as partial:
        assert partial.missing == [0, 1, *range(4, 15)]


def test_a_content_that_was_cut_short_is_brought_anew(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.use()
    for kept in (place.cache / "objects").rglob("*"):
        if kept.is_file() and kept.stat().st_size:
            kept.chmod(0o644)
            os.truncate(kept, 1)
            kept.chmod(0o444)
    shutil.rmtree(place.cache / "trees")
    (place.cache / "trees").mkdir()

    place.use()


def test_a_description_that_a_crash_of_the_machine_emptied_keeps_nothing_from_going(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    place.use()
    for about in (place.cache / "trees").glob("*/.tree.json"):
        about.write_bytes(b"")
    place.use()

    Space(place.cache, 0).free(10**9)

    assert list((place.cache / "trees").iterdir()) == []


def test_what_is_unpacked_is_on_the_disk_before_its_name_tells_that_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    synced: list[list[Path]] = []
    whole = "trees/[!.]*"
    monkeypatch.setattr(cache, "sync_disk", lambda _: synced.append([*place.cache.glob(whole)]))
    folder = place.open().fetch_unpacked(str(place.data / "poses.tar"))

    assert len(synced) == 1
    assert folder.parent not in synced[0]


def test_a_source_that_changes_twice_within_one_tick_of_the_disk_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skillbank.files.disk.TICK_S", 60.0)  # whatever this process is kept from
    source = tmp_path / "a.bin"
    source.write_bytes(b"first")
    now_ns = time.time_ns()
    os.utime(source, ns=(now_ns, now_ns))
    user = Cache(tmp_path / "cache", Stores())
    assert user.fetch(str(source)).read_bytes() == b"first"

    source.write_bytes(b"other")  # in place, and as long as before
    os.utime(source, ns=(now_ns, now_ns))

    assert user.fetch(str(source)).read_bytes() == b"other"


def test_a_file_that_changes_within_a_tick_while_it_goes_up_is_not_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skillbank.files.disk.TICK_S", 60.0)
    source = tmp_path / "a.bin"
    size = 3 << 20
    source.write_bytes(b"1" * size)
    now_ns = time.time_ns()
    os.utime(source, ns=(now_ns, now_ns))

    def change(_: int) -> None:
        source.write_bytes(b"2" * size)
        os.utime(source, ns=(now_ns, now_ns))

    with pytest.raises(FilesUnavailable, match="rewritten while it was read"):
        LocalStore().upload(source, str(tmp_path / "there"), progress=change)
    assert not (tmp_path / "there").exists()
