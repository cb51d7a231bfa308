"""What spec fields are made of besides pydantic's own: text that may be missing, schema keywords.

The keywords that a schema carries beyond JSON Schema are TAO's where TAO has them; all are
explained in references/schema-keywords.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

MISSING = "???"  # OmegaConf's mark of a value that somebody has yet to fill in


@dataclass(frozen=True)
class SearchRange:
    """Where AutoML looks for a value: always finite, inside the field's validity range.

    Attributes:
        low: Smallest value tried; equal to `high` for a value that a search leaves alone.
        high: Largest value tried.
        log: Whether values are drawn on a logarithmic scale.
        complement: Whether that scale is one of 1 - value, as suits a momentum.
        off: A further value, outside the range, that switches the feature off.
    """

    low: float
    high: float
    log: bool = False
    complement: bool = False
    off: float | None = None

    def keywords(self) -> dict[str, JsonValue]:
        """The range as a schema writes it; complement and off only where they matter."""
        keywords: dict[str, JsonValue] = {"low": self.low, "high": self.high, "log": self.log}
        if self.complement:
            keywords["complement"] = True
        if self.off is not None:
            keywords["off"] = self.off
        return keywords


def extras(
    *,
    search: SearchRange | None = None,
    popular: bool = False,
    math_cond: str = "",
    depends_on: str = "",
    is_recommended: bool = True,
) -> dict[str, JsonValue]:
    """Keywords for `Field(json_schema_extra=...)`.

    Args:
        search: Where AutoML looks for a value.
        popular: Whether many users set it.
        math_cond: Condition that a valid value meets, such as `!= 0` or `>= depends_on`.
        depends_on: Dotted key that `math_cond` compares with; or, with a comparison behind the
            key, when the field has an effect: `train.optim.optimizer_type == torch.optim.SGD`.
        is_recommended: Whether a search varies the field unasked; else only where the user names
            it, in the same range.
    """
    keywords: dict[str, JsonValue] = {}
    if search and is_recommended:
        keywords["automl_enabled"] = True
    if search:
        keywords["search_range"] = search.keywords()
    if popular:
        keywords["popular"] = True
    if math_cond:
        keywords["math_cond"] = math_cond
    if depends_on:
        keywords["depends_on"] = depends_on
    return keywords


def _empty_when_missing(value: object) -> object:
    return "" if value is None or value == MISSING else value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("expected a number other than 0")
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _at_least_one(value: int) -> int:
    if value < 1:
        raise ValueError("expected a number of at least 1")
    return value


def _not_negative(value: int) -> int:
    if value < 0:
        raise ValueError("expected a number of at least 0")
    return value


Text = Annotated[
    str, BeforeValidator(_empty_when_missing), WithJsonSchema({"type": ["string", "null"]})
]
"""Text that may be left open: null and ??? are read as the empty string."""

Real = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""

NotZero = Annotated[int, AfterValidator(_not_zero)]
"""An integer that 0 is no sensible value of; its field says so to the schema by math_cond."""

AtLeastOne = Annotated[int, AfterValidator(_at_least_one)]
"""A count where TAO's schema has no bound; its field says so to the schema by math_cond."""

NotNegative = Annotated[int, AfterValidator(_not_negative)]
"""An index where TAO's schema has no bound; its field says so to the schema by math_cond."""

UPPER_CASE = BeforeValidator(_upper)
"""For options that TAO's programs take in any case, and its schema in capitals."""

LOWER_CASE = BeforeValidator(_lower)
"""For options that TAO's programs take in any case, and that are written small."""
