"""Turn what YAML and shells make of a value into the type that its key wants, when nothing is lost.

YAML 1.1 reads `1e-3` as text and `42` as a number wherever they stand. A value that could mean
two things, or would change on the way, is left as it is: the schema check then says what it wants.
"""

from __future__ import annotations

import re
from typing import Any

from skillbank.spec_keys import Schema, plain, types_of

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_EXACT = 2**53  # whole numbers up to here are floats without loss
_BOOLEANS = {"true": True, "false": False}


def coerce(value: Any, node: Schema) -> Any:  # noqa: ANN401 - what the schema allows
    """`value` in a type that `node` admits if that is lossless and clear, else unchanged.

    Examples: "30" -> 30 and 30.0 -> 30 for an integer, "1e-3" and 1 for a number, "true" for a
    boolean, 42 for text, "[0, 1]" for a list, "fp16" for the option FP16. Not: 2.5 for an integer,
    1 for a boolean, true or 1.10 for text.
    """
    value = plain(value)
    wanted = types_of(node)
    if isinstance(value, list):
        return [coerce(item, node.get("items", {})) for item in value]
    if isinstance(value, str) and "string" not in wanted:
        return _from_text(value.strip(), value, node)
    if isinstance(value, str) and "enum" in node:
        return _option(value, node)
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer() and _only(wanted, "integer"):
        return int(value)
    if isinstance(value, int) and _only(wanted, "number") and abs(value) <= _EXACT:
        return float(value)
    if isinstance(value, int) and _only(wanted, "string"):
        return str(value)
    return value


def _option(value: str, node: Schema) -> str:
    """The one option that differs from the text in case only, else the text."""
    options = [option for option in node["enum"] if isinstance(option, str)]
    alike = [option for option in options if option.lower() == value.lower()]
    return alike[0] if value not in options and len(alike) == 1 else value


def _from_text(text: str, value: str, node: Schema) -> Any:  # noqa: ANN401
    wanted = types_of(node)
    if "boolean" in wanted and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if {"integer", "number"} & wanted and _NUMBER.fullmatch(text):
        return _number(text, value, whole="number" not in wanted)
    if "array" in wanted and text.startswith("["):
        return _list(text, value, node)
    return value


def _number(text: str, value: str, *, whole: bool) -> float | int | str:
    if not whole:
        return float(text)
    if text.lstrip("+-").isdigit():
        return int(text)
    return int(float(text)) if float(text).is_integer() and abs(float(text)) <= _EXACT else value


def _list(text: str, value: str, node: Schema) -> Any:  # noqa: ANN401
    from skillbank.documents import parse_yaml
    from skillbank.errors import RequestInvalid

    try:
        items = parse_yaml(text, "a list", error=RequestInvalid)
    except RequestInvalid:
        return value  # the schema check says that a list is wanted, and shows the text
    return coerce(items, node) if isinstance(items, list) else value


def _only(wanted: frozenset[str], name: str) -> bool:
    """Tell whether `name` is the one type wanted, null aside."""
    return wanted - {"null"} == {name}
