"""Which source of points an algorithm's name stands for, and how the settings shape it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skillbank.automl.history import Goal, Proposer
from skillbank.automl.proposers.asking import PointSource
from skillbank.automl.proposers.choice import Model, choose_model
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.automl.space import SearchSpace

if TYPE_CHECKING:
    from skillbank.automl.llm import Task

NUM_STARTUP = 10
"""Trials, the baseline among them, before a model chooses the points."""


def make_proposer(
    settings: SearchSettings,
    space: SearchSpace,
    goals: Sequence[Goal],
    task: Task | None = None,
) -> Proposer:
    """The proposer of a search.

    Args:
        settings: What the user asked for.
        space: What is searched.
        goals: What is optimized.
        task: What a language model is told of the skill.

    Raises:
        RequestInvalid: A language model is to propose, and cannot be asked.
    """
    from skillbank.automl.proposers.distinct import DistinctProposer

    making = _Making(settings, space, tuple(goals))
    proposer = DistinctProposer(space, making.source(), settings.seed)
    if not settings.algorithm.needs_endpoint:
        return proposer
    from skillbank.automl.llm import make_llm_proposer

    return make_llm_proposer(settings, space, tuple(goals), proposer, task)


@dataclass(frozen=True)
class _Making:
    settings: SearchSettings
    space: SearchSpace
    goals: tuple[Goal, ...]

    def source(self) -> PointSource:
        makers: dict[Algorithm, Callable[[], PointSource]] = {
            Algorithm.RANDOM: self._random,
            Algorithm.QMC: self._spread,
            Algorithm.CMAES: self._cmaes,
            Algorithm.NSGA2: self._nsga2,
            Algorithm.ASHA: self._tpe,
            Algorithm.HYPERBAND: self._random,
            Algorithm.HYPERBAND_ES: self._random,
            Algorithm.BOHB: self._bohb,
            Algorithm.DEHB: self._dehb,
            Algorithm.PBT: self._pbt,
        }
        return makers.get(self.settings.algorithm, self._bayesian)()

    def _random(self) -> PointSource:
        from skillbank.automl.proposers.spread import RandomPoints

        return RandomPoints(self.space)

    def _spread(self) -> PointSource:
        from skillbank.automl.proposers.spread import SobolPoints

        return SobolPoints(self.space, self.settings.seed)

    def _bayesian(self) -> PointSource:
        model, _ = choose_model(self.settings, self.space)
        if model is Model.TPE:
            return self._tpe()
        from skillbank.automl.proposers.models import Phase, gp_points

        # At random: begun with an even spread, more searches of Hartmann6 end in its second-best
        # valley (tools/bench/automl/proposals.py).
        return gp_points(self.space, self.goals, Phase(self._random(), NUM_STARTUP))

    def _tpe(self) -> PointSource:
        from skillbank.automl.proposers.models import Phase, tpe_points

        return tpe_points(self.space, self.goals, Phase(self._spread(), NUM_STARTUP))

    def _bohb(self) -> PointSource:
        """BOHB's model, but not the third of random points that its paper adds to it.

        Its brackets have no very short rungs here, so the model is less often misled, and regret
        was lower without (0.040 against 0.043, family `crossing` of the bench of schedulers).
        """
        from skillbank.automl.proposers.models import Phase, TpeShape, tpe_points
        from skillbank.automl.proposers.observations import View

        settings = self.settings
        least = settings.min_points_in_model
        phase = Phase(self._spread(), least_measured=least)
        view = View(least, sees_behind=False)
        shape = TpeShape(view, settings.kde_samples, settings.top_n_percent)
        return tpe_points(self.space, self.goals, phase, shape)

    def _dehb(self) -> PointSource:
        from skillbank.automl.proposers.evolution import DifferencePoints

        return DifferencePoints(
            self.space,
            self.goals,
            self._spread(),
            self.settings.mutation_factor,
            self.settings.crossover_prob,
        )

    def _pbt(self) -> PointSource:
        from skillbank.automl.proposers.population import PerturbedPoints

        return PerturbedPoints(self.space, self._spread(), self.settings.perturbation_factor)

    def _nsga2(self) -> PointSource:
        from skillbank.automl.proposers.replayed import NsgaPoints

        return NsgaPoints(self.space, self.goals, self.settings.max_recommendations)

    def _cmaes(self) -> PointSource:
        from skillbank.automl.proposers.replayed import CmaPoints

        return CmaPoints(self.space, self.goals[0])
