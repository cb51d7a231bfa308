"""Read what TAO's own skill folders write differently, and say what was translated.

Schemas: `"type": "int"`, `collection`, `ordered_int`, ..., bare Infinity and NaN, lists among the
`properties`. skill_info.yaml: data sources as {source, path}, outputs as {type}, keys that only
TAO's own launcher reads. Nothing unknown is fatal: it is left aside and told in a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from skillbank.errors import SkillInvalid
from skillbank.skill_info import InputType, SkillInfo

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_ROLES = {
    "train_datasets": "train",
    "train_dataset": "train",
    "eval_dataset": "val",
    "val_dataset": "val",
    "inference_dataset": "test",
    "test_dataset": "test",
}
_TYPES = {
    "int": "integer",
    "ordered_int": "integer",
    "float": "number",
    "str": "string",
    "string": "string",
    "bool": "boolean",
    "dict": "object",
    "collection": "object",
    "list": "array",
    "tuple": "array",
}
_STANDARD = frozenset({"integer", "number", "string", "boolean", "object", "array", "null"})
_OPTION_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean"}
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def read_info(raw: object, path: Path) -> tuple[SkillInfo, tuple[str, ...]]:
    """Check the content of a skill_info.yaml.

    Returns:
        The info, and a note for each key that was left aside or read as something else.

    Raises:
        SkillInvalid: A known key is missing or has a wrong value; every breach is listed.
    """
    if not isinstance(raw, dict):
        raise SkillInvalid(f"{path}: expected a mapping of keys to values, found {raw!r}.")
    content, notes = _translate_info(raw)
    if "name" not in content:
        content["name"] = path.parents[1].name
        notes.append(f"skill_info.yaml: name: not there, read as the folder's {content['name']!r}")
    for _ in range(2):  # once with the unknown keys, once without
        try:
            return SkillInfo.model_validate(content), tuple(notes)
        except ValidationError as error:
            unknown = [e for e in error.errors() if e["type"] == "extra_forbidden"]
            if len(unknown) < error.error_count():
                breaches = list(_breaches(error))
                raise SkillInvalid(_say_breaches(breaches, path), breaches) from error
            notes += [f"skill_info.yaml: {_dotted(e)}: unknown key, left aside" for e in unknown]
            content = _without(content, {e["loc"] for e in unknown})
    raise AssertionError("a second pass finds no unknown keys")  # pragma: no cover


def translate_schema(raw: object, origin: object) -> tuple[dict[str, Any], list[str]]:
    """Turn a schema of TAO's dialect into JSON Schema 2020-12; a standard one passes unchanged.

    Args:
        raw: What the file holds.
        origin: The file, for the error.

    Returns:
        The schema, and a note for each kind of change that could matter to its reader.

    Raises:
        SkillInvalid: It is no schema at all.
    """
    if not isinstance(raw, dict):
        raise SkillInvalid(f"{origin}: a schema must be a JSON object, found {raw!r}.")
    if raw.get("$schema") == _DRAFT:
        return raw, []
    notes: list[str] = []
    return {"$schema": _DRAFT, **_node(raw, "", notes)}, notes


def _node(raw: Mapping[str, Any], key: str, notes: list[str]) -> dict[str, Any]:
    """One field or section of a schema, with everything below it."""
    node = {name: value for name, value in raw.items() if name not in {"type", "properties"}}
    kind = _kind(raw.get("type"))
    if "default" in node:
        node["default"] = _default(node["default"], kind)
    if kind == "array":
        _bound_elements(node)
    _drop_what_is_no_bound(node, key, notes)
    for name in ("enum", "required"):
        if not isinstance(node.get(name, []), list):
            del node[name]  # TAO writes required: "yes" at a field
    if node.get("enum"):
        _tidy_options(node, key, notes)
    elif kind:
        may_be_null = kind == "string" or node.get("default", "") is None
        node["type"] = [kind, "null"] if may_be_null else kind
    elif "type" in raw and raw["type"] != "categorical":
        notes.append(f"{key}: type {raw['type']!r} is not known; any value is accepted")
    return node | _children(node, raw.get("properties"), key, notes)


def _children(
    node: Mapping[str, Any], properties: object, key: str, notes: list[str]
) -> dict[str, Any]:
    """What a section's node has besides a field's: type, fields, and whether those are all."""
    if not isinstance(properties, dict):
        return {}
    fields = {name: child for name, child in properties.items() if isinstance(child, dict)}
    for name in properties.keys() - fields.keys():
        notes.append(f"{_join(key, name)}: not a field ({name!r} holds no schema), left aside")
    if not fields:
        return {}
    default = node.get("default")
    is_complete = isinstance(default, dict) and default.keys() <= fields.keys()
    return {
        "type": "object",
        "properties": {n: _node(child, _join(key, n), notes) for n, child in fields.items()},
        **({"additionalProperties": False} if is_complete else {}),
    }


def _default(value: Any, kind: str | None) -> Any:  # noqa: ANN401 - any JSON value
    """A default in standard JSON: null for NaN, infinity and, unless it is text, for ???."""
    return None if value == "???" and kind != "string" else _finite(value)


def _tidy_options(node: dict[str, Any], key: str, notes: list[str]) -> None:
    """Make the options of `node` unique, let them include its default, and say their type."""
    options = [*node["enum"], node["default"]] if "default" in node else [*node["enum"]]
    _align_weights(node, options)
    node["enum"] = [option for i, option in enumerate(options) if option not in options[:i]]
    if "default" in node and node["default"] not in options[:-1]:
        notes.append(f"{key}: the default {node['default']!r} was no option; added")
    kinds = {type(option) for option in node["enum"]}
    if len(kinds) == 1 and kinds <= _OPTION_TYPES.keys():
        node["type"] = _OPTION_TYPES[kinds.pop()]


def _align_weights(node: dict[str, Any], options: list[Any]) -> None:
    """Let the weights fit options that are told once, and a default that was none of them.

    An option's weights add up; the default, if it was no option, gets their mean.
    """
    weights = node.get("option_weights")
    if not isinstance(weights, list) or len(weights) != len(node["enum"]):
        return
    if not all(map(_is_finite_number, weights)):
        return
    padded = [*weights, sum(weights) / len(weights)][: len(options)]
    if len(options) > len(weights) and options[-1] in options[:-1]:
        padded[-1] = 0.0  # it has its own weight already
    node["option_weights"] = [
        sum(weight for other, weight in zip(options, padded, strict=True) if other == option)
        for i, option in enumerate(options)
        if option not in options[:i]
    ]


def _kind(word: object) -> str | None:
    """Standard type of TAO's type word; None when any value may be there."""
    if not isinstance(word, str):
        return None
    if word.startswith("list") or word.endswith("_list"):  # list_1, list_2, subset_list, ...
        return "array"
    return word if word in _STANDARD else _TYPES.get(word)


