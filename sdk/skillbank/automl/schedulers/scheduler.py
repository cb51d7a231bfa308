"""What every scheduler here can do, and the questions about a history that they share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from skillbank.automl.history import Goal, History, Scheduler, Trial, TrialState
from skillbank.automl.schedulers.learning_curve import losses_until, prospect


class TrialScheduler(Scheduler, Protocol):
    """A scheduler that also tells the launch review and the driver what it is going to do.

    The first move of a search, on an empty history, is the baseline: all epochs.
    """

    @property
    def full_epochs(self) -> int:
        """Epochs of the longest training: what the spec's `train.num_epochs` becomes."""

    @property
    def max_starts(self) -> int:
        """Most recommendations it starts, besides the baseline."""

    @property
    def summary(self) -> str:
        """What it does with its budget, in a sentence for the launch review."""

    def never_again(self, history: History) -> list[int]:
        """Numbers of the paused trials that can no longer be promoted.

        Their checkpoints can be deleted. When nothing is active and `next_move` gives None, this
        holds for every paused trial.
        """


def recommendations(history: History) -> list[Trial]:
    """The trials that compete: all but the baseline."""
    return [trial for trial in history if trial.number != 0]


def ranked(goal: Goal, trials: Iterable[Trial], epochs: int, full_epochs: int) -> list[Trial]:
    """Most promising first, by what was measured until `epochs`; older first among equals.

    Trials without a measurement come last: where validations are rarer than rungs, a search that
    left them out would never get beyond its first rung.
    """

    def standing(trial: Trial) -> tuple[float, int]:
        return prospect(losses_until(goal, trial, epochs), full_epochs), trial.number

    return sorted(trials, key=standing)


def paused_at(trials: Iterable[Trial], epochs: int) -> list[Trial]:
    """The trials that wait at the end of the rung of `epochs` epochs."""
    return [t for t in trials if t.state is TrialState.PAUSED and t.epochs == epochs]


def is_active_until(trials: Iterable[Trial], epochs: int) -> bool:
    """Tell whether some trial trains, or waits for a place, towards at most `epochs` epochs."""
    return any(t.state.is_active and t.epochs <= epochs for t in trials)
