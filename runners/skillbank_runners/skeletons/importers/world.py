"""Places in space as observations hold them: what is no place is missing.

Axes: V joints, D coordinates.
"""

from __future__ import annotations

import numpy as np

from skillbank_runners.skeletons.importers.fields import MAX_PLACE, Doubles
from skillbank_runners.skeletons.poses import Floats


def world_pose(points_VD: Doubles, confidence_V: Doubles) -> tuple[Floats, Floats]:
    """Joints and confidence of an observation; the origin is a place like any other.

    Args:
        points_VD: Places; NaN or beyond all measure: missing.
        confidence_V: Clipped to [0, 1]; NaN: missing.
    """
    near_V = (np.abs(points_VD) <= MAX_PLACE).all(axis=-1)  # false for NaN as well
    confidence_V = np.where(near_V & (confidence_V > 0), confidence_V, 0.0).clip(0.0, 1.0)
    joints_VD = np.where(confidence_V[..., None] > 0, points_VD, 0.0)
    return joints_VD.astype(np.float32), confidence_V.astype(np.float32)
