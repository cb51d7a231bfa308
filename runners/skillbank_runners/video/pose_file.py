"""Write poses as DeepStream's body pose app does, frame by frame, in flat memory.

One element per frame, `pose25d` in pixels with a depth in metres from the hips, `pose3d` in
millimetres; skeletons/importers/deepstream.py reads it and describes all of the format.

Axes: V joints.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from skillbank_runners.api import written_whole
from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.poses import Box, Floats

NANOSECONDS = 1_000_000_000
MILLIMETRES = 1000
LEAST_CONFIDENCE = 0.0001
"""Of a joint that is there: 0 says that it is missing."""


@dataclass(frozen=True, slots=True)
class Written:
    """One person as they are written.

    Attributes:
        object_id: Track of the person.
        box: In pixels.
        joints_V2: In pixels.
        confidence_V: In [0, 1]; 0: the joint is missing.
        world_V3: In metres, in the camera's axes; None: unknown, written as missing joints.
        depth_V: Of each joint behind the hips, in metres; zeros where unknown.
    """

    object_id: int
    box: Box
    joints_V2: Floats
    confidence_V: Floats
    world_V3: Floats | None
    depth_V: Floats


class PoseFileWriter:
    """A pose file in the making; the file appears under its name once it is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._file: IO[bytes] | None = None
        self._num_frames = 0

    def __enter__(self) -> Self:
        try:
            file = self._stack.enter_context(written_whole(self._path))
        except OSError as error:
            raise self._failed(error) from error
        self._file = file
        self._file.write(b"[")  # into its buffer
        self._stack.push(self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stack.__exit__(kind, error, trace)
        except OSError as problem:
            if kind is None:
                raise self._failed(problem) from problem

    def write(self, number: int, time_s: float, people: Sequence[Written]) -> None:
        """Append a frame.

        Args:
            number: Of the frame, rising.
            time_s: Seconds since the first frame.
            people: In the frame; may be none.

        Raises:
            RunnerError: The file cannot be written.
        """
        if self._file is None:
            raise ValueError("the file is not open")
        frame = {
            "batch_id": 0,
            "frame_num": number,
            "ntp_timestamp": round(time_s * NANOSECONDS),
            "num_obj_meta": len(people),
            "objects": [_object(person) for person in people],
        }
        text = json.dumps({"num_frames_in_batch": 1, "batches": [frame]}, allow_nan=False)
        try:
            self._file.write(f"{',' if self._num_frames else ''}\n{text}".encode())
        except OSError as error:
            raise self._failed(error) from error
        self._num_frames += 1

    def _end(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the list, and see it on the disk, before the file gets its name."""
        if kind is None and self._file is not None:
            self._file.write(b"\n]\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def _failed(self, error: OSError) -> RunnerError:
        return RunnerError(
            f"{self._path}: cannot write poses: {error.strerror}; name another place"
        )


def _object(person: Written) -> dict[str, object]:
    is_there_V = person.confidence_V > 0
    confidence_V = np.where(is_there_V, np.maximum(person.confidence_V, LEAST_CONFIDENCE), 0)
    image_V3 = np.concatenate([person.joints_V2, person.depth_V[:, None]], axis=1)
    if person.world_V3 is None:
        world_V3, sure_V = np.zeros_like(image_V3), np.zeros_like(confidence_V)
    else:
        world_V3, sure_V = person.world_V3 * MILLIMETRES, confidence_V
    return {
        "object_id": person.object_id,
        "bbox": _rounded(np.asarray(person.box), 2),
        "pose25d": _values(image_V3, confidence_V, (2, 2, 4)),
        "pose3d": _values(world_V3, sure_V, (1, 1, 1)),
    }


def _values(joints_V3: Floats, confidence_V: Floats, decimals: tuple[int, int, int]) -> list[float]:
    """x, y, z and confidence of each joint in turn; zeros for a joint that is missing."""
    joints_V3 = np.where(confidence_V[:, None] > 0, joints_V3, 0)
    columns = [_rounded(joints_V3[:, axis], count) for axis, count in enumerate(decimals)]
    columns.append(_rounded(confidence_V, 4))
    return [value for joint in zip(*columns, strict=True) for value in joint]


def _rounded(values: Floats, decimals: int) -> list[float]:
    """As few digits as tell the values apart."""
    return [round(float(value), decimals) for value in values]
