"""What every place of files must do; skillbank.testing.FilesContract holds each one to it.

A URI is an absolute path, `file:///path`, or `s3://bucket/key`. Names in it are taken as they are:
`%20` is three characters. A folder is a prefix that ends with `/`, whether or not the caller wrote
it so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ABSENT = ""
"""Value of `if_version`: write only where nothing lies yet."""

Progress = Callable[[int], None]
"""Told how many bytes went over since the last call; a negative number: they must go again."""


@dataclass(frozen=True)
class StoredFile:
    """A file or object at one moment.

    Attributes:
        uri: Where it lies, in the form in which the caller may ask for it again.
        size_bytes: Its size.
        version: Changes with every write (ETag; on a disk inode, time and size). Opaque.
        modified_at: When it was written, in seconds since the epoch, UTC.
        sha256: Digest that was recorded with it; empty when none was.
        age_s: For how long it had lain there when it was looked at, in seconds by the store's own
            clock; None: the store does not tell.
    """

    uri: str
    size_bytes: int
    version: str
    modified_at: float = 0.0
    sha256: str = ""
    age_s: float | None = field(default=None, compare=False)


class FileStore(ABC):
    """One place of files. Every method may be called from several threads.

    Passing faults (resets, timeouts, 5xx, slow-down) are retried inside, with backoff, for as long
    as the store's patience; then FilesUnavailable is raised. What cannot pass by waiting is raised
    at once: FileMissing, FileConflict, FilesRefused, FilesFull, FileDamaged. No message holds a
    secret.
    """

    @abstractmethod
    def stat(self, uri: str) -> StoredFile | None:
        """What lies under a URI; None: nothing, or a folder."""

    @abstractmethod
    def list(self, folder: str) -> Iterator[StoredFile]:
        """Every file below a folder, at any depth, sorted by URI; none of a missing folder."""

    @abstractmethod
    def read(self, uri: str, start: int = 0, num_bytes: int | None = None) -> bytes:
        """Content of a small file, or a part of one; less where it ends before.

        Raises:
            FileMissing: Nothing lies there.
        """

    @abstractmethod
    def write(self, uri: str, content: bytes, if_version: str | None = None) -> StoredFile:
        """Write a small file whole; its sha256 is recorded.

        Args:
            uri: Where.
            content: All of it.
            if_version: None: whatever lies there. ABSENT: only where nothing lies. Else only over
                this version.

        Raises:
            FileConflict: The condition does not hold; nothing was changed.
        """

    @abstractmethod
    def delete(self, uri: str) -> None:
        """Remove a file; nothing happens where none lies."""

    @abstractmethod
    def download(self, uri: str, target: Path, progress: Progress | None = None) -> StoredFile:
        """Bring a file to a local path.

        It appears there when it is whole and, where a sha256 is recorded, has that digest. What an
        earlier call left half done beside it goes on, unless the file has changed since. The
        digest of what arrived is told, whether or not one is recorded.

        Raises:
            FileMissing: Nothing lies there.
            FileDamaged: Another digest arrived, also when asked again.
            FilesFull: The local disk is full.
        """

    @abstractmethod
    def upload(
        self,
        source: Path,
        uri: str,
        if_version: str | None = None,
        progress: Progress | None = None,
    ) -> StoredFile:
        """Bring a local file to a URI, whole or not at all; its sha256 is recorded.

        A source that somebody appends to meanwhile goes up as long as it was at the beginning.

        Args:
            source: The local file.
            uri: Where it goes.
            if_version: As in `write`.
            progress: Told of bytes that went over.

        Raises:
            FileConflict: The condition does not hold; nothing was changed.
        """

    def clean(self, folder: str, older_than_s: float = 86_400.0) -> int:  # noqa: ARG002
        """Free the room of what killed writers left half done below a folder; how many there were.

        Args:
            folder: Where.
            older_than_s: Leave what was begun since; writers that are alive may need it.
        """
        return 0  # a store whose writers leave nothing

    def is_reachable(self, folder: str) -> None:
        """Make sure that a folder can be listed: what a preflight asks.

        Raises:
            FilesError: Why not.
        """
        next(iter(self.list(folder)), None)
