"""Where to search a number of which the schema only says what is allowed: around its default.

The ranges follow from what a field is for, which its name tells, and from its default; bounds of
the schema are often infinite or far too wide. They are clipped to what is allowed afterwards.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from enum import Enum, auto

from skillbank.automl.limits import Limits, NotSearchable

DECADES = 100
"""From this ratio of high to low on, a range is drawn in the logarithm."""


@dataclass(frozen=True)
class SearchRange:
    """Where a number is searched.

    Attributes:
        low, high: Its range, finite.
        log, complement: As of a Parameter.
        off: A further value that switches the feature off, if `has_off`.
        has_off: Whether there is one.
    """

    low: float
    high: float
    log: bool = False
    complement: bool = False
    off: float | None = None
    has_off: bool = False


class Purpose(Enum):
    """What a number is for, as far as it matters to where it is searched."""

    LEARNING_RATE = auto()
    WEIGHT_DECAY = auto()
    CLIPPING = auto()
    MOMENTUM = auto()
    PROBABILITY = auto()
    DECAY_FACTOR = auto()
    BATCH_SIZE = auto()
    OTHER = auto()


def _word(*words: str, last: bool = False) -> re.Pattern[str]:
    """Finds a word of a name in snake case; `last`: only at its end."""
    return re.compile(rf"(?:^|_)(?:{'|'.join(words)}){'$' if last else '(?:_|$)'}")


_BESIDE_A_RATE = _word(
    *("decay", "steps?", "mult", "multiplier", "factor", "ratio", "scheduler", "epochs", "gamma"),
    *("power", "patience", "threshold", "momentum", "policy"),
)
_NAMES = {
    Purpose.LEARNING_RATE: _word("lr", "learning_rate"),
    Purpose.WEIGHT_DECAY: _word("weight_decay", "wd", "l2"),
    Purpose.CLIPPING: _word("clip", "clipping"),
    Purpose.MOMENTUM: _word("momentum", "betas", "beta_?[12]", "ema", "ema_decay", last=True),
    Purpose.PROBABILITY: _word("dropout", "drop", "droppath", "probs?", "probability", "^p$"),
    Purpose.DECAY_FACTOR: _word("decay", "decay_rate", "gamma", "factor", last=True),
}


def purpose_of(key: str, default: float) -> Purpose:
    """What the number under `key` is for, by its name and, where that is unclear, its default."""
    if is_batch_size(key):
        return Purpose.BATCH_SIZE
    section, _, name = _snake(key).rpartition(".")
    if section.endswith("ema"):
        name = f"ema_{name}"
    for purpose, words in _NAMES.items():
        if words.search(name) and _fits(purpose, name, default):
            return purpose
    return Purpose.OTHER


def _fits(purpose: Purpose, name: str, default: float) -> bool:
    """Tell whether the rest of the name and the default agree that this is the purpose."""
    match purpose:
        case Purpose.LEARNING_RATE:
            return not _BESIDE_A_RATE.search(name)
        case Purpose.MOMENTUM:
            return 0 <= default < 1
        case Purpose.PROBABILITY:
            return 0 <= default <= 1
        case Purpose.DECAY_FACTOR:
            return 0 < default <= 1
    return True


def is_batch_size(key: str) -> bool:
    """Tell whether a key says how many training samples make a step."""
    *sections, last = _snake(key).split(".")
    is_size = re.search(r"batch_?size|^bs$|(batch|samples)_per_gpu", last)
    aside = {"val", "valid", "validation", "eval", "evaluate", "evaluation", "test", "inference"}
    return bool(is_size) and not aside & {w for part in (*sections, last) for w in part.split("_")}


def choose_range(key: str, default: float, limits: Limits) -> SearchRange:
    """Where to search the number under `key`, as far as its purpose and its limits tell.

    Raises:
        NotSearchable: Nothing says where to look.
    """
    if is_sentinel(default, limits):
        raise NotSearchable(
            f"{default:g} is no number here but a mark, such as 'all' or 'off'; to search it all "
            "the same, give it a range in custom_param_ranges"
        )
    purpose = purpose_of(key, default)
    if limits.is_int:
        return _whole_range(purpose, default, limits)
    chosen = _range_by_purpose(purpose, default, limits) or _range_by_bounds(default, limits)
    return replace(chosen, low=float(f"{chosen.low:.6g}"), high=float(f"{chosen.high:.6g}"))


def says_where_to_look(key: str, default: float, limits: Limits) -> bool:
    """Tell whether a number's purpose or a bound of it tells anything about a range."""
    is_bounded = math.isfinite(limits.low) or math.isfinite(limits.high)
    return is_bounded or purpose_of(key, default) is not Purpose.OTHER


