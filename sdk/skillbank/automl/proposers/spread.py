"""Points that follow from no results: drawn at random, or spread evenly."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from random import Random

from skillbank.automl.history import Proposal
from skillbank.automl.proposers.asking import Ask
from skillbank.automl.proposers.unit_cube import CubeDraw, random_coordinate
from skillbank.automl.space import SearchSpace

_MANY_DIMENSIONS = 1000


@dataclass(frozen=True)
class RandomPoints:
    """Draws each quantity by itself, options by their weights."""

    space: SearchSpace

    def point(self, ask: Ask) -> Proposal:
        """See PointSource."""
        draw = CubeDraw(random_coordinate(ask.key))
        return Proposal(self.space.suggest(draw), "random")


@dataclass(frozen=True)
class SobolPoints:
    """A scrambled Sobol sequence (Owen, 1998): evenly spread, options by their weights.

    The sequence is another one for every seed; trial `n` gets its `n`-th point, also when other
    trials were chosen otherwise.
    """

    space: SearchSpace
    seed: int

    def point(self, ask: Ask) -> Proposal:
        """See PointSource; points that were tried before are replaced by random ones."""
        if ask.attempt or len(self._names) > _MANY_DIMENSIONS:
            return RandomPoints(self.space).point(ask)
        coordinates = dict(zip(self._names, self._row(ask.number), strict=True))
        return Proposal(self.space.suggest(CubeDraw(coordinates.__getitem__)), "qmc")

    @cached_property
    def _names(self) -> list[str]:
        return list(self.space.domains())

    def _row(self, number: int) -> list[float]:
        from scipy.stats.qmc import Sobol  # type: ignore[import-untyped]  # ships no types

        with warnings.catch_warnings():  # it warns of numbers of points that are no power of two
            warnings.simplefilter("ignore", UserWarning)
            sequence = Sobol(len(self._names), seed=Random(f"{self.seed}/sobol").getrandbits(32))
            if number > 1:
                sequence.fast_forward(number - 1)
            row: list[float] = sequence.random(1)[0].tolist()
        return row
