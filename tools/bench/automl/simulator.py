"""Runs a search on made-up learning curves: the driver's protocols, without jobs.

Time passes in epochs; several workers train at speeds of their own. Every epoch that a worker
trains is counted, those of failed trials too.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bench.automl.curves import EPOCHS, Curve, Problem, RandomDraw, losses
from skillbank.automl.domains import Raw
from skillbank.automl.history import (
    Goal,
    Move,
    Promote,
    Proposal,
    Proposer,
    Scheduler,
    Start,
    Trial,
    TrialState,
)

SKIPPED_BASELINE = Trial(0, {}, TrialState.FAILED, origin="baseline")
"""Stands for a baseline that is not trained, so that all methods spend the same epochs."""


@dataclass
class Incumbent:
    """What a user would take: the checkpoint with the best measured value so far.

    `track` holds, each time another was taken: epochs spent by then, its loss without noise.
    """

    measured: float = math.inf
    track: list[tuple[int, float]] = field(default_factory=list)

    def offer(self, spent: int, measured: float, true: float) -> None:
        """Take a checkpoint if it measures better."""
        if measured < self.measured:
            self.measured = measured
            self.track.append((spent, true))

    def loss_after(self, spent: int) -> float:
        """Loss without noise of what would be taken after so many epochs."""
        at = bisect_right([s for s, _ in self.track], spent) - 1
        return self.track[at][1] if at >= 0 else math.inf


@dataclass
class Bench:
    """A problem whose validations are measured with noise, and what they cost.

    Attributes:
        spent: Epochs trained so far.
        trained: Numbers of the trials that trained at least one of them; 0 is the baseline.
    """

    problem: Problem
    seed: int
    spent: int = 0
    trained: set[int] = field(default_factory=set)
    incumbent: Incumbent = field(default_factory=Incumbent)

    @property
    def goal(self) -> Goal:
        """Which values are better."""
        return self.problem.goal

    @property
    def num_trials(self) -> int:
        """Points that were tried; one that trains anew, or goes on, counts once."""
        return len(self.trained - {0})

    def curves(self, number: int, params: Mapping[str, Raw]) -> tuple[Curve, Curve]:
        """Losses of a trial, as measured and without noise."""
        true = losses(self.problem, params)
        rng = np.random.default_rng([self.seed, number, 5])
        return true + self.problem.noise(params) * rng.standard_normal(EPOCHS), true

    def train_epoch(self, number: int, curves: tuple[Curve, Curve], epochs: int) -> float:
        """Spend one epoch on a trial; the measured loss, NaN when the training diverges."""
        self.spent += 1
        self.trained.add(number)
        measured, true = (float(curve[epochs - 1]) for curve in curves)
        if math.isfinite(measured):
            self.incumbent.offer(self.spent, measured, true)
        return measured


@dataclass
class RandomProposer:
    """Draws every point at random."""

    problem: Problem
    seed: int

    def propose(self, number: int, start: Start, history: object) -> Proposal:
        """See Proposer."""
        del start, history
        draw = RandomDraw(np.random.default_rng([self.seed, number, 6]))
        return Proposal(self.problem.space.suggest(draw), "random")


@dataclass
class Simulation:
    """One search until `budget` epochs are spent or the scheduler has nothing left to do.

    Attributes:
        inherited: Number of a copy -> epochs it got from its parent's checkpoint.
        num_idle: Times that a worker found nothing to do, counted once per epoch of another.
    """

    bench: Bench
    scheduler: Scheduler
    proposer: Proposer
    budget: int
    num_workers: int = 1
    trains_baseline: bool = False
    history: list[Trial] = field(default_factory=list)
    inherited: dict[int, int] = field(default_factory=dict)
    num_idle: int = 0

    def run(self) -> Bench:
        """Search; the bench tells what came of it."""
        if not self.trains_baseline:
            self.history.append(SKIPPED_BASELINE)
        clock: list[tuple[float, int]] = []
        curves: dict[int, tuple[Curve, Curve]] = {}
        now = 0.0
        while self.bench.spent < self.budget:
            while len(clock) < self.num_workers and (number := self._begin(curves)) is not None:
                heapq.heappush(clock, (now + self._pace(number), number))
            self.num_idle += self.num_workers - len(clock)
            if not clock:
                break
            now, number = heapq.heappop(clock)
            self._train(number, curves[number])
            if self.history[number].state is TrialState.RUNNING:
                heapq.heappush(clock, (now + self._pace(number), number))
        return self.bench

    def _pace(self, number: int) -> float:
        """Time of one epoch of a trial: trials differ by a factor of up to two."""
        return float(np.random.default_rng([self.bench.seed, number, 7]).uniform(1, 2))

    def _begin(self, curves: dict[int, tuple[Curve, Curve]]) -> int | None:
        """Carry out the scheduler's next move; the number of the trial that trains on."""
        move: Move | None = self.scheduler.next_move(self.history)
        if move is None:
            return None
        if isinstance(move, Promote):
            trial = self.history[move.number]
            assert trial.state is TrialState.PAUSED
            self.history[move.number] = replace(trial, state=TrialState.RUNNING, epochs=move.epochs)
            return move.number
        number = len(self.history)
        params = self._propose(number, move)
        if move.parent is not None:
            self.inherited[number] = self.history[move.parent].trained_epochs
        curves[number] = self.bench.curves(number, params)
        self.history.append(
            Trial(
                number,
                params,
                TrialState.RUNNING,
                epochs=move.epochs,
                bracket=move.bracket,
                parent=move.parent,
                generation=move.generation,
            )
        )
        return number

    def _propose(self, number: int, start: Start) -> Mapping[str, Raw]:
        if number == 0:
            return self.bench.problem.space.defaults()
        return self.proposer.propose(number, start, self.history).params

    def _train(self, number: int, curves: tuple[Curve, Curve]) -> None:
        """One epoch of a trial, and what becomes of the trial."""
        trial = self.history[number]
        at = max(trial.trained_epochs, self.inherited.get(number, 0)) + 1
        loss = self.bench.train_epoch(number, curves, at)
        if not math.isfinite(loss):
            self.history[number] = replace(trial, state=TrialState.FAILED)
            return
        value = self.bench.goal.loss(loss)
        trial = replace(trial, values={**trial.values, at: value})
        self.history[number] = trial
        if at >= trial.epochs:
            ended = self.scheduler.is_last(trial)
            state = TrialState.COMPLETE if ended else TrialState.PAUSED
            self.history[number] = replace(trial, state=state)
        elif self.scheduler.stop_reason(trial, self.history) is not None:
            self.history[number] = replace(trial, state=TrialState.PRUNED)


