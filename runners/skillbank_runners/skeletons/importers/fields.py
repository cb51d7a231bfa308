"""Values out of parsed pose files: of the type they must have, or an error that says where.

Axes: V joints, D coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import cast

import numpy as np
import numpy.typing as npt

from skillbank_runners.skeletons.poses import Box, Floats, PoseFileInvalid

Doubles = npt.NDArray[np.float64]
Mapping = dict[str, object]

MAX_INTEGER = 2**53
"""Beyond it JSON programs disagree; frame numbers and ids stay below."""
MAX_PLACE = 1e9
"""Pixels or metres: a joint further off is taken for missing."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place within a file, for errors: `Spot(path, "byte 12").inside("people[0]")`."""

    path: Path
    where: str = ""

    def inside(self, key: str) -> Spot:
        """A place within this one."""
        return Spot(self.path, f"{self.where}, {key}" if self.where else key)

    def invalid(self, problem: str) -> PoseFileInvalid:
        """The error to raise for what stands here."""
        return PoseFileInvalid(self.path, self.where, problem)


def shown(value: object) -> str:
    """A value as errors show it: short, whatever it holds."""
    text = {dict: "an object", list: "a list", NoneType: "null"}.get(type(value))
    if text is None:
        text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a long number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_mapping(value: object, spot: Spot) -> Mapping:
    """The value, if it is an object."""
    if not isinstance(value, dict):
        raise spot.invalid(f"found {shown(value)}, expected an object")
    return value


def as_list(value: object, spot: Spot) -> list[object]:
    """The value, if it is a list."""
    if not isinstance(value, list):
        raise spot.invalid(f"found {shown(value)}, expected a list")
    return value


def as_integer(value: object, spot: Spot) -> int:
    """The value, if it is a whole number (`12.0` is one)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_INTEGER:
        raise spot.invalid(f"found {shown(value)}, expected a whole number")
    return value


def as_frame(value: object, spot: Spot) -> int:
    """The value, if it can number a frame."""
    frame = as_integer(value, spot)
    if frame < 0:
        raise spot.invalid(f"found {frame}, expected a frame number of 0 or more")
    return frame


def as_text(value: object, spot: Spot) -> str:
    """The value, if it is text; halves of characters that files cannot hold become `?`."""
    if not isinstance(value, str):
        raise spot.invalid(f"found {shown(value)}, expected text")
    return value.encode("utf-8", "replace").decode()


def as_numbers(value: object, spot: Spot) -> Doubles:
    """A list of numbers, or of lists of them, as one row; null becomes NaN.

    Raises:
        PoseFileInvalid: Anything else is in it.
    """
    rows = as_list(value, spot)
    if rows and all(isinstance(row, list) for row in rows):
        rows = list(chain.from_iterable(cast(list[list[object]], rows)))
    if not set(map(type, rows)) <= {int, float, NoneType}:
        raise spot.invalid("found something else than numbers, expected a list of numbers")
    try:
        return np.array(rows, dtype=np.float64)
    except OverflowError as error:
        raise spot.invalid("found a number beyond all measure") from error


def as_points(value: object, width: int, spot: Spot) -> Doubles:
    """A flat list of numbers, or a list of points, as (V, width)."""
    numbers = as_numbers(value, spot)
    if not numbers.size or numbers.size % width:
        raise spot.invalid(f"found {numbers.size} numbers, expected {width} for each joint")
    return numbers.reshape(-1, width)


def within_reason(values: Doubles) -> Doubles:
    """The same numbers; NaN, that is missing, for what no picture or room can hold."""
    return np.where(np.abs(values) <= MAX_PLACE, values, np.nan)


def make_pose(
    points_VD: Doubles, confidence_V: Doubles, *, origin_is_missing: bool = True
) -> tuple[Floats, Floats]:
    """Joints and confidence of an observation; what is no number, or beyond all, is missing.

    Args:
        points_VD: Places; NaN: missing.
        confidence_V: Clipped to [0, 1]; NaN: missing.
        origin_is_missing: Joints at x = y = 0 are missing: estimators of pictures write there what
            they did not find.
    """
    finite_V = np.isfinite(confidence_V) & np.isfinite(points_VD).all(axis=1)
    points_VD = np.where(finite_V[:, None], points_VD, 0.0)
    near_V = (np.abs(points_VD) <= MAX_PLACE).all(axis=1)
    placed_V = points_VD[:, :2].any(axis=1) | (not origin_is_missing)
    confidence_V = np.where(finite_V & near_V & placed_V, confidence_V, 0.0).clip(0.0, 1.0)
    joints_VD = np.where(confidence_V[:, None] > 0, points_VD, 0.0)
    return joints_VD.astype(np.float32), confidence_V.astype(np.float32)


def make_box(left: float, top: float, width: float, height: float) -> Box | None:
    """A box of a person; None where the numbers make none."""
    sides = np.array([left, top, width, height])
    if not np.isfinite(sides).all() or np.abs(sides).max() > MAX_PLACE or sides[2:].min() <= 0:
        return None
    return Box(*map(float, sides))


def box_of_sides(value: object, spot: Spot) -> Box | None:
    """A box from `[left, top, width, height]`; None where there is none."""
    if value is None or value == []:
        return None
    sides = as_numbers(value, spot)
    if len(sides) != 4:
        raise spot.invalid(f"found {len(sides)} numbers, expected left, top, width, height")
    return make_box(*map(float, sides))


def box_of_corners(corners: Doubles) -> Box | None:
    """A box from left, top, right, bottom."""
    left, top, right, bottom = map(float, corners)
    return make_box(left, top, right - left, bottom - top)
