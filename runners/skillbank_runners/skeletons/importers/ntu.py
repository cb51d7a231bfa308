"""Skeletons of NTU RGB+D (Kinect v2), `SsssCcccPpppRrrrAaaa.skeleton`.

Text, one number or row of numbers per line:

    frames
    per frame: bodies
        per body: bodyID and nine more values (clipping, hands, lean, tracking state)
                  joints (25)
                  per joint: x y z  depthX depthY  colorX colorY  orientation w x y z  trackingState

x, y, z are metres in the camera's axes, at 30 frames a second. The name says setup, camera, person,
repetition and action. The 302 (NTU 60) and 535 (NTU 120) clips whose skeletons are missing have no
frames, or frames without bodies: they are recordings without observations.

Axes: V joints, D coordinates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.text_files import Lines, files_of, open_lines
from skillbank_runners.skeletons.poses import Floats, Observation, Recording, Space

LAYOUT = "ntu25"
NUM_JOINTS = 25
FRAME_RATE = 30.0

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", re.IGNORECASE)
_CONFIDENCE = np.array([0.0, 0.5, 1.0], np.float32)  # not tracked, inferred, tracked
_VALUES = range(12, 15)


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per .skeleton file, its label `A001`, its subject `P001`.

    Raises:
        PoseFileInvalid: The folder has no such file.
    """
    for file in files_of(path, (".skeleton",)):
        match = _NAME.search(file.stem)
        yield Recording(
            name=file.stem,
            path=file,
            layout=options.layout or LAYOUT,
            space=Space.WORLD,
            observations=_observations(file, int(match[2]) if match else 0),
            frame_rate=options.frame_rate or FRAME_RATE,
            label=f"A{match[5]}" if match else None,
            subject=f"P{match[3]}" if match else None,
        )


def _observations(path: Path, camera: int) -> Iterator[Observation]:
    with open_lines(path) as lines:
        objects: dict[int, int] = {}
        for frame in range(lines.integer("the number of frames")):
            for _ in range(lines.integer(f"the number of bodies of frame {frame}")):
                body = _body_id(lines, frame)
                joints_VD, confidence_V = _pose(lines, frame)
                yield Observation(
                    frame=frame,
                    object_id=objects.setdefault(body, len(objects)),
                    joints_VD=joints_VD,
                    confidence_V=confidence_V,
                    camera=camera,
                )
        while (line := lines.read()) is not None:
            if line:
                raise lines.invalid(f"found {line[:40]!r} behind the last frame, expected the end")


def _body_id(lines: Lines, frame: int) -> int:
    expected = f"the id of a body of frame {frame} and nine more values"
    values = lines.take(expected).split()
    if len(values) != 10 or not values[0].isdecimal() or len(values[0]) > 20:
        raise lines.invalid(f"found {' '.join(values)[:60]!r}, expected {expected}")
    return int(values[0])


def _pose(lines: Lines, frame: int) -> tuple[Floats, Floats]:
    """(V, D) metres and (V,) confidence of the next body."""
    count = lines.integer(f"the number of joints of a body of frame {frame}")
    if count != NUM_JOINTS:
        raise lines.invalid(f"found {count} joints, expected {NUM_JOINTS}")
    joints_VD = np.zeros((NUM_JOINTS, 3), np.float32)
    confidence_V = np.zeros(NUM_JOINTS, np.float32)
    for joint in range(NUM_JOINTS):
        values = lines.numbers(f"12 numbers of joint {joint}")
        if len(values) not in _VALUES:
            raise lines.invalid(f"found {len(values)} numbers, expected 12 of joint {joint}")
        state = values[-1]
        if state not in (0, 1, 2):
            raise lines.invalid(f"found the tracking state {state:g}, expected 0, 1 or 2")
        is_there = bool(np.abs(values[:3]).max() < np.finfo(np.float32).max) and state > 0
        if is_there:
            joints_VD[joint], confidence_V[joint] = values[:3], _CONFIDENCE[int(state)]
    return joints_VD, confidence_V
