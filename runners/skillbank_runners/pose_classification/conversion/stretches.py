"""Tracks as they grow: rows of frames, gaps broken or filled, memory bounded.

Axes: R values per joint (the channels, confidence last), T frames, V joints.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from os import SEEK_END
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt

from skillbank_runners.pose_classification.conversion.arithmetic import Floats

Ints = npt.NDArray[np.int64]

MEMORY_BYTES = 48 * 2**20
"""Rows that are held in memory; those of people not seen for longest go to a temporary file."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some frames of one track, in order.

    Attributes:
        values_RTV: Converted coordinates and confidence.
        frames_T: Numbers of the frames.
        labels_T: Number of the class of each frame; -1: none.
    """

    values_RTV: Floats
    frames_T: Ints
    labels_T: Ints

    def __len__(self) -> int:
        return len(self.frames_T)

    def cut(self, start: int, end: int | None = None) -> Rows:
        """Frames of a range."""
        part = slice(start, end)
        return Rows(self.values_RTV[:, part], self.frames_T[part], self.labels_T[part])

    def copy(self) -> Rows:
        """The same in memory of its own, so that larger arrays can go."""
        return Rows(self.values_RTV.copy(), self.frames_T.copy(), self.labels_T.copy())

    @staticmethod
    def join(first: Rows, second: Rows) -> Rows:
        """One after the other."""
        return Rows(
            np.concatenate([first.values_RTV, second.values_RTV], axis=1),
            np.concatenate([first.frames_T, second.frames_T]),
            np.concatenate([first.labels_T, second.labels_T]),
        )

    @property
    def num_bytes(self) -> int:
        """Of all arrays."""
        return self.values_RTV.nbytes + self.frames_T.nbytes + self.labels_T.nbytes


def split_at_gaps(rows: Rows, max_gap: int) -> Iterator[Rows]:
    """Stretches between gaps of more than `max_gap` frames, or steps back."""
    steps = np.diff(rows.frames_T)
    bounds = np.flatnonzero((steps > max_gap + 1) | (steps < 1)) + 1
    yield from split_at(rows, bounds)


def split_at(rows: Rows, bounds: npt.NDArray[np.intp]) -> Iterator[Rows]:
    """Parts that begin at 0 and at each bound."""
    edges = [0, *bounds.tolist(), len(rows)]
    for start, end in pairwise(edges):
        yield rows.cut(start, end)


def fill_gaps(rows: Rows) -> Rows:
    """The rows with a frame for every number, missing ones on the line between their neighbours.

    A joint that one of the two neighbours lacks stays missing. Confidence is the lesser one's.
    """
    frames_T = np.arange(rows.frames_T[0], rows.frames_T[-1] + 1)
    if len(frames_T) == len(rows):
        return rows
    right = np.searchsorted(rows.frames_T, frames_T)
    left = np.maximum(right - (rows.frames_T[right] != frames_T), 0)
    way_T = np.maximum(rows.frames_T[right] - rows.frames_T[left], 1)
    share_T = ((frames_T - rows.frames_T[left]) / way_T).astype(np.float32)[:, None]
    before, after = rows.values_RTV[:, left], rows.values_RTV[:, right]
    least_TV = np.minimum(before[-1], after[-1])
    values = before + (after - before) * share_T
    values *= least_TV > 0
    values[-1] = least_TV
    is_own_T = right == left
    values[:, is_own_T] = rows.values_RTV[:, right[is_own_T]]
    return Rows(values, frames_T, np.full(len(frames_T), -1, np.int64))


@dataclass(frozen=True)
class _Spilled:
    """Where rows lie in the temporary file."""

    offset: int
    shape: tuple[int, int, int]


class RowStore:
    """Rows by number of track; the memory that they take stays below a limit.

    Args:
        limit_bytes: Of rows in memory; None: MEMORY_BYTES.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self._limit_bytes = MEMORY_BYTES if limit_bytes is None else limit_bytes
        self._num_bytes = 0
        self._rows: OrderedDict[int, Rows] = OrderedDict()
        self._spilled: dict[int, _Spilled] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def take(self, number: int) -> Rows | None:
        """Rows of a track, which the store then has no more; None: it had none."""
        rows = self._rows.pop(number, None)
        if rows is not None:
            self._num_bytes -= rows.num_bytes
            return rows
        spilled = self._spilled.pop(number, None)
        return None if spilled is None else self._read(spilled)

    def put(self, number: int, rows: Rows) -> None:
        """Keep rows of a track that has none here."""
        self._rows[number] = rows
        self._num_bytes += rows.num_bytes
        while self._num_bytes > self._limit_bytes and len(self._rows) > 1:
            oldest, old_rows = self._rows.popitem(last=False)
            self._num_bytes -= old_rows.num_bytes
            self._spilled[oldest] = self._write(old_rows)

    def numbers(self) -> list[int]:
        """Tracks that have rows, in the order of their numbers."""
        return sorted({*self._rows, *self._spilled})

    def _write(self, rows: Rows) -> _Spilled:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="skillbank-tracks-")  # noqa: SIM115 (closed in __exit__)
        offset = self._file.seek(0, SEEK_END)
        for array in (rows.values_RTV, rows.frames_T, rows.labels_T):
            self._file.write(array.tobytes())
        R, T, V = rows.values_RTV.shape
        return _Spilled(offset, (R, T, V))

    def _read(self, spilled: _Spilled) -> Rows:
        assert self._file is not None
        R, T, V = spilled.shape
        self._file.seek(spilled.offset)
        values = np.frombuffer(self._file.read(R * T * V * 4), np.float32).reshape(R, T, V)
        frames = np.frombuffer(self._file.read(T * 8), np.int64)
        labels = np.frombuffer(self._file.read(T * 8), np.int64)
        return Rows(values, frames, labels)
