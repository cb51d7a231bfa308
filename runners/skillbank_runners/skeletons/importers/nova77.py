"""JSON lines of NVIDIA's 3D Body Pose NIM (Maxine AR SDK, Nova-77 skeleton), one frame per line.

    {"frame_id": 7, "detections": [{"tracking_id": 1, "bbox": [x, y, width, height],
     "keypoints_2d": [[x, y], ...], "keypoints_confidence": [...], "keypoints_3d": [[x, y, z], ...],
     "rest_pose": ..., "joint_rotations": ..., "root_pose": ...}]}

77 joints; `keypoints_3d` is in metres in the camera's axes, `keypoints_2d` and `bbox` in pixels.

Axes: V joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    Doubles,
    Spot,
    as_frame,
    as_integer,
    as_list,
    as_mapping,
    as_numbers,
    as_points,
    make_box,
)
from skillbank_runners.skeletons.importers.text_files import files_of
from skillbank_runners.skeletons.importers.world import world_pose
from skillbank_runners.skeletons.json_elements import json_elements
from skillbank_runners.skeletons.poses import Box, Observation, Recording, Space

LAYOUT = "nova77"
NUM_JOINTS = 77


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per .jsonl or .json file; `pose_type` 2dbp takes the places in the picture.

    Raises:
        PoseFileInvalid: The folder has no such file.
    """
    is_flat = options.pose_type == "2dbp"
    for file in files_of(path, (".jsonl", ".json", ".ndjson")):
        yield Recording(
            name=file.stem,
            path=file,
            layout=options.layout or LAYOUT,
            space=Space.IMAGE if is_flat else Space.WORLD,
            observations=_observations(file, is_flat),
            width=options.width if is_flat else None,
            height=options.height if is_flat else None,
            frame_rate=options.frame_rate,
        )


def _observations(path: Path, is_flat: bool) -> Iterator[Observation]:
    last = -1
    for element in json_elements(path):
        spot = Spot(path, f"line {element.document + 1}, byte {element.offset}")
        content = as_mapping(element.value, spot)
        frame = as_frame(content.get("frame_id"), spot.inside("frame_id"))
        if frame < last:
            raise spot.invalid(f"found frame {frame} behind frame {last}, expected rising numbers")
        last = frame
        people = as_list(content.get("detections"), spot.inside("detections"))
        for index, person in enumerate(people):
            yield _observation(person, frame, is_flat, spot.inside(f"detections[{index}]"))


def _observation(value: object, frame: int, is_flat: bool, spot: Spot) -> Observation:
    person = as_mapping(value, spot)
    key, width = ("keypoints_2d", 2) if is_flat else ("keypoints_3d", 3)
    points_VD = as_points(person.get(key), width, spot.inside(key))
    certainty = "keypoints_confidence"
    certain_V = as_numbers(person.get(certainty), spot.inside(certainty))
    for found, name in ((points_VD, key), (certain_V, certainty)):
        if len(found) != NUM_JOINTS:
            raise spot.inside(name).invalid(f"found {len(found)} joints, expected {NUM_JOINTS}")
    joints_VD, confidence_V = world_pose(points_VD, certain_V)
    return Observation(
        frame=frame,
        object_id=as_integer(person.get("tracking_id"), spot.inside("tracking_id")),
        joints_VD=joints_VD,
        confidence_V=confidence_V,
        box=_box(person.get("bbox"), spot.inside("bbox")),
    )


def _box(value: object, spot: Spot) -> Box | None:
    if value is None:
        return None
    sides: Doubles = as_numbers(value, spot)
    if len(sides) != 4:
        raise spot.invalid(f"found {len(sides)} numbers, expected x, y, width and height")
    return make_box(*np.nan_to_num(sides, nan=-1.0).tolist())
