"""Evaluate `math_cond` and `depends_on`, the two conditions that a schema writes beside a field.

`math_cond` bounds a number: `> 0.0`, `>0`, `>= 1`, `!= 0`, `> 0.0 <= 1.0` (all must hold), `/ 8`
(a multiple of 8), `^ 2` (a power of 2), `> depends_on` (more than the field that `depends_on`
names). `depends_on` names that field; with a comparison behind the name it says when the field has
an effect: `train.optim.optimizer_type == torch.optim.SGD`, `a.b != x`, `a.b in [x, y]`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from skillbank.coercion import coerce
from skillbank.errors import SkillInvalid, did_you_mean
from skillbank.spec_keys import Schema, dotted_keys, field_at, find_path, get_value

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DEPENDS_ON = re.compile(r"\s*([\w.-]+)\s*(?:(==|!=|\bin\b)\s*(\S.*?)\s*)?")
_TERM = re.compile(rf"\s*(>=|<=|==|!=|>|<|/|\^)\s*({_NUMBER}|depends_on)\s*")


def _is_multiple(value: float, of: float) -> bool:
    return math.isclose(value / of, round(value / of), rel_tol=0, abs_tol=1e-9)


def _is_power(value: float, of: float) -> bool:
    exponent = round(math.log(value, of)) if value > 0 else -1
    if of.is_integer():
        return exponent >= 0 and int(of) ** exponent == value
    return exponent >= 0 and math.isclose(of**exponent, value, rel_tol=1e-12)


_TESTS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    ">": (lambda value, bound: value > bound, "more than"),
    ">=": (lambda value, bound: value >= bound, "at least"),
    "<": (lambda value, bound: value < bound, "less than"),
    "<=": (lambda value, bound: value <= bound, "at most"),
    "==": (lambda value, bound: value == bound, "equal to"),
    "!=": (lambda value, bound: value != bound, "other than"),
    "/": (_is_multiple, "a multiple of"),
    "^": (_is_power, "a power of"),
}


@dataclass(frozen=True)
class Term:
    """One comparison; `bound` is None when it is against the field that `depends_on` names."""

    operator: str
    bound: float | None

    def holds(self, value: float, other: float | None) -> bool:
        """Tell whether `value` fits; `other` is the value of the field that depends_on names."""
        bound = other if self.bound is None else self.bound
        return bound is None or _TESTS[self.operator][0](value, bound)

    def words(self, other_key: str, other: float | None) -> str:
        """What is allowed, for a sentence after 'must be'."""
        word = _TESTS[self.operator][1]
        return f"{word} {other_key} = {other!r}" if self.bound is None else f"{word} {self.bound:g}"


@dataclass(frozen=True)
class Condition:
    """The conditions of one field.

    Attributes:
        key: The field, dotted.
        terms: What `math_cond` asks for; all must hold.
        other: The field that `depends_on` names; empty when there is none.
        values: What `depends_on` compares that field with; None when it only names it.
        negated: Whether the field has an effect under all but these values.
    """

    key: str
    terms: tuple[Term, ...]
    other: str
    values: tuple[Any, ...] | None = None
    negated: bool = False

    def is_active(self, spec: Mapping[str, Any]) -> bool:
        """Tell whether the field has any effect under `spec`."""
        if self.values is None:
            return True
        return (get_value(spec, self.other) in self.values) is not self.negated

    def breach(self, spec: Mapping[str, Any]) -> str | None:
        """What is wrong with the field's value under `spec`, None when nothing is."""
        value = get_value(spec, self.key)
        other = get_value(spec, self.other) if self.other else None
        bound = other if is_number(other) else None
        items = value if isinstance(value, list) else [value]
        numbers = [item for item in items if is_number(item)]
        if all(term.holds(number, bound) for term in self.terms for number in numbers):
            return None
        wanted = " and ".join(term.words(self.other, bound) for term in self.terms)
        return f"{self.key}: {value!r} is not allowed; it must be {wanted}."

    def is_untouched(self, spec: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
        """Tell whether `spec` holds the template's values in all that the condition compares."""
        keys = [self.key, self.other] if self.other else [self.key]
        return all(get_value(spec, key) == get_value(template, key) for key in keys)


def conditions(skill: str, schema: Schema) -> Iterator[Condition]:
    """Every field's conditions, for the fields that have any.

    Args:
        skill: Name of the skill, for the error.
        schema: Schema of one of its actions.

    Raises:
        SkillInvalid: A condition cannot be read, or names a field that is not there.
    """
    for key in dotted_keys(schema):
        node = field_at(schema, tuple(key.split(".")))
        if node.get("math_cond") or node.get("depends_on"):
            yield _read_condition(f"{skill}: {key}", key, node, schema)


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number; booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read_condition(origin: str, key: str, node: Schema, schema: Schema) -> Condition:
    math_cond = str(node.get("math_cond") or "")
    terms = _read_terms(math_cond, origin)
    condition = _read_depends_on(str(node.get("depends_on") or ""), key, schema, origin)
    if not condition.other and any(term.bound is None for term in terms):
        raise SkillInvalid(
            f"{origin}: math_cond {math_cond!r} compares with depends_on, which is missing; "
            "expected the dotted key of a field there."
        )
    if condition.other and condition.values is None:
        # `/ 2` beside a field tells a search how to derive the value, not which values are right.
        terms = tuple(term for term in terms if term.operator not in {"/", "^"})
    return replace(condition, terms=terms)


def _read_depends_on(text: str, key: str, schema: Schema, origin: str) -> Condition:
    if not text:
        return Condition(key, (), "")
    match = _DEPENDS_ON.fullmatch(text)
    if not match:
        raise SkillInvalid(
            f"{origin}: depends_on {text!r} cannot be read; expected the dotted key of a field, "
            "or a comparison such as 'a.b == x', 'a.b != x', 'a.b in [x, y]'."
        )
    other = _find_field(match[1], key, schema, origin)
    if match[2] is None:
        return Condition(key, (), other)
    items = match[3].strip("[]()").split(",") if match[2] == "in" else [match[3]]
    node = field_at(schema, find_path(schema, other) or ())
    values = tuple(coerce(item.strip().strip("'\""), node) for item in items)
    return Condition(key, (), other, values, negated=match[2] == "!=")


def _read_terms(text: str, origin: str) -> tuple[Term, ...]:
    terms: list[Term] = []
    position, text = 0, text.strip()
    while position < len(text):
        match = _TERM.match(text, position)
        bound = float(match[2]) if match and match[2] != "depends_on" else None
        impossible = match and bound is not None and bound <= {"/": 0, "^": 1}.get(match[1], -1e308)
        if not match or impossible:
            raise SkillInvalid(
                f"{origin}: math_cond {text!r} cannot be read from {text[position:]!r} on; "
                "expected comparisons such as '> 0.0', '>= 1', '!= 0', '> 0.0 <= 1.0', '/ 8', "
                "'^ 2', '> depends_on'."
            )
        terms.append(Term(match[1], bound))
        position = match.end()
    return tuple(terms)


def _find_field(name: str, key: str, schema: Schema, origin: str) -> str:
    """Dotted key of the field that is meant: a whole key, or the name of a neighbour."""
    neighbour = f"{key.rpartition('.')[0]}.{name}".lstrip(".")
    for candidate in (name, neighbour):
        if find_path(schema, candidate):
            return candidate
    raise SkillInvalid(
        f"{origin}: depends_on names {name!r}, which the schema does not have; "
        f"{did_you_mean(name, dotted_keys(schema))}"
    )
