"""Frames as a stream brings them: DeepStream's JSON, a frame or a batch of frames per line.

    {"batch_id": 0, "frame_num": 7, "objects": [{"object_id": 3, "pose3d": [x, y, z, c, ...]}]}

Axes: V joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError
from pydantic_core import ErrorDetails

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers.deepstream import PoseKind
from skillbank_runners.skeletons.poses import Observation

_VALUES_PER_JOINT = 4
_MAX_NUMBER = 2**53  # the whole numbers that JSON is sure of
_MAX_COORDINATE = 1e9  # millimetres or pixels; beyond, the network would only say NaN
_SHOWN = 3  # problems of a line that its message lists


class FrameInvalid(RunnerError):
    """A frame of a stream cannot be used; the message says what was found and expected."""

    failure = "bad_configuration"


@dataclass(frozen=True)
class PoseFrame:
    """Everybody in one frame of one camera.

    Attributes:
        number: Number of the frame, higher than that of the camera's frame before.
        people: Each `object_id` at most once; their own `frame` and `camera` are not looked at.
        camera: Of several.
    """

    number: int
    people: tuple[Observation, ...]
    camera: int = 0


class _Lenient(BaseModel):
    """What DeepStream writes besides is not asked for."""

    model_config = ConfigDict(extra="ignore", strict=True)


def _flatten(values: object) -> object:
    """Poses may also be written as one list of four per joint."""
    if isinstance(values, list) and values and all(isinstance(one, list) for one in values):
        return [number for one in values for number in one]
    return values


_Number = Annotated[int, Field(ge=-_MAX_NUMBER, le=_MAX_NUMBER)]
_Coordinate = Annotated[FiniteFloat, Field(ge=-_MAX_COORDINATE, le=_MAX_COORDINATE)]
_Pose = Annotated[list[_Coordinate], BeforeValidator(_flatten), Field(min_length=_VALUES_PER_JOINT)]


class _Person(_Lenient):
    object_id: int
    pose3d: _Pose | None = None
    pose25d: _Pose | None = None


class _Frame(_Lenient):
    frame_num: _Number
    batch_id: _Number = 0
    objects: list[_Person]


class _Line(_Lenient):
    """A frame, or a batch of several."""

    batches: list[_Frame] | None = None
    frame_num: _Number | None = None


def parse_line(line: bytes, pose: PoseKind) -> Iterator[PoseFrame]:
    """Frames of one line.

    Args:
        line: JSON, UTF-8.
        pose: Which of a person's poses to take, and how many of its coordinates.

    Raises:
        FrameInvalid: It is damaged, or has no such pose.
    """
    if line.lstrip().startswith(b"["):
        raise FrameInvalid("found a list, expected one frame, or one batch of frames, per line")
    try:
        batches = _Line.model_validate_json(line).batches
        frames = [_Frame.model_validate_json(line)] if batches is None else batches
    except ValidationError as error:
        problems = [_explain(one) for one in error.errors()]
        raise FrameInvalid("; ".join(problems[:_SHOWN])) from error
    for frame in frames:
        people = [_observation(person, frame, pose) for person in frame.objects]
        yield PoseFrame(frame.frame_num, tuple(people), frame.batch_id)


def _observation(person: _Person, frame: _Frame, pose: PoseKind) -> Observation:
    where = f"frame_num {frame.frame_num}, object_id {person.object_id}"
    numbers = person.pose3d if pose.key == "pose3d" else person.pose25d
    if numbers is None:
        raise FrameInvalid(
            f"{where}: no {pose.key!r}, which the model was trained on; record it with "
            f"--publish-pose {pose.key}"
        )
    if len(numbers) % _VALUES_PER_JOINT:
        raise FrameInvalid(f"{where}: {pose.key} has {len(numbers)} numbers, expected 4 per joint")
    joints_V4 = np.array(numbers, np.float32).reshape(-1, _VALUES_PER_JOINT)
    joints_VD, confidence_V = joints_V4[:, : pose.num_coordinates], joints_V4[:, -1]
    return Observation(frame.frame_num, person.object_id, joints_VD, confidence_V, frame.batch_id)


def _explain(problem: ErrorDetails) -> str:
    if problem["type"] == "json_invalid":
        return f"no JSON ({problem['ctx']['error']}), expected a frame, or a batch of frames"
    where = ".".join(map(str, problem["loc"]))
    return f"{where}: {problem['msg']}" if where else problem["msg"]
