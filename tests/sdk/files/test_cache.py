"""Files come to a machine once, whoever asks, and stay while somebody uses them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FileMissing, FilesFull, FilesUnavailable, RequestInvalid
from skillbank.files.cache import Cache
from skillbank.files.opening import Stores

TRAIN = "s3://data/set/train.npy"


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.write(TRAIN, b"train")
    return store


def cache_in(tmp_path: Path, store: MemoryStore, max_bytes: int | None = None) -> Cache:
    return Cache(tmp_path / "cache", store, max_bytes=max_bytes)  # type: ignore[arg-type]


def num_downloads(store: MemoryStore) -> int:
    return sum(method == "download" for method, _ in store.calls)


def objects(tmp_path: Path) -> list[bytes]:
    return sorted(
        p.read_bytes() for p in (tmp_path / "cache" / "objects").rglob("*") if p.is_file()
    )


def test_a_file_keeps_its_name_and_is_read_only(tmp_path: Path, store: MemoryStore) -> None:
    path = cache_in(tmp_path, store).fetch(TRAIN)

    assert path.name == "train.npy"
    assert path.read_bytes() == b"train"
    assert path.stat().st_mode & 0o777 == 0o444


def test_what_was_fetched_once_is_not_fetched_again_by_anybody(
    tmp_path: Path, store: MemoryStore
) -> None:
    first = cache_in(tmp_path, store).fetch(TRAIN)
    second = cache_in(tmp_path, store).fetch(TRAIN)

    assert first == second
    assert num_downloads(store) == 1


def test_a_new_version_is_fetched_and_the_old_one_stays_for_whom_it_was_fetched(
    tmp_path: Path, store: MemoryStore
) -> None:
    cache = cache_in(tmp_path, store)
    old = cache.fetch(TRAIN)
    store.write(TRAIN, b"newer")
    new = cache.fetch(TRAIN)

    assert (old.read_bytes(), new.read_bytes()) == (b"train", b"newer")


def test_equal_contents_lie_there_once(tmp_path: Path, store: MemoryStore) -> None:
    store.write("s3://other/copy.npy", b"train")
    cache = cache_in(tmp_path, store)

    assert cache.fetch(TRAIN).samefile(cache.fetch("s3://other/copy.npy"))


def test_of_many_threads_that_ask_at_once_one_fetches(tmp_path: Path, store: MemoryStore) -> None:
    begin = threading.Barrier(8)

    def ask(_: int) -> Path:
        cache = cache_in(tmp_path, store)
        begin.wait()
        return cache.fetch(TRAIN)

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(ask, range(8)))

    assert len(paths) == 1
    assert num_downloads(store) == 1


# Four processes that import the SDK: 1 s.
def test_of_many_processes_that_ask_at_once_one_fetches(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for index in range(30):
        (tmp_path / "data" / f"{index}.bin").write_bytes(bytes([index]) * 10_000)
    code = """
import sys
from pathlib import Path
from skillbank.files.cache import Cache
from skillbank.files.opening import Stores
came = []
cache = Cache(Path(sys.argv[1]), Stores(), progress=came.append)
folder = cache.fetch_folder(sys.argv[2])
print(sum(came), len(list(folder.iterdir())))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "cache"), f"file://{tmp_path}/data/"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    printed = [process.communicate(timeout=60)[0].split() for process in running]

    assert sum(int(num_bytes) for num_bytes, _ in printed) == 300_000
    assert {int(num_files) for _, num_files in printed} == {30}


def test_a_folder_keeps_its_relative_names_and_takes_what_is_wanted(
    tmp_path: Path, store: MemoryStore
) -> None:
    for name in ("a/1.png", "a/2.png", "b.csv"):
        store.write(f"s3://data/set2/{name}", name.encode())
    store.write("s3://data/set2/a/", b"")  # as consoles mark a folder
    cache = cache_in(tmp_path, store)

    whole = cache.fetch_folder("s3://data/set2")
    some = cache.fetch_folder("s3://data/set2/", lambda name: name.endswith("1.png"))

    assert whole.name == some.name == "set2"
    assert sorted(str(p.relative_to(whole)) for p in whole.rglob("*") if p.is_file()) == [
        "a/1.png", "a/2.png", "b.csv",
    ]  # fmt: skip
    assert [str(p.relative_to(some)) for p in some.rglob("*") if p.is_file()] == ["a/1.png"]
    assert num_downloads(store) == 3


def test_a_local_folder_with_odd_names_is_copied_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data" / "50% ü.txt").write_text("x")
    cache = Cache(tmp_path / "cache", Stores())

    by_uri = cache.fetch_folder(f"file://{tmp_path}/my%20data/")
    by_path = cache.fetch_folder(f"{tmp_path}/my data")

    assert by_uri == by_path
    assert [path.name for path in by_uri.iterdir()] == ["50% ü.txt"]


def test_names_that_leave_the_folder_or_clash_are_refused_together(
    tmp_path: Path, store: MemoryStore
) -> None:
    for name in ("../../etc/passwd", "a", "a/b", "x//y"):
        store.write(f"s3://data/bad/{name}", b"x")

    with pytest.raises(RequestInvalid, match=r"(?s)3 names.*etc/passwd.*'a \(a file.*x//y"):
        cache_in(tmp_path, store).fetch_folder("s3://data/bad")


