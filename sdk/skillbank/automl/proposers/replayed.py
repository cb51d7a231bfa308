"""Algorithms that carry a state from trial to trial: CMA-ES and NSGA-II, by Optuna.

Their state is rebuilt by telling a fresh sampler the whole history in order, so that a proposal
still is a pure function of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from optuna.samplers import BaseSampler, CmaEsSampler, NSGAIISampler
from optuna.study import Study

from skillbank.automl.domains import ChoiceDomain, Domain, Draw, Raw
from skillbank.automl.history import Goal, History, Proposal
from skillbank.automl.proposers.asking import Ask
from skillbank.automl.proposers.observations import Observation, num_goals_seen, observe
from skillbank.automl.proposers.optuna_study import TrialDraw, new_study, quiet_optuna
from skillbank.automl.proposers.spread import RandomPoints
from skillbank.automl.proposers.unit_cube import CubeDraw, random_coordinate
from skillbank.automl.space import SearchSpace

MAX_POPULATION = 50
MIN_POPULATION = 4
GENERATIONS = 5
_MAX_SEED = 2**32


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
                study.enqueue_trial(dict(each.params))
                trial = study.ask()
                self.space.suggest(TrialDraw(trial))
                study.tell(trial, list(each.losses))
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
                    self._replay(study, each)
            study.sampler = self._sampler(ask.sampler_seed)
            params = self.space.suggest(self._draw(TrialDraw(study.ask()), ask))
        return Proposal(params, "cmaes")

    def _replay(self, study: Study, each: Observation) -> None:
        """Let the sampler take a trial for its own."""
        study.enqueue_trial({name: each.params[name] for name in self._numbers})
        trial = study.ask()
        for name, domain in self._numbers.items():
            TrialDraw(trial)(name, domain)
        study.tell(trial, list(each.losses))

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
    return [each for each in observe(history, goals, min_points=1) if each.is_measured]
