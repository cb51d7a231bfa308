from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skillbank.errors import FileConflict, FileMissing, FilesRefused, RequestInvalid
from skillbank.files.api import ABSENT
from skillbank.files.local import LocalStore
from skillbank.testing import FilesContract


class TestLocalStore(FilesContract):
    @pytest.fixture
    def store(self) -> LocalStore:
        return LocalStore(part_bytes=1 << 20)

    @pytest.fixture(params=["path", "URI"])
    def folder(self, tmp_path_factory: pytest.TempPathFactory, request) -> str:
        folder = tmp_path_factory.mktemp("store")
        return str(folder) if request.param == "path" else folder.as_uri()


def _count_up(path: str) -> None:
    store = LocalStore()
    for _ in range(10):
        while True:
            found = store.stat(path)
            assert found is not None
            number = int(store.read(path))
            try:
                store.write(path, str(number + 1).encode(), found.version)
            except FileConflict:
                continue
            break


def _take(path: str) -> bool:
    try:
        LocalStore().write(path, b"mine", ABSENT)
    except FileConflict:
        return False
    return True


def test_no_update_is_lost_among_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "count")
    LocalStore().write(path, b"0")

    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.map(_count_up, [path] * 4)

    assert LocalStore().read(path) == b"40"
    assert [found.name for found in tmp_path.iterdir()] == ["count"]


def test_of_many_processes_one_takes_a_lease(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        won = pool.map(_take, [str(tmp_path / "lease")] * 16, chunksize=1)

    assert won.count(True) == 1


def test_a_writer_that_is_killed_leaves_no_lock_and_no_half(tmp_path: Path) -> None:
    """Its half-written file is taken over by the next writer."""
    code = """
import sys, os
from pathlib import Path
from skillbank.files.local import LocalStore
def die(_): os.kill(os.getpid(), 9)
LocalStore().upload(Path(sys.argv[1]), sys.argv[2], progress=die)
"""
    (tmp_path / "source").write_bytes(bytes(3 << 20))
    store = LocalStore()
    target = str(tmp_path / "store" / "file")
    store.write(target, b"earlier")
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "source"), target], check=False)

    assert store.read(target) == b"earlier"
    assert [found.uri for found in store.list(str(tmp_path / "store"))] == [target]
    assert len(list((tmp_path / "store").iterdir())) == 2
    store.write(target, b"later")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["file"]


def test_what_killed_writers_left_is_cleaned_unless_somebody_holds_it(tmp_path: Path) -> None:
    store = LocalStore()
    (tmp_path / "sub").mkdir()
    left = tmp_path / "sub" / ".file.skillbank-part"
    left.write_bytes(b"half")
    (tmp_path / "sub" / ".file.skillbank-parts").write_text("{}\n")
    (tmp_path / "sub" / "file").write_bytes(b"whole")

    assert store.clean(str(tmp_path)) == 0  # it may be a writer's that is alive
    os.utime(left, (time.time() - 90_000, time.time() - 90_000))
    assert store.clean(str(tmp_path)) == 1

    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["file"]


def test_links_are_followed_and_lead_nowhere_twice(tmp_path: Path) -> None:
    """A folder of links to data is data; one that leads to itself ends."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"1")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "data")
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "broken").symlink_to(tmp_path / "none")

    listed = [found.uri for found in LocalStore().list(str(tmp_path / "set"))]

    assert listed == [str(tmp_path / "set" / "linked" / "a")]


def test_a_folder_is_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="is a folder; expected a file"):
        LocalStore().download(str(tmp_path), tmp_path / "here")


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="data/clips: depends on the folder"):
        LocalStore().stat("data/clips")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(FilesRefused, match=r"cannot be written.*ls -ld"):
        LocalStore().write(str(tmp_path / "file"), b"")


def test_a_file_system_without_writing_is_told() -> None:
    with pytest.raises(FilesRefused, match=r"/proc/1/file: cannot be written|ls -ld"):
        LocalStore().write("/sys/kernel/file", b"")
