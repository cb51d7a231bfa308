"""Take the tremor out of joints: the One-Euro filter (Casiez, Roussel, Vogel, CHI 2012).

A low-pass filter whose cutoff rises with speed: slow movements lose their tremor, fast ones keep
up with the body.

Axes: V joints, D coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skillbank_runners.skeletons.poses import Floats

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OneEuroSettings:
    """How much is smoothed.

    Attributes:
        min_cutoff: Cutoff frequency of a joint at rest, in Hz: the lower, the calmer.
        beta: By how many Hz the cutoff rises per body size and second of a joint's speed: the
            higher, the less a fast movement lags.
        derivative_cutoff: Cutoff frequency of the speed itself, in Hz.
    """

    min_cutoff: float = 1.0
    beta: float = 20.0
    derivative_cutoff: float = 1.0


class OneEuroFilter:
    """Filters the joints of one person, coordinate by coordinate.

    A joint that was missing in the frame before starts anew.
    """

    def __init__(self, settings: OneEuroSettings) -> None:
        self._settings = settings
        self._time_s = 0.0
        self._joints_VD: Doubles | None = None
        self._speed_VD: Doubles = np.zeros((0, 0))
        self._was_there_V: npt.NDArray[np.bool_] = np.zeros(0, dtype=bool)

    def step(self, joints_VD: Floats, is_there_V: npt.NDArray[np.bool_], time_s: float) -> Floats:
        """The joints of the next frame, smoothed; those that are missing come back as they are.

        Args:
            joints_VD: Coordinates in any unit.
            is_there_V: False: the joint is missing.
            time_s: Later than that of the frame before.
        """
        new_VD = joints_VD.astype(np.float64)
        if self._joints_VD is None:
            smooth_VD, speed_VD = new_VD, np.zeros_like(new_VD)
        else:
            goes_on_V1 = (self._was_there_V & is_there_V)[:, None]
            passed_s = time_s - self._time_s
            smooth_VD, speed_VD = self._filtered(new_VD, self._joints_VD, passed_s, is_there_V)
            smooth_VD = np.where(goes_on_V1, smooth_VD, new_VD)
            speed_VD = np.where(goes_on_V1, speed_VD, 0.0)
        self._joints_VD, self._speed_VD = smooth_VD, speed_VD
        self._was_there_V, self._time_s = is_there_V.copy(), time_s
        return smooth_VD.astype(np.float32)

    def _filtered(
        self,
        new_VD: Doubles,
        before_VD: Doubles,
        passed_s: float,
        is_there_V: npt.NDArray[np.bool_],
    ) -> tuple[Doubles, Doubles]:
        """Places and speeds; algorithm 1 of the paper, with speeds in body sizes."""
        settings = self._settings
        speed_VD = (new_VD - before_VD) / passed_s
        share = _weight(settings.derivative_cutoff, passed_s)
        speed_VD = self._speed_VD + share * (speed_VD - self._speed_VD)
        size = body_size(new_VD[is_there_V])
        cutoff_VD = settings.min_cutoff + settings.beta * np.abs(speed_VD) / size
        return before_VD + _weight(cutoff_VD, passed_s) * (new_VD - before_VD), speed_VD


class Smoother:
    """Filters many people side by side, each by a filter of their own.

    Nothing is smoothed across a gap: whoever was not seen in the frame before starts anew. So
    memory holds the people of one frame.
    """

    def __init__(self, settings: OneEuroSettings) -> None:
        self._settings = settings
        self._frame = -1
        self._before: dict[Hashable, OneEuroFilter] = {}
        self._now: dict[Hashable, OneEuroFilter] = {}

    def step(
        self,
        who: Hashable,
        frame: int,
        time_s: float,
        joints_VD: Floats,
        is_there_V: npt.NDArray[np.bool_],
    ) -> Floats:
        """Smoothed joints of one person in a frame; frames come in order."""
        if frame != self._frame:
            self._before = self._now if frame == self._frame + 1 else {}
            self._now, self._frame = {}, frame
        one = self._before.pop(who, None) or OneEuroFilter(self._settings)
        self._now[who] = one
        return one.step(joints_VD, is_there_V, time_s)


def body_size(joints_VD: Doubles) -> float:
    """Diagonal of the box around joints, above 0, in their unit; 1 where they are no body."""
    if len(joints_VD) < 2:
        return 1.0
    return float(np.linalg.norm(np.ptp(joints_VD, axis=0))) or 1.0


def _weight(cutoff: npt.ArrayLike, passed_s: float) -> Doubles:
    """Share of a new value in an exponential mean with a cutoff frequency in Hz, in (0, 1)."""
    time_constant_s = 1 / (2 * math.pi * np.asarray(cutoff, dtype=np.float64))
    weight: Doubles = 1 / (1 + time_constant_s / passed_s)
    return weight
