"""Poses as a table: CSV with a header, sorted by frame.

Long, one joint per row; `joint` is a number from 0 or a name of the layout, `joint_name` a name:

    frame,object_id,joint,x,y,z,confidence

Wide, one person per row, with columns named after joints:

    frame,object_id,nose_x,nose_y,nose_confidence,left_eye_x,...

`frame`, x and y are needed; without z the coordinates are places in a picture. `object_id` and
`camera` are 0 where they are not given, `confidence` is 1. Empty cells and NaN: missing.

Axes: V joints, D coordinates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import MAX_INTEGER, Doubles, make_pose
from skillbank_runners.skeletons.importers.text_files import Lines, open_lines
from skillbank_runners.skeletons.importers.world import world_pose
from skillbank_runners.skeletons.layout import Layout, load_layout
from skillbank_runners.skeletons.poses import Observation, Recording, Space

_VALUES = ("x", "y", "z", "confidence")
_KEYS = ("frame", "camera", "object_id")
_MAX_PEOPLE = 10_000
"""In one frame, which is gathered before it is told."""

_Person = tuple[int, int]  # camera, object


@dataclass(frozen=True)
class _Columns:
    """Where a table keeps what.

    Attributes:
        keys: Column of `frame`, and of `camera` and `object_id` where there are such.
        values: Joint -> columns of x, y, z, confidence; in a long table of joint -1. Column -1:
            there is none.
        joint: Column that names the joint; -1: a wide table.
    """

    keys: dict[str, int]
    values: dict[int, tuple[int, ...]]
    joint: int

    @property
    def has_depth(self) -> bool:
        """Whether there is a z."""
        return any(columns[2] >= 0 for columns in self.values.values())


def read_table(path: Path, options: ReadOptions) -> Recording:
    """The recording of one CSV file.

    Raises:
        PoseFileInvalid: The header is not as it must be.
    """
    layout = load_layout(options.layout)
    with open_lines(path) as lines:
        columns = _columns(lines, layout)
    is_flat = options.pose_type == "2dbp" or not columns.has_depth
    is_image = is_flat or options.pose_type == "25dbp"
    return Recording(
        name=path.stem,
        path=path,
        layout=options.layout,
        space=Space.IMAGE if is_image else Space.WORLD,
        observations=_observations(path, layout, 2 if is_flat else 3, is_image),
        width=options.width if is_image else None,
        height=options.height if is_image else None,
        frame_rate=options.frame_rate,
    )


def _observations(
    path: Path, layout: Layout, num_coordinates: int, is_image: bool
) -> Iterator[Observation]:
    with open_lines(path) as lines:
        columns = _columns(lines, layout)
        make = make_pose if is_image else world_pose
        rows = _rows(lines, columns, layout)
        for frame, group in groupby(rows, key=lambda row: row[0]):
            people: dict[_Person, Doubles] = {}
            for _, person, joint, values in group:
                _enter(people, person, joint, values, (lines, layout))
            for (camera, identity), pose_VD in people.items():
                joints_VD, confidence_V = make(pose_VD[:, :num_coordinates], pose_VD[:, 3])
                yield Observation(frame, identity, joints_VD, confidence_V, camera)


def _enter(
    people: dict[_Person, Doubles],
    person: _Person,
    joint: int,
    values: Doubles,
    source: tuple[Lines, Layout],
) -> None:
    """Put what a row says into the poses of its frame; NaN marks what was not said."""
    lines, layout = source
    if person not in people:
        if len(people) >= _MAX_PEOPLE:
            raise lines.invalid(f"found more than {_MAX_PEOPLE} people in one frame")
        people[person] = np.full((layout.num_joints, 4), np.nan)
    place = slice(None) if joint < 0 else joint
    if not np.isnan(people[person][place]).all():
        raise lines.invalid("found a second row of the same frame, person and joint")
    people[person][place] = values


def _rows(
    lines: Lines, columns: _Columns, layout: Layout
) -> Iterator[tuple[int, _Person, int, Doubles]]:
    """Frame, person, joint (-1: all) and values (4,) or (V, 4) of every row."""
    last = -1
    numbers = {name: joint for joint, name in enumerate(layout.joint_names)}
    numbers |= {str(joint): joint for joint in range(layout.num_joints)}
    while (line := lines.read()) is not None:
        if not line:
            continue
        cells = _cells(lines, line)
        if len(cells) > 4 * layout.num_joints + 1000:
            raise lines.invalid(f"found {len(cells)} cells")
        keys = {key: _integer(lines, cells, at, key) for key, at in columns.keys.items()}
        if keys["frame"] < last:
            raise lines.invalid(f"found frame {keys['frame']} behind frame {last}; sort the rows")
        last = keys["frame"]
        joint = -1
        if columns.joint >= 0:
            joint = numbers.get(_cell(cells, columns.joint), -1)
            if joint < 0:
                found = _cell(cells, columns.joint)[:40]
                raise lines.invalid(f"found the joint {found!r}, expected one of {layout.name}")
        person = (keys.get("camera", 0), keys.get("object_id", 0))
        yield last, person, joint, _values(lines, cells, columns, layout)


def _values(lines: Lines, cells: Sequence[str], columns: _Columns, layout: Layout) -> Doubles:
    if columns.joint >= 0:
        return _numbers(lines, cells, columns.values[-1])
    pose_VD = np.full((layout.num_joints, 4), np.nan)
    for joint, places in columns.values.items():
        pose_VD[joint] = _numbers(lines, cells, places)
    return pose_VD


def _numbers(lines: Lines, cells: Sequence[str], places: Sequence[int]) -> Doubles:
    """x, y, z and confidence; z is 0 and confidence 1 where the table has no such column."""
    values = np.array([0.0, 0.0, 0.0, 1.0])
    for index, place in enumerate(places):
        if place < 0:
            continue
        cell = _cell(cells, place)
        try:
            values[index] = float(cell) if cell else np.nan
        except ValueError as error:
            raise lines.invalid(f"found {cell[:40]!r}, expected a number") from error
    return values


def _integer(lines: Lines, cells: Sequence[str], place: int, key: str) -> int:
    cell = _cell(cells, place)
    lowest = 0 if key == "frame" else -1
    number = int(cell) if cell.lstrip("-").isdecimal() and len(cell) < 20 else None
    if number is None or not lowest <= number <= MAX_INTEGER:
        raise lines.invalid(f"{key}: found {cell[:40]!r}, expected a whole number")
    return number


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def _cells(lines: Lines, line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise lines.invalid(f"is no line of a CSV file ({error})") from error


def _columns(lines: Lines, layout: Layout) -> _Columns:
    """Columns by the header."""
    names = [name.strip() for name in _cells(lines, lines.take("a header"))]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if len(names) > 4 * layout.num_joints + 1000 or repeated:
        raise lines.invalid(f"the header repeats {', '.join(map(repr, repeated))[:80]}")
    place = {name: index for index, name in enumerate(names)}
    keys = {key: place[key] for key in _KEYS if key in place}
    joint = place.get("joint_name", place.get("joint", -1))
    values = {-1: tuple(place.get(value, -1) for value in _VALUES)}
    if joint < 0:
        values = {
            number: tuple(place.get(f"{name}_{value}", -1) for value in _VALUES)
            for number, name in enumerate(layout.joint_names)
        }
        values = {number: places for number, places in values.items() if min(places[:2]) >= 0}
    if "frame" not in keys or not values or min(min(one[:2]) for one in values.values()) < 0:
        raise lines.invalid(
            f"found the columns {', '.join(names)[:120]!r}, expected frame and either joint, x, y "
            f"or columns named after the joints of {layout.name}, such as "
            f"{layout.joint_names[0]}_x and {layout.joint_names[0]}_y"
        )
    return _Columns(keys, values, joint)
