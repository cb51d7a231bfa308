"""Follow the depth of brackets through JSON of any size, with NumPy: some 2 GB a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from skillbank_runners.skeletons.poses import PoseFileInvalid

MAX_DEPTH = 64

Positions = npt.NDArray[np.intp]

_QUOTE, _BACKSLASH = ord('"'), ord("\\")
# What a byte adds to the depth; brackets of both kinds alike, whoever decodes tells them apart.
_DEPTH_CHANGE = np.zeros(256, dtype=np.int64)
_DEPTH_CHANGE[[ord("["), ord("{")]] = 1
_DEPTH_CHANGE[[ord("]"), ord("}")]] = -1


class Scanner:
    """Follows depth and strings through a file.

    Attributes:
        base: Depth between two objects: 1 inside a list, else 0.
        depth: Brackets open so far.
        is_in_string: Whether the text so far ends inside a string.
        is_over: Whether the list has ended.

    Args:
        path: Of the file, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.base = 0
        self.depth = 0
        self.is_in_string = False
        self.is_over = False
        self._escapes_next = False

    def scan(self, block: bytes, offset: int) -> tuple[Positions, Positions]:
        """Where objects start, and end (exclusive), in the next block; `offset`: of the block."""
        codes = np.frombuffer(block, np.uint8)
        # 0xD9 drops the bits in which the four brackets differ; four other bytes look the same.
        marks = np.flatnonzero(((codes & 0xD9) == 0x59) | (codes == _QUOTE))
        kinds = codes[marks]
        is_quote = kinds == _QUOTE
        if self._escapes_next or _BACKSLASH in block:
            is_quote &= ~np.isin(marks, self._escaped(codes))
        if not len(marks):
            return marks, marks
        num_quotes = np.cumsum(is_quote) + self.is_in_string
        changes = _DEPTH_CHANGE[kinds] * (num_quotes % 2 == 0)
        depths = np.cumsum(changes) + self.depth
        self._check_depths(depths, marks + offset)
        self.is_in_string = bool(num_quotes[-1] % 2)
        self.depth = int(depths[-1])
        self.is_over = self.base == 1 and self.depth == 0
        starts = marks[(changes == 1) & (depths == self.base + 1)]
        ends = marks[(changes == -1) & (depths == self.base)] + 1
        return starts, ends

    def _escaped(self, codes: npt.NDArray[np.uint8]) -> Positions:
        """Positions that follow an odd number of backslashes; knows for the next block too."""
        slashes = np.flatnonzero(codes == _BACKSLASH)
        first = np.empty(0, np.intp)
        if self._escapes_next:
            first = np.zeros(1, np.intp)
            slashes = slashes[slashes > 0]
        begins = slashes[np.diff(slashes, prepend=-2) != 1]
        closes = slashes[np.diff(slashes, append=len(codes) + 1) != 1]
        escaped = closes[(closes - begins) % 2 == 0] + 1
        self._escapes_next = bool(len(escaped)) and int(escaped[-1]) == len(codes)
        return np.concatenate([first, escaped])

    def _check_depths(self, depths: npt.NDArray[np.int64], offsets: Positions) -> None:
        wrong = np.flatnonzero(depths > MAX_DEPTH)
        problem = f"more than {MAX_DEPTH} brackets are open, expected at most 6"
        if not len(wrong) and self.base == 0:
            wrong = np.flatnonzero(depths < 0)
            problem = "a bracket closes what nothing opened"
        elif not len(wrong):
            is_over = np.concatenate([[self.is_over], depths[:-1] <= 0])
            wrong = np.flatnonzero(is_over)
            problem = "something follows the end of the list, expected the end of the file"
        if len(wrong):
            raise PoseFileInvalid(self._path, f"byte {int(offsets[wrong[0]])}", problem)
