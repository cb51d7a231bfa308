"""What a history tells a model: which points were measured how well, after how many epochs.

Trials of a multi-fidelity search trained for different times, so their best values cannot be
compared as they are. The model looks at one *level*, the longest training that enough trials have
reached, and at what each of them had by then. Trials left behind below it count as worse. So do
those that were stopped. Failed trials say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from skillbank.automl.domains import Params
from skillbank.automl.history import Goal, History, Trial, TrialState


class Standing(Enum):
    """What is known of a point."""

    MEASURED = auto()
    BEHIND = auto()
    RUNNING = auto()


@dataclass(frozen=True)
class Observation:
    """One trial as a model sees it.

    Attributes:
        number: Of the trial.
        params: Its point.
        standing: MEASURED at the level; BEHIND: given up or paused below it; RUNNING: no result.
        losses: One per goal, lower is better; empty for RUNNING.
        epochs: After which a trial that is BEHIND was left.
        generation: Of the trial.
    """

    number: int
    params: Params
    standing: Standing
    losses: tuple[float, ...] = ()
    epochs: int = 0
    generation: int = 0

    @property
    def is_measured(self) -> bool:
        """Tell whether its losses compare with those of the other measured ones."""
        return self.standing is Standing.MEASURED


@dataclass(frozen=True)
class View:
    """Which level of epochs a model looks at.

    Attributes:
        min_points: Trials that a level needs; the lowest level takes what there is.
        sees_behind: Whether trials left behind below the level are told, as worse than the others.
    """

    min_points: int
    sees_behind: bool = True


def observe(history: History, goals: Sequence[Goal], view: View) -> list[Observation]:
    """What a model learns from a history, by number.

    Args:
        history: All trials.
        goals: What is optimized. As long as hardly any trial has all its objectives, the first
            goal stands for them.
        view: Where it looks.
    """
    if len(goals) > 1:
        sets = [_observe_objectives(trial, goals) for trial in history]
        seen = [each for each in sets if each is not None]
        if sum(each.is_measured for each in seen) >= view.min_points:
            return seen
    level = _level(history, view.min_points)
    singles = (_observe_level(trial, goals[0], level) for trial in history)
    return [
        each
        for each in singles
        if each is not None and (view.sees_behind or each.standing is not Standing.BEHIND)
    ]


def num_goals_seen(observations: Sequence[Observation]) -> int:
    """For how many goals the observations have losses."""
    return max((len(each.losses) for each in observations), default=1) or 1


def _observe_objectives(trial: Trial, goals: Sequence[Goal]) -> Observation | None:
    if all(goal.metric in trial.objectives for goal in goals):
        losses = tuple(goal.loss(trial.objectives[goal.metric]) for goal in goals)
        if all(map(math.isfinite, losses)) and trial.state is not TrialState.FAILED:
            return _observation(trial, Standing.MEASURED, losses)
    return _observation(trial, Standing.RUNNING) if trial.state.is_active else None


def _level(history: History, min_points: int) -> int:
    """The most epochs after which at least `min_points` trials were measured."""
    ends = {
        trial.epochs
        for trial in history
        if trial.state in {TrialState.PAUSED, TrialState.COMPLETE} and trial.values
    }
    reached = [_reached(trial) for trial in history if trial.state is not TrialState.FAILED]
    fitting = (end for end in ends if sum(at >= end for at in reached) >= min_points)
    return max(fitting, default=min(ends, default=1))


def _reached(trial: Trial) -> int:
    """Epochs behind a trial; one that ended by itself counts as if it had used all it was given."""
    return trial.epochs if trial.state is TrialState.COMPLETE else trial.trained_epochs


def _observe_level(trial: Trial, goal: Goal, level: int) -> Observation | None:
    if trial.state is TrialState.FAILED:
        return None
    losses = [goal.loss(v) for at, v in trial.values.items() if at <= level and math.isfinite(v)]
    has_reached = _reached(trial) >= level
    if losses and (has_reached or not trial.state.is_active):
        standing = Standing.MEASURED if has_reached else Standing.BEHIND
        return _observation(trial, standing, (min(losses),))
    return _observation(trial, Standing.RUNNING) if trial.state.is_active else None


def _observation(trial: Trial, standing: Standing, losses: tuple[float, ...] = ()) -> Observation:
    epochs = trial.trained_epochs
    return Observation(trial.number, trial.params, standing, losses, epochs, trial.generation)
