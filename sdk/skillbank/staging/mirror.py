"""The control plane's side of a results URI: sends the order there, brings the traces back.

A mirrored job folder holds every small file of the job and `manifest.json`, which names the large
ones, so that whoever lists its checkpoints sees them all and fetches none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from skillbank.config import StorageSettings
from skillbank.errors import FileConflict, FileMissing, FilesUnavailable, JobNotFound
from skillbank.files.api import FileStore
from skillbank.files.opening import hurried_stores
from skillbank.platforms.attempt import read_json, write_json
from skillbank.staging.collecting import is_of_a_job
from skillbank.staging.log_merging import LOG_NAME, bring_log
from skillbank.staging.manifest import MANIFEST_NAME, Manifest, ManifestEntry
from skillbank.staging.order import order_path
from skillbank.staging.restoring import read_manifest, require_inside

PLAN_NAME = "plan.json"
_SMALL_BYTES = 4 * 2**20
_GROWING = (LOG_NAME, "results/status.json")
_OURS = frozenset({PLAN_NAME, "spec.yaml"})
PATIENCE_S = 8.0
_PULL_EVERY_S = 0.5


class Mirror:
    """Keeps the small files of a job's folder equal to those at its results URI.

    Args:
        folder: The job's folder here.
        uri: Where the job leaves its folder.
        storage: How buckets are reached.
    """

    def __init__(self, folder: Path, uri: str, storage: tuple[StorageSettings, ...]) -> None:
        self._folder = folder
        self._uri = uri.rstrip("/")
        self._store: FileStore = hurried_stores(storage, PATIENCE_S).of(self._uri)
        self._version = ""
        self._asked_at = float("-inf")

    @property
    def store(self) -> FileStore:
        """Where the results lie; it does not wait long for an answer."""
        return self._store

    def push_order(self, attempt: int) -> None:
        """Send plan, spec and order of an attempt to the results URI.

        Raises:
            FilesError: They cannot be written there.
        """
        order = order_path(self._folder, attempt)
        for path in (self._folder / "plan.json", self._folder / "spec.yaml", order):
            target = f"{self._uri}/attempts/{attempt}/{path.name}"
            self._store.write(target, path.read_bytes())

    def pull(self) -> bool:
        """Bring log, status lines, records and traces that changed since the last call.

        Returns:
            False where the place cannot be reached now, so that what lies here may be old.

        Raises:
            FilesRefused: It does not take the credentials.
        """
        if time.monotonic() - self._asked_at < _PULL_EVERY_S:
            return True
        try:
            self._bring()
        except FilesUnavailable:
            return False
        self._asked_at = time.monotonic()
        return True

    def fetch(self, path: Path) -> Path:
        """Bring one file of the job here, however large, and give its path.

        Args:
            path: Where it lies in the job's folder here.

        Raises:
            FileMissing: The job has no such file.
            FilesError: It cannot be brought.
        """
        if not path.is_file():
            key = require_manifest(self._store, self._uri).key_of(self._name_of(path))
            self._store.download(f"{self._uri}/{key}", path)
        return path

    def _bring(self) -> None:
        seen = self._store.stat(f"{self._uri}/{MANIFEST_NAME}")
        if seen is None or seen.version == self._version:
            return
        manifest = read_manifest(self._store, self._uri)
        if manifest is None:
            return
        known = _known(self._folder)
        ends = {path: entry for path, entry in manifest.files.items() if _is_ending(path)}
        rest = {path: entry for path, entry in manifest.files.items() if path not in ends}
        try:
            self._bring_new(manifest, rest, known)
            # Whoever sees an ending finds by the manifest what is not here itself.
            self._save(manifest.model_copy(update={"files": {**rest, **_both(ends, known)}}))
            self._bring_new(manifest, ends, known)
        except (FileMissing, FileConflict):
            return  # it was replaced meanwhile: the next look takes the newer manifest
        for path in known.keys() - manifest.files.keys():
            if _is_ending(path):  # the attempt runs again
                (self._folder / path).unlink(missing_ok=True)
        self._save(manifest)
        self._version = seen.version

    def _bring_new(
        self,
        manifest: Manifest,
        files: Mapping[str, ManifestEntry],
        known: Mapping[str, ManifestEntry],
    ) -> None:
        for path, entry in sorted(files.items()):
            if path in _OURS or entry == known.get(path) or not _is_wanted(path, entry):
                continue
            require_inside(self._uri, self._folder, path)
            where = f"{self._uri}/{manifest.key_of(path)}"
            if path == LOG_NAME:
                bring_log(self._store, where, self._folder / path)
            else:
                self._store.download(where, self._folder / path)

    def _save(self, manifest: Manifest) -> None:
        content = {"uri": self._uri, **manifest.model_dump(mode="json")}
        write_json(self._folder / MANIFEST_NAME, content)

    def _name_of(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


def require_manifest(store: FileStore, uri: str) -> Manifest:
    """What lies at a job's results URI.

    Raises:
        JobNotFound: No job's results lie there.
        FilesError: They cannot be read.
    """
    found = read_manifest(store, uri)
    if found is None or PLAN_NAME not in found.files:
        raise JobNotFound(
            f"{uri}: no job left its results there (found no {MANIFEST_NAME}); expected the URI of "
            "one job that has begun to run, such as 's3://BUCKET/PREFIX/train-abc12345'."
        )
    return found


def _known(folder: Path) -> dict[str, ManifestEntry]:
    content = read_json(folder / MANIFEST_NAME)
    return {} if content is None else Manifest.model_validate(content).files


def _is_wanted(path: str, entry: ManifestEntry) -> bool:
    is_small = path in _GROWING or entry.size_bytes <= _SMALL_BYTES
    return is_small and not entry.link and is_of_a_job(path)


def _is_ending(path: str) -> bool:
    """Endings come last: whoever sees one sees all that was written before it."""
    return path.startswith("attempts/") and path.endswith(("/exit.json", "/outcome.json"))


def _both(
    files: Mapping[str, ManifestEntry], known: Mapping[str, ManifestEntry]
) -> dict[str, ManifestEntry]:
    return {path: known[path] for path in files if path in known}
