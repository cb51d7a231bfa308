"""Writes what DeepStream's body pose app writes, from arrays.

Axes: T frames, V joints.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SPACED = {"indent": 1}
COMPACT = {"separators": (",", ":")}


@dataclass(frozen=True)
class Person:
    """One track of one camera."""

    object_id: int
    frames: np.ndarray
    pose3d_TV4: np.ndarray
    pose25d_TV4: np.ndarray
    camera: int = 0


def make_person(object_id, frames, *, joints=34, camera=0, seed=0, missing=0.0):
    """A person with numbers that float64 and JSON keep exactly; some joints may be missing."""
    random = np.random.default_rng([seed, object_id, camera])
    frames = np.asarray(list(frames))
    shape = (len(frames), joints, 4)
    pose3d = np.round(random.normal(scale=3000, size=shape), 3)
    pose25d = np.round(random.normal(scale=1000, size=shape), 3)
    for pose in (pose3d, pose25d):
        pose[..., 3] = np.round(random.uniform(0.05, 1, shape[:2]), 3)
        pose[..., 3][random.uniform(size=shape[:2]) < missing] = 0
    return Person(object_id, frames, pose3d, pose25d, camera)


@dataclass
class Writing:
    """How a file is laid out."""

    style: dict = field(default_factory=dict)
    as_lines: bool = False
    num_obj_meta_extra: int = 0
    omit: tuple = ()


PLAIN = Writing()


def batches(people, writing=PLAIN):
    """One batch per frame number, with a frame of each camera that sees somebody."""
    by_frame = defaultdict(lambda: defaultdict(list))
    for person in people:
        for index, frame in enumerate(person.frames):
            objects = by_frame[int(frame)][person.camera]
            objects.append(_object(person, index, writing))
    for frame in sorted(by_frame):
        cameras = by_frame[frame]
        yield {
            "num_frames_in_batch": len(cameras),
            "batches": [
                {
                    "batch_id": camera,
                    "frame_num": frame,
                    "ntp_timestamp": 1_600_000_000_000_000 + 33_333 * frame,
                    "num_obj_meta": len(objects) + writing.num_obj_meta_extra,
                    "objects": objects,
                }
                for camera, objects in sorted(cameras.items())
            ],
        }


def _object(person, index, writing):
    content = {
        "object_id": person.object_id,
        "bbox": [10.5, 20.25, 100.0, 200.0],
        "pose25d": person.pose25d_TV4[index].ravel().tolist(),
        "pose3d": person.pose3d_TV4[index].ravel().tolist(),
    }
    return {key: value for key, value in content.items() if key not in writing.omit}


def write(path: Path, people, writing=PLAIN):
    """Write a file and return its path."""
    content = list(batches(people, writing))
    if writing.as_lines:
        text = "".join(json.dumps(batch, **writing.style) + "\n" for batch in content)
    else:
        text = json.dumps(content, **writing.style)
    path.write_text(text)
    return path
