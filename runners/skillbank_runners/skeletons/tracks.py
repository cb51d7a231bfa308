"""One person followed over frames: where they are expected, and how like them somebody is.

Axes: P points of a person (joints, or corners of their box), D coordinates.
Lengths are relative to the size of the body (diagonal of what is seen of it), so that the same
figures serve pixels and metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from skillbank_runners.skeletons.poses import Box, Observation

Doubles = npt.NDArray[np.float64]

NOISE = 0.02
"""Standard deviation of a measured place, in body sizes."""
ACCELERATION = 0.01
"""Standard deviation of the change of speed, in body sizes per frame squared."""
FIRST_SPEED = 0.15
"""Standard deviation of the speed of someone seen once, in body sizes per frame."""
LOOSENESS = 0.15
"""Constant k of OKS for all joints: limbs move besides the body, in body sizes."""
MAX_LOOSENESS = 0.6
RETURN_LOOSENESS = 0.5
BOX_SHARE = 0.25
"""Weight of boxes where both people have one; joints have the rest."""
MAX_GROWTH = 2.0
"""Nobody grows or shrinks by more from one sight to the next."""


class LocatedBy(StrEnum):
    """What tells where a person is."""

    JOINTS = "joints"
    BOXES = "boxes"
    """For joints relative to the body's own root, which say nothing about its place."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one frame shows of one person.

    Attributes:
        points_PD: Places.
        weight_P: In [0, 1]; 0: the point is missing.
        size: Diagonal of the body, above 0.
        box: Of the person, where known.
    """

    points_PD: Doubles
    weight_P: Doubles
    size: float
    box: Box | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Where a person should be now, and within what distance: `looseness`, in body sizes."""

    sight: Sight
    looseness: float


def sight_of(observation: Observation, located_by: LocatedBy) -> Sight | None:
    """Places of a person; None where nothing tells where they are."""
    if located_by is LocatedBy.BOXES:
        return _sight_of_box(observation.box)
    points_PD = observation.joints_VD.astype(np.float64)
    weight_P = observation.confidence_V.astype(np.float64)
    there_P = weight_P > 0
    if not there_P.any():
        return None
    size = float(np.linalg.norm(np.ptp(points_PD[there_P], axis=0)))
    if size == 0 and observation.box is not None:
        size = float(np.hypot(observation.box.width, observation.box.height))
    return Sight(points_PD, weight_P, size or 1.0, observation.box)


def _sight_of_box(box: Box | None) -> Sight | None:
    if box is None or box.width <= 0 or box.height <= 0:
        return None
    right, bottom = box.left + box.width, box.top + box.height
    points = [[box.left, box.top], [right, box.top], [box.left, bottom], [right, bottom]]
    return Sight(np.array(points), np.ones(4), float(np.hypot(box.width, box.height)), box)


class Track:
    """A person with a place, a speed and how sure both are: a Kalman filter of the whole body.

    The filter moves the body as one; its joints are those of the last sight. All coordinates
    share one covariance of (place, speed), kept in body sizes.

    Args:
        identity: Number of the person.
        frame: Where they are first seen.
        sight: What is seen of them.
    """

    def __init__(self, identity: int, frame: int, sight: Sight) -> None:
        self.identity = identity
        self.frame = frame
        self.last = sight
        self._filtered = sight
        self._speed_D = np.zeros(sight.points_PD.shape[1])
        self._covariance = np.diag([NOISE**2, FIRST_SPEED**2])

    def expected(self, frame: int) -> Expectation:
        """Place at a frame, by constant speed since the last sight."""
        covariance = self._covariance_at(frame)
        looseness = min(MAX_LOOSENESS, float(np.sqrt(LOOSENESS**2 + covariance[0, 0])))
        step_D = self._speed_D * (frame - self.frame)
        return Expectation(_moved(self._filtered, step_D), looseness)

    def remembered(self) -> Expectation:
        """Place of the last sight: who left the picture mostly comes back where they left.

        See "observation-centric recovery", section 4.2 of arXiv:2203.14360.
        """
        return Expectation(self.last, RETURN_LOOSENESS)

    def see(self, frame: int, sight: Sight) -> None:
        """Take a new sight of this person."""
        expected = self.expected(frame).sight
        covariance = self._covariance_at(frame)
        surprise_D = _displacement(expected, sight)
        gain = covariance[:, 0] / (covariance[0, 0] + NOISE**2)
        elapsed = max(1, frame - self.frame)
        self._speed_D = self._speed_D + gain[1] * surprise_D
        self._covariance = covariance - np.outer(gain, covariance[0])
        size = _smoothed(self.last.size, sight.size, elapsed)
        self.last = replace(_completed(sight, expected, surprise_D), size=size)
        self._filtered = _moved(self.last, (gain[0] - 1) * surprise_D)
        self.frame = frame

    def _covariance_at(self, frame: int) -> Doubles:
        elapsed = float(frame - self.frame)
        transition = np.array([[1.0, elapsed], [0.0, 1.0]])
        push = np.array([elapsed**2 / 2, elapsed])
        moved: Doubles = transition @ self._covariance @ transition.T
        return moved + ACCELERATION**2 * np.outer(push, push)


