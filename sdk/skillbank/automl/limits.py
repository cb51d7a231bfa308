"""What a schema allows a number to be: bounds, open ends, steps, powers, one value left out.

Everything is read from `minimum`, `maximum` and their like, and from the terms of `math_cond`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from skillbank.conditions import Term, is_number
from skillbank.spec_keys import Schema

INSET = 0.01
"""How far inside an end that is no value itself a range begins: this share of the range."""


class NotSearchable(Exception):
    """A field that cannot be searched; the message says why. Never leaves this package."""


@dataclass(frozen=True)
class Limits:
    """The numbers that one field, or one element of a list, may hold.

    Attributes:
        low, high: Bounds; infinite where there are none.
        low_open, high_open: Whether the bound itself is no allowed value.
        is_int: Whether only whole numbers are allowed.
        step: Values must be multiples of it.
        power_of: Values must be whole powers of it, 1 or more.
        excluded: Values that are not allowed although they lie between the bounds.
    """

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    is_int: bool = False
    step: float | None = None
    power_of: float | None = None
    excluded: tuple[float, ...] = ()

    def contains(self, value: object) -> bool:
        """Tell whether the field may hold `value`."""
        if not is_number(value) or not math.isfinite(value):
            return False
        number = float(value)
        terms = [Term("/", self.step)] if self.step else []
        terms += [Term("^", self.power_of)] if self.power_of else []
        return (
            (number > self.low if self.low_open else number >= self.low)
            and (number < self.high if self.high_open else number <= self.high)
            and number not in self.excluded
            and (number.is_integer() or not self.is_int)
            and all(term.holds(number, None) for term in terms)
        )

    def at_least(self, low: float, *, is_open: bool = False) -> Limits:
        """The same with one more lower bound."""
        if low < self.low or (low == self.low and self.low_open):
            return self
        return replace(self, low=low, low_open=is_open)._whole()

    def at_most(self, high: float, *, is_open: bool = False) -> Limits:
        """The same with one more upper bound."""
        if high > self.high or (high == self.high and self.high_open):
            return self
        return replace(self, high=high, high_open=is_open)._whole()

    def around(self, value: object) -> Limits:
        """The same without a value left out in the middle: only the side on which `value` lies."""
        limits = self
        for gap in self.excluded:
            if is_number(value) and value < gap:
                limits = limits.at_most(gap, is_open=True)
            else:
                limits = limits.at_least(gap, is_open=True)
        return replace(limits, excluded=())

    def clip(self, low: float, high: float) -> tuple[float, float]:
        """The part of `[low, high]` that is allowed, a little inside of ends that are open."""
        low, high = max(low, self.low), min(high, self.high)
        inset = INSET * max(high - low, 0.0)
        if low <= self.low and self.low_open:
            low += inset
        if high >= self.high and self.high_open:
            high -= inset
        return low, high

    def of_whole_numbers(self) -> Limits:
        """The same for whole numbers only."""
        return replace(self, is_int=True)._whole()

    @property
    def whole_step(self) -> float | None:
        """Step of the values: of whole numbers a whole one."""
        if self.step is None or not self.is_int:
            return self.step
        return round(_common_step(self.step, 1.0))

    @property
    def off_grid(self) -> Limits:
        """The same bounds, for values between the steps and powers too."""
        return replace(self, step=None, power_of=None)

    def words(self) -> str:
        """What is allowed, for a sentence after 'allowed:'."""
        words = ["a whole number" if self.is_int else "a number"]
        if math.isfinite(self.low):
            words.append(f"{'more than' if self.low_open else 'at least'} {self.low:g}")
        if math.isfinite(self.high):
            words.append(f"{'less than' if self.high_open else 'at most'} {self.high:g}")
        words += [f"a multiple of {self.step:g}"] if self.step else []
        words += [f"a power of {self.power_of:g}"] if self.power_of else []
        words += [f"other than {value:g}" for value in self.excluded]
        return ", ".join(words)

    def _whole(self) -> Limits:
        """Of whole numbers an open end is none: `> 3` is `>= 4`."""
        if not self.is_int:
            return self
        low, high = self.low, self.high
        if math.isfinite(low):
            low = math.floor(low) + 1 if self.low_open else math.ceil(low)
        if math.isfinite(high):
            high = math.ceil(high) - 1 if self.high_open else math.floor(high)
        return replace(self, low=low, high=high, low_open=False, high_open=False)


def read_limits(node: Schema, terms: Iterable[Term], *, index: int | None = None) -> Limits:
    """Limits of a number's node, or of one element of a list's.

    Args:
        node: The field's part of the schema.
        terms: Terms of its `math_cond`; those against another field are left aside.
        index: Which element of a list.

    Raises:
        NotSearchable: Its steps contradict each other.
    """
    limits = Limits(is_int=_is_whole(node, index))
    for part in _parts(node, index):
        limits = _bound(limits, part)
    for term in terms:
        if term.bound is not None:
            limits = _apply(limits, term.operator, term.bound)
    return limits


def _is_whole(node: Schema, index: int | None) -> bool:
    kinds = [part.get("type") for part in _parts(node, index) if part.get("type")]
    return any(_names(kind) - {"null"} == {"integer"} for kind in kinds)


def _names(kind: object) -> set[str]:
    return {kind} if isinstance(kind, str) else set(kind if isinstance(kind, list) else ())


def _parts(node: Schema, index: int | None) -> list[Mapping[str, Any]]:
    """Every mapping that bounds the number, with bounds of lists picked out by element."""
    branches = [
        branch
        for branch in (*node.get("anyOf", ()), *node.get("oneOf", ()))
        if isinstance(branch, Mapping) and branch.get("type") != "null"
    ]
    nodes = [node, *(branches if len(branches) == 1 else ())]
    if index is None:
        return nodes
    parts: list[Mapping[str, Any]] = []
    for each in nodes:
        parts.append({name: _pick(each.get(name), index) for name in _BOUNDS if name in each})
        first = each.get("prefixItems", ())
        items = first[index] if index < len(first) else each.get("items")
        parts += [items] if isinstance(items, Mapping) else []
    return parts


_BOUNDS = {
    "minimum": ">=",
    "valid_min": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "valid_max": "<=",
    "exclusiveMaximum": "<",
    "multipleOf": "/",
}


def _pick(value: object, index: int) -> object:
    if isinstance(value, list):
        return value[index] if index < len(value) else None
    return value


def _bound(limits: Limits, part: Mapping[str, Any]) -> Limits:
    for name, operator in _BOUNDS.items():
        bound = part.get(name)
        if is_number(bound) and math.isfinite(bound):
            limits = _apply(limits, operator, float(bound))
    return limits


def _apply(limits: Limits, operator: str, bound: float) -> Limits:
    match operator:
        case ">" | ">=":
            return limits.at_least(bound, is_open=operator == ">")
        case "<" | "<=":
            return limits.at_most(bound, is_open=operator == "<")
        case "==":
            return limits.at_least(bound).at_most(bound)
        case "!=":
            return replace(limits, excluded=(*limits.excluded, bound))
        case "/":
            return replace(limits, step=_common_step(limits.step, bound))
        case _:  # "^"
            if limits.power_of not in (None, bound):
                raise NotSearchable(
                    f"it must be a power of {limits.power_of:g} and of {bound:g}; "
                    "searching both at once is not supported"
                )
            return replace(limits, power_of=bound)


def _common_step(one: float | None, other: float) -> float:
    """The least step whose multiples are multiples of both."""
    if one is None:
        return other
    first, second = Fraction(str(one)), Fraction(str(other))
    common = math.lcm(first.numerator * second.denominator, second.numerator * first.denominator)
    return float(Fraction(common, first.denominator * second.denominator))
