"""poses_with_actions.json: the poses that came in, with the actions that were found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from skillbank_runners.api import written_whole
from skillbank_runners.pose_classification.actions.action_json import (
    ACTION,
    SCORE,
    Find,
    add_actions,
)
from skillbank_runners.pose_classification.actions.linked import linked_ids
from skillbank_runners.skeletons.importers.deepstream import read_frames
from skillbank_runners.skeletons.poses import Observation, Recording, Space

Told = Callable[[int], None]
"""Takes the number of bytes, or of people in frames, that are done."""

POSE_KEYS = {Space.IMAGE: "pose25d", Space.WORLD: "pose3d"}


def rewrite(recording: Recording, target: Path, find: Find, told: Told) -> None:
    """Copy a DeepStream JSON, list or lines, and add the actions; all else keeps its bytes.

    Args:
        recording: Of the file.
        target: File to write; it appears once it is complete.
        find: Tells the actions.
        told: Told how many bytes are read.

    Raises:
        PoseFileInvalid: The file is damaged.
    """
    source, linked = recording.path, linked_ids(recording)
    with source.open("rb") as between, written_whole(target) as file:
        for element in read_frames(source):
            file.write(between.read(element.offset - between.tell()))
            file.write(add_actions(element.content, find, linked))
            between.seek(element.offset + len(element.content))
            told(between.tell())
        shutil.copyfileobj(between, file)


def write_deepstream(
    recording: Recording, target: Path, find: Find, told: Callable[[], None]
) -> None:
    """Write a recording of any format as DeepStream JSON with actions: one element per frame.

    Pixels become `pose25d`, other coordinates `pose3d`: (x, y, z, confidence) of each joint, z 0
    where there is none. A missing box is that of the joints in the picture, or 0.

    Args:
        recording: In order of frames.
        target: File to write; it appears once it is complete.
        find: Tells the actions.
        told: Called for every person and frame.
    """
    with written_whole(target) as file:
        file.write(b"[")
        separator = b"\n"
        for element in _elements(recording, find, told):
            file.write(separator + json.dumps(element, ensure_ascii=False).encode())
            separator = b",\n"
        file.write(b"\n]\n")


def _elements(
    recording: Recording, find: Find, told: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    for frame, people in groupby(recording.observations, key=lambda one: one.frame):
        cameras: dict[int, list[dict[str, Any]]] = {}
        for person in people:
            entry = _entry(person, recording.space)
            entry[ACTION], entry[SCORE] = find(person.camera, person.object_id, frame)
            cameras.setdefault(person.camera, []).append(entry)
            told()
        batches = [
            {
                "batch_id": camera,
                "frame_num": frame,
                "ntp_timestamp": "",
                "num_obj_meta": len(objects),
                "objects": objects,
            }
            for camera, objects in sorted(cameras.items())
        ]
        yield {"num_frames_in_batch": len(batches), "batches": batches}


def _entry(person: Observation, space: Space) -> dict[str, Any]:
    joints = person.joints_VD.tolist()
    padded = (
        [*(round(value, 6) for value in joint), *[0.0] * (3 - len(joint)), round(sure, 4)]
        for joint, sure in zip(joints, person.confidence_V.tolist(), strict=True)
    )
    return {
        "object_id": person.object_id,
        "bbox": [round(value, 2) for value in _box(person, space)],
        POSE_KEYS[space]: [value for joint in padded for value in joint],
    }


def _box(person: Observation, space: Space) -> Iterable[float]:
    if person.box is not None:
        return person.box
    there_V = person.confidence_V > 0
    if space is not Space.IMAGE or not there_V.any():
        return 0.0, 0.0, 0.0, 0.0
    points_N2 = person.joints_VD[there_V, :2]
    return (*points_N2.min(axis=0).tolist(), *np.ptp(points_N2, axis=0).tolist())
