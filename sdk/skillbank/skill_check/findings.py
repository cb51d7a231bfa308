"""What a check found, each finding with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One breach of the format, or one thing that was read as something else.

    Attributes:
        file: The file, or folder, as the user named it and below.
        message: What was found, and what was expected; on one line.
        line: Line of the file, from 1; None where the message names a key, or the file is meant.
        is_note: Whether the folder can be used all the same.
    """

    file: Path
    message: str
    line: int | None = None
    is_note: bool = False

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        return f"{_one_line(str(self.file))}{line}: {_one_line(self.message)}"


@dataclass(frozen=True)
class CheckReport:
    """What the check of one folder found.

    Attributes:
        findings: In the order of the files.
    """

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Breaches of the format; empty for a valid folder."""
        return tuple(str(finding) for finding in self.findings if not finding.is_note)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read as something else, or left aside, on the way."""
        return tuple(str(finding) for finding in self.findings if finding.is_note)


def no_folder(path: Path) -> str:
    """What to say of a path that is no folder."""
    return "expected a folder, found a file." if path.is_file() else "no such folder."


def _one_line(text: str) -> str:
    """The text without breaks and control characters, which names and values may hold."""
    return "".join(char if char.isprintable() else " " for char in " ".join(text.split()))
