"""What a source of points is asked, and how it stays a pure function of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from skillbank.automl.history import History, Proposal, Start


@dataclass(frozen=True)
class Ask:
    """One question for a point.

    Attributes:
        number: Number of the trial.
        start: What the scheduler wants to start.
        history: All trials so far.
        seed: Seed of the search.
        attempt: How many points for this trial were there already: those had been tried before.
    """

    number: int
    start: Start
    history: History
    seed: int
    attempt: int = 0

    @property
    def key(self) -> str:
        """What all chance of the answer follows from."""
        return f"{self.seed}/{self.number}/{self.attempt}"

    @property
    def sampler_seed(self) -> int:
        """The same as a number of 32 bits, which is what samplers take."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:4])


class PointSource(Protocol):
    """Chooses points; a pure function of the question. It may repeat points."""

    def point(self, ask: Ask) -> Proposal:
        """A point of the space."""
