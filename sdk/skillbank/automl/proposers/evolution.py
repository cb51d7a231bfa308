"""Differential evolution, the proposals of `dehb` (Awad et al., arXiv:2105.09821)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from skillbank.automl.history import Goal, Proposal
from skillbank.automl.proposers.asking import Ask, PointSource
from skillbank.automl.proposers.observations import Observation, View, observe
from skillbank.automl.proposers.unit_cube import CubeDraw, random_coordinate, to_cube
from skillbank.automl.space import SearchSpace

Coordinates = Mapping[str, float]

LEAST_PARENTS = 4
"""rand/1 takes three different points besides the target."""


@dataclass(frozen=True)
class DifferencePoints:
    """rand/1/bin in the unit cube: `mutant = a + F * (b - c)`, crossed with a target.

    Parents are the best points of the longest training that enough trials have reached; a point
    that is never better than its target is thus never a parent. A coordinate outside of the cube
    is drawn anew, and so is one that a parent lacks.

    Attributes:
        space: What is searched.
        goals: What is optimized; of several the first.
        before: Chooses the points until there are parents.
        mutation: `F`, the weight of the difference.
        crossover: Share of the quantities that come from the mutant; one always does.
        num_parents: How many of the best are parents.
    """

    space: SearchSpace
    goals: tuple[Goal, ...]
    before: PointSource
    mutation: float
    crossover: float
    num_parents: int = 10

    def point(self, ask: Ask) -> Proposal:
        """See PointSource."""
        observations = observe(ask.history, self.goals[:1], View(self.num_parents))
        measured = [each for each in observations if each.is_measured]
        if len(measured) < max(self.num_parents, LEAST_PARENTS):
            return self.before.point(ask)
        parents = sorted(measured, key=lambda each: each.losses)[: self.num_parents]
        child = self._child(parents, ask)
        return Proposal(self.space.suggest(CubeDraw(child.__getitem__)), "dehb")

    def _child(self, parents: list[Observation], ask: Ask) -> Coordinates:
        rng = Random(f"{ask.key}/difference")
        domains = self.space.domains()
        fresh = random_coordinate(ask.key)
        target, *others = (
            {name: fresh(f"{each.number}/{name}") for name in domains}
            | to_cube(each.params, domains)
            for each in rng.sample(parents, LEAST_PARENTS)
        )
        kept = rng.choice(list(domains))
        child = dict(target)
        for name in domains:
            if name == kept or rng.random() < self.crossover:
                mutant = self._mutant(name, others)
                child[name] = mutant if 0 <= mutant <= 1 else fresh(name)
        return child

    def _mutant(self, name: str, others: list[dict[str, float]]) -> float:
        base, plus, minus = (each[name] for each in others)
        return base + self.mutation * (plus - minus)