def run_plain_hyperband(bench: Bench, budget: int, reduction_factor: int = 3) -> Bench:
    """Hyperband as it is mostly run: random points, each rung trains anew from the first epoch."""
    rng_seed, depth, number = bench.seed, 0, 0
    while reduction_factor ** (depth + 1) <= EPOCHS:
        depth += 1
    proposer = RandomProposer(bench.problem, rng_seed)
    while bench.spent < budget:
        for s in range(depth, -1, -1):
            size = -(-(depth + 1) * reduction_factor**s // (s + 1))
            numbers = list(range(number + 1, number + 1 + size))
            number += size
            points = {n: proposer.propose(n, Start(1), []).params for n in numbers}
            _run_plain_bracket(bench, points, (s, reduction_factor), budget)
    return bench


def _run_plain_bracket(
    bench: Bench, points: Mapping[int, Mapping[str, Raw]], shape: tuple[int, int], budget: int
) -> None:
    s, factor = shape
    alive = {n: bench.curves(n, params) for n, params in points.items()}
    for rung in range(s + 1):
        epochs = EPOCHS // factor ** (s - rung)
        results = {}
        for n, curves in alive.items():
            results[n] = math.inf
            for at in range(1, epochs + 1):
                if bench.spent >= budget:
                    return
                loss = bench.train_epoch(n, curves, at)
                if not math.isfinite(loss):
                    results[n] = math.inf
                    break
                results[n] = min(results[n], loss)
        keep = sorted(results, key=lambda n: results[n])[: max(1, len(alive) // factor)]
        alive = {n: alive[n] for n in keep}
