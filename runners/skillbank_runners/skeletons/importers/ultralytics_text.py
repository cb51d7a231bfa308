"""Ultralytics' label files: a text file per frame, a line per person, all relative to the picture.

`class x y width height`, then `x y v` (or `x y`) of each joint, then what `predict` was asked to
save: the confidence of the box, the track id, or both in this order. Data sets of labels have the
same without the end, and as v 0 (not there), 1 (hidden) or 2 (seen).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    MAX_INTEGER,
    Doubles,
    Spot,
    make_box,
    make_pose,
    within_reason,
)
from skillbank_runners.skeletons.poses import NO_TRACK, Observation

MAX_FILE_BYTES = 1 << 22
"""A line has about 600 bytes."""


def read_text(
    frames: Sequence[tuple[int, Path]], options: ReadOptions, num_joints: int
) -> Iterator[Observation]:
    """People of label files, one per frame."""
    size = np.array([options.width, options.height], dtype=np.float64)
    for frame, file in frames:
        rows = _rows(file)
        width = _values_per_joint([len(row) - 5 for row in rows], num_joints, Spot(file))
        ends = [row[5 + width * num_joints :] for row in rows]
        has_ids = all(len(end) == 2 or _is_id(end) for end in ends)
        for row, end in zip(rows, ends, strict=True):
            points = row[5 : 5 + width * num_joints].reshape(num_joints, width)
            centre, extent = row[1:3] * size, row[3:5] * size
            corner = centre - extent / 2
            box = make_box(*map(float, corner), *map(float, extent))
            object_id = int(end[-1]) if has_ids and len(end) and _is_id(end[-1:]) else NO_TRACK
            pose = make_pose(points[:, :2] * size, _confidence(points))
            yield Observation(frame, object_id, *pose, box=box)


def _rows(file: Path) -> list[Doubles]:
    """Numbers of each line."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise Spot(file).invalid(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Spot(file, f"byte {error.start}").invalid("not UTF-8; expected numbers") from error
    if len(content) > MAX_FILE_BYTES:
        raise Spot(file).invalid(f"found more than {MAX_FILE_BYTES} bytes for one frame")
    lines = enumerate(text.splitlines(), start=1)
    return [_row(line, Spot(file, f"line {number}")) for number, line in lines if line.strip()]


def _row(line: str, spot: Spot) -> Doubles:
    try:
        return within_reason(np.array([float(word) for word in line.split()], dtype=np.float64))
    except ValueError as error:
        raise spot.invalid(f"found {line[:40]!r}, expected numbers") from error


def _values_per_joint(counts: list[int], num_joints: int, spot: Spot) -> int:
    """3 or 2, by how many numbers follow the box."""
    for width in (3, 2):
        if all(0 <= count - width * num_joints <= 2 for count in counts):
            return width
    found = " and ".join(str(count + 5) for count in sorted(set(counts))[:5])
    raise spot.invalid(
        f"found lines of {found} numbers, expected 5 of the box and 2 or 3 for each of"
        f" {num_joints} joints, and at most 2 more"
    )


def _is_id(end: Doubles) -> bool:
    """Whether a number at the end can be a track; ids count from 1, confidence is below."""
    return len(end) == 1 and 1 <= end[0] <= MAX_INTEGER and float(end[0]).is_integer()


def _confidence(points: Doubles) -> Doubles:
    """Of each joint: as written, or half of 0, 1, 2."""
    if points.shape[1] == 2:
        return np.ones(len(points))
    visible = points[:, 2]
    return visible / 2 if (visible > 1).any() else visible
