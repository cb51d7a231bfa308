"""Points of a space as coordinates from 0 to 1, whatever their domains are.

Draws at random, Sobol points, differential evolution and PBT's perturbation all move in this cube.
A choice is a stretch of its edge, as long as the option is likely.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, IntDomain, Params, Raw

Coordinate = Callable[[str], float]
"""Name of a quantity -> its coordinate."""


@dataclass(frozen=True)
class CubeDraw:
    """Draws what stands at `coordinate`."""

    coordinate: Coordinate

    def __call__(self, name: str, domain: Domain) -> Raw:
        """See Draw."""
        return from_unit(domain, self.coordinate(name))


def random_coordinate(key: str) -> Coordinate:
    """Coordinates drawn evenly; a quantity's depends on nothing but `key` and its name."""
    return lambda name: Random(f"{key}/{name}").random()


def to_cube(params: Params, domains: Mapping[str, Domain]) -> dict[str, float]:
    """Coordinates of a point, for the quantities that were drawn."""
    return {name: to_unit(domains[name], raw) for name, raw in params.items() if name in domains}


def from_unit(domain: Domain, unit: float) -> Raw:
    """The value at a coordinate; coordinates outside of 0 to 1 give the nearest end."""
    unit = min(max(unit, 0.0), 1.0)
    if isinstance(domain, ChoiceDomain):
        ends = _ends(domain)
        return domain.options[min(bisect_right(ends, unit * ends[-1]), _last_likely(domain))]
    if isinstance(domain, IntDomain):
        return _int_from_unit(domain, unit)
    return _float_from_unit(domain, unit)


def to_unit(domain: Domain, raw: Raw) -> float:
    """The coordinate of a value: of an option or a whole number, the middle of its stretch."""
    if isinstance(domain, ChoiceDomain):
        ends = _ends(domain)
        at = next(i for i, o in enumerate(domain.options) if o == raw and type(o) is type(raw))
        return ((ends[at - 1] if at else 0.0) + ends[at]) / 2 / ends[-1]
    number = float(raw)  # type: ignore[arg-type]  # only choices hold what is no number
    if isinstance(domain, IntDomain):
        low, high = _log_ends(domain)
        if domain.log:
            return (math.log(number) - low) / (high - low)
        return ((number - domain.low) / domain.step + 0.5) / _num_steps(domain)
    return _float_to_unit(domain, number)


def _int_from_unit(domain: IntDomain, unit: float) -> int:
    if domain.log:
        low, high = _log_ends(domain)
        return min(max(round(math.exp(low + unit * (high - low))), domain.low), domain.high)
    steps = _num_steps(domain)
    return domain.low + domain.step * min(int(unit * steps), steps - 1)


def _float_from_unit(domain: FloatDomain, unit: float) -> float:
    if domain.step is not None:
        steps = _num_steps(domain)
        number = domain.low + domain.step * min(int(unit * steps), steps - 1)
    elif domain.log:
        low, high = math.log(domain.low), math.log(domain.high)
        number = math.exp(low + unit * (high - low))
    else:
        number = domain.low + unit * (domain.high - domain.low)
    return min(max(number, domain.low), domain.high)


def _float_to_unit(domain: FloatDomain, number: float) -> float:
    if domain.step is not None:
        return ((number - domain.low) / domain.step + 0.5) / _num_steps(domain)
    low, high = domain.low, domain.high
    if domain.log:
        number, low, high = math.log(number), math.log(low), math.log(high)
    return (number - low) / (high - low) if high > low else 0.5


def _num_steps(domain: IntDomain | FloatDomain) -> int:
    assert domain.step is not None
    return math.floor((domain.high - domain.low) / domain.step + 1e-9) + 1


def _log_ends(domain: IntDomain) -> tuple[float, float]:
    """Ends of a range of whole numbers, half a number wider on both sides, as logarithms."""
    return math.log(max(domain.low, 1) - 0.5), math.log(max(domain.high, 1) + 0.5)


def _weights(domain: ChoiceDomain) -> tuple[float, ...]:
    return domain.weights if any(domain.weights) else (1.0,) * len(domain.options)


def _ends(domain: ChoiceDomain) -> list[float]:
    """Where the stretches of the options end."""
    return list(accumulate(_weights(domain)))


def _last_likely(domain: ChoiceDomain) -> int:
    return max(at for at, weight in enumerate(_weights(domain)) if weight > 0)
