"""Fits values that somebody chose, a model or an earlier search, into a search space.

Whoever chose them may not know the space: keys may be unknown, values out of range or of another
type. Nothing is dropped or changed in silence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from skillbank.automl.domains import Raw
from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace, Values
from skillbank.errors import did_you_mean
from skillbank.spec_keys import get_value

_ELEMENT = re.compile(r"(?P<key>.+)\[(?P<index>\d+)\]")
_SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True)
class Fitted:
    """A point of a space that is as near to the given values as can be.

    Attributes:
        params: The point; the base spec's values for what was not given.
        notes: What was changed or left out, a sentence each.
        problems: Values that mean nothing here, a sentence each; the point leaves them out.
    """

    params: dict[str, Raw]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def fit_values(given: Mapping[str, object], space: SearchSpace) -> Fitted:
    """The point of a space nearest to values that may not belong to it.

    Args:
        given: Spec key, or `key[index]` for an element of a list, -> value as somebody wrote it.
        space: The space.
    """
    wanted: dict[str, object] = {}  # name of the parameter -> its value
    notes: list[str] = []
    problems: list[str] = []
    for name, value in _elements(given, space, notes, problems):
        parameter = next(p for p in space.parameters if p.name == name)
        understood = _understand(parameter, value)
        if isinstance(understood, _Problem):
            problems.append(f"{name}: {understood.text}")
        else:
            wanted[name] = understood.value
    params = space.encode(_by_key(wanted, space))
    notes += _changes(wanted, params, space)
    return Fitted(params, tuple(notes), tuple(problems))


def describe_range(parameter: Parameter) -> str:
    """Where the values of a parameter lie, for people and for models."""
    if parameter.options:
        text = "one of " + ", ".join(repr(option) for option in parameter.options)
    else:
        kind, (low, high) = "whole number" if parameter.is_int else "number", parameter.range
        text = f"{kind} in [{low:.6g}, {high:.6g}]"
    if parameter.log:
        text += ", log scale" + (" of 1 - value" if parameter.complement else "")
    if parameter.power_of is not None:
        text += f", a power of {parameter.power_of}"
    elif parameter.step is not None:
        text += f", in steps of {parameter.step:g}"
    if parameter.above is not None:
        text += f", greater than {parameter.above}"
    if parameter.has_off:
        text += f", or {parameter.off!r} (off)"
    return text


def rounded(values: Values) -> dict[str, object]:
    """Values to six significant digits: two points that agree in these are the same point."""
    return {key: _round(value) for key, value in values.items()}


@dataclass(frozen=True)
class _Value:
    value: object


@dataclass(frozen=True)
class _Problem:
    text: str


def _elements(
    given: Mapping[str, object], space: SearchSpace, notes: list[str], problems: list[str]
) -> Iterator[tuple[str, object]]:
    """Name of a parameter and value, for everything given that the space has."""
    names = {parameter.name for parameter in space.parameters}
    lists = {p.key for p in space.parameters if p.index is not None}
    for written, value in given.items():
        name = written.strip()
        if name in names:
            yield name, value
        elif name in lists:
            expected = len(get_value(space.base, name))
            if not isinstance(value, list | tuple) or len(value) != expected:
                problems.append(f"{name}: {value!r} is no list of {expected} elements.")
                continue
            whole = [(f"{name}[{index}]", element) for index, element in enumerate(value)]
            yield from ((element, each) for element, each in whole if element in names)
        else:
            notes.append(f"{name!r} was left out: not searched; {did_you_mean(name, names)}")


def _understand(parameter: Parameter, value: object) -> _Value | _Problem:
    """The value in the type that the parameter has."""
    if parameter.has_off and (value is None or _agree(value, parameter.off)):
        return _Value(parameter.off)
    if parameter.options and not parameter.is_ordered:
        return _option(parameter, value)
    number = _number(value)
    if number is None:
        return _Problem(f"{value!r} is no number; expected {describe_range(parameter)}.")
    return _Value(number)


def _option(parameter: Parameter, value: object) -> _Value | _Problem:
    for option in parameter.options:
        if _agree(value, option):
            return _Value(option)
    for option in parameter.options:
        if str(value).strip().lower() == str(option).lower():
            return _Value(option)
    return _Problem(f"{value!r} is no option; expected {describe_range(parameter)}.")


def _number(value: object) -> int | float | None:
    """A finite number, also one that was written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return value if isinstance(value, int) else number


def _by_key(wanted: Mapping[str, object], space: SearchSpace) -> dict[str, object]:
    """The values under the keys of the spec, elements of lists put together."""
    values: dict[str, object] = {}
    for parameter in space.parameters:
        if parameter.name not in wanted:
            continue
        value = wanted[parameter.name]
        if parameter.index is not None:
            before = values.get(parameter.key, get_value(space.base, parameter.key))
            whole = list(before) if isinstance(before, list | tuple) else []
            whole[parameter.index] = value
            value = whole
        values[parameter.key] = value
    return values


def _changes(
    wanted: Mapping[str, object], params: Mapping[str, Raw], space: SearchSpace
) -> Iterator[str]:
    """What became of the values, where that is not what was given."""
    values = space.values(params)
    for parameter in space.parameters:
        if parameter.name not in wanted:
            continue
        given = wanted[parameter.name]
        is_drawn = {parameter.drawn_name, parameter.switch_name} & set(params)
        if not is_drawn:
            given_text = f"{parameter.name} = {_round(given)!r}"
            yield f"{given_text} was left out: it has no effect with the other values."
            continue
        whole = values[parameter.key]
        got = whole if parameter.index is None else whole[parameter.index]
        if not _agree(given, got):
            yield (
                f"{parameter.name}: {_round(given)!r} became {_round(got)!r}; expected "
                f"{describe_range(parameter)}."
            )


def _agree(one: object, other: object) -> bool:
    """Tell whether two values are the same, but for what rounding does; true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-15)
    return one == other


def _round(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_round(each) for each in value]
    if not isinstance(value, float):
        return value
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
