"""Which object holds a file of the job, and how it gets there so that no stale writer spoils it.

A holder of the lease that was overtaken may still have a write under way, for any time. So:

- an object is made where nothing lies (a write on the condition that it is absent), and written
  over only on the condition that it still is what this holder, or one that surely stopped, made;
- large files, `artefacts.json` and what it names are never written over: a changed one goes into a
  new object, and the old one goes when the manifest no longer names it;
- what an overtaken holder might still write over, the next one puts into objects of its own.

So files bear their own names at the results URI, but for those and what was rewritten after a
takeover, which lie below `objects/`. The manifest knows; nobody else needs to.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from skillbank.errors import FileConflict, FilesRefused, FilesUnavailable, LeaseLost
from skillbank.files.api import ABSENT, FileStore, StoredFile
from skillbank.staging.collecting import Found, shown
from skillbank.staging.lease import Lease
from skillbank.staging.manifest import ManifestEntry

LARGE_BYTES = 8 * 2**20
"""From here on a file goes by the lane of large ones, and is not written over."""

REPLACED = "objects"
"""Folder of objects that do not bear the name of their file."""

_Put = Callable[[str, str], StoredFile]


class Shipper:
    """Puts files of the job's folder into objects at the results URI; from any thread.

    Args:
        uri: The job's results URI.
        store: Where that is.
        lease: Held by this process.
    """

    def __init__(self, uri: str, store: FileStore, lease: Lease) -> None:
        self._uri = uri
        self._store = store
        self._lease = lease
        self._lock = threading.Lock()
        self._spent: set[str] = set()
        self._begun: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self.is_given_up = False

    def require_sure(self) -> None:
        """Make sure that this process may write now.

        Raises:
            LeaseLost: It never may again.
            FilesUnavailable: Its lease could not be renewed for a while; later it may.
        """
        if self.is_given_up:
            raise LeaseLost(f"{self._uri}: the results of this job are written by somebody else.")
        if not self._lease.is_sure:
            raise FilesUnavailable(
                f"{self._uri}: nobody could say for a while whose results these are; waiting until "
                "the place answers again."
            )

    def retire(self, key: str) -> None:
        """Never again use a key whose object was, or will be, deleted."""
        with self._lock:
            self._spent.add(key)

    def is_exposed(self, entry: ManifestEntry) -> bool:
        """Whether an overtaken holder might still change the object that holds a file."""
        return not (entry.link or entry.is_frozen) and entry.fence < self._lease.clean_since

    def ship(
        self, found: Found, entry: ManifestEntry | None, source: Path, *, is_recorded: bool
    ) -> ManifestEntry:
        """Bring a file as it is now; where it already lies there, nothing goes over.

        Args:
            found: The file.
            entry: What lies at the results URI under its path.
            source: Where it is read.
            is_recorded: The records tell its digest, so each content is an object of its own.

        Raises:
            FilesError: It did not arrive.
            OSError: It is gone, or cannot be read.
        """
        if not found.has_plain_name:
            raise FilesRefused(f"{shown(found.path)}: its name is no UTF-8 text; rename the file.")
        if entry is not None and not self.is_exposed(entry) and _is_same(source, entry):
            return entry
        is_large = entry.is_frozen if entry is not None else found.size_bytes >= LARGE_BYTES
        is_frozen = is_recorded or is_large

        def put(uri: str, version: str) -> StoredFile:
            return self._store.upload(source, uri, version, self._watch)

        def is_there(seen: StoredFile) -> bool:
            return seen.size_bytes == source.stat().st_size and (
                self._digest_of(seen) == _digest(source)
            )

        return self._place(found.path, entry, is_frozen=is_frozen, put=put, is_there=is_there)

    def ship_bytes(self, path: str, content: bytes, entry: ManifestEntry | None) -> ManifestEntry:
        """Bring a small file that was read before, each content into an object of its own.

        So it is seen together with what the same manifest says of other files, never before.

        Raises:
            FilesError: It did not arrive.
        """
        digest = hashlib.sha256(content).hexdigest()
        if entry is not None and not self.is_exposed(entry) and entry.sha256 == digest:
            return entry
        return self._place(
            path,
            entry,
            is_frozen=True,
            put=lambda uri, version: self._store.write(uri, content, version),
            is_there=lambda seen: self._digest_of(seen) == digest,
        )

    def _place(
        self,
        path: str,
        entry: ManifestEntry | None,
        *,
        is_frozen: bool,
        put: _Put,
        is_there: Callable[[StoredFile], bool],
    ) -> ManifestEntry:
        self.require_sure()
        fence = self._lease.fence
        if entry is not None and not is_frozen and self._may_write_over(entry):
            key = entry.key or path
            stored = self._write_over(key, entry.version, put, is_there)
            return _entry(stored, path, key, fence, is_frozen=False)
        if entry is None and path not in self._spent:
            try:
                return _entry(put(self._at(path), ABSENT), path, path, fence, is_frozen=is_frozen)
            except FileConflict:
                seen = self._store.stat(self._at(path))
                was_overtaken = self._lease.clean_since > 1
                if seen is not None and is_there(seen) and (is_frozen or not was_overtaken):
                    made_by = 0 if was_overtaken else fence
                    seen = replace(seen, sha256=self._digest_of(seen))
                    return _entry(seen, path, path, made_by, is_frozen=is_frozen)
        # Where the answer to an earlier try was lost, it may lie there already.
        key = self._begun.setdefault(path, f"{REPLACED}/{fence}.{next(self._numbers)}/{path}")
        stored = self._write_over(key, ABSENT, put, is_there)
        del self._begun[path]
        return _entry(stored, path, key, fence, is_frozen=is_frozen)

    def _may_write_over(self, entry: ManifestEntry) -> bool:
        return not (entry.link or entry.is_frozen) and entry.fence >= self._lease.clean_since

    def _write_over(
        self, key: str, version: str, put: _Put, is_there: Callable[[StoredFile], bool]
    ) -> StoredFile:
        """Make or replace an object that nobody but this holder writes."""
        try:
            return put(self._at(key), version)
        except FileConflict:
            # An earlier write of ours arrived although its answer did not.
            self.require_sure()
            seen = self._store.stat(self._at(key))
            if seen is not None and is_there(seen):
                return replace(seen, sha256=self._digest_of(seen))
            return put(self._at(key), ABSENT if seen is None else seen.version)

    def _watch(self, num_bytes: int) -> None:
        """Stop in the middle when the results are somebody else's."""
        del num_bytes
        if self.is_given_up:
            raise LeaseLost(f"{self._uri}: the results of this job are written by somebody else.")

    def _digest_of(self, seen: StoredFile) -> str:
        if seen.sha256 or seen.size_bytes >= LARGE_BYTES:
            return seen.sha256
        return hashlib.sha256(self._store.read(seen.uri)).hexdigest()

    def _at(self, key: str) -> str:
        return f"{self._uri}/{key}"


def _entry(
    stored: StoredFile, path: str, key: str, fence: int, *, is_frozen: bool
) -> ManifestEntry:
    return ManifestEntry(
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        version=stored.version,
        key="" if key == path else key,
        fence=fence,
        is_frozen=is_frozen,
    )


def _is_same(source: Path, entry: ManifestEntry) -> bool:
    return (
        not entry.link
        and source.stat().st_size == entry.size_bytes
        and _digest(source) == entry.sha256
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
