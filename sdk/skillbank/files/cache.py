"""Files and folders of any place, kept on this machine's disk and shared by its jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from skillbank.files.opening import Stores


class Cache:
    """Content-addressed copies of files, each fetched once, whoever asks.

    Args:
        folder: Where it lies; shared by every process that names it.
        stores: Where files come from.
        max_bytes: Size beyond which what was not used for longest goes; None: no limit.
    """

    def __init__(self, folder: Path, stores: Stores, *, max_bytes: int | None = None) -> None:
        self._folder = folder
        self._stores = stores
        self._max_bytes = max_bytes

    def fetch(self, uri: str) -> Path:
        """A read-only copy of a file, under its own name."""
        raise NotImplementedError

    def fetch_folder(self, uri: str, wanted: Callable[[str], bool] | None = None) -> Path:
        """A read-only view of a folder: the same relative names, those that are wanted."""
        raise NotImplementedError

    def fetch_unpacked(self, uri: str) -> Path:
        """The folder that an archive holds."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of what was in use: it may be evicted from now on."""
