"""Second names of files, so that a job may delete or replace them while they wait to be sent.

A training whose epochs are shorter than the way of a checkpoint would otherwise never have one at
its results URI: each is replaced before it has gone.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from skillbank.staging.collecting import Found

FOLDER = ".going"
"""In the job's folder; it never goes itself."""


class Pins:
    """Hard links to some files of a job's folder. Where a disk has none, nothing is pinned.

    Args:
        folder: The job's folder; what an earlier process has pinned there is let go.

    Attributes:
        files: What is pinned, by path, as it was then.
    """

    def __init__(self, folder: Path) -> None:
        self.files: Mapping[str, Found] = {}
        self._folder = folder
        self._place = folder / FOLDER / uuid.uuid4().hex
        self._links: dict[str, Path] = {}
        shutil.rmtree(folder / FOLDER, ignore_errors=True)

    def pin(self, found: Iterable[Found]) -> None:
        """Keep files, in place of those before; one that has changed or gone meanwhile is not."""
        self.release()
        files, links = {}, {}
        for number, one in enumerate(found):
            link = self._place / str(number)
            if not one.link and self._is_linked(one, link):
                files[one.path], links[one.path] = one, link
        self.files, self._links = files, links

    def source(self, path: str) -> Path:
        """Where to read a file, which may be another by now unless it is pinned."""
        return self._links.get(path, self._folder / path)

    def release(self) -> None:
        """Let everything go."""
        self.files, self._links = {}, {}
        shutil.rmtree(self._place, ignore_errors=True)
        with suppress(OSError):
            self._place.parent.rmdir()

    def _is_linked(self, one: Found, link: Path) -> bool:
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(self._folder / one.path, link, follow_symlinks=False)
            stat = link.stat()
        except OSError:
            return False
        return one.stamp == (stat.st_ino, stat.st_size, stat.st_mtime_ns)
