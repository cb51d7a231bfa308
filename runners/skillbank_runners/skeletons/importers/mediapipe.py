"""MediaPipe's pose landmarks as people write them down: JSON, JSON lines, or CSV (mediapipe_csv).

A frame is an object: its number under `frame` (or `frame_number`, `frame_id`, `frame_index`) or
its `timestamp_ms`; people under `pose_landmarks` (or `poseLandmarks`, `landmarks`), each a list of
33 `{x, y, z, visibility, presence}` or `[x, y, z, visibility]`; the same in metres about the
hips under `pose_world_landmarks` (or `poseWorldLandmarks`, `world_landmarks`, `worldLandmarks`).
One person may stand there without the list around them, as the older "solutions" interface has it,
also as `{"landmark": [...]}`. ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker says
what the fields mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    Doubles,
    Mapping,
    Spot,
    as_frame,
    as_list,
    as_mapping,
    as_numbers,
    make_box,
    make_pose,
    within_reason,
)
from skillbank_runners.skeletons.importers.files import find_files, joints_of
from skillbank_runners.skeletons.importers.frame_objects import frame_objects
from skillbank_runners.skeletons.poses import NO_TRACK, Box, Observation, Recording, Space

LAYOUT = "mediapipe33"
NUM_JOINTS = 33
_PICTURE_KEYS = ("pose_landmarks", "poseLandmarks", "landmarks")
_WORLD_KEYS = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks")
_FRAME_KEYS = ("frame", "frame_number", "frame_id", "frame_index", "frameIndex")
_TIME_KEYS = ("timestamp_ms", "timestampMs")


@dataclass(frozen=True, slots=True)
class LandmarkRow:
    """One person of a frame: x, y, z, confidence of each joint, in the picture or in metres.

    Attributes:
        frame: Its number.
        object_id: NO_TRACK where the file has none.
        picture_V4: x and y relative to the picture, z in the scale of x; None: not given.
        world_V4: Metres from the middle of the hips; None: not given.
    """

    frame: int
    object_id: int
    picture_V4: Doubles | None
    world_V4: Doubles | None


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per file."""
    layout = options.layout or LAYOUT
    if joints_of(layout) != NUM_JOINTS:
        found = f"found {layout!r} with {joints_of(layout)} joints, expected {NUM_JOINTS}"
        raise RunnerError(f"dataset_convert.source_layout: {found}; MediaPipe's is {LAYOUT}")
    for file in find_files(path, [".json", ".jsonl", ".ndjson", ".csv"]):
        world = options.pose_type == "3dbp" and any(
            row.world_V4 is not None for row in _rows(file, options)
        )
        yield Recording(
            name=file.stem,
            path=file,
            layout=layout,
            space=Space.WORLD if world else Space.IMAGE,
            observations=_observations(file, options, world=world),
            width=options.width,
            height=options.height,
            frame_rate=options.frame_rate,
        )


def _rows(file: Path, options: ReadOptions) -> Iterator[LandmarkRow]:
    if file.suffix == ".csv":
        from skillbank_runners.skeletons.importers.mediapipe_csv import read_rows

        yield from read_rows(file)
        return
    for ordinal, (_, frame, spot) in enumerate(frame_objects(file, "frames")):
        _check_landmarks(frame, spot)
        number = _number(frame, ordinal, options, spot)
        worlds = _people(frame, _WORLD_KEYS, spot)
        pictures = _people(frame, _PICTURE_KEYS, spot)
        for person in range(max(len(worlds), len(pictures))):
            picture_V4 = pictures[person] if person < len(pictures) else None
            world_V4 = worlds[person] if person < len(worlds) else None
            yield LandmarkRow(number, NO_TRACK, picture_V4, world_V4)


