"""A field that somebody wants searched, with all that is said about it in schema and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skillbank.automl.limits import Limits, read_limits
from skillbank.automl.settings import Range
from skillbank.coercion import coerce
from skillbank.conditions import Term, is_number
from skillbank.spec_keys import Schema, types_of


@dataclass(frozen=True)
class SearchField:
    """A field that somebody wants searched.

    Attributes:
        key: Dotted spec key.
        node: Its part of the schema.
        value: What the spec that is tuned holds there.
        terms: What `math_cond` asks of it.
        wanted: Where the user wants it searched; None: not said.
        most: A batch size may not exceed it; None for other fields, and when nobody said.
    """

    key: str
    node: Schema
    value: Any
    terms: tuple[Term, ...] = ()
    wanted: Range | None = None
    most: int | None = None

    @property
    def types(self) -> frozenset[str]:
        """JSON types that it admits besides null."""
        return types_of(self.node) - {"null"}

    def options(self) -> tuple[Any, ...]:
        """Its options, those that the user wants or else all; empty when it has none."""
        if self.wanted is not None and self.wanted.valid_options is not None:
            return tuple(coerce(option, self.node) for option in self.wanted.valid_options)
        if self.node.get("enum"):
            return tuple(self.node["enum"])
        return (False, True) if self.types == {"boolean"} else ()

    def weights(self) -> tuple[float, ...]:
        """Weights of the options; empty when there are none, or not one per option."""
        given: object = self.node.get("option_weights")
        if self.wanted is not None and self.wanted.option_weights is not None:
            given = self.wanted.option_weights
        elif not self.node.get("enum") or self.options() != tuple(self.node["enum"]):
            given = ()
        weights = tuple(given) if isinstance(given, list | tuple) else ()
        is_whole = len(weights) == len(self.options()) and all(map(is_number, weights))
        return tuple(map(float, weights)) if is_whole else ()

    def limits(self, index: int | None = None) -> Limits:
        """What its number, or one element of its list, may be."""
        limits = read_limits(self.node, self.terms, index=index)
        if index is None or not isinstance(self.value, list):
            return limits
        has_type = bool(types_of(self.node.get("items", {})))
        is_whole = all(isinstance(item, int) for item in self.value) and not has_type
        return limits.of_whole_numbers() if is_whole else limits


def element(value: object, index: int | None) -> float | None:
    """The number of one element, where each has its own or all have the same."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[index] if index is not None and index < len(value) else None
    return value if is_number(value) else None
