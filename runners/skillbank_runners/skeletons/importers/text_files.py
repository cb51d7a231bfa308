"""Text files line by line in bounded memory, with errors that name the line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from skillbank_runners.skeletons.poses import PoseFileInvalid

Doubles = npt.NDArray[np.float64]

MAX_LINE = 1 << 20
"""Characters; a thousand joints of nine numbers take a tenth of it."""


def files_of(path: Path, endings: Sequence[str]) -> list[Path]:
    """The file itself, or those of a folder that end so, in the order of their names.

    Raises:
        PoseFileInvalid: The folder has no such file.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in endings)
    if not files:
        raise PoseFileInvalid(
            path, "", f"the folder has no file that ends in {' or '.join(endings)}"
        )
    return files


class Lines:
    """The lines of an open text file.

    Attributes:
        number: Of the line that was read last, from 1; 0: none yet.
    """

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self.number = 0

    def take(self, expected: str) -> str:
        """The next line without its end.

        Raises:
            PoseFileInvalid: The file ends before `expected`, or the line is no text.
        """
        line = self.read()
        if line is None:
            raise self.invalid(f"the file ends here, expected {expected}")
        return line

    def read(self) -> str | None:
        """The next line without its end and spaces around it; None behind the last."""
        try:
            line = self._file.readline(MAX_LINE + 1)
        except (UnicodeDecodeError, OSError) as error:
            raise self.invalid(f"cannot be read as text ({error})") from error
        if not line:
            return None
        self.number += 1
        if len(line) > MAX_LINE:
            raise self.invalid(f"found a line of more than {MAX_LINE} characters")
        return line.strip()

    def integer(self, expected: str) -> int:
        """The whole number, 0 or more, that the next line holds."""
        line = self.take(expected)
        if not line.isdecimal() or len(line) > 20:
            raise self.invalid(f"found {line[:40]!r}, expected {expected}")
        return int(line)

    def numbers(self, expected: str) -> Doubles:
        """The numbers of the next line."""
        line = self.take(expected)
        try:
            return np.array(line.split(), dtype=np.float64)
        except ValueError as error:
            raise self.invalid(f"found {line[:40]!r}, expected {expected}") from error

    def invalid(self, problem: str) -> PoseFileInvalid:
        """The error to raise for the line that was read last."""
        return PoseFileInvalid(self._path, f"line {self.number}", problem)


@contextmanager
def open_lines(path: Path) -> Iterator[Lines]:
    """Open a text file (UTF-8).

    Raises:
        PoseFileInvalid: It cannot be opened.
    """
    try:
        file = path.open(encoding="utf-8-sig", newline=None)
    except OSError as error:
        raise PoseFileInvalid(path, "", f"cannot be opened ({error.strerror})") from error
    with file:
        yield Lines(path, file)
