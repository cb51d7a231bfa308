"""Algorithms that carry a state from trial to trial: CMA-ES and NSGA-II, by Optuna.

Their state is rebuilt by telling a fresh sampler the whole history in order, so that a proposal
still is a pure function of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from optuna.distributions import BaseDistribution as Distribution
from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from skillbank.automl.domains import ChoiceDomain, Domain, Draw, Params, Raw
from skillbank.automl.history import Goal, History, Proposal
from skillbank.automl.proposers.asking import Ask
from skillbank.automl.proposers.observations import Observation, View, num_goals_seen, observe
from skillbank.automl.proposers.optuna_study import TrialDraw, new_study, quiet_optuna
from skillbank.automl.proposers.spread import RandomPoints
from skillbank.automl.proposers.unit_cube import CubeDraw, random_coordinate
from skillbank.automl.space import SearchSpace

Distributions = dict[str, Distribution]

MAX_POPULATION = 50
MIN_POPULATION = 4
GENERATIONS = 5
_MAX_SEED = 2**32


class _Repeating(BaseSampler):
    """Lets a sampler keep its books about a trial, but gives the trial the point it once had."""

    def __init__(self, sampler: BaseSampler, params: Params) -> None:
        self._sampler = sampler
        self._params = params

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Distributions:
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Distributions
    ) -> dict[str, Any]:
        self._sampler.sample_relative(study, trial, search_space)
        return {name: self._params[name] for name in search_space if name in self._params}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Distribution
    ) -> Any:  # noqa: ANN401 - Optuna's signature
        del study, trial, param_distribution
        return self._params[param_name]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._sampler.before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._sampler.after_trial(study, trial, state, values)


def replay(study: Study, each: Observation, suggest: Callable[[Draw], object]) -> None:
    """Let the study's sampler take a measured trial for one of its own."""
    sampler = study.sampler
    study.sampler = _Repeating(sampler, each.params)
    trial = study.ask()
    suggest(TrialDraw(trial))
    study.tell(trial, list(each.losses))
    study.sampler = sampler


@dataclass(frozen=True)
class NsgaPoints:
    """NSGA-II (Deb et al., 2002), for one goal or several.

    The population is a fifth of the recommendations, 4 to 50, so that there are generations.
    """

    space: SearchSpace
    goals: tuple[Goal, ...]
    max_recommendations: int

    def point(self, ask: Ask) -> Proposal:
        """See PointSource."""
        observations = _measured(ask.history, self.goals)
        with quiet_optuna():
            study = new_study(self._sampler(ask.seed % _MAX_SEED), num_goals_seen(observations))
            for each in observations:
                replay(study, each, self.space.suggest)
            study.sampler = self._sampler(ask.sampler_seed)
            params = self.space.suggest(TrialDraw(study.ask()))
        return Proposal(params, "nsga2")

    def _sampler(self, seed: int) -> BaseSampler:
        size = min(max(self.max_recommendations // GENERATIONS, MIN_POPULATION), MAX_POPULATION)
        return NSGAIISampler(population_size=size, seed=seed)


@dataclass(frozen=True)
class CmaPoints:
    """CMA-ES (Hansen, arXiv:1604.00772) over the numbers that always have an effect.

    It begins at the point of the base spec. Everything else is drawn at random, and so is the
    whole point where there are fewer than two such numbers. Of several goals it sees the first.
    """

    space: SearchSpace
    goal: Goal

    def point(self, ask: Ask) -> Proposal:
        """See PointSource."""
        if len(self._numbers) < 2:
            return RandomPoints(self.space).point(ask)
        with quiet_optuna():
            study = new_study(self._sampler(ask.seed % _MAX_SEED), 1)
            for each in _measured(ask.history, (self.goal,)):
                if self._numbers.keys() <= each.params.keys():
                    replay(study, each, self._draw_numbers)
            study.sampler = self._sampler(ask.sampler_seed)
            params = self.space.suggest(self._draw(TrialDraw(study.ask()), ask))
        return Proposal(params, "cmaes")

    def _draw_numbers(self, draw: Draw) -> None:
        for name, domain in self._numbers.items():
            draw(name, domain)

    def _draw(self, model: Draw, ask: Ask) -> Draw:
        chance = CubeDraw(random_coordinate(ask.key))

        def draw(name: str, domain: Domain) -> Raw:
            return (model if name in self._numbers else chance)(name, domain)

        return draw

    @cached_property
    def _numbers(self) -> dict[str, Domain]:
        """The numbers that every point has."""
        steady = {p.drawn_name for p in self.space.parameters if not (p.active or p.has_off)}
        return {
            name: domain
            for name, domain in self.space.domains().items()
            if name in steady and not isinstance(domain, ChoiceDomain) and domain.low < domain.high
        }

    def _sampler(self, seed: int) -> BaseSampler:
        start = {n: v for n, v in self.space.defaults().items() if n in self._numbers}
        return CmaEsSampler(x0=start, n_startup_trials=1, seed=seed)


def _measured(history: History, goals: tuple[Goal, ...]) -> list[Observation]:
    return [each for each in observe(history, goals, View(1)) if each.is_measured]
