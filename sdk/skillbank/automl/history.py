"""What a search has seen so far, and the moves that come next: plain values, no storage, no jobs.

A *recommendation* is a point of the space with a job that trains it. It may be paused after some
epochs and go on later in the same job, from its own checkpoint. Values are kept as the metric has
them; `Goal` tells which are better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from skillbank.automl.domains import Params


class TrialState(StrEnum):
    """WAITING -> RUNNING <-> PAUSED, then one of COMPLETE, PRUNED, FAILED."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Tell whether the trial never trains again."""
        return self in {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED}

    @property
    def is_active(self) -> bool:
        """Tell whether the trial holds a place now."""
        return self in {TrialState.WAITING, TrialState.RUNNING}


@dataclass(frozen=True)
class Trial:
    """One recommendation as it is now.

    Attributes:
        number: 0 is the baseline: the spec that is tuned, as it stands.
        params: The point, as drawn; `SearchSpace.values` gives the spec's values.
        state: Where it stands.
        values: Epochs trained -> metric measured then; NaN and infinity never appear.
        epochs: Epochs it may train to, in all; the end of its rung.
        bracket: Number of its bracket; 0 where there are none.
        parent: Number of the trial whose checkpoint it began from (PBT); None for none.
        generation: Number of exploit steps behind it (PBT), or its generation (DEHB).
        origin: Where the point came from: `baseline`, `random`, `tpe`, `gp`, `llm`, `warm start`...
        reason: Why this point, where somebody gave a reason.
        objectives: Metric -> final value, of every metric of a search for a Pareto set; empty
            while it trains, and in a search for one metric.
        adjustments: What was changed of the point before it trained, a sentence each.
        failure: Why it failed or was stopped, in a sentence; empty otherwise.
    """

    number: int
    params: Params
    state: TrialState
    values: Mapping[int, float] = field(default_factory=dict)
    epochs: int = 1
    bracket: int = 0
    parent: int | None = None
    generation: int = 0
    origin: str = ""
    reason: str = ""
    objectives: Mapping[str, float] = field(default_factory=dict)
    adjustments: tuple[str, ...] = ()
    failure: str = ""

    @property
    def trained_epochs(self) -> int:
        """Epochs after which it was last measured; 0 before that."""
        return max(self.values, default=0)

    def value_at(self, epochs: int) -> float | None:
        """The metric after `epochs` epochs: the newest measured until then; None before any."""
        reached = [at for at in self.values if at <= epochs]
        return self.values[max(reached)] if reached else None


History = Sequence[Trial]
"""All trials, by number."""


@dataclass(frozen=True)
class Goal:
    """Which values of a metric are better.

    A search for a Pareto set has several; the first is what trials report as they train.
    """

    metric: str
    minimize: bool

    def loss(self, value: float) -> float:
        """The value with its sign such that lower is better."""
        return value if self.minimize else -value

    def best(self, trial: Trial) -> float | None:
        """The best value that a trial reached; None before any was measured."""
        values = [v for v in trial.values.values() if math.isfinite(v)]
        return (min(values) if self.minimize else max(values)) if values else None


@dataclass(frozen=True)
class Start:
    """Start a new recommendation.

    Attributes:
        epochs: How far it trains before it is paused or has ended.
        bracket: Number of its bracket.
        parent: Trial whose checkpoint it begins from, and whose point it varies (PBT).
        generation: See Trial.
    """

    epochs: int
    bracket: int = 0
    parent: int | None = None
    generation: int = 0


@dataclass(frozen=True)
class Promote:
    """Let a paused trial go on in its own job, from its own checkpoint, to `epochs` epochs."""

    number: int
    epochs: int


Move = Start | Promote


class Scheduler(Protocol):
    """Decides how far each trial trains; a pure function of the history.

    Trial 0, the baseline, always trains to the end and never competes for a place in a rung.
    """

    def next_move(self, history: History) -> Move | None:
        """What to do with a free place now.

        None: nothing now; when no trial is active either, the search is over.
        """

    def stop_reason(self, trial: Trial, history: History) -> str | None:
        """Why a running trial should be stopped now, in a sentence; None to let it run.

        Asked after every validation.
        """

    def is_last(self, trial: Trial) -> bool:
        """Tell whether the trial has nothing left to train, having reached `trial.epochs`."""


@dataclass(frozen=True)
class Proposal:
    """A point with where it came from.

    Attributes:
        params: The point.
        origin: See Trial.
        reason: See Trial.
    """

    params: Params
    origin: str
    reason: str = ""


class Proposer(Protocol):
    """Chooses the point of a new recommendation; a pure function of history, seed and number."""

    def propose(self, number: int, start: Start, history: History) -> Proposal:
        """A point of the space for trial `number`."""
