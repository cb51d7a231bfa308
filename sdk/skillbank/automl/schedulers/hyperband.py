"""Hyperband that pauses and promotes: rungs of a bracket are ranked when all in them have ended.

A promoted trial goes on from its own checkpoint. While a rung waits for its last results, the next
bracket starts. The recommendations a search may make are shared out among brackets beforehand
(see `plan_brackets`); promotions are not counted against them.

A failed trial never ranks. In the first rung its place stays empty, and later rungs keep their
sizes as long as there are trials for them; in a later rung the next best of the rung below takes
its place.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from skillbank.automl.history import Goal, History, Move, Promote, Start, Trial, TrialState
from skillbank.automl.schedulers.brackets import Bracket, Rung
from skillbank.automl.schedulers.scheduler import (
    is_active_until,
    paused_at,
    ranked,
    recommendations,
)


@dataclass(frozen=True)
class Hyperband:
    """Works off `brackets` in their order; `Start.bracket` is the number of the bracket in it.

    A start's generation is its bracket's number: DEHB evolves from bracket to bracket.
    """

    goal: Goal
    brackets: tuple[Bracket, ...]
    full_epochs: int

    @property
    def max_starts(self) -> int:
        """See TrialScheduler."""
        return sum(bracket[0].size for bracket in self.brackets)

    @property
    def summary(self) -> str:
        """See TrialScheduler."""
        kinds = dict.fromkeys(
            " -> ".join(f"{rung.size} at {rung.epochs}" for rung in bracket)
            for bracket in self.brackets
        )
        return (
            f"{self.max_starts} recommendations in brackets (trials at epochs): {'; '.join(kinds)}"
        )

    def next_move(self, history: History) -> Move | None:
        """See Scheduler."""
        if not history:
            return Start(self.full_epochs)
        members = _by_bracket(history)
        for number, bracket in enumerate(self.brackets):
            if len(members[number]) < bracket[0].size:
                return Start(bracket[0].epochs, number, generation=number)
            promotion = self._promotion(bracket, members[number])
            if promotion is not None:
                return promotion
        return None

    def stop_reason(self, trial: Trial, history: History) -> str | None:
        """See Scheduler; between rungs none is stopped."""
        del trial, history
        return None

    def is_last(self, trial: Trial) -> bool:
        """See Scheduler."""
        return trial.epochs >= self.full_epochs

    def never_again(self, history: History) -> list[int]:
        """See TrialScheduler: those left in a rung whose followers have all arrived."""
        members = _by_bracket(history)
        return [
            trial.number
            for number, bracket in enumerate(self.brackets)
            for low, high in pairwise(bracket)
            if _num_arrived(members[number], high) >= high.size
            for trial in paused_at(members[number], low.epochs)
        ]

    def _promotion(self, bracket: Bracket, trials: list[Trial]) -> Promote | None:
        for low, high in pairwise(bracket):
            if is_active_until(trials, low.epochs):
                return None
            if _num_taken(trials, high) < high.size:
                waiting = paused_at(trials, low.epochs)
                candidates = ranked(self.goal, waiting, low.epochs, self.full_epochs)
                if candidates:
                    return Promote(candidates[0].number, high.epochs)
        return None


def _by_bracket(history: History) -> defaultdict[int, list[Trial]]:
    members: defaultdict[int, list[Trial]] = defaultdict(list)
    for trial in recommendations(history):
        members[trial.bracket].append(trial)
    return members


def _num_taken(trials: list[Trial], rung: Rung) -> int:
    """Places of a rung that are taken; a trial that failed on its way there gave its place back."""
    return sum(t.epochs >= rung.epochs and not _failed_in(t, rung) for t in trials)


def _num_arrived(trials: list[Trial], rung: Rung) -> int:
    """Places of a rung that will not become free any more."""
    active = sum(t.state.is_active and t.epochs == rung.epochs for t in trials)
    return _num_taken(trials, rung) - active


def _failed_in(trial: Trial, rung: Rung) -> bool:
    return trial.state is TrialState.FAILED and trial.epochs == rung.epochs
