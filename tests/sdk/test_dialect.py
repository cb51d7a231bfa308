"""Skill folders in TAO's own dialect load, and their reader learns what was translated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from skillbank.bank import SkillBank
from skillbank.dialect import translate_schema
from skillbank.skill_info import Const, DataSource, Input, InputType, Link

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "tao_dialect_skill"
SKILL = SkillBank([FOLDER])["tao-train-shape-sorter"]


def translate(field: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    schema, notes = translate_schema({"type": "object", "properties": {"x": field}}, "here")
    return schema["properties"]["x"], notes


def test_the_translated_schema_is_standard_strict_json_and_admits_the_template() -> None:
    schema = SKILL.schema("train")

    json.dumps(schema, allow_nan=False)
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(schema["default"] | {"train": {"lr": 0.5}})


def test_unknown_keys_are_refused_where_the_schema_knows_all_of_its_default() -> None:
    schema = SKILL.schema("train")
    dataset = schema["properties"]["dataset"]

    assert (schema["additionalProperties"], dataset["additionalProperties"]) == (False, False)
    assert "additionalProperties" not in schema["properties"]["train"]


def test_known_parts_of_the_info_are_read_in_our_words() -> None:
    info = SKILL.info

    assert info.actions["train"].inputs["dataset.images"] == Input(type=InputType.FILE)
    assert info.actions["train"].parents is None
    assert info.data_sources["train"] == {
        "dataset.images": DataSource(role="train", file="images.tar.gz")
    }
    assert info.data_sources["evaluate"]["evaluate.images"].role == "val"
    assert info.spec_params["train"]["dataset.kind"] == Const(const="shapes")
    assert isinstance(info.spec_params["train"]["dataset.backbone"], Link)


@pytest.mark.parametrize(
    "note",
    [
        "skill_info.yaml: container_image: unknown key, left aside",
        "skill_info.yaml: actions.train.command: unknown key, left aside",
        "skill_info.yaml: name: not there, read as the folder's 'tao-train-shape-sorter'",
        "actions.train.inputs.dataset.extra: type 'table' is read as 'file'",
        "actions.train.outputs.results_dir: names a type but no file pattern, left aside",
        "train.schema.json: train.odd: type 'tensor' is not known; any value is accepted",
        "train.schema.json: train.policy: the default 'step' was no option; added",
    ],
)
def test_what_was_changed_or_left_aside_is_noted(note: str) -> None:
    assert note in SKILL.notes


@pytest.mark.parametrize("key", ["dataset.extra", "dataset.kind"])
def test_data_that_are_not_one_named_file_are_noted(key: str) -> None:
    start, end = f"data_sources.train.{key}: ", "is not one file of one root, left aside"

    assert any(note.startswith(start) and note.endswith(end) for note in SKILL.notes)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("int", "integer"),
        ("float", "number"),
        ("bool", "boolean"),
        ("collection", "object"),
        ("dict", "object"),
        ("list", "array"),
        ("list_1", "array"),
        ("list_2", "array"),
        ("subset_list", "array"),
        ("integer", "integer"),
        ("string", ["string", "null"]),
        ("str", ["string", "null"]),
    ],
)
def test_a_type_word_becomes_a_standard_type(word: str, kind: str | list[str]) -> None:
    assert translate({"type": word}) == ({"type": kind}, [])


@pytest.mark.parametrize(
    ("field", "translated"),
    [
        ({"type": "int", "maximum": float("inf")}, {"type": "integer"}),
        ({"type": "int", "minimum": 1}, {"type": "integer", "minimum": 1}),
        ({"type": "float", "default": float("nan")}, {"type": ["number", "null"], "default": None}),
        ({"type": "int", "default": "???"}, {"type": ["integer", "null"], "default": None}),
        ({"type": "bool", "required": "yes"}, {"type": "boolean"}),
        ({"type": "ordered_int", "enum": [8, 8, 16]}, {"type": "integer", "enum": [8, 16]}),
        ({"type": "categorical", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        ({"type": "categorical", "enum": ["a", 1]}, {"enum": ["a", 1]}),
        ({"type": "categorical"}, {}),
        ({"math_cond": "> 0"}, {"math_cond": "> 0"}),
        (
            {"type": "list_2", "minimum": [1, 0.5], "maximum": [8, float("inf")]},
            {"type": "array", "prefixItems": [{"minimum": 1, "maximum": 8}, {"minimum": 0.5}]},
        ),
        (
            {"type": "ordered_int", "enum": [8, 8, 16], "option_weights": [1, 2, 4]},
            {"type": "integer", "enum": [8, 16], "option_weights": [3, 4]},
        ),
        (
            {"type": "categorical", "enum": ["a", "b"], "default": "b", "option_weights": [1, 2]},
            {"type": "string", "enum": ["a", "b"], "default": "b", "option_weights": [1, 2]},
        ),
    ],
)
def test_a_field_is_translated_without_a_note(
    field: dict[str, Any], translated: dict[str, Any]
) -> None:
    assert translate(field) == (translated, [])


def test_a_default_that_was_no_option_is_weighed_as_the_options_are_on_average() -> None:
    node, _ = translate(
        {"type": "categorical", "enum": ["a", "b"], "default": "c", "option_weights": [1, 3]}
    )

    assert node["enum"] == ["a", "b", "c"]
    assert node["option_weights"] == [1, 3, 2]


def test_a_standard_schema_passes_unchanged() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}

    assert translate_schema(schema, "here") == (schema, [])
