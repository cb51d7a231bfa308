"""One quantity that a search varies: how it is drawn, and what spec value that gives."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

from skillbank.automl.activation import Activation
from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, IntDomain, Raw
from skillbank.conditions import is_number

_TINY = 1e-9  # what rounding may do to a number of steps


@dataclass(frozen=True)
class Parameter:
    """One spec key, or one element of a list, that a search varies.

    Attributes:
        key: Dotted spec key.
        default: Value in the spec that is tuned: what the baseline trains with.
        low, high: Range of values, both ends included; None for choices.
        is_int: Whether values are whole numbers.
        log: Drawn evenly in the logarithm: of the value, or of `1 - value` under `complement`.
        complement: Drawn as `1 - value`, as suits momentum and betas.
        step: Values are multiples of it, and so is `low`.
        power_of: Values are whole powers of it.
        options: The choices; empty for a range. Numbers stand in rising order.
        weights: How likely each option is at first; empty: all the same.
        off: Value that switches the feature off, outside the range; `has_off` says whether there
            is one.
        index: Element of the list that the key holds; None when the key holds no list.
        active: When the parameter has an effect; None: always.
        above: Name of the number that this one must exceed: of another parameter, or the dotted
            key of a fixed one; None when there is none. It never reaches `high`.
    """

    key: str
    default: Any
    low: float | None = None
    high: float | None = None
    is_int: bool = False
    log: bool = False
    complement: bool = False
    step: float | None = None
    power_of: int | None = None
    options: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()
    off: Any = None
    has_off: bool = False
    index: int | None = None
    active: Activation | None = None
    above: str | None = None

    @cached_property
    def name(self) -> str:
        """What people call it: its key, with the number of the element in a list."""
        return self.key if self.index is None else f"{self.key}[{self.index}]"

    @property
    def switch_name(self) -> str:
        """Name under which it is drawn whether the feature is on."""
        return f"{self.name}:on"

    @cached_property
    def drawn_name(self) -> str:
        """Name under which its value is drawn; says when it is not the value itself."""
        if self.above is not None:
            return f"{self.name}:fraction"
        if self.options:
            suffix = ":index" if self.is_ordered else ":option"
            return self.name + (suffix if self.is_ordered or self._is_labelled else "")
        if self.power_of is not None:
            return f"{self.name}:exponent"
        return f"1-{self.name}" if self.complement else self.name

    @cached_property
    def type(self) -> str:
        """What its values are, in TAO's word: bool, categorical, ordered_int, int or float."""
        if not self.options:
            return "int" if self.is_int else "float"
        if all(isinstance(option, bool) for option in self.options):
            return "bool"
        return "ordered_int" if self.is_ordered else "categorical"

    @cached_property
    def is_ordered(self) -> bool:
        """Tell whether the options are numbers, whose order means something."""
        return len(self.options) > 2 and not self.weights and all(map(is_number, self.options))

    @cached_property
    def _is_labelled(self) -> bool:
        """Tell whether an option is drawn by its text, since it is no scalar or equals another."""
        scalars = (isinstance(option, str | int | float | None) for option in self.options)
        return not all(scalars) or any(
            one == other for i, one in enumerate(self.options) for other in self.options[:i]
        )

    @cached_property
    def _labels(self) -> tuple[Raw, ...]:
        return tuple(map(_label, self.options)) if self._is_labelled else self.options

    def domain(self) -> Domain:
        """What `drawn_name` is drawn from; the same whatever the other parameters are."""
        return self._domain

    @cached_property
    def _domain(self) -> Domain:
        if self.above is not None:
            return FloatDomain(0.0, 1.0)
        if self.is_ordered:
            return IntDomain(0, len(self.options) - 1)
        if self.options:
            return ChoiceDomain(self._labels, self.weights)
        low, high = self.range
        if self.power_of is not None:
            return IntDomain(self._exponent(low, math.ceil), self._exponent(high, math.floor))
        if self.complement:
            return FloatDomain(1 - high, 1 - low, self.log and high < 1)
        if self.is_int:
            step = round(self.step or 1)
            return IntDomain(round(low), round(high), self.log and step == 1 and low > 0, step)
        return FloatDomain(low, high, self.log and self.step is None and low > 0, self.step)

    @cached_property
    def range(self) -> tuple[float, float]:
        """Least and largest value; of a stepped range, the last step that fits.

        Raises:
            ValueError: The parameter has options instead.
        """
        if self.low is None or self.high is None:
            raise ValueError(f"{self.name} has options, no range")
        if not self.step:
            return self.low, self.high
        steps = math.floor((self.high - self.low) / self.step + _TINY)
        return self.low, _clean(self.low + steps * self.step)

    def decode(self, raw: Raw, floor: float | None = None) -> Any:  # noqa: ANN401 - a spec value
        """The spec value of a drawn one; the default exactly, where rounding would miss it.

        Args:
            raw: What was drawn.
            floor: The number that `above` names; the result exceeds it.
        """
        if self.options and self.above is None and not self.is_ordered:
            return self._option(raw)
        number = float(raw)  # type: ignore[arg-type]  # only unordered options are no numbers
        if self.options and self.above is None:
            return self.options[int(number)]
        if self.above is not None:
            value = self._at_share(number, floor)
        elif self.power_of is not None:
            value = self._typed(float(self.power_of) ** round(number))
        else:
            value = self._typed(1 - number if self.complement else number)
        return self.default if self._is_default(value, floor) else value

    def encode(self, value: object, floor: float | None = None) -> Raw:
        """What would have to be drawn to get `value`; the nearest there is when it lies outside."""
        if self.options:
            at = self._nearest_option(value)
            if self.above is not None:
                return self._share_of_option(at, floor)
            return at if self.is_ordered else self._labels[at]
        low, high = self.range
        number = min(max(float(value), low), high) if _is_real(value) else low
        if self.above is not None:
            return self._share(number, floor)
        if self.power_of is not None:
            exponent = round(math.log(max(number, _TINY), self.power_of))
            least, most = self._exponent(low, math.ceil), self._exponent(high, math.floor)
            return min(max(exponent, least), most)
        if self.complement:
            return min(max(1 - number, 1 - high), 1 - low)
        return self._typed(number)

    def _exponent(self, number: float, rounded: Any) -> int:  # noqa: ANN401 - math.ceil or floor
        assert self.power_of is not None
        exponent = math.log(number, self.power_of)
        return int(rounded(exponent + (-_TINY if rounded is math.ceil else _TINY)))

    def _option(self, raw: Raw) -> Any:  # noqa: ANN401 - a spec value
        at = next(i for i, label in enumerate(self._labels) if is_same(label, raw))
        return self.options[at]

    def _nearest_option(self, value: object) -> int:
        for wanted in (value, self.default):
            for at, option in enumerate(self.options):
                if is_same(option, wanted):
                    return at
            if _is_real(wanted) and all(map(is_number, self.options)):
                gaps = [abs(option - wanted) for option in self.options]
                return gaps.index(min(gaps))
        return 0

    def _is_default(self, value: float, floor: float | None) -> bool:
        default = self.default
        if not _is_real(default) or not math.isclose(value, default, rel_tol=_TINY):
            return False
        is_inside = bool(self.options) or self.range[0] <= default <= self.range[1]
        return is_inside and (floor is None or default > floor)

    def _typed(self, number: float) -> int | float:
        """The nearest value of the range."""
        low, high = self.range
        if self.step:
            number = _clean(low + round((number - low) / self.step) * self.step)
        bounded = min(max(number, low), high)
        return round(bounded) if self.is_int else float(bounded)

    # A number above another one is drawn as its share, 0 to 1, of what the other one leaves.

    def _at_share(self, share: float, floor: float | None) -> Any:  # noqa: ANN401 - a spec value
        if self.options:
            first = self._first_option(floor)
            left = len(self.options) - first
            return self.options[first + min(int(share * left), left - 1)]
        low, high = self._ends(floor)
        number = self._from_scale(low + share * (high - low))
        return self._typed(min(max(number, self._lifted(floor)), self.range[1]))

    def _share(self, number: float, floor: float | None) -> float:
        low, high = self._ends(floor)
        share = (self._to_scale(number) - low) / ((high - low) or 1.0)
        return min(max(share, 0.0), 1.0)

    def _share_of_option(self, at: int, floor: float | None) -> float:
        first = self._first_option(floor)
        return max(at - first + 0.5, 0.5) / (len(self.options) - first)

    def _first_option(self, floor: float | None) -> int:
        higher = [i for i, o in enumerate(self.options) if floor is None or o > floor]
        return higher[0] if higher else len(self.options) - 1

    def _ends(self, floor: float | None) -> tuple[float, float]:
        """Ends of what is left above `floor`, on the scale; half a step wider on both sides."""
        low, high = self._lifted(floor), self.range[1]
        half = (self.step or 1) * (0.5 - _TINY) if self._is_grid else 0.0
        return self._to_scale(low - half), self._to_scale(high + half)

    def _lifted(self, floor: float | None) -> float:
        """Least value that exceeds `floor`; the largest there is when none does."""
        low, high = self.range
        if floor is None or floor < low:
            return low
        if not self._is_grid:
            return min(floor + 1e-3 * max(high - floor, 0.0), high)
        step = self.step or 1
        return min(_clean(low + (math.floor((floor - low) / step + _TINY) + 1) * step), high)

    @property
    def _is_grid(self) -> bool:
        return self.is_int or self.step is not None

    def _to_scale(self, number: float) -> float:
        if self.complement:
            return -math.log(1 - number) if self.log else number
        return math.log(number) if self._is_log else number

    def _from_scale(self, number: float) -> float:
        if self.complement:
            return 1 - math.exp(-number) if self.log else number
        return math.exp(number) if self._is_log else number

    @cached_property
    def _is_log(self) -> bool:
        half = (self.step or 1) / 2 if self._is_grid else 0.0
        return self.log and self.range[0] - half > 0


def is_same(one: object, other: object) -> bool:
    """Tell whether two spec values are one; unlike in Python, true is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def _is_real(value: object) -> TypeGuard[float]:
    """Tell whether a value is a finite number."""
    return is_number(value) and math.isfinite(value)


def _label(option: object) -> str:
    return option if isinstance(option, str) else json.dumps(option, ensure_ascii=False)


def _clean(number: float) -> float:
    """A number of steps without the dust that adding them up leaves: 0.3, not 0.30000000000004."""
    return float(f"{number:.12g}")
