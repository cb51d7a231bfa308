"""Population based training (Jaderberg et al., arXiv:1711.09846), generation by generation.

All members train `eval_interval` epochs. Then the worst fifth gives way to copies of the best
fifth: new trials that begin from a parent's checkpoint with varied parameters. A copy goes on
counting its parent's epochs: started by `Start(epochs=20, parent=4)` it has 10 epochs behind it
when the parent was paused at 10. Copies start before anybody goes on, while the parents'
checkpoints are those of the generation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from skillbank.automl.history import Goal, History, Move, Promote, Start, Trial, TrialState
from skillbank.automl.schedulers.scheduler import paused_at, recommendations

SHARE = 5
"""One in five is copied, one in five is replaced."""


@dataclass(frozen=True)
class Generation:
    """Members of a generation once all have reached its end.

    Attributes:
        number: 0 for the first.
        ranked: Those that are left, best first.
        survivors: Those that go on; the others are replaced.
    """

    number: int
    ranked: list[Trial]
    survivors: list[Trial]


@dataclass(frozen=True)
class PopulationBasedTraining:
    """Trains a population of `size`; `ends` are the epochs after which generations end.

    A member that failed is replaced like the worst ones. `max_starts` counts copies too, and is a
    bound: survivors are no new recommendations.
    """

    goal: Goal
    size: int
    ends: tuple[int, ...]
    full_epochs: int

    @property
    def max_starts(self) -> int:
        """See TrialScheduler; without failures."""
        return self.size + (len(self.ends) - 1) * self._num_replaced

    @property
    def summary(self) -> str:
        """See TrialScheduler."""
        return (
            f"{self.size} members over {len(self.ends)} generations, which end after "
            f"{', '.join(map(str, self.ends))} epochs; {self._num_replaced} give way to copies of "
            "the best each time"
        )

    def next_move(self, history: History) -> Move | None:
        """See Scheduler."""
        if not history:
            return Start(self.full_epochs)
        trials = recommendations(history)
        if sum(t.generation == 0 for t in trials) < self.size:
            return Start(self.ends[0])
        for generation in self._generations(trials):
            move = self._next_in(generation, trials)
            if move is not None:
                return move
        return None

    def stop_reason(self, trial: Trial, history: History) -> str | None:
        """See Scheduler; between generations none is stopped."""
        del trial, history
        return None

    def is_last(self, trial: Trial) -> bool:
        """See Scheduler."""
        return trial.number == 0 or trial.epochs >= self.ends[-1]

    def never_again(self, history: History) -> list[int]:
        """See TrialScheduler: those that gave way to a copy."""
        left = {
            trial.number
            for generation in self._generations(recommendations(history))
            for trial in generation.ranked
            if trial not in generation.survivors and trial.state is TrialState.PAUSED
        }
        return sorted(left)

    @property
    def _num_replaced(self) -> int:
        return max(1, self.size // SHARE)

    def _generations(self, trials: list[Trial]) -> Iterator[Generation]:
        """The generations that have ended and have a successor, in their order."""
        members = [t for t in trials if t.generation == 0]
        for number, end in enumerate(self.ends[:-1]):
            if len(members) < self.size or any(_is_on_its_way(t, end) for t in members):
                return
            present = [t for t in members if not _was_lost(t, end)]
            ranking = self._ranking(present, end)
            if not ranking:
                return
            num_survivors = max(1, min(len(ranking), self.size - self._num_replaced))
            survivors = ranking[:num_survivors]
            yield Generation(number, ranking, survivors)
            members = survivors + [t for t in trials if t.generation == number + 1]

    def _ranking(self, trials: list[Trial], end: int) -> list[Trial]:
        """Best first by the newest value: it is the weights as they are now that go on."""

        def standing(trial: Trial) -> tuple[float, int]:
            value = trial.value_at(end)
            return (math.inf if value is None else self.goal.loss(value)), trial.number

        return sorted(trials, key=standing)

    def _next_in(self, ended: Generation, trials: list[Trial]) -> Move | None:
        """A copy that the next generation lacks, else a survivor that has not gone on yet."""
        number, end = ended.number + 1, self.ends[ended.number + 1]
        waiting = paused_at(ended.survivors, self.ends[ended.number])
        if not waiting:
            return None
        num_copies = sum(t.generation == number for t in trials)
        if num_copies < self.size - len(ended.survivors):
            parents = waiting[: self._num_replaced]
            parent = parents[num_copies % len(parents)]
            return Start(end, parent=parent.number, generation=number)
        return Promote(waiting[0].number, end)


def _is_on_its_way(trial: Trial, end: int) -> bool:
    """Tell whether a trial has yet to reach the end of a generation, and may."""
    if trial.state is TrialState.PAUSED:
        return trial.epochs < end
    return trial.state.is_active and trial.epochs <= end


def _was_lost(trial: Trial, end: int) -> bool:
    """Tell whether a trial failed, or was stopped, before the end of a generation."""
    return trial.epochs <= end and trial.state in {TrialState.FAILED, TrialState.PRUNED}
