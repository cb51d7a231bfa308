"""OpenPose's folders of `<clip>_000000000012_keypoints.json`, one file per frame (--write_json).

`{"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [x0, y0, c0, ...],
"pose_keypoints_3d": [x0, y0, z0, c0, ...]}]}`, see doc/02_output.md of OpenPose: it triangulates
one person, the others have no 3D and are left out where it is asked for. 18 joints (COCO) and 25
(BODY_25) are told by their number. Coordinates that --keypoint_scale brought to 0..1 or
-1..1 are told by their range over the whole clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    Doubles,
    Mapping,
    Spot,
    as_integer,
    as_list,
    as_mapping,
    as_points,
    make_pose,
)
from skillbank_runners.skeletons.importers.files import find_files, joints_of, numbered
from skillbank_runners.skeletons.json_elements import json_elements
from skillbank_runners.skeletons.poses import NO_TRACK, Observation, Recording, Space

LAYOUTS = {18: "openpose18", 25: "body25"}
_KEYS_2D = ("pose_keypoints_2d", "pose_keypoints")
_KEY_3D = "pose_keypoints_3d"
_NORMALISED = 1.01
"""Nobody fits into one pixel: where all coordinates are within this, they are no pixels."""


@dataclass
class _Clip:
    """Files of one clip, by frame, and what a first look at all of them tells."""

    folder: Path
    name: str
    frames: dict[int, Path] = field(default_factory=dict)
    num_joints: int = 0
    has_3d: bool = False
    lowest: float = 0.0
    highest: float = 0.0


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per clip: files of a folder that share their name but for the number."""
    for clip in _clips(path):
        _survey(clip, options)
        world = clip.has_3d and options.pose_type == "3dbp"
        layout = options.layout or LAYOUTS.get(clip.num_joints, LAYOUTS[25])
        yield Recording(
            name=clip.name or clip.folder.name,
            path=clip.folder,
            layout=layout,
            space=Space.WORLD if world else Space.IMAGE,
            observations=_observations(clip, options, world=world),
            width=options.width,
            height=options.height,
            frame_rate=options.frame_rate,
        )


def _clips(path: Path) -> list[_Clip]:
    clips: dict[tuple[Path, str], _Clip] = {}
    for file in find_files(path, [".json"]):
        name, frame = numbered(file.stem.removesuffix("_keypoints"))
        clip = clips.setdefault((file.parent, name), _Clip(file.parent, name))
        number = 0 if frame is None else frame
        if number in clip.frames:
            other = clip.frames[number].name
            raise Spot(file).invalid(f"found a second file of frame {number}, beside {other!r}")
        clip.frames[number] = file
    for clip in clips.values():
        clip.frames = dict(sorted(clip.frames.items()))
    return list(clips.values())


def _survey(clip: _Clip, options: ReadOptions) -> None:
    """Find number of joints, kind and range of the coordinates of a clip."""
    for file in clip.frames.values():
        for person, spot in _people(file):
            points_V3 = _points_2d(person, spot)
            _check_joints(clip, len(points_V3), options, spot)
            seen = points_V3[points_V3[:, 2] > 0, :2]
            seen = seen[np.isfinite(seen)]
            if seen.size:
                clip.lowest = min(clip.lowest, float(seen.min()))
                clip.highest = max(clip.highest, float(seen.max()))
            clip.has_3d = clip.has_3d or bool(person.get(_KEY_3D))


def _check_joints(clip: _Clip, found: int, options: ReadOptions, spot: Spot) -> None:
    expected = {joints_of(options.layout)} if options.layout else set(LAYOUTS)
    if clip.num_joints:
        expected = {clip.num_joints}
    if found not in expected:
        wanted = " or ".join(map(str, sorted(expected)))
        raise spot.invalid(f"found {found} joints, expected {wanted}")
    clip.num_joints = found


def _people(file: Path) -> Iterator[tuple[Mapping, Spot]]:
    for element in json_elements(file):
        spot = Spot(file, f"byte {element.offset}")
        people = as_mapping(element.value, spot).get("people")
        for number, person in enumerate(as_list(people, spot.inside("people"))):
            inside = spot.inside(f"people[{number}]")
            yield as_mapping(person, inside), inside


def _points_2d(person: Mapping, spot: Spot) -> Doubles:
    key = next((key for key in _KEYS_2D if key in person), _KEYS_2D[0])
    return as_points(person.get(key), 3, spot.inside(key))


def _observations(clip: _Clip, options: ReadOptions, *, world: bool) -> Iterator[Observation]:
    scale, shift = _to_pixels(clip, options)
    for frame, file in clip.frames.items():
        for person, spot in _people(file):
            object_id = _object_id(person.get("person_id"), spot)
            if world:
                if not person.get(_KEY_3D):
                    continue
                points_V4 = as_points(person.get(_KEY_3D), 4, spot.inside(_KEY_3D))
                _check_joints(clip, len(points_V4), options, spot.inside(_KEY_3D))
                pose = make_pose(points_V4[:, :3], points_V4[:, 3], origin_is_missing=False)
            else:
                points_V3 = _points_2d(person, spot)
                pose = make_pose((points_V3[:, :2] + shift) * scale, points_V3[:, 2])
            yield Observation(frame, object_id, *pose)


def _to_pixels(clip: _Clip, options: ReadOptions) -> tuple[Doubles, float]:
    """(scale, shift) with pixels = (coordinates + shift) * scale."""
    size = np.array([options.width, options.height], dtype=np.float64)
    if clip.highest > _NORMALISED or clip.highest == clip.lowest == 0:
        return np.ones(2), 0.0
    return (size / 2, 1.0) if clip.lowest < 0 else (size, 0.0)


def _object_id(value: object, spot: Spot) -> int:
    """`[-1]`, or nothing, where OpenPose did not track."""
    if value is None or value == []:
        return NO_TRACK
    if isinstance(value, list):
        value = value[0]
    identity = as_integer(value, spot.inside("person_id"))
    return identity if identity >= 0 else NO_TRACK