def _observations(file: Path, options: ReadOptions, *, world: bool) -> Iterator[Observation]:
    last = -1
    for row in _rows(file, options):
        if row.frame < last:
            problem = f"found frame {row.frame} after frame {last}, expected them in order"
            raise Spot(file).invalid(problem)
        last = row.frame
        picture_V4 = None if row.picture_V4 is None else within_reason(row.picture_V4)
        points_V4 = row.world_V4 if world else picture_V4
        if points_V4 is None:
            continue
        box = None if picture_V4 is None else _box(picture_V4, options)
        if world:
            pose = make_pose(points_V4[:, :3], points_V4[:, 3], origin_is_missing=False)
        else:
            axes = 2 if options.pose_type == "2dbp" else 3
            points_VD = (points_V4[:, :3] * _pixels(options))[:, :axes]
            pose = make_pose(points_VD, points_V4[:, 3])
        yield Observation(row.frame, row.object_id, *pose, box=box)


def _pixels(options: ReadOptions) -> Doubles:
    """Pixels of one unit along x, y, z."""
    return np.array([options.width, options.height, options.width], dtype=np.float64)


def _box(picture_V4: Doubles, options: ReadOptions) -> Box | None:
    """Around all joints, in pixels."""
    points_V2 = picture_V4[:, :2] * _pixels(options)[:2]
    points_V2 = points_V2[np.isfinite(points_V2).all(axis=1)]
    if not len(points_V2):
        return None
    low, size = points_V2.min(axis=0), np.ptp(points_V2, axis=0)
    return make_box(float(low[0]), float(low[1]), float(size[0]), float(size[1]))


def _check_landmarks(frame: Mapping, spot: Spot) -> None:
    if not any(key in frame for key in _PICTURE_KEYS + _WORLD_KEYS):
        keys = ", ".join(map(repr, _PICTURE_KEYS + _WORLD_KEYS))
        raise spot.invalid(f"found a frame without landmarks, expected one of {keys}")


def _number(frame: Mapping, ordinal: int, options: ReadOptions, spot: Spot) -> int:
    """Number of a frame: stated, by its time, or by its place in the file."""
    for key in _FRAME_KEYS:
        if key in frame:
            return as_frame(frame[key], spot.inside(key))
    for key in _TIME_KEYS:
        if key in frame and options.frame_rate:
            (time_ms,) = as_numbers([frame[key]], spot.inside(key))
            frames = time_ms * options.frame_rate / 1000
            return as_frame(float(np.round(frames)), spot.inside(key))
    return ordinal


def _people(frame: Mapping, keys: tuple[str, ...], spot: Spot) -> list[Doubles]:
    """Landmarks of each person under one of the keys, (33, 4): x, y, z, confidence."""
    key = next((key for key in keys if key in frame), None)
    if key is None or frame[key] is None:
        return []
    inside = spot.inside(key)
    value = frame[key]
    if isinstance(value, dict) and "landmark" in value:
        value = value["landmark"]
    people = as_list(value, inside)
    if people and _is_landmark(people[0]):
        people = [people]
    return [
        _landmarks(person, inside.inside(f"person {number}"))
        for number, person in enumerate(people)
    ]


def _is_landmark(value: object) -> bool:
    """Whether it is one joint and not one person."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], int | float)
    return isinstance(value, dict) and "x" in value


def _landmarks(person: object, spot: Spot) -> Doubles:
    if isinstance(person, dict) and "landmark" in person:
        person = person["landmark"]
    joints = as_list(person, spot)
    if len(joints) != NUM_JOINTS:
        raise spot.invalid(f"found {len(joints)} landmarks, expected {NUM_JOINTS}")
    rows: list[object] = [_joint(joint, spot) for joint in joints]
    return as_numbers(rows, spot).reshape(NUM_JOINTS, 4)


def _joint(joint: object, spot: Spot) -> list[object]:
    """x, y, z and confidence: visibility, else presence, else 1."""
    if isinstance(joint, list):
        if not 3 <= len(joint) <= 5:
            raise spot.invalid(
                f"found a landmark of {len(joint)} values, expected x, y, z, visibility"
            )
        return [*joint, 1.0][:4]
    values = as_mapping(joint, spot)
    confidence = values.get("visibility")
    if confidence is None:
        confidence = values.get("presence")
    return [values.get("x"), values.get("y"), values.get("z"), _or_one(confidence)]


def _or_one(confidence: object) -> object:
    return 1.0 if confidence is None else confidence
