"""What an installation does to the files of a project, decided first and then done."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    KEPT = "kept"


@dataclass(frozen=True)
class Change:
    """One file and what becomes of it.

    Attributes:
        path: The file.
        outcome: What becomes of it.
        content: What it holds afterwards; None where nothing is written.
        note: Why, where that is not plain.
    """

    path: Path
    outcome: Outcome
    content: bytes | None = None
    note: str = ""

    @property
    def changes_file(self) -> bool:
        """Tell whether the file is another one afterwards."""
        return self.outcome not in {Outcome.UNCHANGED, Outcome.KEPT}

    def apply(self) -> None:
        """Do it; a reader sees the old file or the new one, never a part of it.

        Raises:
            OSError: The file cannot be written or removed.
        """
        if self.outcome is Outcome.REMOVED:
            self.path.unlink(missing_ok=True)
        elif self.content is not None:
            _write(self.path.resolve(), self.content)  # a link to a shared file stays a link


def digest(content: bytes) -> str:
    """Fingerprint by which an untouched file is known again."""
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        if path.exists():
            shutil.copymode(path, draft)  # ~/.claude.json is its owner's alone
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
