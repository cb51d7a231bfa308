"""The mark of a job that was begun elsewhere, and came here by its results URI."""

from __future__ import annotations

from pathlib import Path

from skillbank.platforms.attempt import read_json, write_json

_MARK = "adopted.json"


def mark_adopted(folder: Path, attempt: int, uri: str) -> None:
    """Note that attempts up to this one were not started from here."""
    write_json(folder / _MARK, {"uri": uri, "attempt": attempt})


def is_adopted(folder: Path, attempt: int) -> bool:
    """Tell whether an attempt was started somewhere else."""
    mark = read_json(folder / _MARK)
    return mark is not None and attempt <= int(mark["attempt"])
