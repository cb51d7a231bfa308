"""Hyperband that also stops, within a rung, trials whose learning curve leads too far behind."""

from __future__ import annotations

from dataclasses import dataclass

from skillbank.automl.history import History, Trial, TrialState
from skillbank.automl.schedulers.hyperband import Hyperband
from skillbank.automl.schedulers.learning_curve import LEAST_POINTS, extrapolate, losses_until


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
        losses = losses_until(self.goal, trial, trial.epochs)
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
