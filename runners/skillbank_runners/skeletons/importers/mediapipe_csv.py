"""MediaPipe's landmarks as a table: a row per person and frame, four columns per joint.

Columns `x_0, y_0, z_0, visibility_0, ...` (also `x0`, `v0`, counted from 0 or 1), the same with
`world_` in front for metres about the hips; `frame` (else rows count) and `person`, where present.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from skillbank_runners.skeletons.importers.fields import Doubles, Spot, as_frame, as_integer
from skillbank_runners.skeletons.importers.mediapipe import NUM_JOINTS, LandmarkRow
from skillbank_runners.skeletons.poses import NO_TRACK

MAX_LINE_CHARACTERS = 1 << 20
_COLUMN = re.compile(r"^(world_)?(x|y|z|v|visibility)_?([0-9]{1,3})$")
_FRAME = ("frame", "frame_number", "frame_id", "frame_index")
_PERSON = ("person", "person_id", "object_id", "track_id")
_AXES = {"x": 0, "y": 1, "z": 2, "v": 3, "visibility": 3}

Columns = dict[tuple[int, int], int]
"""(joint, axis) -> column of the table."""


def read_rows(path: Path) -> Iterator[LandmarkRow]:
    """People of the table, row by row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _read(path, csv.reader(_lines(path, file)))
    except OSError as error:
        raise Spot(path).invalid(f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Spot(path).invalid(f"no table of text: {error}") from error


def _lines(path: Path, file: IO[str]) -> Iterator[str]:
    """Lines of a text file, none of them endless."""
    while line := file.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS:
            raise Spot(path).invalid(f"found a line beyond {MAX_LINE_CHARACTERS} characters")
        yield line


def _read(path: Path, rows: Iterator[list[str]]) -> Iterator[LandmarkRow]:
    header = [name.strip().lower() for name in next(rows, [])]
    spot = Spot(path, "line 1")
    picture, world = _columns(header, "", spot), _columns(header, "world_", spot)
    if not picture and not world:
        raise spot.invalid(f"found no columns x_0, y_0, z_0 ... of {NUM_JOINTS} joints")
    frame_column = _find(header, _FRAME)
    person_column = _find(header, _PERSON)
    for ordinal, row in enumerate(row for row in rows if row):
        spot = Spot(path, f"row {ordinal + 2}")
        if len(row) != len(header):
            raise spot.invalid(f"found {len(row)} values, expected {len(header)}")
        frame, person = ordinal, NO_TRACK
        if frame_column is not None:
            frame = as_frame(_number(row[frame_column], spot), spot)
        if person_column is not None:
            person = as_integer(_number(row[person_column], spot), spot)
        yield LandmarkRow(frame, person, _points(row, picture, spot), _points(row, world, spot))


def _find(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _columns(header: list[str], prefix: str, spot: Spot) -> Columns:
    """Where x, y, z and visibility of the joints stand; empty: not in the table."""
    found: Columns = {}
    for column, name in enumerate(header):
        match = _COLUMN.match(name)
        if match is not None and (match[1] or "") == prefix:
            found[int(match[3]), _AXES[match[2]]] = column
    if not found:
        return {}
    first = min(joint for joint, _ in found)
    found = {(joint - first, axis): column for (joint, axis), column in found.items()}
    missing = {(joint, axis) for joint in range(NUM_JOINTS) for axis in range(3)} - found.keys()
    if missing or first > 1 or max(joint for joint, _ in found) >= NUM_JOINTS:
        problem = f"found columns of other joints than {NUM_JOINTS} counted from 0 or 1"
        raise spot.invalid(f"{problem}, expected x, y and z of each")
    return found


def _points(row: list[str], columns: Columns, spot: Spot) -> Doubles | None:
    if not columns:
        return None
    points_V4 = np.ones((NUM_JOINTS, 4))
    for (joint, axis), column in columns.items():
        points_V4[joint, axis] = _number(row[column], spot)
    return None if np.isnan(points_V4[:, :3]).all() else points_V4


def _number(text: str, spot: Spot) -> float:
    """A number; an empty cell is NaN."""
    if not text.strip():
        return float("nan")
    try:
        return float(text)
    except ValueError as error:
        raise spot.invalid(f"found {text[:40]!r}, expected a number") from error
