"""A store in memory whose every call can be watched, delayed, failed, or lost after it applied."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from skillbank.errors import FileConflict, FileMissing, FilesUnavailable
from skillbank.files.api import ABSENT, FileStore, Progress, StoredFile

Fault = Callable[[str, str], None]
"""Called with the name of the method and the URI; what it raises is raised."""


class MemoryStore(FileStore):
    """Objects by URI; a version for every write, as a versioned bucket has.

    Attributes:
        before: Called before a call has any effect.
        after: Called when it had its effect: what it raises loses the answer.
        calls: Method and URI of every call, in order.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.before: Fault | None = None
        self.after: Fault | None = None
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.RLock()
        self._num_writes = 0

    def of(self, uri: str) -> FileStore:
        """Itself: it stands for Stores too."""
        del uri
        return self

    def copy(self) -> MemoryStore:
        """Another one that holds the same."""
        other = MemoryStore()
        other.objects, other._num_writes = dict(self.objects), self._num_writes
        return other

    def cut(self, *methods: str) -> None:
        """Let no call (or none of these methods) reach the store until `mend`."""

        def refuse(method: str, uri: str) -> None:
            if not methods or method in methods:
                raise FilesUnavailable(f"{uri}: does not answer")

        self.before = refuse

    def mend(self) -> None:
        self.before = self.after = None

    def content(self, uri: str) -> bytes:
        return self.objects[uri][0]

    def names(self) -> set[str]:
        return {uri.rpartition("/job/")[2] for uri in self.objects}

    def stat(self, uri: str) -> StoredFile | None:
        with self._call("stat", uri):
            return self._stored(uri) if uri in self.objects else None

    def list(self, folder: str) -> Iterator[StoredFile]:
        with self._call("list", folder):
            prefix = folder.rstrip("/") + "/"
            found = [self._stored(uri) for uri in sorted(self.objects) if uri.startswith(prefix)]
        return iter(found)

    def read(self, uri: str, start: int = 0, num_bytes: int | None = None) -> bytes:
        with self._call("read", uri):
            if uri not in self.objects:
                raise FileMissing(uri)
            end = None if num_bytes is None else start + num_bytes
            return self.objects[uri][0][start:end]

    def write(self, uri: str, content: bytes, if_version: str | None = None) -> StoredFile:
        with self._call("write", uri):
            return self._put(uri, content, if_version)

    def delete(self, uri: str) -> None:
        with self._call("delete", uri):
            self.objects.pop(uri, None)

    def download(self, uri: str, target: Path, progress: Progress | None = None) -> StoredFile:
        content = self.read(uri)
        with self._call("download", uri):
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.part")
            draft.write_bytes(content)
            draft.replace(target)
            if progress is not None:
                progress(len(content))
            return self._stored(uri)

    def upload(
        self,
        source: Path,
        uri: str,
        if_version: str | None = None,
        progress: Progress | None = None,
    ) -> StoredFile:
        content = source.read_bytes()
        if progress is not None:
            progress(len(content))
        with self._call("upload", uri):
            return self._put(uri, content, if_version)

    def _put(self, uri: str, content: bytes, if_version: str | None) -> StoredFile:
        found = self.objects[uri][1] if uri in self.objects else ABSENT
        if if_version is not None and if_version != found:
            raise FileConflict(f"{uri}: found {found!r}, expected {if_version!r}")
        self._num_writes += 1
        self.objects[uri] = (content, f"v{self._num_writes}")
        return self._stored(uri)

    def _stored(self, uri: str) -> StoredFile:
        content, version = self.objects[uri]
        return StoredFile(uri, len(content), version, sha256=hashlib.sha256(content).hexdigest())

    def _call(self, method: str, uri: str) -> _Call:
        return _Call(self, method, uri)


class _Call:
    """One call: the hooks run outside the lock, so that one may stop while others go on."""

    def __init__(self, store: MemoryStore, method: str, uri: str) -> None:
        self._store, self._method, self._uri = store, method, uri

    def __enter__(self) -> None:
        self._store.calls.append((self._method, self._uri))
        if self._store.before is not None:
            self._store.before(self._method, self._uri)
        self._store._lock.acquire()

    def __exit__(self, kind: Any, *_: object) -> None:
        self._store._lock.release()
        if kind is None and self._store.after is not None:
            self._store.after(self._method, self._uri)
