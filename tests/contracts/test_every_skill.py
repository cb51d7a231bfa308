"""The contract of a skill folder; every skill of the bank is tested by being there."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
import skills_ref
from jsonschema import Draft202012Validator

from skillbank.bank import SkillBank
from skillbank.skill import Skill
from skillbank.skill_check import check_folder
from skillbank.spec_keys import dotted_keys, field_at

SKILLS = list(SkillBank())
RUNNING = [skill for skill in SKILLS if skill.has_info]
ACTIONS = [
    pytest.param(skill, action, id=f"{skill.name}-{action}")
    for skill in RUNNING
    for action in skill.info.actions
]
every_skill = pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
every_running_skill = pytest.mark.parametrize("skill", RUNNING, ids=lambda skill: skill.name)
every_action = pytest.mark.parametrize(("skill", "action"), ACTIONS)


def fields(schema: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(key, field_at(schema, tuple(key.split(".")))) for key in dotted_keys(schema)]


@every_skill
def test_the_reference_validator_of_the_standard_accepts_it(skill: Skill) -> None:
    assert skills_ref.validate(skill.folder) == []


@every_skill
def test_our_own_check_accepts_it_without_a_note(skill: Skill) -> None:
    report = check_folder(skill.folder)

    assert (report.problems, report.notes) == ((), ())


@every_skill
def test_its_routing_tasks_say_what_is_for_it_and_what_is_not(skill: Skill) -> None:
    content = json.loads((skill.folder / "evals/evals.json").read_text(encoding="utf-8"))
    tasks = content["tasks"]

    assert content["skill"] == skill.name
    assert len(tasks) >= 20
    assert len({task["request"] for task in tasks}) == len(tasks)
    assert {True, False} == {task["use"] for task in tasks}
    for task in tasks:
        assert task["use"] == ("action" in task), task
        assert task["use"] or task["because"], task


@every_running_skill
def test_its_routing_tasks_cover_every_action_that_is_built(skill: Skill) -> None:
    content = json.loads((skill.folder / "evals/evals.json").read_text(encoding="utf-8"))
    asked = {task["action"] for task in content["tasks"] if task["use"]}

    built = {name for name, action in skill.info.actions.items() if action.built}
    assert built <= asked <= skill.info.actions.keys()


@every_running_skill
def test_its_page_names_every_action_and_shorthand(skill: Skill) -> None:
    page = (skill.folder / "SKILL.md").read_text(encoding="utf-8")

    for name in (*skill.info.actions, *skill.info.spec_shorthand_keys):
        assert f"`{name}`" in page


@every_running_skill
def test_it_can_be_searched_when_it_says_so(skill: Skill) -> None:
    assert skill.can_automl() is skill.info.automl_enabled


@every_running_skill
def test_its_manifest_lists_every_action(skill: Skill) -> None:
    path = skill.folder / "schemas" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))

    assert manifest["actions"] == {
        name: {"built": action.built} for name, action in skill.info.actions.items()
    }


@every_action
def test_the_runner_reads_what_the_schema_describes(skill: Skill, action: str) -> None:
    runner = import_module(f"skillbank_runners.{skill.info.network_arch}")

    default = runner.SPECS[action]().model_dump(mode="json")

    assert skill.template(action) == skill.schema(action)["default"] == default


@every_action
def test_an_action_that_is_built_has_a_module_of_its_name(skill: Skill, action: str) -> None:
    module = f"skillbank_runners.{skill.info.network_arch}.{action}"

    assert find_spec(module) or not skill.info.actions[action].built


@every_action
def test_the_template_fits_the_schema_and_unknown_keys_do_not(skill: Skill, action: str) -> None:
    validator = Draft202012Validator(skill.schema(action))
    template = skill.template(action)

    assert validator.is_valid(template)
    assert not validator.is_valid({**template, "no_such_key": 1})


@every_action
def test_schemas_are_strict_json_without_references(skill: Skill, action: str) -> None:
    text = (skill.folder / "schemas" / f"{action}.schema.json").read_text(encoding="utf-8")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    json.loads(text, parse_constant=refuse)
    assert "$ref" not in text


@every_action
def test_every_field_says_what_it_is_and_defaults_to(skill: Skill, action: str) -> None:
    for key, field in fields(skill.schema(action)):
        assert {"title", "description", "default", "type"} <= field.keys(), key


@every_action
def test_every_searched_field_has_a_finite_range(skill: Skill, action: str) -> None:
    schema = skill.schema(action)
    searched = {key for key, field in fields(schema) if field.get("automl_enabled") is True}

    assert searched == set(schema["automl_default_parameters"])
    for key in searched:
        search = field_at(schema, tuple(key.split(".")))["search_range"]
        assert -1e9 < search["low"] <= search["high"] < 1e9, key
        assert isinstance(search["log"], bool), key


@every_action
def test_every_dataset_file_of_an_action_is_one_of_its_inputs(skill: Skill, action: str) -> None:
    sources = skill.info.data_sources.get(action, {})

    assert sources.keys() <= skill.info.actions[action].inputs.keys()
