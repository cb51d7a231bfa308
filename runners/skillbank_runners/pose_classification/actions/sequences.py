"""One line per window: results.txt as TAO's Triton client writes it, sequences.csv beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Protocol

from skillbank_runners.api import written_whole
from skillbank_runners.pose_classification.actions.merging import Floats
from skillbank_runners.pose_classification.actions.tracks import TrackKey

COLUMNS = ("index", "camera", "object_id", "start_frame", "end_frame", "num_frames", "source")


class Named(Protocol):
    """A window, as far as its line in sequences.csv tells of it."""

    @property
    def track(self) -> TrackKey:
        """Whose."""

    @property
    def first_frame(self) -> int:
        """Number of its first frame."""

    @property
    def last_frame(self) -> int:
        """Number of its last frame."""

    @property
    def num_frames(self) -> int:
        """Frames in it, before padding."""


def ranked_line(index: int, shares_C: Floats, class_names: Sequence[str]) -> str:
    """`[index], [score]([class id])=[name], ...`, all classes, the highest score first.

    The form is that of results.txt of TAO's Triton client (tao-toolkit-triton-apps, pose
    classification): scores with four decimals. The score here is the soft-max share.
    """
    order = (-shares_C).argsort(kind="stable").tolist()
    ranked = (f"{shares_C[c]:.4f}({c})={class_names[c]}" for c in order)
    return f"{index}, {', '.join(ranked)}"


class SequenceFiles:
    """Writes both files line by line; see `sequence_files`.

    Args:
        lines: Opened results.txt.
        table: Opened sequences.csv.
        class_names: In the order of class ids.
    """

    def __init__(self, lines: IO[str], table: IO[str], class_names: Sequence[str]) -> None:
        self._lines = lines
        self._table = csv.writer(table, lineterminator="\n")
        self._table.writerow(COLUMNS)
        self._class_names = class_names
        self.count = 0

    def write(self, window: Named, shares_C: Floats) -> None:
        """Add the lines of one window."""
        self._lines.write(ranked_line(self.count, shares_C, self._class_names) + "\n")
        track = window.track
        place = (window.first_frame, window.last_frame, window.num_frames)
        self._table.writerow((self.count, track.camera, track.object_id, *place, track.source))
        self.count += 1


@contextmanager
def sequence_files(lines: Path, table: Path, class_names: Sequence[str]) -> Iterator[SequenceFiles]:
    """Both files, which appear under their names only when all of them is written."""
    with ExitStack() as stack:
        files = [stack.enter_context(written_whole(path)) for path in (lines, table)]
        opened = [
            stack.enter_context(io.TextIOWrapper(file, encoding="utf-8", newline=""))
            for file in files
        ]
        yield SequenceFiles(opened[0], opened[1], class_names)
