"""Segments of one action, and timeline.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skillbank_runners.pose_classification.actions.merging import UNKNOWN, TrackActions
from skillbank_runners.pose_classification.actions.tracks import TrackKey

COLUMNS = (
    "camera",
    "object_id",
    "start_frame",
    "end_frame",
    "start_s",
    "end_s",
    "action",
    "class_id",
    "score",
    "source",
)


@dataclass(frozen=True)
class Segment:
    """A stretch of time in which a person does one thing.

    Attributes:
        track: Who.
        start_frame: Number of the first frame.
        end_frame: Number of the last frame, itself included.
        class_id: What; UNKNOWN where no window says anything.
        score: Mean share of the class over the frames; 0 where it is unknown.
    """

    track: TrackKey
    start_frame: int
    end_frame: int
    class_id: int
    score: float

    @property
    def is_known(self) -> bool:
        """Whether there is an action."""
        return self.class_id != UNKNOWN


def segments(track: TrackKey, actions: TrackActions) -> Iterator[Segment]:
    """Stretches of one class within one run, in order of time."""
    changes = np.flatnonzero(np.diff(actions.classes_F)) + 1
    starts = sorted({*changes.tolist(), *actions.starts})
    for start, end in zip(starts, [*starts[1:], len(actions.frames_F)], strict=True):
        yield Segment(
            track,
            int(actions.frames_F[start]),
            int(actions.frames_F[end - 1]),
            int(actions.classes_F[start]),
            float(actions.scores_F[start:end].mean(dtype=np.float64)),
        )


def timeline_csv(
    found: Iterable[Segment], class_names: Sequence[str], frame_rates: Mapping[str, float | None]
) -> str:
    """One line per segment, those without an action included, whose `action` is empty.

    Args:
        found: The segments.
        class_names: In the order of class ids.
        frame_rates: Recording -> frames per second; where it is None, seconds stay empty. A segment
            ends when its last frame does: `end_s` is (end_frame + 1) / frame rate.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        rate = frame_rates.get(one.track.source)
        seconds = [one.start_frame / rate, (one.end_frame + 1) / rate] if rate else []
        writer.writerow(
            (
                one.track.camera,
                one.track.object_id,
                one.start_frame,
                one.end_frame,
                *([f"{second:.3f}" for second in seconds] or ["", ""]),
                class_names[one.class_id] if one.is_known else "",
                one.class_id if one.is_known else "",
                f"{one.score:.4f}" if one.is_known else "",
                one.track.source,
            )
        )
    return file.getvalue()
