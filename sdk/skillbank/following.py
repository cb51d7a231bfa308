"""Reads what a job writes while it is still being written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillbank.job import Job

StatusLine = dict[str, Any]
"""One line of status.json: date, time, status, verbosity, message, and often kpi, epoch, ..."""


@dataclass(frozen=True)
class News:
    """What is new about a job since the last look.

    Attributes:
        job: The job as it is now.
        lines: Status lines that came since.
        log: Text that its processes printed since.
    """

    job: Job
    lines: tuple[StatusLine, ...] = ()
    log: str = ""


class GrowingFile:
    """A text file that another process appends to; only whole lines are given out.

    Args:
        path: The file; it may not exist yet.
        offset: Bytes to leave out: they belong to an earlier attempt.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self._offset = offset

    def read_new(self, *, is_ended: bool = False) -> str:
        """Text since the last call.

        Args:
            is_ended: Nothing more will come, so a line without its end is given out too.
        """
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._offset = 0  # somebody emptied or replaced the file
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return ""
        if not is_ended:
            content = content[: content.rfind(b"\n") + 1]
        self._offset += len(content)
        return content.decode("utf-8", errors="replace")


def parse_status(text: str) -> list[StatusLine]:
    """Status lines of a text; a line that a killed process left half written is left out."""
    lines = (_parse_line(line) for line in text.splitlines())
    return [line for line in lines if line is not None]


def find_failure(lines: list[StatusLine]) -> str:
    """Message of the failure that the action reported last; empty when it ended otherwise."""
    last = lines[-1] if lines else {}
    return str(last.get("message", "")) if last.get("status") == "FAILURE" else ""


def _parse_line(line: str) -> StatusLine | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
