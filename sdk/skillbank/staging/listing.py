"""The manifest at a job's results URI, as its one writer keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pydantic import ValidationError

from skillbank.errors import FileConflict, FileDamaged, FileMissing, LeaseLost
from skillbank.files.api import ABSENT, FileStore, StoredFile
from skillbank.staging.collecting import RESULTS
from skillbank.staging.lease import Lease
from skillbank.staging.manifest import MANIFEST_NAME, Manifest, ManifestEntry
from skillbank.staging.shipping import REPLACED, Shipper

_SHARE = 0.1
"""Part of the time that may go into writing the manifest of a job with very many files."""

_DELETED_AT_ONCE = 50


class Listing:
    """What the manifest shall say, and what it said last.

    Args:
        uri: The job's results URI.
        store: Where that is.
        lease: Held by this process.
        attempt: Number of the attempt that runs.
        ship: Told which keys are not to be used again.
    """

    def __init__(
        self, uri: str, store: FileStore, lease: Lease, attempt: int, ship: Shipper
    ) -> None:
        self.files: dict[str, ManifestEntry] = {}
        self.is_open = False
        self._uri = uri
        self._where = f"{uri}/{MANIFEST_NAME}"
        self._store = store
        self._lease = lease
        self.attempt = attempt
        self._ship = ship
        self._trash: list[str] = []
        self._saved: Manifest | None = None
        self._version = ABSENT
        self._not_before = float("-inf")
        self._has_swept = False

    def open(self) -> None:
        """Read what earlier holders left; what this one brought meanwhile stays.

        Raises:
            LeaseLost: A newer holder has written it.
            FilesError: It cannot be read.
        """
        seen = self._store.stat(self._where)
        found = None if seen is None else self._read()
        if found is not None and found.fence > self._lease.fence:
            raise self._overtaken(found)
        own = {k: one for k, one in self.files.items() if one.fence == self._lease.fence}
        self.files = own if found is None else {**found.files, **own}
        named = {entry.key or path for path, entry in self.files.items()}
        earlier = [] if found is None else found.trash
        self._trash = [*earlier, *(k for k in self._trash if k not in {*earlier, *named})]
        if not self._has_swept:
            self._trash += [key for key in self._strays() if key not in self._trash]
            self._has_swept = True
        for key in self._trash:
            self._ship.retire(key)
        self._version = ABSENT if seen is None else seen.version
        self.is_open = True

    def put(self, path: str, entry: ManifestEntry) -> None:
        """Name a file that has arrived."""
        before = self.files.get(path)
        self.files[path] = entry
        if before is not None and not before.link and (before.key, "") != (entry.key, entry.link):
            self._discard(before.key or path)

    def drop(self, path: str) -> None:
        """Name a file no more."""
        entry = self.files.pop(path)
        if not entry.link:
            self._discard(entry.key or path)

    def discard(self, path: str, entry: ManifestEntry) -> None:
        """Delete what arrived for a path and is not named after all."""
        known = self.files.get(path)
        if known is None or (known.key or path) != (entry.key or path):
            self._discard(entry.key or path)

    @property
    def is_saved(self) -> bool:
        """Whether the manifest says what it shall."""
        saved = self._saved
        return saved is not None and saved.files == self.files and saved.trash == self._trash

    def holds(self, path: str) -> bool:
        """Whether the manifest, as it was last written, names a file as it is meant to."""
        saved = self._saved
        return (
            saved is not None and path in saved.files and saved.files[path] == self.files.get(path)
        )

    def save(self, *, is_urgent: bool) -> None:
        """Write the manifest if it changed, and delete what it names no more.

        Raises:
            LeaseLost: A newer holder has written it.
            FilesError: It could not be written.
        """
        if self.is_saved or (time.monotonic() < self._not_before and not is_urgent):
            return
        began = time.monotonic()
        manifest = Manifest(
            job_id=self._uri.rpartition("/")[2],
            fence=self._lease.fence,
            attempt=self.attempt,
            updated_at=time.time(),
            files=dict(sorted(self.files.items())),
            trash=list(self._trash),
        )
        content = manifest.model_dump_json(exclude_defaults=True).encode()
        self._ship.require_sure()
        try:
            self._version = self._store.write(self._where, content, self._version).version
        except (FileConflict, FileMissing):
            self._settle()
            return
        self._saved = manifest
        self._empty_trash()
        self._not_before = time.monotonic() + (time.monotonic() - began) / _SHARE

    def _settle(self) -> None:
        """Somebody wrote first: this process itself, an older holder's last write, or a newer."""
        seen = self._store.stat(self._where)
        if seen is None:
            self._version = ABSENT
            return
        found = self._read()
        if found.fence > self._lease.fence:
            raise self._overtaken(found)
        self._version = seen.version
        if found.fence < self._lease.fence:
            self.is_open = False

    def _empty_trash(self) -> None:
        for key in self._trash[:_DELETED_AT_ONCE]:
            self._ship.require_sure()
            self._store.delete(f"{self._uri}/{key}")
            self._trash.remove(key)

    def _strays(self) -> Iterator[str]:
        """Keys of what earlier holders brought and could not name before they ended.

        What somebody else put there bears no digest, unless it lies where nobody else writes.
        """
        if self._lease.fence == 1:
            return  # nobody was here before
        named = {entry.key or path for path, entry in self.files.items()}
        for folder in (REPLACED, RESULTS):
            for one in self._store.list(f"{self._uri}/{folder}"):
                key = one.uri.removeprefix(f"{self._uri}/")
                if key not in named and (folder == REPLACED or self._is_digested(one)):
                    yield key

    def _is_digested(self, one: StoredFile) -> bool:
        seen = self._store.stat(one.uri)
        return seen is not None and bool(seen.sha256)

    def _discard(self, key: str) -> None:
        self._ship.retire(key)
        self._trash.append(key)

    def _read(self) -> Manifest:
        try:
            return Manifest.model_validate_json(self._store.read(self._where))
        except ValidationError as error:
            raise FileDamaged(
                f"{self._where}: is no list of a job's files; expected the JSON that skillbank "
                f"writes. Move it away, or name another results URI. ({error.error_count()} "
                "problems)"
            ) from error

    def _overtaken(self, found: Manifest) -> LeaseLost:
        return LeaseLost(
            f"{self._where}: attempt {found.attempt} has the results of this job (number "
            f"{found.fence}, this process's is {self._lease.fence}); this process stops."
        )
