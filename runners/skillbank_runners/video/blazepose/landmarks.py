"""Decode BlazePose's landmark network: joints of the person in a square of 256 x 256.

Axes: L = 39 landmarks: 33 joints, two points that say where to look next, four that nobody needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skillbank_runners.skeletons.poses import Floats

SIDE = 256
NUM_LANDMARKS = 39
NUM_JOINTS = 33
HIPS, BODY_RIM = 33, 34
WINDOW = 7
"""Side of the part of a heatmap that refines a landmark."""
MIN_PEAK = 0.5
"""A heatmap that is nowhere as sure as this, near a landmark, does not refine it."""


class Landmarks(NamedTuple):
    """What the network says of one square.

    Attributes:
        points_L2: In [0, 1] of the square, or somewhat outside.
        visibility_L: Chance that a landmark is in the picture and not hidden, in [0, 1].
        world_L3: Metres from the middle of the hips, in the square's axes.
        score: Chance that there is a person, in [0, 1].
    """

    points_L2: Floats
    visibility_L: Floats
    world_L3: Floats
    score: float


def decode(raw_195: Floats, flag: float, heatmaps_HWL: Floats, world_117: Floats) -> Landmarks:
    """Landmarks in the network's output.

    Args:
        raw_195: Per landmark x, y and depth in pixels of the square, and the logits of its
            visibility and its presence.
        flag: Chance that there is a person.
        heatmaps_HWL: Logits of where each landmark is, over the square.
        world_117: Per landmark x, y, z in metres.
    """
    raw_L5 = raw_195.reshape(NUM_LANDMARKS, 5)
    return Landmarks(
        refine((raw_L5[:, :2] / SIDE).astype(np.float32), heatmaps_HWL),
        _sigmoid(raw_L5[:, 3]),
        world_117.reshape(NUM_LANDMARKS, 3),
        float(flag),
    )


def refine(points_L2: Floats, heatmaps_HWL: Floats) -> Floats:
    """Landmarks moved to the centre of what their heatmap shows around them.

    Args:
        points_L2: In [0, 1] of the square.
        heatmaps_HWL: Logits.
    """
    refined_L2 = points_L2.astype(np.float32, copy=True)
    rows, columns = heatmaps_HWL.shape[:2]
    reach = WINDOW // 2
    for index, (x, y) in enumerate(points_L2):
        column, row = int(np.floor(x * columns)), int(np.floor(y * rows))
        if not (0 <= column < columns and 0 <= row < rows):
            continue
        left, top = max(0, column - reach), max(0, row - reach)
        part = heatmaps_HWL[top : row + reach + 1, left : column + reach + 1, index]
        weights = _sigmoid(part)
        if weights.max() < MIN_PEAK:
            continue
        total = weights.sum()
        refined_L2[index, 0] = weights.sum(axis=0) @ np.arange(left, left + part.shape[1]) / total
        refined_L2[index, 1] = weights.sum(axis=1) @ np.arange(top, top + part.shape[0]) / total
        refined_L2[index] /= (columns, rows)
    return refined_L2


def _sigmoid(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-np.clip(logits, -80, 80)))).astype(np.float32)
