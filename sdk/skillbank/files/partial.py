"""A download that can go on: the bytes beside the target, and a journal of which are there."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skillbank.errors import FileDamaged
from skillbank.files.api import StoredFile
from skillbank.files.disk import (
    JOURNAL_SUFFIX,
    PART_SUFFIX,
    beside,
    blocks_of,
    check_room,
    disk_errors,
    hold,
    write_at,
)

_END = ";"
"""Closes the number of a part; one without it was cut short by a full disk or a crash."""


class PartialFile:
    """The bytes of one file that have arrived so far; made by `open_partial`.

    Attributes:
        missing: Numbers of the parts that are still to come, ascending.
    """

    def __init__(self, target: Path, file: StoredFile, part_bytes: int, descriptor: int) -> None:
        self._target = target
        self._file = file
        self._descriptor = descriptor
        self._journal = beside(target, JOURNAL_SUFFIX)
        self._part_bytes, done = self._resume(part_bytes)
        count = -(-file.size_bytes // self._part_bytes)
        self.missing = [number for number in range(count) if number not in done]
        self._done = done
        self._digest = hashlib.sha256()
        self._num_hashed = 0
        self._hashing = threading.Lock()

    def range_of(self, number: int) -> tuple[int, int]:
        """First byte of a part, and the one after its last."""
        start = number * self._part_bytes
        return start, min(start + self._part_bytes, self._file.size_bytes)

    @property
    def num_there_bytes(self) -> int:
        """How much need not come any more."""
        spans = map(self.range_of, self._done)
        return sum(end - start for start, end in spans)

    def write(self, content: bytes, offset: int) -> None:
        """Keep bytes that arrived.

        Raises:
            FilesFull: The disk is full; what is there stays, and the download can go on later.
        """
        with disk_errors(self._target, "written", self._file.size_bytes):
            write_at(self._descriptor, memoryview(content), offset)

    def finish_part(self, number: int) -> None:
        """Note that a part is whole; hashes what is there from the beginning, if nobody does."""
        with disk_errors(self._target, "written", self._file.size_bytes):
            os.fdatasync(self._descriptor)  # the journal must not know more than the disk
            with self._journal.open("ab") as journal:
                journal.write(f"\n{number}{_END}\n".encode())
        self._done.add(number)
        if self._hashing.acquire(blocking=False):
            try:
                self._hash_what_is_there()
            finally:
                self._hashing.release()

    def digest(self) -> str:
        """The sha256 of all of it, once every part is there."""
        with self._hashing:
            self._hash_what_is_there()
        return self._digest.hexdigest()

    def finish(self) -> str:
        """Let the whole file appear under its name; its sha256.

        Raises:
            FileDamaged: It is not what was recorded; nothing of it is left.
        """
        found = self.digest()
        part = beside(self._target, PART_SUFFIX)
        if self._file.sha256 and found != self._file.sha256:
            self.discard()
            raise FileDamaged(
                f"{self._file.uri}: what arrived has the sha256 {found}, {self._file.sha256} was "
                "recorded with it; it was damaged where it lies, or is not what was uploaded: "
                "upload it again."
            )
        with disk_errors(self._target, "written", self._file.size_bytes):
            os.fsync(self._descriptor)
            self._journal.unlink(missing_ok=True)  # first: without a journal nothing goes on
            part.replace(self._target)
        return found

    def discard(self) -> None:
        """Forget what arrived."""
        with disk_errors(self._target, "written"):
            self._journal.unlink(missing_ok=True)
            beside(self._target, PART_SUFFIX).unlink(missing_ok=True)

    def _resume(self, part_bytes: int) -> tuple[int, set[int]]:
        """Size of parts and those that are there, of an earlier download of the same version."""
        size = self._file.size_bytes
        found = self._read_journal() if os.fstat(self._descriptor).st_size == size else None
        if found is not None:
            return found
        header = {**self._origin(), "part_bytes": part_bytes}
        with disk_errors(self._target, "written", size):
            os.ftruncate(self._descriptor, 0)
            check_room(self._target, size)
            self._journal.write_text(json.dumps(header) + "\n", encoding="utf-8")
            os.ftruncate(self._descriptor, size)
        return part_bytes, set()

    def _read_journal(self) -> tuple[int, set[int]] | None:
        try:
            first, *lines = self._journal.read_text(encoding="utf-8").splitlines()
            header = json.loads(first)
            part_bytes = int(header.pop("part_bytes"))
            done = {int(line.removesuffix(_END)) for line in lines if line.endswith(_END)}
        except (OSError, ValueError, KeyError, AttributeError):
            return None  # never begun, or cut by a crash
        return (part_bytes, done) if header == self._origin() else None

    def _origin(self) -> dict[str, str | int]:
        """What a half-done download must have been begun from to go on."""
        return {
            "uri": self._file.uri,
            "version": self._file.version,
            "size_bytes": self._file.size_bytes,
            "sha256": self._file.sha256,
        }

    def _hash_what_is_there(self) -> None:
        while self._num_hashed in self._done:
            for block in blocks_of(self._descriptor, *self.range_of(self._num_hashed)):
                self._digest.update(block)
            self._num_hashed += 1


@contextmanager
def open_partial(target: Path, file: StoredFile, part_bytes: int) -> Iterator[PartialFile]:
    """What is there of a download to `target`, held against other downloads to the same path.

    Args:
        target: Where the whole file shall lie.
        file: What is downloaded.
        part_bytes: Size of parts, where nothing is there yet.

    Raises:
        FilesFull: The disk has no room for it.
    """
    with disk_errors(target, "written", file.size_bytes):
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = hold(beside(target, PART_SUFFIX))
    try:
        yield PartialFile(target, file, part_bytes, descriptor)
    finally:
        os.close(descriptor)