def test_nothing_there_is_told(tmp_path: Path, store: MemoryStore) -> None:
    cache = cache_in(tmp_path, store)

    with pytest.raises(FileMissing, match="no such file"):
        cache.fetch("s3://data/none")
    with pytest.raises(FileMissing, match="no file lies there"):
        cache.fetch_folder("s3://data/none")
    with pytest.raises(FileMissing, match="of those that are wanted"):
        cache.fetch_folder("s3://data/set", lambda _: False)


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path, store: MemoryStore) -> None:
    for name in "abc":
        store.write(f"s3://data/{name}", name.encode() * 10)
    for name in "ab":
        cache = cache_in(tmp_path, store, 25)
        cache.fetch(f"s3://data/{name}")
        cache.close()
    _age(tmp_path, "b" * 10, 50)
    _age(tmp_path, "a" * 10, 100)
    again = cache_in(tmp_path, store, 25)
    again.fetch("s3://data/a")  # used again
    again.close()

    cache_in(tmp_path, store, 25).fetch("s3://data/c")

    assert objects(tmp_path) == [b"a" * 10, b"c" * 10]
    links = [p for p in (tmp_path / "cache" / "index").rglob("*") if p.is_symlink()]
    assert len(links) == 2


def _age(tmp_path: Path, content: str, seconds: int) -> None:
    """Make an object and its tree older."""
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file() and path.read_bytes() == content.encode():
            about = path.parent / ".tree.json"
            for one in (path, about):
                if one.exists():
                    found = one.stat()
                    os.utime(one, (found.st_atime, found.st_mtime - seconds))


def test_what_is_in_use_stays_beyond_the_limit(tmp_path: Path, store: MemoryStore) -> None:
    store.write("s3://data/big", b"b" * 100)
    user = cache_in(tmp_path, store, 50)
    used = user.fetch(TRAIN)
    other = cache_in(tmp_path, store, 50)
    big = other.fetch("s3://data/big")
    other.fetch(TRAIN)

    assert used.read_bytes() == b"train"
    assert big.exists()


def test_what_a_killed_process_used_may_go(tmp_path: Path, store: MemoryStore) -> None:
    user = cache_in(tmp_path, store, 8)
    used = user.fetch(TRAIN)
    os.close(user._users._descriptor)  # type: ignore[arg-type]  # the kernel does so at its end
    store.write("s3://data/other", b"other")

    cache_in(tmp_path, store, 8).fetch("s3://data/other")

    assert not used.exists()
    user._users._descriptor = None


def test_a_full_disk_is_freed_of_what_nobody_uses(tmp_path: Path, store: MemoryStore) -> None:
    old = cache_in(tmp_path, store)
    path = old.fetch(TRAIN)
    old.close()
    store.write("s3://data/other", b"other")

    def be_full(method: str, uri: str) -> None:
        del uri
        if method == "download" and path.exists():
            raise FilesFull("no room")

    store.before = be_full
    fetched = cache_in(tmp_path, store).fetch("s3://data/other")

    assert fetched.read_bytes() == b"other"
    assert not path.exists()


def test_a_disk_that_stays_full_is_told(tmp_path: Path, store: MemoryStore) -> None:
    def be_full(method: str, uri: str) -> None:
        del uri
        if method == "download":
            raise FilesFull("no room")

    store.before = be_full

    with pytest.raises(FilesFull):
        cache_in(tmp_path, store).fetch(TRAIN)


def test_a_failed_fetch_leaves_nothing_half_done_and_the_next_succeeds(
    tmp_path: Path, store: MemoryStore
) -> None:
    for index in range(5):
        store.write(f"s3://data/many/{index}", b"x")

    def fail_at_3(method: str, uri: str) -> None:
        if method == "download" and uri.endswith("3"):
            raise FilesUnavailable("gone")

    store.before = fail_at_3
    cache = cache_in(tmp_path, store)
    with pytest.raises(FilesUnavailable):
        cache.fetch_folder("s3://data/many")
    assert list((tmp_path / "cache" / "trees").iterdir()) == []

    store.mend()
    assert len(list(cache.fetch_folder("s3://data/many").iterdir())) == 5


def test_drafts_of_the_dead_are_cleared_away(tmp_path: Path, store: MemoryStore) -> None:
    cache = cache_in(tmp_path, store, 5)
    draft = tmp_path / "cache" / "trees" / ".draft-1234-dead-beef"
    draft.mkdir()
    (draft / "half").write_bytes(b"x")
    store.write("s3://data/other", b"other")

    cache.fetch(TRAIN)
    cache.fetch("s3://data/other")

    assert not draft.exists()


def test_an_archive_is_unpacked_once_for_its_content(tmp_path: Path, store: MemoryStore) -> None:
    path = tmp_path / "set.tar.gz"
    (tmp_path / "a.png").write_bytes(b"png")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "a.png", "set/images/a.png")
    store.write("s3://data/set.tar.gz", path.read_bytes())
    cache = cache_in(tmp_path, store)

    folder = cache.fetch_unpacked("s3://data/set.tar.gz")
    assert (folder.name, (folder / "images" / "a.png").read_bytes()) == ("set", b"png")
    marked = folder / "images" / "marked"
    marked.touch()
    assert cache.fetch_unpacked("s3://data/set.tar.gz") == folder
    assert cache.unpack_file(path).path == folder
    assert marked.exists()


def test_a_cache_without_hard_links_still_works(
    tmp_path: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "not here")

    monkeypatch.setattr(os, "link", refuse)

    assert cache_in(tmp_path, store).fetch(TRAIN).read_bytes() == b"train"
