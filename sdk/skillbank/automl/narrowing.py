"""Parameters cut down so that conditions hold: above a number, below one, without some options."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from skillbank.automl.limits import INSET, NotSearchable
from skillbank.automl.parameter import Parameter
from skillbank.conditions import is_number

_TINY = 1e-9
MOST_EXPONENTS = 64


def keep_above(parameter: Parameter, bound: float) -> Parameter:
    """The parameter with only its values above `bound`.

    Raises:
        NotSearchable: Fewer than two are left.
    """
    if parameter.has_off and not (is_number(parameter.off) and parameter.off > bound):
        parameter = replace(parameter, off=None, has_off=False)
    if parameter.options:
        return keep_options(parameter, lambda option: is_number(option) and option > bound)
    low, high = parameter.range
    if bound < low:
        return parameter
    if parameter.power_of is not None:
        low = float(parameter.power_of) ** (math.floor(math.log(bound, parameter.power_of)) + 1)
    elif parameter.is_int or parameter.step:
        step = parameter.step or 1
        low += (math.floor((bound - low) / step + _TINY) + 1) * step
    else:
        low = bound + INSET * (high - bound)
    return _between(parameter, low, high, f"more than {bound:g}")


def keep_below(parameter: Parameter, bound: float) -> Parameter:
    """The parameter with only its values below `bound`.

    Raises:
        NotSearchable: Fewer than two are left.
    """
    if parameter.has_off and not (is_number(parameter.off) and parameter.off < bound):
        parameter = replace(parameter, off=None, has_off=False)
    if parameter.options:
        return keep_options(parameter, lambda option: is_number(option) and option < bound)
    low, high = parameter.range
    if high < bound:
        return parameter
    if parameter.power_of is not None:
        high = float(parameter.power_of) ** (math.ceil(math.log(bound, parameter.power_of)) - 1)
    elif parameter.is_int or parameter.step:
        step = parameter.step or 1
        high = low + (math.ceil((bound - low) / step - _TINY) - 1) * step
    else:
        high = bound - INSET * (bound - low)
    return _between(parameter, low, high, f"less than {bound:g}")


def keep_options(parameter: Parameter, is_kept: Callable[[Any], bool]) -> Parameter:
    """The parameter with only the options that `is_kept`.

    Raises:
        NotSearchable: Fewer than two are left.
    """
    weights = parameter.weights or (1.0,) * len(parameter.options)
    pairs = [p for p in zip(parameter.options, weights, strict=True) if is_kept(p[0])]
    if len(pairs) == len(parameter.options):
        return parameter
    if len(pairs) < 2:
        raise NotSearchable(
            f"other fields leave it no two of its options {list(parameter.options)!r}"
        )
    options, shares = zip(*pairs, strict=True)
    return replace(parameter, options=options, weights=shares if len(set(shares)) > 1 else ())


def _between(parameter: Parameter, low: float, high: float, wanted: str) -> Parameter:
    if low >= high:
        old_low, old_high = parameter.range
        raise NotSearchable(
            f"it must be {wanted}, which leaves no two values of {old_low:g} to {old_high:g}"
        )
    return replace(parameter, low=low, high=high)


def above_other(parameter: Parameter, name: str) -> Parameter:
    """The parameter as one that must exceed another, drawn as its share of what that one leaves."""
    base = parameter.power_of
    if base is None:
        return replace(parameter, above=name)
    exponents = range(MOST_EXPONENTS)
    low, high = parameter.range
    powers = tuple(base**e for e in exponents if low <= base**e * (1 + _TINY) <= high * (1 + _TINY))
    options = powers if parameter.is_int else tuple(map(float, powers))
    return replace(parameter, low=None, high=None, power_of=None, options=options, above=name)
