"""One field of a schema becomes the parameters that vary it, or a reason why none can.

The range comes from the user, else from the field's own `search_range`, else from what is known
of such fields. It is then clipped to what the schema allows, and reaches to the spec's own value.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from skillbank.automl.limits import Limits, NotSearchable
from skillbank.automl.parameter import Parameter, is_same
from skillbank.automl.ranges import (
    Purpose,
    SearchRange,
    choose_range,
    is_sentinel,
    purpose_of,
    says_where_to_look,
)
from skillbank.automl.search_field import SearchField, element
from skillbank.conditions import is_number
from skillbank.spec_keys import MISSING, is_section

_INTERVAL = re.compile(r"(^|_)(range|interval|limits|bounds|min_?max)(_|$)")

MOST_POWERS = 64


def read_field(field: SearchField) -> tuple[Parameter, ...]:
    """Parameters that vary a field: one, or one per element of a list.

    Raises:
        NotSearchable: There are none; the message says why.
    """
    if is_section(field.node):
        raise NotSearchable("it is a section; name the keys in it")
    if field.options():
        return (_read_options(field),)
    if field.types and field.types <= {"integer", "number"}:
        return (_read_number(field),)
    if field.types == {"array"}:
        return _read_list(field)
    if field.types:
        nouns = {"string": "text without a list of options", "object": "a mapping"}
        raise NotSearchable(f"it holds {nouns.get(min(field.types), 'no number and no choice')}")
    raise NotSearchable("the schema does not say what type of value it holds")


def _read_options(field: SearchField) -> Parameter:
    every = field.options()
    weights = field.weights() or (1.0,) * len(every)
    pairs = [p for p in zip(every, weights, strict=True) if _is_choice(field, *p)]
    if len(pairs) < 2:
        left = f"only {pairs[0][0]!r} is left" if pairs else "none is left"
        raise NotSearchable(f"it has no two options to choose between: {left}")
    if all(is_number(option) for option, _ in pairs):
        pairs.sort()
    options, shares = zip(*pairs, strict=True)
    return Parameter(
        field.key, field.value, options=options, weights=shares if len(set(shares)) > 1 else ()
    )


def _is_choice(field: SearchField, option: object, weight: float) -> bool:
    """Tell whether an option may be proposed; the spec's own one needs no weight for that."""
    if is_number(option):
        is_too_many = field.most is not None and option > field.most
        if is_too_many or not field.limits().contains(option):
            return False
    if is_same(option, field.value):
        return True
    is_blank = isinstance(option, str) and option in {"", MISSING}
    is_like = isinstance(option, list) is isinstance(field.value, list)
    return weight > 0 and is_like and not is_blank


def _read_list(field: SearchField) -> tuple[Parameter, ...]:
    values = field.value
    if not isinstance(values, list) or not values or not all(map(is_number, values)):
        raise NotSearchable(f"it holds a list that is not one of numbers: {values!r}")
    if field.node.get("uniqueItems"):
        raise NotSearchable("it holds a list whose elements must differ from one another")
    found, reasons = [], []
    for index in range(len(values)):
        try:
            found.append(_read_number(field, index))
        except NotSearchable as error:
            reasons.append(str(error))
    if not found:
        raise NotSearchable(reasons[0])
    if _INTERVAL.search(field.key) and len(found) == 2 == len(values) and values[0] < values[1]:
        found[1] = replace(found[1], above=found[0].name)
    return tuple(found)


def _read_number(field: SearchField, index: int | None = None) -> Parameter:
    value = field.value if index is None else field.value[index]
    if value is not None and not is_number(value):
        raise NotSearchable(f"its value {value!r} is no number to search around")
    limits = field.limits(index).around(_somewhere_inside(field, index, value))
    chosen = _wished_range(field, index, limits)
    if chosen is None:
        usual = _follow(field, index, _usual_range(field, index, limits))
        chosen = _reach(field.key, usual, value, limits)
        if value is None:
            chosen = replace(chosen, off=None, has_off=True)
    if field.wanted is not None and field.wanted.log is not None:
        chosen = replace(chosen, log=field.wanted.log and (chosen.low > 0 or chosen.complement))
    if chosen.has_off and chosen.off is not None and not limits.contains(chosen.off):
        chosen = replace(chosen, off=None, has_off=False)
    if field.most is not None:
        limits = limits.at_most(field.most)
    low, high = limits.clip(chosen.low, chosen.high)
    if is_number(value) and limits.contains(value) and chosen.low <= value <= chosen.high:
        low, high = min(low, value), max(high, value)  # it may lie beside an open end
    return _on_grid(
        Parameter(field.key, value, low, high, limits.is_int, index=index), chosen, limits
    )


def _somewhere_inside(field: SearchField, index: int | None, value: object) -> object:
    """A number on the side, of a value left out in the middle, where the search is wanted."""
    if field.wanted is None:
        return value
    ends = [element(end, index) for end in (field.wanted.valid_max, field.wanted.valid_min)]
    return next((end for end in ends if end is not None), value)