def _bound_elements(node: dict[str, Any]) -> None:
    """Turn TAO's bounds of a list, one for each element, into a schema for each."""
    bounds = {n: node.pop(n) for n in ("minimum", "maximum") if isinstance(node.get(n), list)}
    elements: list[dict[str, Any]] = [{} for _ in range(max(map(len, bounds.values()), default=0))]
    for name, values in bounds.items():
        for element, value in zip(elements, values, strict=False):
            if _is_finite_number(value):
                element[name] = value
    if any(elements):
        node["prefixItems"] = elements


def _drop_what_is_no_bound(node: dict[str, Any], key: str, notes: list[str]) -> None:
    for bound in ("minimum", "maximum"):
        value = node.get(bound)
        if _is_finite_number(value):
            continue
        if node.pop(bound, None) is not None and not isinstance(value, float):
            notes.append(f"{key}: {bound} {value!r} is no number, left aside")


def _is_finite_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value with every NaN and infinity, which JSON lacks, turned into null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _translate_info(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The content in our own words, and what was read as something else."""
    notes: list[str] = []
    content = dict(raw)
    for name in ("actions", "data_sources"):
        if not isinstance(content.get(name), dict):
            continue
        translate = _action if name == "actions" else _sources
        content[name] = {
            key: translate(value, f"{name}.{key}", notes) if isinstance(value, dict) else value
            for key, value in content[name].items()
        }
    return content, notes


def _action(raw: Mapping[str, Any], key: str, notes: list[str]) -> dict[str, Any]:
    """An action with inputs of known types, and without outputs that name no file."""
    action = dict(raw)
    inputs = action.get("inputs")
    if isinstance(inputs, dict):
        for name, value in inputs.items():
            if isinstance(value, dict) and value.get("type") not in list(InputType):
                notes.append(f"{key}.inputs.{name}: type {value.get('type')!r} is read as 'file'")
        action["inputs"] = {name: _input(value) for name, value in inputs.items()}
    outputs = action.get("outputs")
    if isinstance(outputs, dict):
        action["outputs"] = {n: o for n, o in outputs.items() if not _is_typed_output(o)}
        for name in outputs.keys() - action["outputs"].keys():
            notes.append(f"{key}.outputs.{name}: names a type but no file pattern, left aside")
    return action


def _input(value: object) -> object:
    if isinstance(value, dict) and value.get("type") not in list(InputType):
        return {**value, "type": "file"}
    return value


def _is_typed_output(value: object) -> bool:
    return isinstance(value, dict) and "type" in value and "file" not in value


def _sources(raw: Mapping[str, Any], key: str, notes: list[str]) -> dict[str, Any]:
    """Data sources {source, path} as {role, file}; those of several files are left aside."""
    sources: dict[str, Any] = {}
    for name, value in raw.items():
        if not isinstance(value, dict) or "source" not in value:
            sources[name] = value
        elif isinstance(value.get("path"), str) and "{" not in value["path"]:
            role = _ROLES.get(str(value["source"]), str(value["source"]))
            sources[name] = {"role": role, "file": value["path"]}
        else:
            notes.append(f"{key}.{name}: {value!r} is not one file of one root, left aside")
    return sources


def _without(content: dict[str, Any], unknown: set[tuple[int | str, ...]]) -> dict[str, Any]:
    """`content` without the keys at the `unknown` places."""

    def prune(value: Any, place: tuple[int | str, ...]) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            kept = {k: v for k, v in value.items() if (*place, k) not in unknown}
            return {k: prune(v, (*place, k)) for k, v in kept.items()}
        if isinstance(value, list):
            return [prune(item, (*place, index)) for index, item in enumerate(value)]
        return value

    pruned: dict[str, Any] = prune(content, ())
    return pruned


def _say_breaches(breaches: Iterable[str], path: Path) -> str:
    lines = "\n".join(f"  - {line}" for line in breaches)
    return f"{path}: the skill's info breaks the format (docs/adding-a-skill.md):\n{lines}"


def _breaches(error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        if one["type"] != "extra_forbidden":
            found = "" if one["type"] == "missing" else f", found {one['input']!r}"
            yield f"{_dotted(one)}: {one['msg'][:1].lower()}{one['msg'][1:]}{found}"


def _dotted(one: ErrorDetails) -> str:
    return ".".join(map(str, one["loc"]))
