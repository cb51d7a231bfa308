"""Asynchronous successive halving (Li et al., arXiv:1810.05934) that pauses and promotes.

A free place goes to the best trial that waits in the highest rung where it is among the best
`1 / eta`, else to a new recommendation. Nobody waits for a rung to fill.

When no recommendation may be made any more, each rung that can get no further result sends on at
least its best, however few it has: somebody always reaches the top.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillbank.automl.history import Goal, History, Move, Promote, Start, Trial, TrialState
from skillbank.automl.schedulers.scheduler import (
    is_active_until,
    paused_at,
    ranked,
    recommendations,
)


@dataclass(frozen=True)
class Asha:
    """Promotes along `rungs` as results come in.

    Attributes:
        goal: What is better.
        rungs: Epochs of each rung; the last is a full training.
        reduction_factor: One in so many trials of a rung goes on to the next.
        max_starts: Most recommendations; promotions are not counted.
        min_results: Results that a rung needs before its best is promoted; fewer where so many
            are not to be expected from `max_starts`.
    """

    goal: Goal
    rungs: tuple[int, ...]
    reduction_factor: int
    max_starts: int
    min_results: int

    @property
    def full_epochs(self) -> int:
        """See TrialScheduler."""
        return self.rungs[-1]

    @property
    def summary(self) -> str:
        """See TrialScheduler."""
        rungs = ", ".join(str(epochs) for epochs in self.rungs)
        return (
            f"{self.max_starts} recommendations, paused after {rungs} epochs; one in "
            f"{self.reduction_factor} goes on"
        )

    def next_move(self, history: History) -> Move | None:
        """See Scheduler."""
        if not history:
            return Start(self.full_epochs)
        trials = recommendations(history)
        for rung in reversed(range(len(self.rungs) - 1)):
            promotion = self._promotion(trials, rung, is_closed=False)
            if promotion is not None:
                return promotion
        if len(trials) < self.max_starts:
            return Start(self.rungs[0])
        return self._closing_move(trials)

    def stop_reason(self, trial: Trial, history: History) -> str | None:
        """See Scheduler; between rungs none is stopped."""
        del trial, history
        return None

    def is_last(self, trial: Trial) -> bool:
        """See Scheduler."""
        return trial.epochs >= self.full_epochs

    def never_again(self, history: History) -> list[int]:
        """See TrialScheduler: those far behind, of whom no promotion could make use."""
        trials = recommendations(history)
        return sorted(
            trial.number
            for rung, epochs in enumerate(self.rungs[:-1])
            for trial in paused_at(self._far_behind(trials, rung), epochs)
        )

    def _closing_move(self, trials: list[Trial]) -> Promote | None:
        """The promotion that finishes the lowest rung which can get no further result."""
        for rung, epochs in enumerate(self.rungs[:-1]):
            if is_active_until(trials, epochs):
                return None
            promotion = self._promotion(trials, rung, is_closed=True)
            if promotion is not None:
                return promotion
        return None

    def _promotion(self, trials: list[Trial], rung: int, *, is_closed: bool) -> Promote | None:
        epochs = self.rungs[rung]
        results = [t for t in trials if _has_ended(t, epochs)]
        quota = len(results) // self.reduction_factor
        if is_closed:
            quota = max(quota, 1)
        elif len(results) < min(self.min_results, self._expected_results(rung)):
            return None
        behind = self._far_behind(trials, rung)
        best = self._ranked(results, epochs)[:quota]
        waiting = [t for t in paused_at(best, epochs) if t not in behind]
        return Promote(waiting[0].number, self.rungs[rung + 1]) if waiting else None

    def _expected_results(self, rung: int) -> int:
        share: int = self.reduction_factor**rung
        return max(1, self.max_starts // share)

    def _far_behind(self, trials: list[Trial], rung: int) -> list[Trial]:
        """Trials of a rung that it will not promote, even if many better ones fail later.

        Failed trials keep their rank here, so that nobody comes back once behind.
        """
        epochs, num_kept = self.rungs[rung], 2 * self._expected_results(rung + 1)
        reached = [t for t in trials if t.trained_epochs >= epochs and _has_reached(t, epochs)]
        return self._ranked(reached, epochs)[num_kept:] if len(reached) > num_kept else []

    def _ranked(self, trials: list[Trial], epochs: int) -> list[Trial]:
        return ranked(self.goal, trials, epochs, self.full_epochs)


def _has_reached(trial: Trial, epochs: int) -> bool:
    return trial.epochs > epochs or (trial.epochs == epochs and not trial.state.is_active)


def _has_ended(trial: Trial, epochs: int) -> bool:
    """Tell whether a trial is a result of the rung; failed ones are not."""
    return trial.state is not TrialState.FAILED and _has_reached(trial, epochs)
