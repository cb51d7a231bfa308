"""Where a person stands before the camera, from their joints in the picture and in metres.

Axes: V joints.
"""

from __future__ import annotations

import numpy as np

from skillbank_runners.skeletons.poses import Floats


def place(
    world_V3: Floats,
    joints_V2: Floats,
    confidence_V: Floats,
    focal_length: float,
    middle: tuple[float, float],
) -> Floats:
    """The vector that moves a body to where a pinhole camera sees it as the picture shows it.

    A joint (X, Y, Z) + t is seen at x = focal (X + tx) / (Z + tz) + middle, and y alike; times the
    depth that is linear in t. Least squares over all joints, each by its confidence.

    Args:
        world_V3: In the camera's axes, from any origin.
        joints_V2: In pixels.
        confidence_V: In [0, 1].
        focal_length: In pixels.
        middle: Where the camera's axis meets the picture, in pixels.

    Returns:
        (3,) float32, in the unit of `world_V3`; zeros where joints do not tell.
    """
    seen_V2 = (joints_V2 - np.asarray(middle)).astype(np.float64)
    none_V = np.zeros(len(seen_V2))
    focal_V = np.full(len(seen_V2), focal_length)
    rows_x = np.stack([focal_V, none_V, -seen_V2[:, 0]], axis=1)
    rows_y = np.stack([none_V, focal_V, -seen_V2[:, 1]], axis=1)
    right_V2 = seen_V2 * world_V3[:, 2:] - focal_length * world_V3[:, :2]
    weight_V = np.sqrt(confidence_V.astype(np.float64))
    rows = np.concatenate([rows_x * weight_V[:, None], rows_y * weight_V[:, None]])
    right = np.concatenate([right_V2[:, 0] * weight_V, right_V2[:, 1] * weight_V])
    moved_3, _, rank, _ = np.linalg.lstsq(rows, right, rcond=None)
    if rank < 3:
        return np.zeros(3, dtype=np.float32)
    return np.asarray(moved_3, dtype=np.float32)