def _smoothed(old: float, new: float, elapsed: int) -> float:
    share = 1 - 0.8**elapsed
    return old + share * (new - old)


def _moved(sight: Sight, step_D: Doubles) -> Sight:
    box = sight.box
    if box is not None:
        box = box._replace(left=box.left + float(step_D[0]), top=box.top + float(step_D[1]))
    return replace(sight, points_PD=sight.points_PD + step_D, box=box)


def _displacement(expected: Sight, seen: Sight) -> Doubles:
    """Mean way from the expected to the seen place, over points that both have; (D,)."""
    weight_P = np.minimum(expected.weight_P, seen.weight_P)
    total = weight_P.sum()
    if total == 0:
        return np.zeros(expected.points_PD.shape[1])
    way_D: Doubles = weight_P @ (seen.points_PD - expected.points_PD) / total
    return way_D


def _completed(sight: Sight, expected: Sight, surprise_D: Doubles) -> Sight:
    """A sight with its missing points where the last ones would be, at a lower weight."""
    missing_P = sight.weight_P == 0
    if not missing_P.any():
        return sight
    points_PD = np.where(missing_P[:, None], expected.points_PD + surprise_D, sight.points_PD)
    weight_P = np.where(missing_P, 0.5 * expected.weight_P, sight.weight_P)
    return replace(sight, points_PD=points_PD, weight_P=weight_P)


def likeness(expectation: Expectation, sights: list[Sight]) -> Doubles:
    """How like the expected person each of N people is, in [0, 1]; (N,).

    Object keypoint similarity (cocodataset.org/#keypoints-eval, "OKS") with one constant for all
    joints, mixed with the overlap of boxes where both have one. 0 where sizes do not fit.
    """
    person = expectation.sight
    points_NPD = np.stack([sight.points_PD for sight in sights])
    weight_NP = np.minimum(person.weight_P, np.stack([sight.weight_P for sight in sights]))
    size_N = np.array([sight.size for sight in sights])
    scale_N = np.sqrt(person.size * size_N) * expectation.looseness
    squares_NP = ((points_NPD - person.points_PD) ** 2).sum(axis=2)
    close_NP = np.exp(-squares_NP / (2 * scale_N[:, None] ** 2))
    total_N = weight_NP.sum(axis=1)
    pose_N = (close_NP * weight_NP).sum(axis=1) / np.where(total_N > 0, total_N, 1.0)
    growth_N = np.maximum(size_N, person.size) / np.minimum(size_N, person.size)
    mixed_N = np.array([_mixed(p, person.box, s.box) for p, s in zip(pose_N, sights, strict=True)])
    return np.where(growth_N <= MAX_GROWTH, mixed_N, 0.0)


def _mixed(pose: float, first: Box | None, second: Box | None) -> float:
    if first is None or second is None:
        return pose
    return (1 - BOX_SHARE) * pose + BOX_SHARE * overlap(first, second)


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    width = min(first.left + first.width, second.left + second.width)
    width -= max(first.left, second.left)
    height = min(first.top + first.height, second.top + second.height)
    height -= max(first.top, second.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (first.width * first.height + second.width * second.height - shared)