def is_sentinel(default: float, limits: Limits) -> bool:
    """Tell whether a negative default marks something, as -1 often does where counts are."""
    is_least = default == limits.low and not limits.low_open
    return default < 0 and (is_least or (default == -1 and limits.is_int))


def _whole_range(purpose: Purpose, default: float, limits: Limits) -> SearchRange:
    """A few times fewer to a few times more; the bounds where the schema gives both."""
    if math.isfinite(limits.low) and math.isfinite(limits.high):
        low, high = limits.low, limits.high
        if low <= 0 < default and high >= DECADES * default:
            low = max(1, default // DECADES)
    elif default < 0:
        low, high = 4 * default, default / 4
    else:
        low, high = math.floor(default / 4), max(4 * default, default + 4)
    low, high = max(low, limits.low), min(high, limits.high)
    is_log = high >= DECADES * low or purpose is Purpose.BATCH_SIZE
    return SearchRange(low, high, log=low > 0 and is_log)


def _range_by_purpose(purpose: Purpose, default: float, limits: Limits) -> SearchRange | None:
    if default < 0:
        return None
    switched_off = default == 0
    match purpose:
        case Purpose.LEARNING_RATE:
            low, high = (1e-5, 1e-1) if switched_off else (default / DECADES, 10 * default)
            return SearchRange(low, min(high, limits.high), log=True)
        case Purpose.WEIGHT_DECAY:
            low, high = (1e-6, 1e-2) if switched_off else (default / DECADES, default * DECADES)
            return SearchRange(low, min(high, 0.5), log=True, off=0.0, has_off=switched_off)
        case Purpose.CLIPPING:
            low, high = (0.1, 10.0) if switched_off else (default / 10, default * 10)
            return SearchRange(low, high, log=True, off=0.0, has_off=switched_off)
        case Purpose.MOMENTUM:
            return _momentum_range(default)
        case Purpose.PROBABILITY if limits.low >= 0:
            return SearchRange(0.0, 0.9)
        case Purpose.DECAY_FACTOR:
            return SearchRange(0.01, 1.0, log=True)
    return None


def _momentum_range(default: float) -> SearchRange:
    """`1 - m` in [0.01, 0.5]; around the default where averages are longer, as of betas."""
    if default == 0:
        return SearchRange(0.5, 0.99, log=True, complement=True, off=0.0, has_off=True)
    rest = 1 - default
    if 0.01 <= rest <= 0.5:
        return SearchRange(0.5, 0.99, log=True, complement=True)
    return SearchRange(
        1 - min(max(10 * rest, 0.01), 0.999), 1 - rest / 10, log=True, complement=True
    )


def _range_by_bounds(default: float, limits: Limits) -> SearchRange:
    low, high = limits.low, limits.high
    if math.isfinite(low) and math.isfinite(high):
        return _bounded_range(default, low, high)
    if default > 0:
        return SearchRange(max(low, default / DECADES), min(high, DECADES * default), log=True)
    if default < 0:
        return SearchRange(max(low, 4 * default), min(high, default / 4))
    if low >= 0:  # a scale that is zero: the feature is off
        return SearchRange(1e-3, 1.0, log=True, off=0.0, has_off=True)
    raise NotSearchable(
        "its default is 0 and it has no bounds, so nothing says in which range to look; give one "
        "in custom_param_ranges"
    )


def _bounded_range(default: float, low: float, high: float) -> SearchRange:
    """Bounds that are a range already, or that a small default shows to be generous."""
    if low > 0:
        return SearchRange(low, high, log=high / low >= DECADES)
    if low == 0 < default < high / 10:
        return SearchRange(default / DECADES, min(high, DECADES * default), log=True)
    if low == 0 == default and high > 1:
        return SearchRange(high / 1000, high, log=True, off=0.0, has_off=True)
    return SearchRange(low, high)


def _snake(name: str) -> str:
    """A name in snake case: `weightDecay` and `weight-decay` are `weight_decay`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()
