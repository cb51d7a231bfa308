"""The suite that every store of files must pass."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from skillbank.errors import FileConflict, FileMissing
from skillbank.files.api import ABSENT, FileStore
from skillbank.testing.files_transfers import TransfersContract, at_once

ODD_NAMES = (
    "with space.txt",
    "über/größe.txt",
    "数据/文件.npy",
    "100%/a%20b.txt",
    "a+b=c&d,e;f.txt",
    'it\'s "quoted" (1)[2]{3}.txt',
    "question?fragment#tag.txt",
    ".hidden/.file",
    "x" * 200,
)


class FilesContract(TransfersContract):
    """Behaviour that callers may rely on, wherever the files are.

    A subclass gives a `store` and a `folder`: the URI of one that is empty and is the test's own.
    """

    def test_where_nothing_lies_there_is_nothing(
        self, store: FileStore, folder: str, tmp_path: Path
    ) -> None:
        """Asking is no error; reading is one."""
        uri = f"{folder}/none.txt"

        assert store.stat(uri) is None
        assert list(store.list(f"{folder}/none")) == []
        store.delete(uri)
        with pytest.raises(FileMissing, match=r"none\.txt"):
            store.read(uri)
        with pytest.raises(FileMissing, match=r"none\.txt"):
            store.read(uri, 3, 4)
        with pytest.raises(FileMissing, match=r"none\.txt"):
            store.download(uri, tmp_path / "here")
        assert list(tmp_path.iterdir()) == []

    def test_what_was_written_is_there(self, store: FileStore, folder: str) -> None:
        """Content, size, version and digest."""
        uri = f"{folder}/deep/er/file.txt"

        written = store.write(uri, b"content")

        found = store.stat(uri)
        assert store.read(uri) == b"content"
        assert found is not None
        assert (found.uri, found.size_bytes, found.version) == (uri, 7, written.version)
        assert written.sha256 == hashlib.sha256(b"content").hexdigest()
        assert found.sha256 in ("", written.sha256)
        assert found.modified_at > 0

    @pytest.mark.parametrize(
        ("start", "num_bytes", "expected"),
        [
            (0, 3, b"012"),
            (4, 3, b"456"),
            (4, None, b"456789"),
            (8, 9, b"89"),
            (10, None, b""),
            (99, 1, b""),
            (2, 0, b""),
        ],
    )
    def test_a_part_can_be_read(
        self, store: FileStore, folder: str, start: int, num_bytes: int | None, expected: bytes
    ) -> None:
        """Less comes where the file ends before."""
        store.write(f"{folder}/digits", b"0123456789")

        assert store.read(f"{folder}/digits", start, num_bytes) == expected

    def test_a_write_replaces_all_of_a_file(self, store: FileStore, folder: str) -> None:
        """Nothing of a longer one stays, and the version is another."""
        first = store.write(f"{folder}/file", b"a long content")

        second = store.write(f"{folder}/file", b"short")

        assert store.read(f"{folder}/file") == b"short"
        assert first.version != second.version

    def test_a_folder_is_no_file(self, store: FileStore, folder: str) -> None:
        """Nor is the beginning of a name a folder."""
        store.write(f"{folder}/sub/file", b"")
        store.write(f"{folder}/subway/file", b"")

        assert store.stat(f"{folder}/sub") is None
        assert store.stat(f"{folder}/sub/") is None
        listed = [[f.uri for f in store.list(f"{folder}/sub{end}")] for end in ("", "/")]
        assert listed == [[f"{folder}/sub/file"]] * 2

    def test_a_folder_is_listed_in_the_order_of_its_names(
        self, store: FileStore, folder: str
    ) -> None:
        """At any depth, with sizes and versions."""
        names = ["b", "a/b/c", "a/b-c", "a-b", "a.b", "a0", "A", "z/z/z"]
        written = {f"{folder}/{name}": store.write(f"{folder}/{name}", b"1") for name in names}

        listed = list(store.list(folder))

        assert [found.uri for found in listed] == sorted(written)
        assert [found.size_bytes for found in listed] == [1] * len(names)
        assert [found.version for found in listed] == [written[f.uri].version for f in listed]

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_stay_as_they_are(
        self, store: FileStore, folder: str, tmp_path: Path, name: str
    ) -> None:
        """Neither decoded nor encoded."""
        content = name.encode()

        store.write(f"{folder}/{name}", content)

        assert [found.uri for found in store.list(folder)] == [f"{folder}/{name}"]
        assert store.read(f"{folder}/{name}") == content
        store.download(f"{folder}/{name}", tmp_path / "here")
        assert (tmp_path / "here").read_bytes() == content
        store.delete(f"{folder}/{name}")
        assert store.stat(f"{folder}/{name}") is None

    def test_a_doubled_slash_leads_to_what_was_written_under_it(
        self, store: FileStore, folder: str
    ) -> None:
        """Whether or not the store takes it for another name, what it lists can be read."""
        store.write(f"{folder}/a//b", b"1")

        assert store.read(f"{folder}/a//b") == b"1"
        assert [store.read(found.uri) for found in store.list(folder)] == [b"1"]

    def test_an_empty_file_is_a_file(self, store: FileStore, folder: str, tmp_path: Path) -> None:
        """Written or uploaded, listed and downloaded."""
        (tmp_path / "empty").touch()

        store.write(f"{folder}/a", b"")
        store.upload(tmp_path / "empty", f"{folder}/b")
        fetched = store.download(f"{folder}/a", tmp_path / "here")

        assert [found.size_bytes for found in store.list(folder)] == [0, 0]
        assert (store.read(f"{folder}/b"), store.read(f"{folder}/b", 1, 2)) == (b"", b"")
        assert (tmp_path / "here").read_bytes() == b""
        assert fetched.sha256 == hashlib.sha256(b"").hexdigest()

    def test_what_was_deleted_is_gone(self, store: FileStore, folder: str) -> None:
        """Deleting once more changes nothing."""
        store.write(f"{folder}/a", b"1")
        store.write(f"{folder}/b", b"2")

        store.delete(f"{folder}/a")
        store.delete(f"{folder}/a")

        assert [found.uri for found in store.list(folder)] == [f"{folder}/b"]

    def test_a_folder_that_can_be_listed_is_reachable(self, store: FileStore, folder: str) -> None:
        """Also before anything lies there."""
        store.is_reachable(folder)
        store.write(f"{folder}/a", b"")
        store.is_reachable(folder)

    def test_only_the_first_writes_where_nothing_may_lie(
        self, store: FileStore, folder: str
    ) -> None:
        """The second is told, and changes nothing."""
        store.write(f"{folder}/lease", b"first", if_version=ABSENT)

        with pytest.raises(FileConflict, match="lease"):
            store.write(f"{folder}/lease", b"second", if_version=ABSENT)

        assert store.read(f"{folder}/lease") == b"first"

    def test_a_version_is_replaced_once(self, store: FileStore, folder: str) -> None:
        """Whoever read it before somebody else wrote is told so, and so where it is gone."""
        first = store.write(f"{folder}/lease", b"first")
        second = store.write(f"{folder}/lease", b"second", if_version=first.version)

        with pytest.raises(FileConflict, match="lease"):
            store.write(f"{folder}/lease", b"third", if_version=first.version)
        assert store.read(f"{folder}/lease") == b"second"

        store.delete(f"{folder}/lease")
        with pytest.raises(FileConflict, match="lease"):
            store.write(f"{folder}/lease", b"fourth", if_version=second.version)
        assert store.stat(f"{folder}/lease") is None

    def test_of_sixteen_who_write_at_once_one_wins(self, store: FileStore, folder: str) -> None:
        """And it is that one's content that lies there."""

        def write(number: int) -> bool:
            try:
                store.write(f"{folder}/lease", f"writer {number}".encode(), if_version=ABSENT)
            except FileConflict:
                return False
            return True

        won = at_once(write, range(16))

        assert won.count(True) == 1
        assert store.read(f"{folder}/lease") == f"writer {won.index(True)}".encode()

    def test_no_update_is_lost_among_eight_writers(self, store: FileStore, folder: str) -> None:
        """Each reads, adds its name and writes only over what it read, until that holds."""
        store.write(f"{folder}/names", b"")

        def add(number: int) -> None:
            while True:
                found = store.stat(f"{folder}/names")
                assert found is not None
                names = store.read(f"{folder}/names")
                try:
                    store.write(f"{folder}/names", names + b"%d\n" % number, found.version)
                except FileConflict:
                    continue
                return

        at_once(add, range(8))

        assert sorted(store.read(f"{folder}/names").split()) == [b"%d" % n for n in range(8)]

    def test_a_reader_sees_one_whole_content(self, store: FileStore, folder: str) -> None:
        """However often it is replaced meanwhile."""
        contents = [bytes([letter]) * 200_000 for letter in b"ab"]
        store.write(f"{folder}/file", contents[0])
        ended = threading.Event()

        def replace() -> None:
            for number in range(12):
                store.write(f"{folder}/file", contents[number % 2])
            ended.set()

        writer = threading.Thread(target=replace)
        writer.start()
        seen = {store.read(f"{folder}/file")}
        while not ended.is_set():
            seen.add(store.read(f"{folder}/file"))
        writer.join()

        assert seen <= set(contents)
