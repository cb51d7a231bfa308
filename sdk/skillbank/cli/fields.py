"""The fields of a spec as its schema describes them, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SpecField:
    """One key of a spec.

    Attributes:
        key: Dotted key.
        type: JSON types that it takes, joined by `or`.
        default: Value of the template.
        allowed: Range or options in words; empty when any value of the type will do.
        description: What it does.
        automl: Whether AutoML may search it.
    """

    key: str
    type: str
    default: object
    allowed: str
    description: str
    automl: bool


def list_fields(schema: Mapping[str, Any], prefix: str = "") -> Iterator[SpecField]:
    """Fields of an action's schema, in its own order; sections are walked, not listed."""
    for name, node in schema.get("properties", {}).items():
        key = f"{prefix}{name}"
        if node.get("properties"):
            yield from list_fields(node, f"{key}.")
        else:
            yield SpecField(
                key=key,
                type=_type(node),
                default=node.get("default"),
                allowed=_allowed(node),
                description=node.get("description", ""),
                automl=bool(node.get("automl_enabled")),
            )


def _type(node: Mapping[str, Any]) -> str:
    kinds = node.get("type", "option" if "enum" in node else "any")
    words = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return " or ".join(words)


def _allowed(node: Mapping[str, Any]) -> str:
    if "enum" in node:
        return "one of " + " | ".join(str(o) for o in node["enum"] if o not in (None, ""))
    if "file_endings" in node:
        names = [*node.get("examples", ()), f"path of a {node['file_endings'][0]} file"]
        return "one of " + " | ".join(map(str, names))
    bounds = (
        ("minimum", ">="),
        ("exclusiveMinimum", ">"),
        ("maximum", "<="),
        ("exclusiveMaximum", "<"),
    )
    return ", ".join(f"{sign} {node[name]}" for name, sign in bounds if name in node)
