"""A search space: which spec keys vary, in which ranges, under which conditions.

A point of the space is held in two forms. `Params` is what proposers draw: plain numbers and
choices in static domains. *Values* are what the spec gets: dotted key -> value. `suggest` draws
the former so that the latter always satisfy schema and conditions; nothing is ever rejected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skillbank.automl.domains import ChoiceDomain, Domain, Draw, FloatDomain, IntDomain, Params, Raw
from skillbank.spec_keys import get_value

Values = Mapping[str, Any]
"""Dotted spec key -> value."""


@dataclass(frozen=True)
class Activation:
    """When a parameter has an effect: the field `key` holds one of `values`, or none of them."""

    key: str
    values: tuple[Any, ...]
    negated: bool = False

    def holds(self, value: object) -> bool:
        """Tell whether the parameter has an effect when the field holds `value`."""
        return (value in self.values) is not self.negated


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
        step: Values are multiples of it.
        power_of: Values are whole powers of it.
        options: The choices; empty for a range.
        weights: How likely each option is at first; empty: all the same.
        off: Value that switches the feature off, outside the range; `has_off` says whether there
            is one.
        index: Element of the list that the key holds; None when the key holds no list.
        active: When the parameter has an effect; None: always.
        above: Key whose value this one must exceed; None when there is none.
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

    @property
    def name(self) -> str:
        """What people call it: its key, with the number of the element in a list."""
        return self.key if self.index is None else f"{self.key}[{self.index}]"

    @property
    def switch_name(self) -> str:
        """Name under which it is drawn whether the feature is on."""
        return f"{self.name}:on"

    @property
    def drawn_name(self) -> str:
        """Name under which its value is drawn; says when it is not the value itself."""
        if self.above is not None:
            return f"{self.name}:fraction"
        if self.is_ordered:
            return f"{self.name}:index"
        if self.power_of is not None:
            return f"{self.name}:exponent"
        return f"1-{self.name}" if self.complement else self.name

    @property
    def is_ordered(self) -> bool:
        """Tell whether the options are numbers, whose order means something."""
        numbers = (isinstance(o, int | float) and not isinstance(o, bool) for o in self.options)
        return len(self.options) > 2 and all(numbers)

    def domain(self) -> Domain:
        """What `drawn_name` is drawn from; the same whatever the other parameters are."""
        if self.options:
            if self.is_ordered:
                return IntDomain(0, len(self.options) - 1)
            return ChoiceDomain(self.options, self.weights)
        low, high = self._range()
        if self.above is not None:
            return FloatDomain(0.0, 1.0)
        if self.power_of is not None:
            return IntDomain(
                math.ceil(math.log(low, self.power_of) - 1e-9),
                math.floor(math.log(high, self.power_of) + 1e-9),
            )
        if self.complement:
            return FloatDomain(1 - high, 1 - low, self.log)
        if self.is_int:
            step = int(self.step or 1)
            return IntDomain(
                round(low),
                round(low) + (round(high - low) // step) * step,
                self.log and step == 1,
                step,
            )
        return FloatDomain(low, high, self.log and self.step is None, self.step)

    def decode(self, raw: Raw, floor: float | None = None) -> Any:  # noqa: ANN401 - a spec value
        """The spec value of a drawn one.

        Args:
            raw: What was drawn.
            floor: Value of the key that `above` names; the result exceeds it.
        """
        if self.options:
            return self.options[int(raw)] if self.is_ordered else raw  # type: ignore[arg-type]
        number = float(raw)  # type: ignore[arg-type]
        if self.above is not None:
            return self._above(number, floor)
        if self.power_of is not None:
            return self._typed(float(self.power_of) ** int(number))
        return self._typed(1 - number if self.complement else number)

    def encode(self, value: Any, floor: float | None = None) -> Raw:  # noqa: ANN401 - a spec value
        """What would have to be drawn to get `value`; the nearest there is when it lies outside."""
        if self.options:
            at = self.options.index(value) if value in self.options else 0
            return at if self.is_ordered else self.options[at]
        low, high = self._range()
        number = min(max(float(value), low), high)
        if self.above is not None:
            low = self._lifted(floor)
            if self.log and low > 0:
                share = math.log(max(number, low) / low) / (math.log(high / low) or 1.0)
            else:
                share = (number - low) / ((high - low) or 1.0)
            return min(max(share, 0.0), 1.0)
        if self.power_of is not None:
            return round(math.log(number, self.power_of))
        if self.complement:
            return min(max(1 - number, 1 - high), 1 - low)
        if self.step:
            number = low + round((number - low) / self.step) * self.step
            number = number if number <= high + 1e-12 else number - self.step
        return round(number) if self.is_int else number

    def _above(self, share: float, floor: float | None) -> Any:  # noqa: ANN401 - a spec value
        low, high = self._lifted(floor), self._range()[1]
        if high < low:
            return self._typed(low, is_bounded=False)
        if self.log and low > 0:
            return self._typed(math.exp(math.log(low) + share * math.log(high / low)))
        return self._typed(low + share * (high - low))

    def _lifted(self, floor: float | None) -> float:
        """Least value that exceeds `floor`."""
        low, high = self._range()
        if floor is None or floor < low:
            return low
        return floor + 1 if self.is_int else math.nextafter(floor, math.inf) + 1e-3 * (high - low)

    def _typed(self, number: float, *, is_bounded: bool = True) -> int | float:
        low, high = self._range()
        bounded = min(max(number, low), high) if is_bounded else number
        return round(bounded) if self.is_int else bounded

    def _range(self) -> tuple[float, float]:
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


@dataclass(frozen=True)
class Unsearchable:
    """A field that stays at its value, and why.

    Attributes:
        key: Dotted spec key.
        reason: Why, in a sentence.
        was_asked_for: Whether the user or the skill named it for the search.
    """

    key: str
    reason: str
    was_asked_for: bool = False


@dataclass(frozen=True)
class SearchSpace:
    """The parameters of a search over a base spec.

    Attributes:
        parameters: What varies; a parameter stands after those that its conditions look at.
        base: The complete spec that is tuned.
        fixed: Fields that stay as they are, and why: the lint of the space.
    """

    parameters: tuple[Parameter, ...]
    base: Mapping[str, Any] = field(default_factory=dict)
    fixed: tuple[Unsearchable, ...] = ()

    @property
    def has_conditions(self) -> bool:
        """Tell whether some parameters have an effect only sometimes."""
        return any(p.active is not None or p.has_off for p in self.parameters)

    @property
    def has_choices(self) -> bool:
        """Tell whether some parameters have no order."""
        return any(isinstance(p.domain(), ChoiceDomain) for p in self.parameters)

    def domains(self) -> dict[str, Domain]:
        """Everything that can be drawn, in the order in which `suggest` draws it."""
        found: dict[str, Domain] = {}
        for parameter in self.parameters:
            if parameter.has_off:
                found[parameter.switch_name] = ChoiceDomain((False, True))
            found[parameter.drawn_name] = parameter.domain()
        return found

    def suggest(self, draw: Draw) -> dict[str, Raw]:
        """Draw a point; parameters without effect are not drawn."""
        params: dict[str, Raw] = {}
        for parameter in self.parameters:
            if not self._is_active(parameter, params):
                continue
            if parameter.has_off:
                on = draw(parameter.switch_name, ChoiceDomain((False, True)))
                params[parameter.switch_name] = on
                if not on:
                    continue
            params[parameter.drawn_name] = draw(parameter.drawn_name, parameter.domain())
        return params

    def values(self, params: Params) -> dict[str, Any]:
        """Spec values of a point: dotted key -> value, for the parameters that were drawn."""
        values: dict[str, Any] = {}
        for parameter in self.parameters:
            if params.get(parameter.switch_name) is False:
                value: Any = parameter.off
            elif parameter.drawn_name in params:
                floor = self._number(values, parameter.above)
                value = parameter.decode(params[parameter.drawn_name], floor)
            else:
                continue
            if parameter.index is not None:
                whole = list(values.get(parameter.key, get_value(self.base, parameter.key)))
                whole[parameter.index] = value
                value = whole
            values[parameter.key] = value
        return values

    def encode(self, values: Values) -> dict[str, Raw]:
        """The point whose values are `values`, with the base spec's for those that are left out.

        A value outside its range goes to the nearest end.
        """
        merged = dict(values)

        def draw(name: str, domain: Domain) -> Raw:
            del domain
            parameter, value = wanted[name]
            if name == parameter.switch_name:
                return bool(value != parameter.off)
            return parameter.encode(value, self._number(merged, parameter.above))

        wanted = {}
        for parameter in self.parameters:
            whole = merged.get(parameter.key, get_value(self.base, parameter.key))
            value = whole if parameter.index is None else whole[parameter.index]
            wanted[parameter.switch_name] = wanted[parameter.drawn_name] = (parameter, value)
        return self.suggest(draw)

    def defaults(self) -> dict[str, Raw]:
        """The point of the base spec."""
        return self.encode({})

    def _is_active(self, parameter: Parameter, params: Params) -> bool:
        if parameter.active is None:
            return True
        values = self.values(params)
        key = parameter.active.key
        return parameter.active.holds(values.get(key, get_value(self.base, key)))

    def _number(self, values: Values, key: str | None) -> float | None:
        if key is None:
            return None
        value = values.get(key, get_value(self.base, key))
        return float(value) if isinstance(value, int | float) else None
