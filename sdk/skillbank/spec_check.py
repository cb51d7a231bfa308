"""Check a finished spec: its schema, its conditions, its inputs; every breach at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from skillbank.conditions import conditions
from skillbank.errors import SpecInvalid, did_you_mean
from skillbank.skill import Skill
from skillbank.spec_keys import (
    MISSING,
    Schema,
    action_schema,
    dotted_keys,
    field_at,
    get_value,
    is_empty,
    plain,
    types_of,
)

if TYPE_CHECKING:
    from jsonschema import ValidationError

    from skillbank.skill_info import DataSource, Input

_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of names to values",
    "null": "null",
}


def check_spec(
    skill: Skill, action: str, spec: Mapping[str, Any], given: Collection[str] = ()
) -> list[str]:
    """Make sure that a spec can be used.

    Args:
        skill: The skill.
        action: The action whose spec it is.
        spec: The complete spec.
        given: Dotted keys that the caller set, to tell the ones that have no effect.

    Returns:
        Notes on values that have no effect.

    Raises:
        SpecInvalid: The spec breaks its schema or lacks an input; every breach is listed.
        SkillInvalid: A condition of the schema cannot be read.
    """
    problems, notes = spec_problems(skill, action, spec, given)
    if problems:
        raise SpecInvalid(problems, f"the spec of {skill.name} {action}")
    return notes


def spec_problems(
    skill: Skill, action: str, spec: Mapping[str, Any], given: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Breaches and notes, as `check_spec` tells them, without raising."""
    missing = [*_missing_inputs(skill, action, spec)]
    wrong = value_problems(skill, action, spec)
    notes = [
        _without_effect(condition.key, condition.other, spec)
        for condition in conditions(skill.name, action_schema(skill, action))
        if condition.key in given and not condition.is_active(spec)
    ]
    return list(dict.fromkeys([*missing, *wrong])), notes


def value_problems(skill: Skill, action: str, spec: Mapping[str, Any]) -> list[str]:
    """Breaches of schema and conditions; inputs that are still missing are none of them."""
    schema = action_schema(skill, action)
    template = plain(skill.template(action))
    problems = [*_not_finite(spec), *_schema_breaches(schema, spec)]
    for condition in conditions(skill.name, schema):
        if condition.is_active(spec) and not condition.is_untouched(spec, template):
            problems += [breach for breach in [condition.breach(spec)] if breach]
    return problems


def input_noun(wanted: Input) -> str:
    """What an input is, with its article."""
    nouns = {"onnx": "an ONNX file", "engine": "a TensorRT engine"}
    return nouns.get(wanted.type, f"a {wanted.type.value}")


def describe(node: Schema) -> str:
    """What a field takes, for a sentence after 'allowed:'."""
    if "enum" in node:
        return f"one of {', '.join(repr(option) for option in node['enum'])}"
    if "file_endings" in node:
        names = ", ".join(map(repr, node.get("examples", ())))
        return f"one of {names}, or the path of a file ({' or '.join(node['file_endings'])})"
    nouns = [_NOUNS[name] for name in sorted(types_of(node) - {"null"}) if name in _NOUNS]
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    least = f"more than {low}" if "exclusiveMinimum" in node else f"at least {low}"
    most = f"less than {high}" if "exclusiveMaximum" in node else f"at most {high}"
    bounds = [word for word, bound in ((least, low), (most, high)) if bound is not None]
    return ", ".join([" or ".join(nouns) or "another value", " and ".join(bounds)]).rstrip(", ")


