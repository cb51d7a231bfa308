"""Hyperband that also stops, within a rung, trials whose learning curve leads too far behind.

Learning curves follow power laws, `loss(t) = a + b * t^-c`, over much of a training (Hestness et
al., arXiv:1712.00409); where the fitted one ends says whether the rest is worth its epochs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from skillbank.automl.history import History, Trial, TrialState
from skillbank.automl.schedulers.hyperband import Hyperband

EXPONENTS = tuple(0.1 * 1.25**k for k in range(16))
"""From 0.1, almost a logarithm, to 2.8, over after few epochs."""

LEAST_POINTS = 3
"""A curve of three unknowns is not fitted to fewer."""


@dataclass(frozen=True)
class HyperbandEarlyStop(Hyperband):
    """Stops a trial whose curve would end worse than the best by a share of the best.

    Attributes:
        threshold: That share.
        min_points: Validations before a curve is fitted.
    """

    threshold: float
    min_points: int

    def stop_reason(self, trial: Trial, history: History) -> str | None:
        """See Scheduler; the baseline always trains to its end."""
        losses = {at: self.goal.loss(v) for at, v in trial.values.items() if math.isfinite(v)}
        best = self._best_of_others(trial, history)
        if trial.number == 0 or best is None or len(losses) < max(self.min_points, LEAST_POINTS):
            return None
        end = min(extrapolate(losses, self.full_epochs), *losses.values())
        if end - best <= self.threshold * abs(best):
            return None
        metric, sign = self.goal.metric, 1 if self.goal.minimize else -1
        return (
            f"its {metric} would reach {sign * end:.4g} after {self.full_epochs} epochs, more than "
            f"{self.threshold:.0%} behind the best, {sign * best:.4g}"
        )

    def _best_of_others(self, trial: Trial, history: History) -> float | None:
        others = (t for t in history if t.number != trial.number)
        values = [self.goal.best(t) for t in others if t.state is not TrialState.FAILED]
        return min((self.goal.loss(v) for v in values if v is not None), default=None)


def extrapolate(losses: Mapping[int, float], epochs: int) -> float:
    """The loss after `epochs` epochs on the falling power law nearest to the given points.

    Least squares: `a` and `b` follow in closed form from each exponent `c` of a grid. When no
    falling curve fits, the mean.
    """
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
