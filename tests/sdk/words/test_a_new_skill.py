"""A skill that nobody has seen is understood from its own folder alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skillbank.bank import SkillBank
from skillbank.words.answer import Outcome
from skillbank.words.reader import SentenceReader

NAME = "tao-train-fruit-sorter"
PAGE = """\
---
name: tao-train-fruit-sorter
description: Sorts fruit by taste. Use for fruit sorting, ripeness grading. Not for vegetables.
license: Apache-2.0
---

# Fruit sorter
"""
INFO = """\
name: tao-train-fruit-sorter
network_arch: fruit_sorter
description: Sorts fruit by taste.
version: 0.1.0
automl_enabled: true
metric: {name: val_acc, direction: maximize}
actions:
  train:
    inputs:
      orchard.folder: {type: folder}
    outputs:
      checkpoints: {file: "*.pth", kind: checkpoint}
    parents: []
  peel:
    inputs:
      peel.checkpoint: {type: checkpoint}
      peel.knife: {type: file}
    outputs:
      peels: {file: "*.json", kind: predictions}
    parents: [train]
spec_params:
  peel:
    peel.checkpoint: parent_model
spec_shorthand_keys:
  num_epochs: train.num_epochs
vocabulary:
  names: [fruit sorter, orchard net]
  hints: [mangoes]
  actions:
    peel: [peel, take the skin off]
  keys:
    train.sweetness: [sweetness, sugar level]
  values:
    train.colour: {deep_red: [crimson], pale: [pale]}
"""


def schema(properties: dict[str, object]) -> str:
    return json.dumps({"type": "object", "properties": properties})


def section(**fields: object) -> dict[str, object]:
    return {"type": "object", "properties": fields}


@pytest.fixture(scope="module")
def new_reader(tmp_path_factory: pytest.TempPathFactory) -> SentenceReader:
    """A reader over one new skill beside all that are shipped."""
    skills = tmp_path_factory.mktemp("bank") / "skills"
    folder = skills / NAME
    (folder / "references").mkdir(parents=True)
    (folder / "schemas").mkdir()
    (folder / "SKILL.md").write_text(PAGE)
    (folder / "references" / "skill_info.yaml").write_text(INFO)
    text = {"type": "string", "default": ""}
    train = section(
        num_epochs={"type": "integer", "minimum": 1},
        sweetness={"type": "number", "minimum": 0, "maximum": 1},
        colour={"type": "string", "enum": ["deep_red", "pale"]},
        is_washed={"type": "boolean"},
        max_worms={"type": "integer"},
    )
    orchard = section(folder=text)
    (folder / "schemas" / "train.schema.json").write_text(
        schema({"train": train, "orchard": orchard})
    )
    (folder / "schemas" / "peel.schema.json").write_text(
        schema({"peel": section(checkpoint=text, knife=text)})
    )
    shipped = Path(__file__).parents[3] / "skills"
    return SentenceReader(SkillBank([skills, shipped]))


@pytest.mark.parametrize(
    "words",
    ["a fruit sorter", "an orchard net", "fruit sorting", "ripeness grading", "fruit_sorter", NAME],
)
def test_its_names_and_uses_point_to_it(new_reader: SentenceReader, words: str) -> None:
    answer = new_reader.read(f"train {words} on /orchard")

    assert [(step.skill, step.action) for step in answer.steps] == [(NAME, "train")]


def test_its_hints_decide_where_no_name_is_said(new_reader: SentenceReader) -> None:
    assert new_reader.read("train a model for mangoes on /orchard").steps[0].skill == NAME


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        ("30 epochs", "train.num_epochs", 30),
        ("sugar level 0.5", "train.sweetness", 0.5),
        ("in crimson", "train.colour", "deep_red"),
        ("colour deep_red", "train.colour", "deep_red"),
        ("is washed on", "train.is_washed", True),
        ("3 max worms", "train.max_worms", 3),
        ("train.sweetness=0.5", "train.sweetness", 0.5),
    ],
)
def test_its_settings_and_their_values_are_read(
    new_reader: SentenceReader, words: str, key: str, value: object
) -> None:
    answer = new_reader.read(f"train a fruit sorter on /orchard, {words}")

    assert answer.outcome is Outcome.PLAN
    assert answer.steps[0].overrides == {"orchard.folder": "/orchard", key: value}


def test_a_bound_of_its_schema_holds(new_reader: SentenceReader) -> None:
    answer = new_reader.read("train a fruit sorter on /orchard with sweetness 7")

    assert answer.outcome is Outcome.UNSUPPORTED
    assert "train.sweetness" in answer.message


@pytest.mark.parametrize("verb", ["peel", "take the skin off", "please peel"])
def test_its_own_verb_asks_for_its_own_action(new_reader: SentenceReader, verb: str) -> None:
    answer = new_reader.read(f"{verb} the fruit with job 7f3a2c and peel.knife=/k.json")

    assert [(step.skill, step.action) for step in answer.steps] == [(NAME, "peel")]
    assert answer.outcome is Outcome.PLAN


def test_what_its_action_lacks_is_named(new_reader: SentenceReader) -> None:
    answer = new_reader.read("peel the fruit")

    assert answer.outcome is Outcome.INCOMPLETE
    assert {missing.key for missing in answer.missing} == {"parent", "peel.knife"}


def test_its_steps_are_linked_by_its_parents(new_reader: SentenceReader) -> None:
    answer = new_reader.read("train a fruit sorter on /orchard, then peel with peel.knife=/k.json")

    assert answer.steps[1].parent is not None
    assert answer.steps[1].parent.step == 0


def test_it_is_one_of_the_candidates_of_a_vague_wish(new_reader: SentenceReader) -> None:
    answer = new_reader.read("train a model on /orchard")

    assert answer.outcome is Outcome.AMBIGUOUS
    assert NAME in answer.candidates


def test_its_page_is_shown_for_a_question(new_reader: SentenceReader) -> None:
    command = new_reader.read("how do I train a fruit sorter?").command

    assert command is not None
    assert (command.name, command.arguments) == ("show", (NAME,))
