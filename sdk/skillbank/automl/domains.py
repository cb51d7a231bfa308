"""What one number or choice of a search can be; every proposer draws from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Raw = bool | int | float | str | None
"""What a proposer draws and the study's storage holds."""

Params = Mapping[str, Raw]
"""Name of a drawn quantity -> what was drawn: one point of a search space."""


@dataclass(frozen=True)
class FloatDomain:
    """Numbers of `[low, high]`, or `low + k * step` in it; `log`: drawn evenly in the logarithm."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class IntDomain:
    """Whole numbers `low, low + step, ...` up to `high`."""

    low: int
    high: int
    log: bool = False
    step: int = 1


@dataclass(frozen=True)
class ChoiceDomain:
    """Options without an order.

    Attributes:
        options: What there is.
        weights: How likely each is to be drawn before anything is known; empty: all the same.
    """

    options: tuple[Raw, ...]
    weights: tuple[float, ...] = ()


Domain = FloatDomain | IntDomain | ChoiceDomain


class Draw(Protocol):
    """Chooses a value for one quantity: at random, by a model, or from a given point."""

    def __call__(self, name: str, domain: Domain) -> Raw:
        """A value of `domain` for the quantity `name`."""
