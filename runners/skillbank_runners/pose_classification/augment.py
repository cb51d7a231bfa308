"""Cut sequences to one length, and move them at random, as the ST-GCN paper trains.

Axes: C channels, T frames, V joints, M people. Frames without a body are all zero, and stay so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Clip = npt.NDArray[np.float32]

# Section 4.1 of arXiv:1801.07455: a fixed set of angles, scales and shifts, chosen at random for
# the ends of a clip and interpolated between them.
ANGLES_DEG = (-10.0, -5.0, 0.0, 5.0, 10.0)
SCALES = (0.9, 1.0, 1.1)
SHIFTS = (-0.2, -0.1, 0.0, 0.1, 0.2)  # in the data's unit of length


def fit_window(clip_CTVM: Clip, num_frames: int) -> Clip:
    """The first `num_frames` frames; a shorter clip is followed by zeros."""
    return _place(clip_CTVM[:, :num_frames], num_frames, 0)


def choose_window(clip_CTVM: Clip, num_frames: int, random: np.random.Generator) -> Clip:
    """A random stretch of the clip; a shorter clip lies at a random place among zeros."""
    T = clip_CTVM.shape[1]
    start = int(random.integers(abs(T - num_frames) + 1))
    if num_frames <= T:
        return clip_CTVM[:, start : start + num_frames]
    return _place(clip_CTVM, num_frames, start)


def move(clip_CTVM: Clip, random: np.random.Generator) -> Clip:
    """The clip turned in its x-y plane, scaled and shifted, a little more or less in each frame."""
    T = clip_CTVM.shape[1]
    angle_T = np.deg2rad(_ramp(ANGLES_DEG, T, random))
    scale_T = _ramp(SCALES, T, random)
    cos_T = (np.cos(angle_T) * scale_T)[:, None, None]
    sin_T = (np.sin(angle_T) * scale_T)[:, None, None]
    shift_x_T = _ramp(SHIFTS, T, random)[:, None, None]
    shift_y_T = _ramp(SHIFTS, T, random)[:, None, None]
    has_body_TM = np.any(clip_CTVM != 0, axis=(0, 2), keepdims=True)[0]
    x, y = clip_CTVM[0], clip_CTVM[1]
    moved = clip_CTVM.copy()
    moved[0] = np.where(has_body_TM, cos_T * x - sin_T * y + shift_x_T, 0)
    moved[1] = np.where(has_body_TM, sin_T * x + cos_T * y + shift_y_T, 0)
    return moved


def _ramp(
    choices: tuple[float, ...], num_frames: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Value per frame on the line between two random choices."""
    first, last = random.choice(choices, size=2)
    return np.linspace(first, last, num_frames)


def _place(clip_CTVM: Clip, num_frames: int, start: int) -> Clip:
    C, T, V, M = clip_CTVM.shape
    if num_frames == T:
        return clip_CTVM
    placed = np.zeros((C, num_frames, V, M), dtype=clip_CTVM.dtype)
    placed[:, start : start + T] = clip_CTVM
    return placed
