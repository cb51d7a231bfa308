"""What every pose file comes down to: recordings, and who stands how in each of their frames.

Axes: V joints, D coordinates (2 or 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.layout import Layout

Floats = npt.NDArray[np.float32]
UNLISTED = "unlisted"
"""`split` of a recording that none of the lists of its file's split names."""
NO_TRACK = -1
"""`object_id` of a format that does not say who is who from frame to frame."""


class Space(StrEnum):
    """What coordinates mean."""

    IMAGE = "image"
    """x and y in pixels from the top left corner; a third value is a depth relative to the root."""
    WORLD = "world"
    """x, y, z in one unit of length, in the camera's or the room's axes."""


class Box(NamedTuple):
    """A person's place in the picture, in pixels."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One person in one frame.

    Attributes:
        frame: Number of the frame, from 0 or 1 on, with gaps where the recording has them.
        object_id: Track of the person within its camera; NO_TRACK where the file has none.
        joints_VD: Coordinates, float32; 0 where the joint is missing.
        confidence_V: In [0, 1]; 0: the joint is missing.
        camera: Of a recording with several.
        box: Of the person; None where the file has none.
    """

    frame: int
    object_id: int
    joints_VD: Floats
    confidence_V: Floats
    camera: int = 0
    box: Box | None = None


@dataclass(frozen=True)
class Recording:
    """One recording: facts that hold for all of it, and its observations in order of frames.

    Attributes:
        name: What label files call it: name of the file, or of the clip within the file.
        path: File or folder that it comes from.
        layout: Name of its skeleton in references/layouts.yaml, path of a layout file, or, where
            the file brings a skeleton of its own (bvh), that; `load_layout` takes all three.
        space: What the coordinates mean.
        observations: Read once, from front to back, before the next recording is asked for;
            raises PoseFileInvalid on the way where the file is damaged.
        width: Of the picture in pixels; None where unknown.
        height: Of the picture in pixels; None where unknown.
        frame_rate: Frames per second; None where unknown.
        label: Class name that the file itself states; None where it does not.
        subject: Who is recorded, where the file says so.
        split: `train`, `val` or `test`, where the file says so; UNLISTED.
    """

    name: str
    path: Path
    layout: str | Layout
    space: Space
    observations: Iterator[Observation] = field(repr=False)
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    label: str | None = None
    subject: str | None = None
    split: str | None = None


class PoseFileInvalid(RunnerError):
    """A pose file cannot be read.

    Args:
        path: Of the file.
        where: Line, byte, frame or key within it; empty: the whole file.
        problem: What was found and what was expected.
    """

    failure = "bad_configuration"

    def __init__(self, path: Path, where: str, problem: str) -> None:
        super().__init__(f"{path}{f', {where}' if where else ''}: {problem}")
        self.path = path
