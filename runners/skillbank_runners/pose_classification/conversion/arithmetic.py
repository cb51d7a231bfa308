"""Coordinates as files have them become those that networks are trained on.

TAO's arithmetic, from its documentation of dataset_convert and checked against its results:

- `3dbp`: (x - x0) / focal, (y - y0) / focal, (z - z0) / focal about joint 0;
- `25dbp`: x / width - 0.5, y / height - 0.5, zRel; `2dbp`: the first two of them;
- a joint of confidence 0 becomes zeros.

Other formats go the same two ways, by what their coordinates mean: IMAGE as `25dbp`, with the
picture's size from the file where it states one; WORLD about the root of the layout, and not
divided: only DeepStream's unit is tied to a focal length.

Axes: N observations, V joints, D coordinates, C channels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.dataset_facts import CONFIDENCE
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.layout import Layout, convert_joints, load_layout
from skillbank_runners.skeletons.layout_files import LayoutInvalid
from skillbank_runners.skeletons.pose_blocks import Doubles, PoseBlock
from skillbank_runners.skeletons.poses import PoseFileInvalid, Recording, Space

Floats = npt.NDArray[np.float32]

LAYOUT_KEY = "dataset_convert.layout"
COORDINATES = ("x", "y", "z")


class Arithmetic:
    """What one recording's coordinates go through.

    Attributes:
        num_coordinates: D of the result.
        layout: Of the result.

    Args:
        recording: Whose coordinates.
        settings: What is wanted.

    Raises:
        LayoutInvalid: There is no such layout.
    """

    def __init__(self, recording: Recording, settings: DatasetConvertSpec) -> None:
        self._recording = recording
        self._settings = settings
        self._source = load_layout(recording.layout)
        self.layout = self._source
        if settings.layout:
            self.layout = load_layout(settings.layout, LAYOUT_KEY)
        self._is_deepstream = settings.format == "deepstream"
        self._is_2d = settings.pose_type == "2dbp"
        self.num_coordinates = 0

    def __call__(self, block: PoseBlock) -> Floats:
        """Coordinates, and confidence as one more of them: (N, V, D + 1)."""
        return self.planes(block).transpose(1, 2, 0)

    def planes(self, block: PoseBlock) -> Floats:
        """The same as sequences have it, (D + 1, N, V): joints side by side are fast to compute."""
        self._check(block)
        joints_NVD, confidence_NV = block.joints_NVD, block.confidence_NV
        if self._is_2d:
            joints_NVD = joints_NVD[:, :, :2]
        if self.layout is not self._source:
            joints_NVD, confidence_NV = _converted(
                joints_NVD, confidence_NV, self._source, self.layout
            )
        joints_DNV = np.ascontiguousarray(joints_NVD.transpose(2, 0, 1))
        self.num_coordinates, count, num_joints = joints_DNV.shape
        is_world = self._recording.space is Space.WORLD
        values = np.empty((self.num_coordinates + 1, count, num_joints), np.float32)
        with np.errstate(over="ignore"):
            values[:-1] = self._from_world(joints_DNV) if is_world else self._from_image(joints_DNV)
        values[:, confidence_NV == 0] = 0
        values[-1] = confidence_NV.clip(0, 1)
        self._check_range(block, values)
        return values

    def _from_world(self, joints_DNV: Doubles) -> Doubles:
        if self._settings.centring == "frame":
            roots_DN = joints_DNV[:, :, self._roots[0]]
            if len(self._roots) > 1:
                roots_DN = joints_DNV[:, :, self._roots].mean(axis=2)
            joints_DNV = joints_DNV - roots_DN[:, :, None]
        return joints_DNV / self._settings.focal_length if self._is_deepstream else joints_DNV

    @property
    def _roots(self) -> list[int]:
        if self._is_deepstream and self.layout is self._source:
            return [0]
        return list(self.layout.root_joints)

    def _from_image(self, joints_DNV: Doubles) -> Doubles:
        settings, recording = self._settings, self._recording
        relative = joints_DNV.copy()
        relative[0] = joints_DNV[0] / (recording.width or settings.input_width) - 0.5
        relative[1] = joints_DNV[1] / (recording.height or settings.input_height) - 0.5
        return relative

    def _check_range(self, block: PoseBlock, values: Floats) -> None:
        finite_N = np.isfinite(values).all(axis=(0, 2))
        if finite_N.all():
            return
        n = int(np.argmin(finite_N))
        largest = np.abs(block.joints_NVD[n]).max()
        where = f"frame {int(block.frames_N[n])}, object {block.tracks[n][1]}"
        problem = f"found a coordinate of {largest:.3g}, expected pixels or lengths of a body"
        raise PoseFileInvalid(self._recording.path, where, problem)

    def _check(self, block: PoseBlock) -> None:
        found = block.joints_NVD.shape[1]
        expected, key = self._source.num_joints, f"layout {self._source.name}"
        if self._is_deepstream:
            expected, key = self._settings.num_joints, "dataset_convert.num_joints"
        elif found != expected:
            key += ", dataset_convert.source_layout"
        where = f"frame {int(block.frames_N[0])}"
        if found != expected:
            problem = f"found poses of {found} joints, expected {expected} ({key})"
            raise PoseFileInvalid(self._recording.path, where, problem)
        if self._is_deepstream:  # JSON has no other numbers than finite ones
            return
        finite_N = np.isfinite(block.joints_NVD).all(axis=(1, 2))
        finite_N &= np.isfinite(block.confidence_NV).all(axis=1)
        if not finite_N.all():
            n = int(np.argmin(finite_N))
            where = f"frame {int(block.frames_N[n])}, object {block.tracks[n][1]}"
            problem = (
                "a coordinate is not finite, expected numbers; a missing joint has confidence 0"
            )
            raise PoseFileInvalid(self._recording.path, where, problem)


def channel_names(num_coordinates: int, settings: DatasetConvertSpec) -> tuple[str, ...]:
    """Names of the channels of what is written."""
    last = (CONFIDENCE,) if settings.keep_confidence else ()
    return COORDINATES[:num_coordinates] + last


def _converted(
    joints_NVD: Doubles, confidence_NV: Doubles, source: Layout, target: Layout
) -> tuple[Doubles, Doubles]:
    if joints_NVD.shape[1] != source.num_joints:
        raise RunnerError(
            f"dataset_convert.source_layout: {source.name} has {source.num_joints} joints, but "
            f"the poses have {joints_NVD.shape[1]}"
        )
    try:
        joints, confidence = convert_joints(
            joints_NVD.astype(np.float32), confidence_NV.astype(np.float32), source, target
        )
    except LayoutInvalid as error:
        raise LayoutInvalid(f"{LAYOUT_KEY}: {error}") from error
    return joints.astype(np.float64), confidence.astype(np.float64)