def _schema_breaches(schema: Schema, spec: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator  # slow to import, and most commands need no check

    errors = Draft202012Validator(schema).iter_errors(spec)
    breaches = ((list(map(str, error.absolute_path)), error) for error in errors)
    # A value that was never filled in is told as missing, once.
    wrong = [breach for breach in breaches if breach[1].instance != MISSING]
    return [_breach(error, schema) for _, error in sorted(wrong, key=lambda breach: breach[0])]


def _breach(error: ValidationError, schema: Schema) -> str:
    key = ".".join(str(part) for part in error.absolute_path) or "the spec"
    value, node = error.instance, error.schema if isinstance(error.schema, Mapping) else {}
    match error.validator:
        case "enum" if isinstance(value, str):
            options = [str(option) for option in node["enum"]]
            near = did_you_mean(value, options)
            near = f" {near}" if near.startswith("did you mean") else ""
            return f"{key}: {value!r} is not allowed;{near} allowed: {describe(node)}."
        case "pattern" if isinstance(value, str) and "examples" in node:
            near = did_you_mean(value, node["examples"])
            near = f" {near}" if near.startswith("did you mean") else ""
            return f"{key}: {value!r} is not allowed;{near} allowed: {describe(node)}."
        case "additionalProperties" if isinstance(value, Mapping) and "properties" in node:
            unknown = [str(name) for name in value if name not in node["properties"]]
            hints = (f"{name!r}; {did_you_mean(name, node['properties'])}" for name in unknown)
            return f"{key}: no such key: {' '.join(hints)}"
        case "required":
            return f"{key}: {error.message}."
        case _:
            whole = field_at(schema, tuple(str(part) for part in error.absolute_path)) or node
            return f"{key}: {value!r} is not allowed; allowed: {describe(whole)}."


def _missing_inputs(skill: Skill, action: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """Inputs that the action cannot do without, and values that the template leaves to the user."""
    inputs = skill.info.actions[action].inputs
    for key, wanted in inputs.items():
        is_replaced = any(not is_empty(get_value(spec, other)) for other in wanted.unless)
        if not (wanted.optional or is_replaced) and is_empty(get_value(spec, key)):
            ways = [*_suppliers(skill, action, key), *(f"--set {k}=PATH" for k in wanted.unless)]
            noun = input_noun(wanted)
            yield f"{key}: {noun} is required, none was given; pass {' or '.join(ways)}."
    for key in dotted_keys(action_schema(skill, action)):
        if key not in inputs and get_value(spec, key) == MISSING:
            yield f"{key}: a value is required, none was given; pass --set {key}=VALUE."


def _suppliers(skill: Skill, action: str, key: str) -> list[str]:
    """Ways to give an input, the usual one first."""
    ways = []
    source = skill.info.data_sources.get(action, {}).get(key)
    if source:
        ways += _ways_of_data(source)
    function = skill.info.spec_params.get(action, {}).get(key)
    if function in {"parent_model", "parent_model_or_ptm"}:
        parents = skill.info.actions[action].parents
        jobs = f" (a finished {' or '.join(parents)} job)" if parents else ""
        ways += [f"--parent JOB{jobs}", "--checkpoint PATH"]
    return [*ways, f"--set {key}=PATH"]


def _ways_of_data(source: DataSource) -> list[str]:
    """How a dataset root gives an input: as its folder, or by what it holds."""
    path = source.under_role or source.file
    if path == ".":
        inside = [f"--data FOLDER (with {source.file} in it)"] if source.file != "." else []
        return [f"--data {source.role}=FOLDER", *inside]
    return [f"--data {source.role}=FOLDER (with {path} in it)"]


def _not_finite(spec: object, key: str = "") -> Iterator[str]:
    """Numbers that JSON does not have, which the schema's bounds would let through."""
    if isinstance(spec, Mapping):
        for name, child in spec.items():
            yield from _not_finite(child, f"{key}.{name}".lstrip("."))
    elif isinstance(spec, list):
        for child in spec:
            yield from _not_finite(child, key)
    elif isinstance(spec, float) and not math.isfinite(spec):
        yield f"{key}: {spec!r} is not allowed; expected a finite number."


def _without_effect(key: str, other: str, spec: Mapping[str, Any]) -> str:
    return f"{key} has no effect while {other} is {get_value(spec, other)!r}."
