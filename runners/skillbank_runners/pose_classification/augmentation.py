"""Random changes of a preprocessed clip, in training only.

Axes: C channels, T frames, V joints, M people. x points from the body's left to its right or the
other way, y is vertical, and the origin is where turns, sizes and mirrors are taken from. Frames
without a body, and joints that are missing, stay zero. augment.py holds TAO's own changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.augment import Clip
from skillbank_runners.pose_classification.preprocessing import real_frames
from skillbank_runners.pose_classification.spec_preprocessing import AugmentationSpec

if TYPE_CHECKING:
    from skillbank_runners.skeletons.layout import Layout

_QUARTERS = 4


def augment(
    clip_CTVM: Clip,
    settings: AugmentationSpec,
    layout: Layout,
    random: np.random.Generator,
    *,
    has_confidence: bool = False,
) -> Clip:
    """The clip, changed at random; the same array where the settings change nothing.

    Args:
        clip_CTVM: A preprocessed clip.
        settings: Which changes, and how large they can be.
        layout: Says which joints are left and right of each other.
        random: Draws every change.
        has_confidence: The last of C is a confidence, which no turn or shift applies to.

    Raises:
        RunnerError: The settings turn 2D data out of its plane.
    """
    changed = clip_CTVM
    if settings.time_warp or settings.time_crop:
        changed = _warp_time(changed, settings, random)
    num_coordinates = len(changed) - has_confidence
    changed = _move(changed, settings, random, num_coordinates)
    if settings.flip and random.random() < settings.flip:
        changed = flip(changed, layout)
    if settings.joint_drop:
        is_kept_V = np.greater_equal(random.random(changed.shape[2]), settings.joint_drop)
        changed = changed * is_kept_V.astype(np.float32)[:, None]
    return changed


def flip(clip_CTVM: Clip, layout: Layout) -> Clip:
    """The clip in a mirror: x negated about the origin, left and right joints swapped."""
    swapped = np.arange(clip_CTVM.shape[2])
    for left, right in layout.left_right_pairs:
        swapped[left], swapped[right] = right, left
    mirrored = clip_CTVM[:, :, swapped]
    mirrored[0] = 0 - mirrored[0]  # unlike -x, this leaves no negative zero
    return mirrored


def _warp_time(clip_CTVM: Clip, settings: AugmentationSpec, random: np.random.Generator) -> Clip:
    """Real frames read faster here and slower there, from a stretch of them.

    Places lie on the line between two frames, unless a joint is missing in one: then the earlier.
    """
    real = real_frames(clip_CTVM)
    length = real.stop - real.start
    if length < 2:
        return clip_CTVM
    left_out = random.random() * settings.time_crop * (length - 1)
    start = real.start + random.random() * left_out
    speed_Q = np.exp(settings.time_warp * random.standard_normal(_QUARTERS))
    passed_Q = np.concatenate([[0.0], np.cumsum(speed_Q)]) / speed_Q.sum()
    share_T = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, _QUARTERS + 1), passed_Q)
    at_T = start + share_T * (length - 1 - left_out)
    warped = clip_CTVM.copy()
    warped[:, real] = _read_between(clip_CTVM, at_T, real.stop - 1)
    return warped


def _read_between(clip_CTVM: Clip, at_T: npt.NDArray[np.float64], last: int) -> Clip:
    before_T = np.minimum(at_T.astype(np.int64), last)
    after_T = np.minimum(before_T + 1, last)
    share_TVM = (at_T - before_T).astype(np.float32)[:, None, None]
    before, after = clip_CTVM[:, before_T], clip_CTVM[:, after_T]
    can_mix = before.any(axis=0) & after.any(axis=0)
    return np.where(can_mix, before + share_TVM * (after - before), before)


def _move(
    clip_CTVM: Clip, settings: AugmentationSpec, random: np.random.Generator, num_coordinates: int
) -> Clip:
    """Turned, scaled and shaken."""
    turn_DD = _turn(settings, random, num_coordinates)
    if settings.scale:
        sizes_D = random.uniform(1 - settings.scale, 1 + settings.scale, num_coordinates)
        turn_DD = turn_DD * sizes_D[:, None]
    is_moved = settings.scale or settings.rotation_deg or settings.tilt_deg
    if not (is_moved or settings.noise):
        return clip_CTVM
    moved = clip_CTVM.copy()
    place_DTVM = moved[:num_coordinates]
    if settings.noise:
        is_there = place_DTVM.any(axis=0)
        shake = random.standard_normal(place_DTVM.shape, dtype=np.float32)
        place_DTVM = place_DTVM + shake * np.float32(settings.noise) * is_there
    moved[:num_coordinates] = np.tensordot(turn_DD.astype(np.float32), place_DTVM, axes=1)
    return moved


def _turn(
    settings: AugmentationSpec, random: np.random.Generator, num_coordinates: int
) -> npt.NDArray[np.float64]:
    """A random rotation (D, D)."""
    turn = np.eye(num_coordinates)
    if settings.tilt_deg and num_coordinates != 3:
        raise RunnerError(
            f"dataset.augmentation.tilt_deg: found {settings.tilt_deg} for data of "
            f"{num_coordinates} coordinates, expected 0.0, since only 3D data can be tilted"
        )
    planes = {(0, 2) if num_coordinates == 3 else (0, 1): settings.rotation_deg}
    if num_coordinates == 3:
        planes |= {(0, 1): settings.tilt_deg, (1, 2): settings.tilt_deg}
    for (a, b), largest_deg in planes.items():
        if not largest_deg:
            continue
        angle = np.deg2rad(random.uniform(-largest_deg, largest_deg))
        one = np.eye(num_coordinates)
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = one @ turn
    return turn
