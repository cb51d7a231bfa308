"""How much training a search will ask for, by playing its scheduler with made-up results."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from skillbank.automl.history import Move, Promote, Scheduler, Start, Trial, TrialState

_MOST_MOVES = 100_000


@dataclass(frozen=True)
class Forecast:
    """What a search will ask for.

    Attributes:
        epochs: Epochs over all trials, the baseline's included.
        starts: Times a training is started or goes on.
        recommendations: Points besides the baseline.
        rounds_epochs: Epochs that the places train one after another: the length of the search.
        rounds_starts: Starts one after another.
    """

    epochs: int
    starts: int
    recommendations: int
    rounds_epochs: float
    rounds_starts: float

    def seconds(self, seconds_per_epoch: float, startup_s: float) -> float:
        """How long the search takes, given what one epoch and one start take."""
        return self.rounds_epochs * seconds_per_epoch + self.rounds_starts * startup_s


def forecast(scheduler: Scheduler, num_epochs: int, num_places: int) -> Forecast:
    """Play a search in which nothing fails and no point is better than another by design.

    Args:
        scheduler: Decides how far each trial trains.
        num_epochs: Epochs of a full training, which the baseline takes.
        num_places: Trials that train at once.
    """
    draw = random.Random(0)
    trials = [_ended(Trial(0, {}, TrialState.RUNNING, epochs=num_epochs), draw, num_epochs)]
    epochs, starts = num_epochs, 1
    for _ in range(_MOST_MOVES):
        move = scheduler.next_move(trials)
        if move is None:
            break
        epochs += _play(move, trials, scheduler, draw)
        starts += 1
    return Forecast(
        epochs=epochs,
        starts=starts,
        recommendations=len(trials) - 1,
        rounds_epochs=max(num_epochs, epochs / num_places),
        rounds_starts=max(1, starts / num_places),
    )


def _play(move: Move, trials: list[Trial], scheduler: Scheduler, draw: random.Random) -> int:
    """Carry out a move at once; the epochs that it trained."""
    if isinstance(move, Promote):
        before = trials[move.number].trained_epochs
        trial = replace(trials[move.number], epochs=move.epochs)
    else:
        before = 0 if move.parent is None else trials[move.parent].trained_epochs
        trial = _begin(move, len(trials))
        trials.append(trial)
    ended = _ended(trial, draw, trial.epochs)
    if not scheduler.is_last(ended):
        ended = replace(ended, state=TrialState.PAUSED)
    trials[trial.number] = ended
    return trial.epochs - before


def _begin(start: Start, number: int) -> Trial:
    return Trial(
        number,
        {},
        TrialState.RUNNING,
        epochs=start.epochs,
        bracket=start.bracket,
        parent=start.parent,
        generation=start.generation,
    )


def _ended(trial: Trial, draw: random.Random, epochs: int) -> Trial:
    value = trial.values[min(trial.values)] if trial.values else draw.random()
    return replace(trial, state=TrialState.COMPLETE, values={**trial.values, epochs: value})
