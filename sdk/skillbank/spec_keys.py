"""Walk a spec and its schema by dotted key: the one place that knows how the two fit together.

A `path` is a key split into its parts. The two differ below a free mapping such as
`dataset.label_map`, where everything after the mapping's own key is one part, dots and all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import PurePath
from typing import Any

from skillbank.skill import Skill, Spec

Schema = Mapping[str, Any]  # a JSON Schema, or the part of one that describes one key
Path = tuple[str, ...]

MISSING = "???"  # OmegaConf's mark for a value that the user must give


def is_empty(value: object) -> bool:
    """Tell whether a key counts as not filled in."""
    return value is None or (isinstance(value, str) and value in {"", MISSING})


def is_file_of(node: Schema, value: object) -> bool:
    """Tell whether the value of a field that takes names or paths is a path."""
    return isinstance(value, str) and value.endswith(tuple(node.get("file_endings", ())))


def action_schema(skill: Skill, action: str) -> Schema:
    """Schema of an action; without a packaged one, what its template says about its keys."""
    if skill.has_schema(action):
        return skill.schema(action)
    return _schema_of(skill.template(action))


def find_path(schema: Schema, key: str) -> Path | None:
    """Path of a dotted key, None when the schema has no such key."""
    parts = key.split(".")
    for index, part in enumerate(parts):
        if is_free_mapping(schema):
            return (*parts[:index], ".".join(parts[index:]))
        if part not in schema.get("properties", {}):
            return None
        schema = schema["properties"][part]
    return tuple(parts)


def field_at(schema: Schema, path: Path) -> Schema:
    """The part of the schema that describes a path; empty where it says nothing."""
    for part in path:
        entries = schema.get("additionalProperties") if is_free_mapping(schema) else None
        default = entries if isinstance(entries, Mapping) else {}
        schema = schema.get("properties", {}).get(part, default)
    return schema


def dotted_keys(schema: Schema, prefix: str = "") -> Iterator[str]:
    """Every key of the schema that holds a value, not a section."""
    for name, node in schema.get("properties", {}).items():
        if is_section(node):
            yield from dotted_keys(node, f"{prefix}{name}.")
        else:
            yield prefix + name


def is_section(node: Schema) -> bool:
    """Tell whether a node groups other keys."""
    return bool(node.get("properties"))


def is_free_mapping(node: Schema) -> bool:
    """Tell whether a node is a mapping whose keys the user chooses, such as a label map."""
    return "object" in types_of(node) and not is_section(node)


def types_of(node: Schema) -> frozenset[str]:
    """JSON types that a node admits; empty when it says nothing about them."""
    named = node.get("type", ())
    types = {named} if isinstance(named, str) else set(named)
    for choice in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        types |= types_of(choice)
    return frozenset(types)


def leaves(
    value: Mapping[Any, Any], schema: Schema, prefix: Path = ()
) -> Iterator[tuple[str, Any]]:
    """Dotted key and value of everything that a nested mapping sets.

    Sections are entered; free mappings, and mappings where the schema has none, are values.
    """
    for name, child in value.items():
        key = ".".join((*prefix, str(name)))
        path = find_path(schema, key)
        node = field_at(schema, path) if path else {}
        if isinstance(child, Mapping) and (is_section(node) or (child and path is None)):
            yield from leaves(child, schema, (*prefix, str(name)))
        else:
            yield key, child


def get_value(spec: Mapping[str, Any], path: Path | str) -> Any:  # noqa: ANN401 - what the schema allows
    """Value at a path or plain dotted key, None when absent."""
    value: Any = spec
    for part in path.split(".") if isinstance(path, str) else path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def set_value(spec: Spec, path: Path | str, value: object) -> None:
    """Set the value at a path or plain dotted key in place, making the sections on the way."""
    *sections, last = path.split(".") if isinstance(path, str) else path
    for part in sections:
        if not isinstance(spec.get(part), dict):
            spec[part] = {}
        spec = spec[part]
    spec[last] = value


def plain(value: Any) -> Any:  # noqa: ANN401 - any value in, the same as JSON knows it out
    """A value in JSON's own types: paths and dates as text, tuples as lists, keys as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(child) for child in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, PurePath) else value


def _schema_of(value: object) -> Schema:
    if isinstance(value, Mapping) and value:
        children = {name: _schema_of(child) for name, child in value.items()}
        return {"type": "object", "properties": children, "additionalProperties": False}
    return {"type": "object"} if isinstance(value, Mapping) else {}
