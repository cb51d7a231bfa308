"""Turn a spec class into the schema that is packaged with its skill.

The result is strict JSON Schema 2020-12, one tree without references, and also carries what TAO's
schemas carry: see references/schema-keywords.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skillbank_runners.api import SpecModel

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_Node = dict[str, Any]  # one section or field of a JSON Schema


def build_schema(spec: type[SpecModel]) -> _Node:
    """Schema of an action's spec, with its complete default at the top."""
    raw = spec.model_json_schema()
    tree = _inline(raw, raw.pop("$defs", {}))
    _complete(tree, spec().model_dump(mode="json"))
    fields = list(_walk(tree))
    popular = [(key, node["default"]) for key, node in fields if node.get("popular")]
    return {
        "$schema": DRAFT,
        **{key: tree[key] for key in ("title", "description", "type")},
        "additionalProperties": False,
        "required": [],
        "automl_default_parameters": [k for k, n in fields if n.get("automl_enabled") is True],
        "automl_disabled_parameters": [k for k, n in fields if n.get("automl_enabled") is False],
        "popular": _nest(popular),
        "default": tree["default"],
        "properties": tree["properties"],
    }


def _inline(node: _Node, definitions: Mapping[str, _Node]) -> _Node:
    """The node with every reference replaced by what it names, and no alternative left."""
    name = node.get("$ref", "").removeprefix("#/$defs/")
    merged: _Node = {**definitions.get(name, {}), **node}
    merged.pop("$ref", None)
    if "anyOf" in merged:
        merged = _with_null(merged)
    if "const" in merged:
        merged["enum"] = [merged.pop("const")]
    if "properties" in merged:
        merged["properties"] = {
            key: _inline(child, definitions) for key, child in merged["properties"].items()
        }
    return merged


def _with_null(node: _Node) -> _Node:
    """`anyOf: [X, null]` as X whose type, and options, include null."""
    [alternative] = [one for one in node.pop("anyOf") if one != {"type": "null"}]
    merged: _Node = {**alternative, **node, "type": [alternative["type"], "null"]}
    if "enum" in merged:
        merged["enum"] = [*merged["enum"], None]
    return merged


def _complete(node: _Node, default: object) -> None:
    """Write into every field its default, and what sections and lists are to AutoML."""
    node["default"] = default
    if node["type"] in ("object", ["object", "null"], "array"):
        node["automl_enabled"] = False
    if isinstance(default, dict):
        for name, child in node.get("properties", {}).items():
            _complete(child, default[name])


def _walk(node: _Node, prefix: str = "") -> Iterator[tuple[str, _Node]]:
    """Every section and field below `node` with its dotted key."""
    for name, child in node.get("properties", {}).items():
        yield prefix + name, child
        yield from _walk(child, f"{prefix}{name}.")


def _nest(values: list[tuple[str, Any]]) -> _Node:
    """Values at dotted keys as nested tables."""
    nested: _Node = {}
    for key, value in values:
        *path, last = key.split(".")
        table = nested
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return nested
