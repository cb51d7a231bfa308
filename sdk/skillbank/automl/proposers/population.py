"""Perturbs the point of a parent: the explore step of `pbt` (arXiv:1711.09846)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from skillbank.automl.domains import ChoiceDomain, Domain, IntDomain, Params, Raw
from skillbank.automl.history import Proposal
from skillbank.automl.proposers.asking import Ask, PointSource
from skillbank.automl.proposers.unit_cube import (
    CubeDraw,
    random_coordinate,
)
from skillbank.automl.space import SearchSpace

RESAMPLE_PROBABILITY = 0.25
"""How often a quantity is drawn anew instead, as in Ray's and TAO's implementations."""


@dataclass(frozen=True)
class PerturbedPoints:
    """A number is multiplied or divided by `factor`; now and then any quantity is drawn anew.

    A choice stays unless it is drawn anew. Points without a parent come from `before`.
    """

    space: SearchSpace
    before: PointSource
    factor: float

    def point(self, ask: Ask) -> Proposal:
        """See PointSource."""
        parent = next((t for t in ask.history if t.number == ask.start.parent), None)
        if parent is None:
            return self.before.point(ask)
        draw = _Perturbation(parent.params, self.factor, ask.key)
        return Proposal(self.space.suggest(draw), "pbt", f"varies trial {parent.number}")


@dataclass(frozen=True)
class _Perturbation:
    parent: Params
    factor: float
    key: str

    def __call__(self, name: str, domain: Domain) -> Raw:
        """See Draw."""
        rng = Random(f"{self.key}/perturb/{name}")
        if name not in self.parent or rng.random() < RESAMPLE_PROBABILITY:
            return CubeDraw(random_coordinate(self.key))(name, domain)
        raw = self.parent[name]
        if isinstance(domain, ChoiceDomain):
            return raw
        number = float(raw)  # type: ignore[arg-type]  # only choices hold what is no number
        scaled = number * self.factor if rng.random() < 0.5 else number / self.factor
        if isinstance(domain, IntDomain):
            return _moved_int(domain, int(number), scaled)
        bounded = min(max(scaled, domain.low), domain.high)
        if domain.step is None:
            return bounded
        steps = round((bounded - domain.low) / domain.step)
        return min(domain.low + steps * domain.step, domain.high)


def _moved_int(domain: IntDomain, number: int, scaled: float) -> int:
    """The whole number nearest to `scaled`, but at least one step away, within the domain."""
    steps = round((scaled - number) / domain.step) or (1 if scaled > number else -1)
    last = (domain.high - domain.low) // domain.step
    at = (number - domain.low) // domain.step + steps
    return domain.low + domain.step * min(max(at, 0), last)
