"""Whatever a foreign folder holds, reading it gives a valid value or an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from skillbank.dialect import read_info, translate_schema
from skillbank.errors import SkillInvalid
from skillbank.skill_info import SkillInfo

# The same examples every time; no limit per example, since a loaded machine would break it.
bounded = settings(max_examples=60, deadline=None, derandomize=True)
PATH = Path("tao-train-toy/references/skill_info.yaml")
WORDS = st.sampled_from(
    ["int", "float", "bool", "string", "list_2", "ordered_int", "categorical", "tensor", "object"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.text(max_size=5) | st.sampled_from(
    ["type", "properties", "enum", "default", "required", "minimum", "train", "inputs", "outputs"]
)
JSON = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {"type": WORDS},
    optional={
        "default": SCALARS | st.just("???"),
        "minimum": st.integers() | st.floats(),
        "maximum": st.integers() | st.floats(),
        "enum": st.lists(st.integers() | st.text(max_size=3), min_size=1, max_size=4),
        "required": st.just("yes"),
        "description": st.text(max_size=5),
    },
)
SECTIONS = st.dictionaries(st.text(min_size=1, max_size=5), FIELDS, max_size=4)
INFO_KEYS = st.sampled_from([*SkillInfo.model_fields, "container_image"])


@bounded
@given(SECTIONS)
def test_a_translated_schema_is_valid_strict_json(fields: dict[str, Any]) -> None:
    raw = {"type": "collection", "properties": {"section": {"properties": fields}}}

    schema, _ = translate_schema(raw, "here")

    Draft202012Validator.check_schema(schema)
    json.dumps(schema, allow_nan=False)


@bounded
@given(SECTIONS)
def test_a_field_keeps_every_keyword_that_was_not_translated(fields: dict[str, Any]) -> None:
    schema, _ = translate_schema({"properties": fields}, "here")

    for name, field in fields.items():
        kept = schema["properties"][name]
        assert kept.get("description") == field.get("description")


def outcome(read: Callable[[], object]) -> object:
    """What reading gives, or the error that says what is wrong."""
    try:
        return read()
    except SkillInvalid as error:
        return str(error)


@bounded
@given(JSON)
def test_any_schema_is_read_or_refused(raw: object) -> None:
    properties = {"properties": {"x": raw}}

    read = outcome(lambda: translate_schema(properties, "here")[0])

    assert isinstance(read, dict) or "here" in str(read)


@bounded
@given(st.dictionaries(INFO_KEYS, JSON, max_size=4))
def test_any_info_is_read_or_refused(raw: dict[str, Any]) -> None:
    content = {"network_arch": "toy", "actions": {}, **raw}

    read = outcome(lambda: read_info(content, PATH)[0])

    assert isinstance(read, SkillInfo) or str(PATH) in str(read)


def test_unknown_keys_inside_lists_are_noted_too() -> None:
    pattern = {"pattern": "x", "advice": "y", "severity": 3}
    raw = {"network_arch": "toy", "actions": {}, "error_patterns": [pattern]}

    info, notes = read_info(raw, PATH)

    assert info.error_patterns[0].advice == "y"
    assert "skill_info.yaml: error_patterns.0.severity: unknown key, left aside" in notes
