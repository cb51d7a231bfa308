"""Never the same point twice, as long as there is another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from skillbank.automl.domains import ChoiceDomain, Domain, IntDomain, Params, Raw
from skillbank.automl.fitting import rounded
from skillbank.automl.history import History, Proposal, Start
from skillbank.automl.proposers.asking import Ask, PointSource
from skillbank.automl.proposers.spread import RandomPoints
from skillbank.automl.proposers.unit_cube import from_unit
from skillbank.automl.space import SearchSpace

_ATTEMPTS = 8
"""Times that a source may propose a point that was tried before."""
_RANDOM_ATTEMPTS = 32
_FLOAT_POINTS = 32
"""Values of a number without steps that are looked through when hardly any point is left."""


@dataclass(frozen=True)
class DistinctProposer:
    """Asks a source again when its point was tried before, then draws, then looks through all.

    Two points are the same when they give the same spec.
    """

    space: SearchSpace
    source: PointSource
    seed: int
    _known: dict[str, tuple[tuple[str, str], ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What the points that were looked at are: each proposal looks at a whole history."""

    def propose(self, number: int, start: Start, history: History) -> Proposal:
        """See Proposer."""
        tried = {self._identity(trial.params) for trial in history}
        ask = Ask(number, start, history, self.seed)
        first: Proposal | None = None
        for proposal in self._candidates(ask):
            first = first or proposal
            if self._identity(proposal.params) not in tried:
                return proposal
        assert first is not None
        return replace(first, reason="every point of the space was tried before")

    def _candidates(self, ask: Ask) -> Iterator[Proposal]:
        for attempt in range(_ATTEMPTS):
            yield self.source.point(replace(ask, attempt=attempt))
        draws = RandomPoints(self.space)
        for attempt in range(_ATTEMPTS, _ATTEMPTS + _RANDOM_ATTEMPTS):
            yield draws.point(replace(ask, attempt=attempt))
        for params in all_points(self.space):
            yield Proposal(params, "remaining", "nearly all points of the space were tried")

    def _identity(self, params: Params) -> tuple[tuple[str, str], ...]:
        drawn = repr(params)
        if drawn not in self._known:
            values: Mapping[str, Any] = rounded(self.space.values(params))
            self._known[drawn] = tuple(sorted((key, repr(value)) for key, value in values.items()))
        return self._known[drawn]


def all_points(space: SearchSpace) -> Iterator[dict[str, Raw]]:
    """Every point of a space, the last quantity varying fastest; some of each continuous number."""
    turns: list[int] = []
    while True:
        counter = _Counter(turns)
        yield space.suggest(counter)
        turns = counter.next_turns()
        if not turns:
            return


class _Counter:
    """Draws the values whose numbers are `turns`, then first values, and counts on like a clock."""

    def __init__(self, turns: list[int]) -> None:
        self._turns = turns
        self._drawn: list[tuple[int, int]] = []  # which value, of how many

    def __call__(self, name: str, domain: Domain) -> Raw:
        del name
        at = len(self._drawn)
        turn = self._turns[at] if at < len(self._turns) else 0
        size = _size(domain)
        self._drawn.append((turn, size))
        if isinstance(domain, ChoiceDomain):
            return domain.options[turn]
        if isinstance(domain, IntDomain):
            return domain.low + turn * domain.step
        return from_unit(domain, (turn + 0.5) / size)

    def next_turns(self) -> list[int]:
        """What to draw next; empty after the last point."""
        drawn = list(self._drawn)
        while drawn and drawn[-1][0] + 1 == drawn[-1][1]:
            drawn.pop()
        return [turn for turn, _ in drawn[:-1]] + [drawn[-1][0] + 1] if drawn else []


def _size(domain: Domain) -> int:
    if isinstance(domain, ChoiceDomain):
        return len(domain.options)
    if isinstance(domain, IntDomain):
        return (domain.high - domain.low) // domain.step + 1
    if domain.step is not None:
        return int((domain.high - domain.low) / domain.step + 1e-9) + 1
    return _FLOAT_POINTS if domain.high > domain.low else 1