def _wished_range(field: SearchField, index: int | None, limits: Limits) -> SearchRange | None:
    """The range that the user wants; a missing end is that of the range without the wish."""
    wanted = field.wanted
    if wanted is None or (wanted.valid_min is None and wanted.valid_max is None):
        return None
    low, high = element(wanted.valid_min, index), element(wanted.valid_max, index)
    try:
        usual = _usual_range(field, index, limits)
    except NotSearchable:
        usual = SearchRange(limits.low, limits.high)
    if low is None:
        low = usual.low if high is None or usual.low < high else limits.low
    if high is None:
        high = usual.high if usual.high > low else limits.high
    if not (math.isfinite(low) and math.isfinite(high)):
        raise NotSearchable(
            "the range in custom_param_ranges has one end only, and the schema has no other; "
            "give valid_min and valid_max"
        )
    complement = usual.complement and high < 1
    is_log = usual.log and (complement or (low > 0 and not usual.complement))
    return SearchRange(low, high, is_log, complement)


def _usual_range(field: SearchField, index: int | None, limits: Limits) -> SearchRange:
    declared = field.node.get("search_range")
    if isinstance(declared, dict):
        low, high = (element(declared.get(name), index) for name in ("low", "high"))
        if low is not None and high is not None:
            return _declared_range(declared, low, high)
    value = field.value if index is None else field.value[index]
    default = element(field.node.get("default"), index)
    if default is None or is_sentinel(default, limits) or _is_mark(value, limits):
        default = value
    if default is None:
        if not (math.isfinite(limits.low) and math.isfinite(limits.high)):
            raise NotSearchable("it has neither a value to search around nor two bounds")
        return SearchRange(limits.low, limits.high)
    if index is not None and not says_where_to_look(field.key, default, limits):
        raise NotSearchable("it holds a list, and nothing bounds its elements")
    return choose_range(field.key, default, limits)


def _is_mark(value: object, limits: Limits) -> bool:
    return is_number(value) and is_sentinel(value, limits)


def _declared_range(declared: dict[str, Any], low: float, high: float) -> SearchRange:
    if low >= high:
        raise NotSearchable(f"its search range holds a single value, {low:g}")
    complement = bool(declared.get("complement")) and high < 1
    is_log = bool(declared.get("log")) and (low > 0 or complement)
    off = declared.get("off")
    return SearchRange(low, high, is_log, complement, off, "off" in declared)


def _follow(field: SearchField, index: int | None, usual: SearchRange) -> SearchRange:
    """The range of a learning rate moved with the spec's own value.

    What is a sensible rate depends on the optimizer: Adam wants a hundredth of what SGD does. A
    user who set another rate than the template's has said where to look.
    """
    value = element(field.value, index)
    default = element(field.node.get("default"), index)
    is_rate = purpose_of(field.key, default or 0.0) is Purpose.LEARNING_RATE
    if not (is_rate and usual.log and value and default) or usual.complement:
        return usual
    if not (math.isfinite(value) and value > 0 and default > 0):
        return usual
    low, high = (float(f"{end * value / default:.6g}") for end in (usual.low, usual.high))
    return replace(usual, low=low, high=high)


def _reach(key: str, chosen: SearchRange, value: Any, limits: Limits) -> SearchRange:  # noqa: ANN401
    """The range widened to the spec's own value, so that the baseline is a point of the space."""
    if not limits.contains(value) or (chosen.has_off and value == chosen.off):
        return chosen
    if chosen.low <= value <= chosen.high:
        return chosen
    is_off = value <= 0 if chosen.log and not chosen.complement else is_sentinel(value, limits)
    if is_off:
        is_rate = purpose_of(key, value) is Purpose.LEARNING_RATE
        return chosen if is_rate else replace(chosen, off=value, has_off=True)
    if chosen.complement and value >= 1:
        return chosen  # an average that never moves, or worse, is no place to search towards
    return replace(chosen, low=min(chosen.low, value), high=max(chosen.high, value))


def _on_grid(parameter: Parameter, chosen: SearchRange, limits: Limits) -> Parameter:
    """The parameter with the scale of its range, its ends moved inwards to steps or powers."""
    low, high = parameter.range
    if not (math.isfinite(low) and math.isfinite(high)):
        raise NotSearchable("nothing bounds it; give it a range in custom_param_ranges")
    parameter = replace(
        parameter,
        log=chosen.log,
        complement=chosen.complement,
        off=chosen.off,
        has_off=chosen.has_off,
    )
    if limits.power_of:
        return _on_powers(parameter, limits)
    step = limits.whole_step
    if step:
        low, high = (math.ceil(low / step - 1e-9) * step, math.floor(high / step + 1e-9) * step)
    elif limits.is_int:
        low, high = math.ceil(low), math.floor(high)
    if low >= high:
        raise NotSearchable(f"it has no two values to choose between; allowed: {limits.words()}")
    return replace(parameter, low=low, high=high, step=step)


def _on_powers(parameter: Parameter, limits: Limits) -> Parameter:
    """The parameter on powers of a whole number; on a list of them where there is more to keep."""
    base, (low, high) = limits.power_of, parameter.range
    assert base is not None
    powers: list[float] = []
    while base ** len(powers) <= high * (1 + 1e-9) and len(powers) < MOST_POWERS:
        powers.append(base ** len(powers))
    fitting = [each for each in powers if each >= low and limits.contains(each)]
    if limits.is_int:
        fitting = [round(each) for each in fitting]
    if len(fitting) < 2:
        raise NotSearchable(f"it has no two values to choose between; allowed: {limits.words()}")
    if base.is_integer() and not limits.step:
        return replace(parameter, low=fitting[0], high=fitting[-1], power_of=int(base))
    return replace(parameter, low=None, high=None, options=tuple(fitting), log=False)
