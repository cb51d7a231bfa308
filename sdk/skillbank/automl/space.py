"""A search space: which spec keys vary, in which ranges, under which conditions.

A point of the space is held in two forms. `Params` is what proposers draw: plain numbers and
choices in static domains. *Values* are what the spec gets: dotted key -> value. `suggest` draws
the former so that the latter always satisfy schema and conditions; nothing is ever rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from skillbank.automl.activation import Activation
from skillbank.automl.domains import ChoiceDomain, Domain, Draw, Params, Raw
from skillbank.automl.parameter import Parameter, is_same
from skillbank.conditions import is_number
from skillbank.spec_keys import get_value

__all__ = ["Activation", "Parameter", "SearchSpace", "Unsearchable", "Values"]

Values = Mapping[str, Any]
"""Dotted spec key -> value."""

SWITCH = ChoiceDomain((False, True))
"""Whether a feature that can be switched off is on."""

_Choose = Callable[[Parameter, float | None], dict[str, Raw]]
"""Draws a parameter: whether it is on and, if so, its value; empty leaves it as it is."""


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
                found[parameter.switch_name] = SWITCH
            found[parameter.drawn_name] = parameter.domain()
        return found

    def suggest(self, draw: Draw) -> dict[str, Raw]:
        """Draw a point; parameters without effect are not drawn."""

        def choose(parameter: Parameter, floor: float | None) -> dict[str, Raw]:
            del floor
            drawn: dict[str, Raw] = {}
            if parameter.has_off:
                drawn[parameter.switch_name] = on = bool(draw(parameter.switch_name, SWITCH))
                if not on:
                    return drawn
            drawn[parameter.drawn_name] = draw(parameter.drawn_name, parameter.domain())
            return drawn

        return self._walk(choose)[0]

    def values(self, params: Params) -> dict[str, Any]:
        """Spec values of a point: dotted key -> value, for the parameters that were drawn.

        What a parameter without effect was given is left out.
        """

        def choose(parameter: Parameter, floor: float | None) -> dict[str, Raw]:
            del floor
            names = (parameter.switch_name, parameter.drawn_name)
            return {name: params[name] for name in names if name in params}

        return self._walk(choose)[1]

    def encode(self, values: Values) -> dict[str, Raw]:
        """The point whose values are `values`, with the base spec's for those that are left out.

        A value outside its range goes to the nearest end.
        """

        def choose(parameter: Parameter, floor: float | None) -> dict[str, Raw]:
            value = self._value_of(parameter, values)
            on = not (parameter.has_off and is_same(value, parameter.off))
            drawn: dict[str, Raw] = {parameter.switch_name: on} if parameter.has_off else {}
            return drawn | ({parameter.drawn_name: parameter.encode(value, floor)} if on else {})

        return self._walk(choose)[0]

    def defaults(self) -> dict[str, Raw]:
        """The point of the base spec."""
        return self.encode({})

    def _walk(self, choose: _Choose) -> tuple[dict[str, Raw], dict[str, Any]]:
        """Draw every parameter that has an effect; the point and its values."""
        params: dict[str, Raw] = {}
        values: dict[str, Any] = {}
        numbers: dict[str, Any] = {}  # name of a parameter -> its value
        idle: set[str] = set()
        for parameter in self.parameters:
            if not self._is_active(parameter, values, idle):
                idle.add(parameter.key)
                continue
            floor = self._floor(parameter, numbers)
            drawn = choose(parameter, floor)
            params |= drawn
            if drawn.get(parameter.switch_name) is False:
                value: Any = parameter.off
            elif parameter.drawn_name in drawn:
                value = parameter.decode(drawn[parameter.drawn_name], floor)
            else:
                continue
            numbers[parameter.name] = value
            values[parameter.key] = self._whole(parameter, value, values)
        return params, values

    def _is_active(self, parameter: Parameter, values: Values, idle: set[str]) -> bool:
        active = parameter.active
        if active is None:
            return True
        value = values.get(active.key, get_value(self.base, active.key))
        return active.key not in idle and active.holds(value)

    def _floor(self, parameter: Parameter, numbers: Values) -> float | None:
        if parameter.above is None:
            return None
        value = numbers.get(parameter.above, self._base_number(parameter.above))
        return float(value) if is_number(value) else None

    def _base_number(self, name: str) -> object:
        """Value of the base spec under the name of a parameter: a key, or `key[index]`."""
        key, bracket, index = name.partition("[")
        value = get_value(self.base, key)
        return value[int(index.rstrip("]"))] if bracket and isinstance(value, list) else value

    def _value_of(self, parameter: Parameter, values: Values) -> Any:  # noqa: ANN401 - a spec value
        base = get_value(self.base, parameter.key)
        whole = values.get(parameter.key, base)
        if parameter.index is None:
            return whole
        whole = whole if isinstance(whole, list | tuple) else base
        return whole[parameter.index] if parameter.index < len(whole) else parameter.default

    def _whole(self, parameter: Parameter, value: object, values: Values) -> Any:  # noqa: ANN401
        """What the key gets: the value, or the list with the value as one element."""
        if parameter.index is None:
            return value
        whole = list(values.get(parameter.key, get_value(self.base, parameter.key)))
        whole[parameter.index] = value
        return whole
