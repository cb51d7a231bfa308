"""Proposals from a model of the measured points: TPE and a Gaussian process, by Optuna.

The first points follow from no model: an even spread tells it most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from optuna.samplers import BaseSampler, GPSampler, TPESampler

from skillbank.automl.history import Goal, Proposal, TrialState
from skillbank.automl.proposers.asking import Ask, PointSource
from skillbank.automl.proposers.observations import Observation, Standing, View, observe
from skillbank.automl.proposers.optuna_study import quiet_optuna, suggest
from skillbank.automl.space import SearchSpace

USUAL_VIEW = View(min_points=10)
LEAST_MEASURED = 2
"""A model of fewer points knows nothing."""


@dataclass(frozen=True)
class Phase:
    """When a model takes over.

    Attributes:
        before: Chooses the points until then.
        num_started: Trials, failed ones not counted, after which the model is asked.
        least_measured: Results that the model needs.
    """

    before: PointSource
    num_started: int = 0
    least_measured: int = LEAST_MEASURED

    def is_over(self, ask: Ask, observations: Sequence[Observation]) -> bool:
        """Tell whether the model is asked now."""
        measured = sum(each.is_measured for each in observations)
        started = sum(trial.state is not TrialState.FAILED for trial in ask.history)
        return started >= self.num_started and measured >= max(self.least_measured, LEAST_MEASURED)


@dataclass(frozen=True)
class ModelPoints:
    """Asks a sampler of Optuna once the first phase is over."""

    space: SearchSpace
    goals: tuple[Goal, ...]
    phase: Phase
    view: View
    make_sampler: Callable[[int], BaseSampler]
    origin: str
    prepare: Callable[[list[Observation]], list[Observation]] = lambda observations: observations

    def point(self, ask: Ask) -> Proposal:
        """See PointSource."""
        observations = observe(ask.history, self.goals, self.view)
        if not self.phase.is_over(ask, observations):
            return self.phase.before.point(ask)
        with quiet_optuna():
            sampler = self.make_sampler(ask.sampler_seed)
            params = suggest(self.space, self.prepare(observations), sampler)
        return Proposal(params, self.origin)


@dataclass(frozen=True)
class TpeShape:
    """How TPE tells good from bad points.

    Attributes:
        view: Which results it compares.
        candidates: Points drawn from the good ones' density, of which the best is proposed.
        good_percent: Percent of the trials that count as good; None: Optuna's 10 %, at most 25.
    """

    view: View = USUAL_VIEW
    candidates: int = 24
    good_percent: float | None = None

    def num_good(self, num_trials: int) -> int:
        """How many of the trials count as good."""
        assert self.good_percent is not None
        return max(1, math.ceil(num_trials * self.good_percent / 100))


def tpe_points(
    space: SearchSpace, goals: tuple[Goal, ...], phase: Phase, shape: TpeShape | None = None
) -> ModelPoints:
    """Multivariate TPE (Falkner et al., arXiv:1807.01774), grouped where there are conditions.

    Points that train now count as bad ones, so that the next one keeps away from them.
    """
    shape = shape or TpeShape()

    def make_sampler(seed: int) -> BaseSampler:
        return TPESampler(
            n_startup_trials=0,
            n_ei_candidates=shape.candidates,
            multivariate=True,
            group=space.has_conditions,
            constant_liar=True,
            seed=seed,
            gamma=None if shape.good_percent is None else shape.num_good,
        )

    return ModelPoints(space, goals, phase, shape.view, make_sampler, "tpe")


def gp_points(space: SearchSpace, goals: tuple[Goal, ...], phase: Phase) -> ModelPoints:
    """A Gaussian process with a Matern-5/2 kernel and log expected improvement.

    Points that train now are integrated over. Trials that were stopped get the worst result there
    is: a process that did not hear of them would propose them again.
    """

    def make_sampler(seed: int) -> BaseSampler:
        return GPSampler(n_startup_trials=0, seed=seed, warn_independent_sampling=False)

    return ModelPoints(space, goals, phase, USUAL_VIEW, make_sampler, "gp", _worst_for_stopped)


def _worst_for_stopped(observations: list[Observation]) -> list[Observation]:
    measured = [each.losses for each in observations if each.is_measured]
    worst = tuple(max(column) for column in zip(*measured, strict=True))
    return [
        replace(each, standing=Standing.MEASURED, losses=worst)
        if each.standing is Standing.BEHIND
        else each
        for each in observations
    ]
