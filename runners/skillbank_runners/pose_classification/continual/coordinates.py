"""Coordinates of one frame's people as dataset_convert writes them, and what it does with gaps.

Axes: N people, V joints, D coordinates, R = D + 1 values per joint (confidence last), C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skillbank_runners.pose_classification.augment import Clip
from skillbank_runners.pose_classification.continual.frames import FrameInvalid, PoseFrame
from skillbank_runners.pose_classification.conversion.arithmetic import Arithmetic
from skillbank_runners.pose_classification.conversion.stretches import Rows, fill_gaps
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.importers.deepstream import LAYOUT, POSE_KINDS, PoseKind
from skillbank_runners.skeletons.pose_blocks import PoseBlock
from skillbank_runners.skeletons.poses import PoseFileInvalid, Recording

_STREAM = Path("stream")


class Sight(NamedTuple):
    """One person in one frame.

    Attributes:
        number: Of the frame.
        values_RV: Converted coordinates and confidence.
    """

    number: int
    values_RV: Clip


class FrameConversion:
    """Applies the conversion of the training data to a stream, frame by frame.

    Args:
        settings: Of that conversion.
        layout: Name of the skeleton that formats other than deepstream are expected in.
        is_flat: Whether those have x and y only, whatever `pose_type` says.

    Attributes:
        pose: What to take of a person: `pose25d` for two coordinates, or else as `pose_type` says.
        num_channels: C.
        max_step: Frame numbers from one sight of a person to the next; beyond, a new sequence
            begins.
    """

    def __init__(self, settings: DatasetConvertSpec, layout: str, *, is_flat: bool = False) -> None:
        is_deepstream = settings.format == "deepstream"
        is_flat = is_flat and not is_deepstream
        self.pose: PoseKind = POSE_KINDS["2dbp" if is_flat else settings.pose_type]
        recording = Recording(
            name=_STREAM.name,
            path=_STREAM,
            layout=settings.source_layout or (LAYOUT if is_deepstream else layout),
            space=self.pose.space,
            observations=iter(()),
            width=settings.input_width,
            height=settings.input_height,
        )
        self._arithmetic = Arithmetic(recording, settings)
        self._keeps_confidence = settings.keep_confidence
        self.num_channels = self.pose.num_coordinates + int(settings.keep_confidence)
        self._fills = settings.gaps == "interpolate"
        gaps = {"join": math.inf, "break": 0, "interpolate": settings.max_gap}
        self.max_step = gaps[settings.gaps] + 1

    def sights(self, frame: PoseFrame) -> list[Sight]:
        """Everybody in a frame, in its order.

        Raises:
            FrameInvalid: A pose has not the joints and coordinates of training.
        """
        if not frame.people:
            return []
        shapes = {one.joints_VD.shape for one in frame.people}
        if len(shapes) > 1:
            raise FrameInvalid(f"frame {frame.number}: poses differ in their joints: {shapes}")
        for one in frame.people:
            if not (np.isfinite(one.joints_VD).all() and np.isfinite(one.confidence_V).all()):
                raise FrameInvalid(
                    f"frame {frame.number}, object_id {one.object_id}: a coordinate is not finite, "
                    "expected numbers; a missing joint has confidence 0"
                )
        block = PoseBlock(
            np.full(len(frame.people), frame.number, np.int64),
            [(frame.camera, one.object_id) for one in frame.people],
            np.stack([one.joints_VD for one in frame.people]).astype(np.float64),
            np.stack([one.confidence_V for one in frame.people]).astype(np.float64),
        )
        try:
            values_NVR = self._arithmetic(block)
        except PoseFileInvalid as error:
            raise FrameInvalid(str(error)) from error
        return [Sight(frame.number, values_VR.T) for values_VR in values_NVR]

    def clip_frames(self, before: Sight | None, sight: Sight) -> Iterator[tuple[int, Clip]]:
        """Numbers and channels (C, V) of the frames that follow on a person's sight before."""
        if before is None or not self._fills:
            yield sight.number, self._channels(sight.values_RV)
            return
        numbers_T = np.array([before.number, sight.number])
        values_RTV = np.stack([before.values_RV, sight.values_RV], axis=1)
        filled = fill_gaps(Rows(values_RTV, numbers_T, np.full(2, -1, np.int64)))
        for t, number in enumerate(filled.frames_T[1:].tolist(), start=1):
            yield number, self._channels(filled.values_RTV[:, t])

    def _channels(self, values_RV: Clip) -> Clip:
        return values_RV if self._keeps_confidence else values_RV[:-1]
