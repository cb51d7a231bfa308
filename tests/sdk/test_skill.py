"""A skill folder as values: what is read, when, and what is said when it is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skillbank.errors import SkillInvalid, SkillNotFound
from skillbank.skill import Skill

INFO = """
name: tao-train-toy
network_arch: toy
automl_enabled: true
actions:
  train: {inputs: {data: {type: file}}}
  evaluate: {built: false}
"""
SCHEMA = """{
 "$schema": "https://json-schema.org/draft/2020-12/schema",
 "type": "object", "default": {"data": "", "epochs": 2},
 "properties": {"data": {"type": "string"}, "epochs": {"type": "integer"}}
}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete skill folder with a train action."""
    folder = tmp_path / "tao-train-toy"
    (folder / "references").mkdir(parents=True)
    (folder / "schemas").mkdir()
    page = "---\nname: tao-train-toy\ndescription: Trains a toy. Slowly.\n---\n\n# Toy\n"
    (folder / "SKILL.md").write_text(page, encoding="utf-8")
    (folder / "references/skill_info.yaml").write_text(INFO, encoding="utf-8")
    (folder / "references/spec_template_train.yaml").write_text("data: ''\nepochs: 2\n")
    (folder / "schemas/train.schema.json").write_text(SCHEMA, encoding="utf-8")
    return folder


def write_info(folder: Path, text: str) -> None:
    (folder / "references/skill_info.yaml").write_text(text, encoding="utf-8")


def test_a_skill_has_its_name_description_actions_schema_and_template(folder: Path) -> None:
    skill = Skill(folder)

    assert skill.name == skill.info.name == "tao-train-toy"
    assert skill.description == "Trains a toy. Slowly."
    assert [name for name, action in skill.info.actions.items() if action.built] == ["train"]
    assert skill.schema("train")["properties"]["epochs"] == {"type": "integer"}
    assert skill.template("train") == {"data": "", "epochs": 2}
    assert skill.notes == ()


def test_a_template_is_the_caller_s_to_change(folder: Path) -> None:
    skill = Skill(folder)
    skill.template("train")["epochs"] = 99

    assert skill.template("train")["epochs"] == 2


def test_without_a_template_the_schema_s_default_stands_in(folder: Path) -> None:
    (folder / "references/spec_template_train.yaml").unlink()
    skill = Skill(folder)
    skill.template("train")["epochs"] = 99

    assert skill.template("train") == {"data": "", "epochs": 2}


@pytest.mark.parametrize(
    "missing", ["schemas/train.schema.json", "references/spec_template_train.yaml"]
)
def test_train_can_be_searched_only_with_schema_and_template(folder: Path, missing: str) -> None:
    assert Skill(folder).can_automl()

    (folder / missing).unlink()

    assert not Skill(folder).can_automl()


def test_train_cannot_be_searched_when_the_skill_does_not_enable_it(folder: Path) -> None:
    write_info(folder, INFO.replace("automl_enabled: true", "automl_enabled: false"))

    assert not Skill(folder).can_automl()


def test_an_unknown_action_comes_with_what_was_meant(folder: Path) -> None:
    with pytest.raises(SkillNotFound, match="no action 'trian'; did you mean 'train'"):
        Skill(folder).schema("trian")


def test_a_schema_that_is_not_packaged_is_told_with_its_path(folder: Path) -> None:
    skill = Skill(folder)

    assert not skill.has_schema("evaluate")
    with pytest.raises(SkillInvalid, match=r"evaluate\.schema\.json: no such file"):
        skill.schema("evaluate")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("references/skill_info.yaml", "name: a: b", r"skill_info\.yaml:1: this is not YAML"),
        ("references/skill_info.yaml", "- a\n", "expected a mapping of keys to values, found"),
        ("schemas/train.schema.json", "{,}", r"train\.schema\.json:1: this is not JSON"),
        ("schemas/train.schema.json", "[]", r"train\.schema\.json: a schema must be a JSON object"),
        ("references/spec_template_train.yaml", "- a\n", "expected a mapping of sections"),
    ],
)
def test_a_broken_file_is_told_with_its_name(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")

    with pytest.raises(SkillInvalid, match=said):
        _ = (Skill(folder).schema("train"), Skill(folder).template("train"))


def test_all_breaches_of_the_info_are_listed_at_once(folder: Path) -> None:
    write_info(folder, "name: tao-train-toy\nautoml_enabled: maybe\nactions: {train: {built: 3}}\n")

    with pytest.raises(SkillInvalid) as caught:
        _ = Skill(folder).info

    said = str(caught.value)
    assert "network_arch: field required" in said
    assert "automl_enabled: input should be a valid boolean" in said
    assert "actions.train.built: input should be a valid boolean" in said
    assert "found 'maybe'" in said


def test_unknown_keys_are_noted_and_do_no_harm(folder: Path) -> None:
    write_info(folder, INFO + "container_image: somewhere\n")
    skill = Skill(folder)

    assert skill.info.network_arch == "toy"
    assert skill.notes == ("skill_info.yaml: container_image: unknown key, left aside",)


def test_a_skill_without_info_guides_and_runs_nothing(folder: Path) -> None:
    (folder / "references/skill_info.yaml").unlink()
    skill = Skill(folder)

    assert (skill.has_info, skill.can_automl(), skill.notes) == (False, False, ())
    with pytest.raises(SkillInvalid, match="runs no jobs of its own"):
        _ = skill.info


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (None, "every skill folder needs a SKILL.md"),
        ("# Toy\n", "expected front matter between two '---' lines"),
        ("---\nname: x\n", "expected front matter between two '---' lines"),
        ("---\n- a\n---\n", "no mapping of keys to values"),
        ("---\nname: x\nbad: [\n---\n", r"SKILL\.md:4: this is not YAML"),
    ],
)
def test_a_page_without_proper_front_matter_is_told(
    folder: Path, page: str | None, said: str
) -> None:
    path = folder / "SKILL.md"
    path.unlink() if page is None else path.write_text(page, encoding="utf-8")

    with pytest.raises(SkillInvalid, match=said):
        _ = Skill(folder).front_matter


def test_a_skill_is_not_read_before_it_is_asked() -> None:
    code = (
        "import sys; from skillbank.bank import SkillBank; "
        "[skill.name for skill in SkillBank()]; print('pydantic' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "False"
