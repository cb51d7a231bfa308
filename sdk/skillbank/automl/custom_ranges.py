"""Check the ranges that a user wants against what the schema allows; all problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from skillbank.automl.limits import Limits
from skillbank.automl.parameter import is_same
from skillbank.automl.search_field import SearchField, element
from skillbank.automl.settings import Range
from skillbank.conditions import is_number
from skillbank.spec_check import describe

SETTING = "custom_param_ranges"


def range_problems(field: SearchField) -> Iterator[str]:
    """What is wrong with the range that the user wants for a field, one sentence each.

    Raises:
        NotSearchable: The field's own conditions contradict each other.
    """
    wanted = field.wanted
    if wanted is None:
        return
    name = f"{SETTING}.{field.key}"
    if wanted.valid_options is not None:
        yield from _option_problems(name, field, wanted)
    yield from _weight_problems(name, field, wanted)
    if wanted.valid_min is None and wanted.valid_max is None:
        return
    if field.options():
        yield f"{name}: it has options, no range; give valid_options of {list(field.options())!r}."
    elif isinstance(field.value, list):
        yield from _list_problems(name, field, wanted)
    else:
        yield from _end_problems(name, field.limits(), wanted.valid_min, wanted.valid_max)


def _option_problems(name: str, field: SearchField, wanted: Range) -> Iterator[str]:
    options = field.options() if wanted.valid_options else ()
    if wanted.valid_min is not None or wanted.valid_max is not None:
        yield f"{name}: valid_options and a range exclude each other; keep one."
    if not options:
        yield f"{name}: valid_options is empty; name the values to choose from."
    for option in options:
        if not _is_allowed(field, option):
            allowed = describe(field.node)
            if not field.node.get("enum") and field.types <= {"integer", "number"}:
                allowed = field.limits().words()
            yield f"{name}: valid_options {option!r} is not allowed; allowed: {allowed}."


def _is_allowed(field: SearchField, option: object) -> bool:
    if field.node.get("enum"):
        return any(is_same(option, each) for each in field.node["enum"])
    if field.types == {"boolean"}:
        return isinstance(option, bool)
    if field.types and field.types <= {"integer", "number"}:
        return field.limits().contains(option)
    if "pattern" in field.node:
        return isinstance(option, str) and bool(re.search(field.node["pattern"], option))
    return field.types == {"string"} and isinstance(option, str)


def _weight_problems(name: str, field: SearchField, wanted: Range) -> Iterator[str]:
    weights = wanted.option_weights
    if weights is None:
        return
    options = field.options()
    if len(weights) != len(options):
        yield (
            f"{name}: option_weights {list(weights)!r} are {len(weights)}; expected one for each "
            f"of the {len(options)} options {list(options)!r}."
        )
    elif not any(weights):
        yield f"{name}: option_weights are all 0; at least one option must be likely."


def _list_problems(name: str, field: SearchField, wanted: Range) -> Iterator[str]:
    for end in ("valid_min", "valid_max"):
        given = getattr(wanted, end)
        if isinstance(given, Sequence) and len(given) != len(field.value):
            yield (
                f"{name}: {end} {list(given)!r} has {len(given)} numbers; expected one, or one for "
                f"each of the {len(field.value)} elements of {field.value!r}."
            )
            return
    for index in range(len(field.value)):
        low, high = element(wanted.valid_min, index), element(wanted.valid_max, index)
        yield from _end_problems(f"{name}[{index}]", field.limits(index), low, high)


def _end_problems(name: str, limits: Limits, low: object, high: object) -> Iterator[str]:
    for end, value in (("valid_min", low), ("valid_max", high)):
        if isinstance(value, Sequence):
            yield f"{name}: {end} {list(value)!r} is a list, but the key holds one number."
        elif value is not None and not _is_within(limits, value):
            yield f"{name}: {end} {value!r} is not allowed; allowed: {limits.words()}."
    if is_number(low) and is_number(high) and low >= high:
        yield f"{name}: valid_min {low!r} is not below valid_max {high!r}."


def _is_within(limits: Limits, value: object) -> bool:
    """Tell whether a range may end at `value`; on the grid of steps it need not lie."""
    return limits.off_grid.contains(value)
