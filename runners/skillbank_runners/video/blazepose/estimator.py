"""Follow several people through a video with BlazePose's two networks.

Axes: V = 33 joints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image as PillowImage

from skillbank_runners.skeletons.poses import Box, Floats
from skillbank_runners.video.blazepose import detection, landmarks
from skillbank_runners.video.blazepose.networks import DetectionNetwork, LandmarkNetwork
from skillbank_runners.video.blazepose.regions import (
    Region,
    region_around,
    squares_to_search,
)
from skillbank_runners.video.estimators import EstimatorSettings, Person
from skillbank_runners.video.reading import Image

SAME_PERSON = 0.1
"""Two sets of joints that are on average closer than this share of the body are one person's."""
BOX_MARGIN = 0.06
"""A person is larger than the box of the joints by this share on each side."""


@dataclass(frozen=True, slots=True)
class _Found:
    person: Person
    next_region: Region


class Detector(Protocol):
    """Finds people in a square picture."""

    def run(self, square_HW3: Floats, min_score: float) -> detection.Detections:
        """People in (224, 224, 3) of [0, 255]."""


class Landmarker(Protocol):
    """Finds the joints of one person in a square picture."""

    def run(self, square_HW3: Floats) -> landmarks.Landmarks:
        """Landmarks in (256, 256, 3) of [0, 255]."""


class BlazePose:
    """A PoseEstimator of two networks, which remembers whom it follows."""

    layout = "mediapipe33"

    def __init__(
        self, detector: Detector, landmarker: Landmarker, settings: EstimatorSettings
    ) -> None:
        self._settings = settings
        self._detector = detector
        self._landmarker = landmarker
        self._regions: list[Region] = []
        self._num_frames = 0
        self._num_looks = 0

    def estimate(self, image_HW3: Image, time_s: float) -> list[Person]:
        """The people of the next picture: those followed so far, then those who are new."""
        del time_s
        picture = PillowImage.fromarray(image_HW3)
        found: list[_Found] = []
        for region in self._regions:
            self._look(picture, region, found)
        is_time = self._num_frames % self._settings.redetect_every == 0
        if len(found) < self._settings.max_people and (is_time or not found):
            for square in self._squares(picture.size):
                self._look_for_more(picture, square, found)
        self._num_frames += 1
        self._regions = [each.next_region for each in found]
        return [each.person for each in found]

    def _look(self, picture: PillowImage.Image, region: Region, found: list[_Found]) -> None:
        """Add the person in a region, unless there is none or it was found before."""
        seen = self._landmarker.run(region.crop(picture, landmarks.SIDE))
        if seen.score < self._settings.min_confidence:
            return
        new = _found(seen, region)
        if new.next_region.side < 1 or not np.isfinite(new.person.joints_V2).all():
            return
        if not any(_are_one(new, other) for other in found):
            found.append(new)

    def _squares(self, size: tuple[int, int]) -> list[Region]:
        """Where to look for more people: everywhere at first, then in one square at a time."""
        squares = squares_to_search(*size)
        if self._num_frames == 0:
            return squares
        self._num_looks += 1
        return [squares[self._num_looks % len(squares)]]

    def _look_for_more(
        self, picture: PillowImage.Image, square: Region, found: list[_Found]
    ) -> None:
        people = self._detector.run(
            square.crop(picture, detection.SIDE), self._settings.min_confidence
        )
        for points_K2 in people.points_NK2:
            if len(found) == self._settings.max_people:
                return
            pixels_K2 = square.to_picture(points_K2)
            region = region_around(pixels_K2[detection.HIPS], pixels_K2[detection.BODY_RIM])
            if not any(region.is_near(other.next_region) for other in found):
                self._look(picture, region, found)


def make(settings: EstimatorSettings) -> BlazePose:
    """The factory that `pose.estimator: blazepose` names: MediaPipe's networks.

    Raises:
        VideoMissing: LiteRT or the networks are not installed.
    """
    how = (settings.model_folder, settings.num_threads)
    return BlazePose(DetectionNetwork(*how), LandmarkNetwork(*how), settings)


def _found(seen: landmarks.Landmarks, region: Region) -> _Found:
    points_L2 = region.to_picture(seen.points_L2)
    joints_V2 = points_L2[: landmarks.NUM_JOINTS]
    confidence_V = seen.visibility_L[: landmarks.NUM_JOINTS]
    world_V3 = region.turn(seen.world_L3[: landmarks.NUM_JOINTS])
    person = Person(joints_V2, confidence_V, _box(joints_V2, confidence_V), world_V3)
    next_region = region_around(points_L2[landmarks.HIPS], points_L2[landmarks.BODY_RIM])
    return _Found(person, next_region)


def _box(joints_V2: Floats, confidence_V: Floats) -> Box:
    """Around the joints that are probably seen; around all where none is."""
    seen_V2 = joints_V2[confidence_V >= 0.5]
    points_V2 = seen_V2 if len(seen_V2) else joints_V2
    low, high = points_V2.min(axis=0), points_V2.max(axis=0)
    margin = BOX_MARGIN * float((high - low).max())
    left, top = (float(value) - margin for value in low)
    width, height = (float(value) + 2 * margin for value in high - low)
    return Box(left, top, width, height)


def _are_one(first: _Found, second: _Found) -> bool:
    apart = np.linalg.norm(first.person.joints_V2 - second.person.joints_V2, axis=1).mean()
    size = min(first.next_region.side, second.next_region.side)
    return bool(apart < SAME_PERSON * size)
