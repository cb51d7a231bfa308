"""The part of the suite of stores that moves files up and down."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from skillbank.errors import FileConflict, FileDamaged, FileMissing, FilesError
from skillbank.files.api import ABSENT, FileStore

Done = TypeVar("Done")


class Interrupted(Exception):
    """A listener to progress had enough."""


class TransfersContract:
    """What callers may rely on when files go up and down; a part of `FilesContract`."""

    @pytest.fixture
    def part_bytes(self) -> int:
        """Size above which the store divides a transfer."""
        return 1 << 20

    @pytest.fixture
    def tamper(self) -> Callable[[str], None] | None:
        """Damages a file and leaves its recorded digest; None where no digest is recorded."""
        return None

    @pytest.mark.parametrize("size", ["less", "one", "more", "two", "three and a byte"])
    def test_a_file_goes_up_and_down_whole(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int, size: str
    ) -> None:
        """Of any size around the parts of a transfer; the listener hears of every byte once."""
        sizes = {
            "less": part_bytes - 1,
            "one": part_bytes,
            "more": part_bytes + 1,
            "two": 2 * part_bytes,
            "three and a byte": 3 * part_bytes + 1,
        }
        content = make_content(sizes[size])
        (tmp_path / "source").write_bytes(content)
        up: list[int] = []
        down: list[int] = []

        written = store.upload(tmp_path / "source", f"{folder}/file", progress=up.append)
        fetched = store.download(f"{folder}/file", tmp_path / "sub" / "here", down.append)

        digest = hashlib.sha256(content).hexdigest()
        assert (tmp_path / "sub" / "here").read_bytes() == content
        assert (written.sha256, fetched.sha256) == (digest, digest)
        assert (written.size_bytes, written.version) == (len(content), fetched.version)
        assert (sum(up), sum(down)) == (len(content), len(content))

    def test_a_download_leaves_nothing_beside_its_target(
        self, store: FileStore, folder: str, tmp_path: Path
    ) -> None:
        """And takes the place of what lay there."""
        (tmp_path / "here").write_bytes(b"an old one, longer")
        store.write(f"{folder}/file", b"new")

        store.download(f"{folder}/file", tmp_path / "here")

        assert [path.name for path in tmp_path.iterdir()] == ["here"]
        assert (tmp_path / "here").read_bytes() == b"new"

    def test_a_missing_source_is_told(self, store: FileStore, folder: str, tmp_path: Path) -> None:
        """With its path; nothing lies there after it."""
        with pytest.raises(FileMissing, match="none"):
            store.upload(tmp_path / "none", f"{folder}/file")

        assert store.stat(f"{folder}/file") is None

    def test_large_uploads_hold_their_condition(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """Absent, then over the version that was read, and never otherwise."""
        first, second = make_content(part_bytes + 1), make_content(part_bytes + 2)
        (tmp_path / "first").write_bytes(first)
        (tmp_path / "second").write_bytes(second)

        written = store.upload(tmp_path / "first", f"{folder}/file", if_version=ABSENT)
        with pytest.raises(FileConflict, match="file"):
            store.upload(tmp_path / "second", f"{folder}/file", if_version=ABSENT)
        assert store.read(f"{folder}/file") == first
        store.upload(tmp_path / "second", f"{folder}/file", if_version=written.version)
        with pytest.raises(FileConflict, match="file"):
            store.upload(tmp_path / "first", f"{folder}/file", if_version=written.version)
        assert store.read(f"{folder}/file") == second

    def test_of_four_large_uploads_at_once_one_wins(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """Its bytes lie there, of no other."""
        contents = [bytes([number]) * (part_bytes + 1) for number in range(4)]
        for number, content in enumerate(contents):
            (tmp_path / str(number)).write_bytes(content)

        def upload(number: int) -> bool:
            try:
                store.upload(tmp_path / str(number), f"{folder}/file", if_version=ABSENT)
            except FileConflict:
                return False
            return True

        won = at_once(upload, range(4))

        assert won.count(True) == 1
        assert store.read(f"{folder}/file") == contents[won.index(True)]

    def test_a_source_that_grows_goes_up_as_it_was(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """A log goes up while it is written."""
        content = make_content(2 * part_bytes)
        source = tmp_path / "log.txt"
        source.write_bytes(content)

        def append(_: int) -> None:
            with source.open("ab") as log:
                log.write(b"another line\n")

        written = store.upload(source, f"{folder}/log.txt", progress=append)

        assert store.read(f"{folder}/log.txt") == content
        assert written.sha256 == hashlib.sha256(content).hexdigest()

    def test_a_source_that_is_rewritten_does_not_go_up_torn(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """It says so; what lay there stays."""
        store.write(f"{folder}/file", b"earlier")
        source = tmp_path / "source"
        source.write_bytes(bytes(3 * part_bytes))

        def rewrite(_: int) -> None:
            with source.open("r+b") as file:
                file.write(make_content(3 * part_bytes))

        with pytest.raises(FilesError, match="rewritten"):
            store.upload(source, f"{folder}/file", progress=rewrite)

        assert store.read(f"{folder}/file") == b"earlier"

    def test_a_download_goes_on_where_it_was_interrupted(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """Nothing appears before it is whole; what had arrived does not come again."""
        content = self._put(store, folder, 6 * part_bytes)
        target = tmp_path / "here"
        self._interrupt(store, folder, target, 4 * part_bytes)
        assert not target.exists()
        told: list[int] = []

        store.download(f"{folder}/file", target, told.append)

        assert target.read_bytes() == content
        assert sum(told) == len(content)
        assert told[0] >= part_bytes
        assert [path.name for path in tmp_path.iterdir()] == ["here"]

    def test_a_download_starts_anew_where_the_file_has_changed(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """Bytes of two versions never meet."""
        self._put(store, folder, 6 * part_bytes)
        self._interrupt(store, folder, tmp_path / "here", 4 * part_bytes)
        content = self._put(store, folder, 6 * part_bytes, seed=1)

        store.download(f"{folder}/file", tmp_path / "here")

        assert (tmp_path / "here").read_bytes() == content

    def test_a_file_that_is_replaced_meanwhile_arrives_whole(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """As it was before or as it is after; the version says which."""
        before = self._put(store, folder, 4 * part_bytes)
        after: dict[str, bytes] = {}
        once = threading.Lock()

        def replace(_: int) -> None:
            if once.acquire(blocking=False):
                after["content"] = self._put(store, folder, 3 * part_bytes, seed=1)

        fetched = store.download(f"{folder}/file", tmp_path / "here", replace)

        now = store.stat(f"{folder}/file")
        assert now is not None
        expected = after["content"] if fetched.version == now.version else before
        assert (tmp_path / "here").read_bytes() == expected

    def test_damaged_bytes_do_not_arrive(
        self,
        store: FileStore,
        folder: str,
        tmp_path: Path,
        tamper: Callable[[str], None] | None,
    ) -> None:
        """Whoever asked is told, and no half of them is left."""
        if tamper is None:
            pytest.skip("it records no digests")
        store.write(f"{folder}/file", b"0123456789")
        tamper(f"{folder}/file")

        with pytest.raises(FileDamaged, match="file"):
            store.download(f"{folder}/file", tmp_path / "here")
        with pytest.raises(FileDamaged, match="file"):
            store.read(f"{folder}/file")

        assert list(tmp_path.iterdir()) == []

    def test_several_may_download_to_one_path(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """Each sees it whole."""
        content = self._put(store, folder, 2 * part_bytes + 1)

        fetched = at_once(lambda _: store.download(f"{folder}/file", tmp_path / "here"), range(4))

        assert (tmp_path / "here").read_bytes() == content
        assert len(set(fetched)) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["here"]

    def test_an_interrupted_upload_leaves_what_lay_there(
        self, store: FileStore, folder: str, tmp_path: Path, part_bytes: int
    ) -> None:
        """And nothing that a list shows."""
        store.write(f"{folder}/file", b"earlier")
        (tmp_path / "source").write_bytes(make_content(4 * part_bytes))

        with pytest.raises(Interrupted):
            store.upload(
                tmp_path / "source", f"{folder}/file", progress=_interrupt_after(part_bytes)
            )

        assert store.read(f"{folder}/file") == b"earlier"
        assert [found.uri for found in store.list(folder)] == [f"{folder}/file"]

    def _put(self, store: FileStore, folder: str, size_bytes: int, seed: int = 0) -> bytes:
        content = make_content(size_bytes, seed)
        store.write(f"{folder}/file", content)
        return content

    def _interrupt(self, store: FileStore, folder: str, target: Path, num_bytes: int) -> None:
        with pytest.raises(Interrupted):
            store.download(f"{folder}/file", target, _interrupt_after(num_bytes))


def make_content(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that differ from part to part and from seed to seed, and are the same every time."""
    block = b"".join(hashlib.sha256(b"%d %d" % (seed, number)).digest() for number in range(1021))
    return (block * (size_bytes // len(block) + 1))[:size_bytes]


def at_once(work: Callable[[int], Done], numbers: Sequence[int]) -> list[Done]:
    """What a work comes to for each number, all begun at the same moment."""
    barrier = threading.Barrier(len(numbers))

    def begin(number: int) -> Done:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(begin, numbers))


def _interrupt_after(num_bytes: int) -> Callable[[int], None]:
    total = 0

    def listen(moved: int) -> None:
        nonlocal total
        total += moved
        if total >= num_bytes:
            raise Interrupted

    return listen
