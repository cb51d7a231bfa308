"""Settle how the parameters of a space depend on one another and on fields that stay fixed.

`depends_on` with a comparison makes a parameter active only sometimes, or never; `math_cond`
against another field bounds the two. What cannot be kept by construction is not searched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from skillbank.automl.activation import Activation
from skillbank.automl.limits import NotSearchable
from skillbank.automl.narrowing import above_other, keep_above, keep_below, keep_options
from skillbank.automl.parameter import Parameter
from skillbank.conditions import Condition, is_number
from skillbank.spec_keys import get_value

Parameters = dict[str, tuple[Parameter, ...]]
"""Dotted key -> its parameters, one or one per element of a list."""


def settle(
    parameters: Mapping[str, tuple[Parameter, ...]],
    conditions: Mapping[str, Condition],
    base: Mapping[str, Any],
) -> tuple[list[Parameter], dict[str, str]]:
    """Bring conditions into the parameters.

    Args:
        parameters: Those of each key, with ranges that its own limits allow.
        conditions: Of every field of the schema that has one.
        base: The spec that is tuned.

    Returns:
        The parameters, each after those that its conditions look at; and why others were left
        out, by key.
    """
    reasons: dict[str, str] = {}
    while True:
        left = {key: each for key, each in parameters.items() if key not in reasons}
        try:
            return _Settling(left, conditions, base).run(), reasons
        except _LeftOut as error:
            reasons[error.key] = error.reason


class _LeftOut(Exception):
    """A key cannot be searched beside the others; then the rest is settled anew without it."""

    def __init__(self, key: str, reason: object) -> None:
        super().__init__(key)
        self.key, self.reason = key, str(reason)


@dataclass
class _Settling:
    parameters: Parameters
    conditions: Mapping[str, Condition]
    base: Mapping[str, Any]
    above: dict[str, str] = field(default_factory=dict)  # name of a parameter -> name of a lower

    def run(self) -> list[Parameter]:
        for condition in self.conditions.values():
            if condition.key not in self.parameters and condition.other in self.parameters:
                self._protect(condition)
        for key in list(self.parameters):
            self._activate(key)
        for each in [p for parameters in self.parameters.values() for p in parameters if p.above]:
            self.above[each.name] = str(each.above)
        for condition in self.conditions.values():
            self._relate(condition)
        self._narrow()
        return self._in_order()

    # A field that stays fixed but is looked at by nobody is none of our business; one whose
    # condition looks at a parameter must stay right wherever that parameter goes.

    def _protect(self, condition: Condition) -> None:
        value = get_value(self.base, condition.key)
        numbers = [n for n in (value if isinstance(value, list) else [value]) if is_number(n)]
        terms = [term for term in condition.terms if term.bound is not None]
        if all(term.holds(number, None) for term in terms for number in numbers):
            return
        told = f"{condition.key} = {value!r}, which breaks its own condition {{}}"
        if condition.values is None:
            raise _LeftOut(condition.other, told.format("once this field changes"))

        def is_harmless(option: object) -> bool:
            return (option in (condition.values or ())) is condition.negated

        for parameter in self.parameters[condition.other]:
            if not parameter.options:
                raise _LeftOut(condition.other, told.format("under some values of this field"))
            self._replace(parameter, keep_options, is_harmless)

    def _activate(self, key: str) -> None:
        active = self._activation(key, frozenset())
        if active is not None:
            self.parameters[key] = tuple(replace(p, active=active) for p in self.parameters[key])

    def _activation(self, key: str, seen: frozenset[str]) -> Activation | None:
        """When the field has an effect; None for always."""
        condition = self.conditions.get(key)
        if condition is None or condition.values is None:
            return None
        if key in seen:
            raise self._without_effect(key, "its depends_on leads back to itself")
        other = condition.other
        if other not in self.parameters:
            if not condition.is_active(self.base):
                told = f"it has no effect while {other} is {get_value(self.base, other)!r}"
                raise self._without_effect(key, told)
            return self._inherited(key, other, seen)
        active = Activation(other, condition.values, condition.negated)
        options = [o for p in self.parameters[other] for o in p.options]
        if options and not any(map(active.holds, options)):
            told = f"it has an effect only when {active}, which is not in the space"
            raise self._without_effect(key, told)
        is_always = options and all(map(active.holds, options))
        return self._inherited(key, other, seen) if is_always else active

    def _inherited(self, key: str, other: str, seen: frozenset[str]) -> Activation | None:
        """A field has no effect while the one that it looks at has none."""
        try:
            return self._activation(other, seen | {key})
        except _Idle as idle:
            told = f"{other}, on which it depends, has no effect: {idle}"
            raise self._without_effect(key, told) from idle

    def _without_effect(self, key: str, told: str) -> Exception:
        return _LeftOut(key, told) if key in self.parameters else _Idle(told)

    def _relate(self, condition: Condition) -> None:
        """Note which of two parameters is the greater; bound one beside a fixed field at once."""
        key, other = condition.key, condition.other
        for term in condition.terms:
            if term.bound is not None or not {key, other} & self.parameters.keys():
                continue
            greater, less = (key, other) if ">" in term.operator else (other, key)
            if term.operator not in {">", ">=", "<", "<="}:
                tied = key if key in self.parameters else other
                raise _LeftOut(
                    tied, f"its value is tied to that of {other if tied == key else key}"
                )
            if greater in self.parameters and less in self.parameters:
                self._order(greater, less)
            elif greater in self.parameters:
                self._bound(greater, less, keep_above)
            else:
                self._bound(less, greater, keep_below)

    def _order(self, greater: str, less: str) -> None:
        lower = self.parameters[less][0]
        if lower.index is not None or any(
            not is_number(o) for p in (lower, *self.parameters[greater]) for o in p.options
        ):
            return  # lists and words are compared with nothing
        for parameter in self.parameters[greater]:
            if self.above.setdefault(parameter.name, lower.name) != lower.name:
                raise _LeftOut(less, f"{greater} must exceed it and {self.above[parameter.name]}")

    def _bound(self, key: str, other: str, keep: Any) -> None:  # noqa: ANN401 - one of two functions
        bound = get_value(self.base, other)
        if is_number(bound):
            for parameter in self.parameters[key]:
                self._replace(parameter, keep, bound)

    def _narrow(self) -> None:
        """Leave room: a lower one never reaches the end of the one that must exceed it."""
        for _ in self.above:  # as many times as a chain can have links
            for name, lower_name in self.above.items():
                upper, lower = self._named(name), self._named(lower_name)
                self._replace(lower, keep_below, _ends(upper)[1])
                self._replace(upper, keep_above, _ends(self._named(lower_name))[0])
        for name, lower_name in self.above.items():
            self._raise_above(self._named(name), self._named(lower_name))

    def _raise_above(self, upper: Parameter, lower: Parameter) -> None:
        fixed_at: Any = lower.default if lower.active else None
        if is_number(fixed_at) and fixed_at >= _ends(upper)[1]:
            raise _LeftOut(upper.key, f"{lower.name} = {fixed_at!r} leaves no room above it")
        if upper.has_off and not (is_number(upper.off) and upper.off > _ends(lower)[1]):
            upper = replace(upper, off=None, has_off=False)
        self._put(upper, above_other(upper, lower.name))

    def _named(self, name: str) -> Parameter:
        return next(p for each in self.parameters.values() for p in each if p.name == name)

    def _replace(self, parameter: Parameter, change: Any, argument: object) -> None:  # noqa: ANN401
        try:
            self._put(parameter, change(parameter, argument))
        except NotSearchable as error:
            raise _LeftOut(parameter.key, error) from error

    def _put(self, old: Parameter, new: Parameter) -> None:
        self.parameters[old.key] = tuple(
            new if each.index == old.index else each for each in self.parameters[old.key]
        )

    def _in_order(self) -> list[Parameter]:
        waiting = [p for parameters in self.parameters.values() for p in parameters]
        placed: list[Parameter] = []
        while waiting:
            ready = next((p for p in waiting if not any(self._blockers(p, waiting))), None)
            if ready is None:
                raise _LeftOut(waiting[0].key, "its conditions lead back to itself")
            placed.append(ready)
            waiting.remove(ready)
        return placed

    @staticmethod
    def _blockers(parameter: Parameter, waiting: list[Parameter]) -> Iterator[bool]:
        for other in waiting:
            yield parameter.active is not None and other.key == parameter.active.key
            yield other.name == parameter.above


class _Idle(Exception):
    """A field that is not searched has no effect; the message says why."""


def _ends(parameter: Parameter) -> tuple[float, float]:
    """Its least and its largest number."""
    if parameter.options:
        return parameter.options[0], parameter.options[-1]
    return parameter.range
