"""The plug of pose estimators: what one gets, what it gives, and how one is chosen.

Axes: H rows, W columns, V joints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.poses import Box, Floats
from skillbank_runners.video.reading import Image


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one picture.

    Attributes:
        joints_V2: Pixels from the top left corner, float32; may lie outside the picture.
        confidence_V: In [0, 1], float32; 0: the joint is missing.
        box: Of the person.
        world_V3: Metres from the middle of the hips, float32: x to the right of the picture, y
            down, z away from the camera. None: the estimator knows no depth.
    """

    joints_V2: Floats
    confidence_V: Floats
    box: Box
    world_V3: Floats | None = None


@dataclass(frozen=True)
class EstimatorSettings:
    """What every estimator is told; it may leave out what does not concern it.

    Attributes:
        max_people: Most people to find in one picture.
        min_confidence: Of a person, in [0, 1], below which it is none.
        redetect_every: Frames between two looks for people who are not followed yet.
        num_threads: Processor cores to use.
        model_folder: Of the networks; None: the estimator's own.
    """

    max_people: int = 4
    min_confidence: float = 0.5
    redetect_every: int = 5
    num_threads: int = 2
    model_folder: Path | None = None


class PoseEstimator(Protocol):
    """Finds people and their joints; one is made per video, so it may remember what it saw."""

    layout: str
    """Name of its skeleton in references/layouts.yaml, or path of a layout file."""

    def estimate(self, image_HW3: Image, time_s: float) -> Sequence[Person]:
        """The people of the next picture, in any order.

        Args:
            image_HW3: Red, green, blue, uint8.
            time_s: Seconds since the video's first picture.
        """


Factory = Callable[[EstimatorSettings], PoseEstimator]

BUILT_IN = {"blazepose": "skillbank_runners.video.blazepose.estimator:make"}
"""Name of an estimator -> its factory, as `module:function`."""


def make_estimator(name: str, settings: EstimatorSettings) -> PoseEstimator:
    """The estimator of a name, or of a user's `package.module:factory`.

    A factory is called with EstimatorSettings and returns a PoseEstimator.

    Raises:
        RunnerError: No such name, module or function.
    """
    known = f"expected one of: {', '.join(BUILT_IN)}; or package.module:factory"
    module_name, colon, function = BUILT_IN.get(name, name).partition(":")
    if not colon or not module_name or not function:
        raise RunnerError(f"pose.estimator: found {name!r}, {known}")
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise RunnerError(f"pose.estimator: cannot import {module_name!r}: {error}") from error
    factory: Factory | None = getattr(module, function, None)
    if not callable(factory):
        raise RunnerError(
            f"pose.estimator: found no function {function!r} in {module_name!r}, {known}"
        )
    return factory(settings)


def check_person(person: Person, num_joints: int, where: str) -> None:
    """Look at what an estimator gave, which may be anybody's code.

    Args:
        person: As it was given.
        num_joints: V of the estimator's layout.
        where: Names the frame in the message.

    Raises:
        RunnerError: Shapes do not fit, or values are no numbers.
    """
    values = {
        "joints_V2": (person.joints_V2, (num_joints, 2)),
        "confidence_V": (person.confidence_V, (num_joints,)),
        "world_V3": (person.world_V3, (num_joints, 3)),
        "box": (np.asarray(person.box), (4,)),
    }
    for name, (value, shape) in values.items():
        if value is None and name == "world_V3":
            continue
        if not isinstance(value, np.ndarray) or value.shape != shape:
            found = getattr(value, "shape", type(value).__name__)
            problem = f"found {name} of shape {found}, expected {shape}"
        elif not np.isfinite(value).all():
            problem = f"found {name} with NaN or infinity, expected numbers"
        else:
            continue
        raise RunnerError(f"pose.estimator: {where}: {problem}; mend the estimator")
    low, high = person.confidence_V.min(), person.confidence_V.max()
    if low < 0 or high > 1:
        raise RunnerError(
            f"pose.estimator: {where}: found confidence_V from {low} to {high}, expected [0, 1]; "
            "mend the estimator"
        )
