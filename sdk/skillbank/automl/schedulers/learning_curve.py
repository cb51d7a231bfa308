"""Where a learning curve leads, and how promising that makes a trial.

Learning curves follow power laws, `loss(t) = a + b * t^-c`, over much of a training (Hestness et
al., arXiv:1712.00409). A trial that is behind now but still falls fast may end in front: ranking
by the middle between what it has and where it leads finds better trials at the same epochs than
either alone (tools/bench/automl/multifidelity.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from statistics import median

from skillbank.automl.history import Goal, Trial

EXPONENTS = tuple(0.1 * 1.25**k for k in range(16))
"""From 0.1, almost a logarithm, to 2.8, over after few epochs."""

LEAST_POINTS = 3
"""A curve of three unknowns is not fitted to fewer."""

JUMP = 6.0
"""Deviations from the median that no learning curve of few points has by itself."""


def losses_until(goal: Goal, trial: Trial, epochs: int) -> dict[int, float]:
    """Epochs -> loss of a trial, of the validations until `epochs`."""
    pairs = ((at, goal.loss(v)) for at, v in trial.values.items() if at <= epochs)
    return {at: loss for at, loss in pairs if math.isfinite(loss)}


def prospect(losses: Mapping[int, float], full_epochs: int) -> float:
    """What a trial can be expected to be worth, lower is better; infinity when never measured.

    The middle between its best loss so far and where its curve leads, but never worse than the
    best: that checkpoint is there. With few points, the best alone.
    """
    if not losses:
        return math.inf
    best = min(losses.values())
    usual = without_jumps(losses)
    if len(usual) < LEAST_POINTS:
        return best
    # A curve may promise no more than it has shown: its fall so far, once more.
    fall = max(usual.values()) - best
    return (best + min(best, max(best - fall, extrapolate(usual, full_epochs)))) / 2


def without_jumps(losses: Mapping[int, float]) -> dict[int, float]:
    """The losses less those that lie far above the others.

    A validation loss can jump by orders of magnitude while the running statistics of batch
    normalization lag behind; a power law through such a point would promise anything. Far is
    more than `JUMP` median absolute deviations above the median.
    """
    middle = median(losses.values())
    limit = middle + JUMP * median(abs(loss - middle) for loss in losses.values())
    return {at: loss for at, loss in losses.items() if loss <= limit}


def extrapolate(losses: Mapping[int, float], epochs: int) -> float:
    """The loss after `epochs` epochs on the falling power law nearest to the given points.

    Least squares: `a` and `b` follow in closed form from each exponent `c` of a grid. When no
    falling curve fits, the mean.
    """
    return _end_of_fit(tuple(losses.items()), epochs)


@lru_cache(maxsize=4096)
def _end_of_fit(points: tuple[tuple[int, float], ...], epochs: int) -> float:
    """See extrapolate; kept, since a rung is ranked again at every move."""
    losses = dict(points)
    mean = sum(losses.values()) / len(losses)
    errors = {mean: sum((y - mean) ** 2 for y in losses.values())}
    for exponent in EXPONENTS:
        a, b = _line({at**-exponent: y for at, y in losses.items()})
        if b > 0:
            end = a + b * epochs**-exponent
            errors[end] = sum((a + b * at**-exponent - y) ** 2 for at, y in losses.items())
    return min(errors, key=lambda end: errors[end])


def _line(points: Mapping[float, float]) -> tuple[float, float]:
    """Intercept and slope of the line of least squares."""
    mean_x = sum(points) / len(points)
    mean_y = sum(points.values()) / len(points)
    spread = sum((x - mean_x) ** 2 for x in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points.items()) / spread if spread else 0.0
    return mean_y - slope * mean_x, slope
