"""The straightforward way to convert poses: what TAO's documentation of dataset_convert says.

The whole file is loaded, and every value is touched by Python. `tests` take it as the oracle of
the arithmetic, `dataset_convert.py` beside it as what to be faster than.

    python tools/bench/convert_baseline.py poses.json RESULTS 3dbp
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pose = list[list[float]]


@dataclass(frozen=True)
class Settings:
    """The keys of dataset_convert that TAO has, with its defaults."""

    pose_type: str = "3dbp"
    num_joints: int = 34
    input_width: float = 1920.0
    input_height: float = 1080.0
    focal_length: float = 1200.0
    sequence_length_max: int = 300
    sequence_length_min: int = 10
    sequence_length: int = 100
    sequence_overlap: float = 0.5


def joint_of(person: dict[str, Any], joint: int, settings: Settings) -> list[float]:
    """Coordinates of one joint."""
    pose = person["pose3d" if settings.pose_type == "3dbp" else "pose25d"]
    x, y, z, confidence = pose[4 * joint : 4 * joint + 4]
    if settings.pose_type == "3dbp":
        x0, y0, z0 = pose[:3]
        focal = settings.focal_length
        values = [(x - x0) / focal, (y - y0) / focal, (z - z0) / focal]
    else:
        values = [x / settings.input_width - 0.5, y / settings.input_height - 0.5, z]
    if settings.pose_type == "2dbp":
        values = values[:2]
    return values if confidence != 0 else [0.0] * len(values)


def poses_of_objects(content: list[Any], settings: Settings) -> dict[int, list[Pose]]:
    """Poses of every object in the order of the file."""
    objects: dict[int, list[Pose]] = {}
    for batch in content:
        for frame in batch["batches"]:
            for person in frame["objects"]:
                pose = [joint_of(person, joint, settings) for joint in range(settings.num_joints)]
                objects.setdefault(person["object_id"], []).append(pose)
    return objects


def sequences_of(poses: list[Pose], settings: Settings) -> list[npt.NDArray[np.float32]]:
    """Sequences of one object, each (C, sequence_length_max, V, 1)."""
    step = int(settings.sequence_length * settings.sequence_overlap)
    sequences = []
    start = 0
    while len(poses) - start >= settings.sequence_length_min:
        window = poses[start : start + settings.sequence_length]
        channels = len(window[0][0])
        shape = (channels, settings.sequence_length_max, settings.num_joints, 1)
        sequence = np.zeros(shape, np.float32)
        for t, pose in enumerate(window):
            for v, joint in enumerate(pose):
                for c, value in enumerate(joint):
                    sequence[c, t, v, 0] = value
        sequences.append(sequence)
        start += step
    return sequences


def convert(path: Path, results: Path, settings: Settings) -> None:
    """Write object_<id>.npy for every object of a file."""
    with path.open(encoding="utf-8") as file:
        content = json.load(file)
    for object_id, poses in poses_of_objects(content, settings).items():
        sequences = sequences_of(poses, settings)
        if sequences:
            np.save(results / f"object_{object_id}.npy", np.stack(sequences))


def main() -> None:
    """Convert the file that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("pose_type", choices=("3dbp", "25dbp", "2dbp"))
    arguments = parser.parse_args()
    arguments.results.mkdir(parents=True, exist_ok=True)
    began_s = time.perf_counter()
    convert(arguments.path, arguments.results, Settings(pose_type=arguments.pose_type))
    print(time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
