"""Decode BlazePose's detector: a single-shot detector (SSD) over a picture of 224 x 224.

Axes: A anchors, N detections, K = 4 points: middle of the hips, rim of the whole body, middle of
the shoulders, rim of the upper body. The box that comes with them is the head's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skillbank_runners.skeletons.poses import Floats

SIDE = 224
STRIDES = {8: 2, 16: 2, 32: 6}
"""Pixels between neighbouring anchors of a feature map -> anchors at each of its places."""
MIN_OVERLAP = 0.3
"""Detections whose boxes overlap more are of one person (intersection over union)."""
HIPS, BODY_RIM = 0, 1


class Detections(NamedTuple):
    """People, the surest first; coordinates in [0, 1] of the square that was looked at.

    Attributes:
        points_NK2: x and y.
        boxes_N4: Left, top, right, bottom of the head.
        scores_N: In [0, 1].
    """

    points_NK2: Floats
    boxes_N4: Floats
    scores_N: Floats


def anchors() -> Floats:
    """Middles of the anchors, (A, 2) float32 in [0, 1]: rows of each map, then its columns."""
    maps = []
    for stride, each in STRIDES.items():
        count = SIDE // stride
        middles = (np.arange(count, dtype=np.float32) + 0.5) / count
        y, x = np.meshgrid(middles, middles, indexing="ij")
        maps.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(maps)


def decode(raw_A12: Floats, logits_A: Floats, anchors_A2: Floats, min_score: float) -> Detections:
    """People in the detector's output.

    Args:
        raw_A12: Middle, size and four points of a box, in pixels from its anchor.
        logits_A: Before the sigmoid.
        anchors_A2: As `anchors` gives them.
        min_score: In [0, 1], below which a box is none.
    """
    scores_A = (1 / (1 + np.exp(-np.clip(logits_A, -80, 80)))).astype(np.float32)
    kept = np.flatnonzero(scores_A >= min_score)
    pairs_N62 = (raw_A12[kept] / SIDE).astype(np.float32).reshape(-1, 6, 2)
    middles_N2 = pairs_N62[:, 0] + anchors_A2[kept]
    halves_N2 = pairs_N62[:, 1] / 2
    boxes_N4 = np.concatenate([middles_N2 - halves_N2, middles_N2 + halves_N2], axis=1)
    points_NK2 = pairs_N62[:, 2:] + anchors_A2[kept, None]
    return merge(Detections(points_NK2, boxes_N4, scores_A[kept]))


def merge(found: Detections) -> Detections:
    """One detection per person: the mean of all that overlap with the surest, by their scores.

    The score is the surest one's (arXiv:1907.05047, section 4: blending instead of suppression).
    """
    order = np.argsort(-found.scores_N, kind="stable")
    points, boxes, scores = [], [], []
    while len(order):
        overlaps = overlap(found.boxes_N4[order[0]], found.boxes_N4[order]) > MIN_OVERLAP
        overlaps[0] = True
        same = order[overlaps]
        weights = found.scores_N[same] / found.scores_N[same].sum()
        points.append(np.einsum("n,nkd->kd", weights, found.points_NK2[same]))
        boxes.append(weights @ found.boxes_N4[same])
        scores.append(found.scores_N[order[0]])
        order = order[~overlaps]
    return Detections(
        np.asarray(points, dtype=np.float32).reshape(-1, 4, 2),
        np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        np.asarray(scores, dtype=np.float32),
    )


def overlap(box_4: Floats, boxes_N4: Floats) -> Floats:
    """Intersection over union of one box with others, (N,) in [0, 1]."""
    low_N2 = np.maximum(box_4[:2], boxes_N4[:, :2])
    high_N2 = np.minimum(box_4[2:], boxes_N4[:, 2:])
    shared_N = np.prod(np.maximum(high_N2 - low_N2, 0), axis=1)
    area = np.prod(box_4[2:] - box_4[:2])
    areas_N = np.prod(boxes_N4[:, 2:] - boxes_N4[:, :2], axis=1)
    share: Floats = shared_N / np.maximum(area + areas_N - shared_N, 1e-12)
    return share
