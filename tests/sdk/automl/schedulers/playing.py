"""Plays a search: carries out a scheduler's moves, ends trials as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from skillbank.automl.history import Goal, Move, Promote, Start, Trial, TrialState
from skillbank.automl.schedulers import TrialScheduler, make_scheduler
from skillbank.automl.settings import read_search_settings

LOSS = Goal("val_loss", minimize=True)
ACCURACY = Goal("val_acc", minimize=False)
BASELINE = Trial(0, {}, TrialState.COMPLETE, {27: 0.5}, 27, origin="baseline")


def scheduler_of(
    algorithm: str, num_epochs: int = 27, goal: Goal = LOSS, **settings: object
) -> TrialScheduler:
    """The scheduler of a search with these settings."""
    return make_scheduler(
        read_search_settings({"algorithm": algorithm, **settings}), goal, num_epochs
    )


@dataclass
class Play:
    """A search whose baseline has been trained."""

    scheduler: TrialScheduler
    history: list[Trial] = field(default_factory=lambda: [BASELINE])
    moves: list[Move] = field(default_factory=list)

    @property
    def active(self) -> list[int]:
        return [t.number for t in self.history if t.state.is_active]

    @property
    def promotions(self) -> list[Promote]:
        return [m for m in self.moves if isinstance(m, Promote)]

    @property
    def starts(self) -> list[Start]:
        return [m for m in self.moves if isinstance(m, Start)]

    def move(self) -> Move | None:
        """Carry out the next move; whatever it is, the same history gives it again."""
        move = self.scheduler.next_move(self.history)
        assert self.scheduler.next_move(tuple(self.history)) == move
        if move is None:
            return None
        self.moves.append(move)
        if isinstance(move, Promote):
            trial = self.history[move.number]
            assert trial.state is TrialState.PAUSED
            assert trial.epochs < move.epochs
            self.history[move.number] = replace(trial, state=TrialState.RUNNING, epochs=move.epochs)
            return move
        self.history.append(
            Trial(
                len(self.history),
                {},
                TrialState.RUNNING,
                epochs=move.epochs,
                bracket=move.bracket,
                parent=move.parent,
                generation=move.generation,
            )
        )
        return move

    def end(self, number: int, value: float) -> None:
        """Let a trial reach the end of its rung with this value of the metric."""
        trial = self.history[number]
        state = TrialState.COMPLETE if self.scheduler.is_last(trial) else TrialState.PAUSED
        self._set(replace(trial, state=state, values={**trial.values, trial.epochs: value}))

    def fail(self, number: int) -> None:
        self._set(replace(self.history[number], state=TrialState.FAILED))

    def prune(self, number: int) -> None:
        self._set(replace(self.history[number], state=TrialState.PRUNED))

    def run(self, value: Callable[[int], float | None]) -> Play:
        """Search with one worker to the end; a trial of value None fails."""
        while self.move() is not None:
            for number in self.active:
                found = value(number)
                if found is None:
                    self.fail(number)
                else:
                    self.end(number, found)
        return self

    def in_state(self, state: TrialState) -> list[int]:
        return [t.number for t in self.history[1:] if t.state is state]

    def _set(self, trial: Trial) -> None:
        self.history[trial.number] = trial


def as_text(play: Play) -> str:
    """The moves, to compare two searches."""
    return json.dumps([repr(move) for move in play.moves])
