"""`skillbank check`: every way to break a skill folder is found and named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from skillbank.bank import shipped
from skillbank.skill_check import check_folder

SHIPPED = shipped("skills") / "tao-train-pose-classification"
FOREIGN = Path(__file__).resolve().parents[1] / "fixtures/tao_dialect_skill/tao-train-shape-sorter"
INFO = "references/skill_info.yaml"
SCHEMA = "schemas/evaluate.schema.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a shipped skill folder, to be broken."""
    return Path(shutil.copytree(SHIPPED, tmp_path / SHIPPED.name))


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def rename(folder: Path) -> None:
    folder.rename(folder.with_name("tao-train-other"))


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


BREAKS = {
    "name": (replace("SKILL.md", "name: tao", "name: Tao"), "SKILL.md:2: name: found 'Tao-train"),
    "description": (
        replace("SKILL.md", "description: >-\n", "description: ''\nlicence: >-\n"),
        "description: expected 1 to 1024 characters",
    ),
    "front matter key": (
        replace("SKILL.md", "license:", "licence:"),
        "licence: no key of the front matter; did you mean 'license'?",
    ),
    "no front matter": (replace("SKILL.md", "---\nname", "name"), "expected front matter"),
    "long page": (replace("SKILL.md", "## Hardware", "x\n" * 500), "lines and about"),
    "dead link": (replace("SKILL.md", "(references/pose", "(references/nose"), "is not there"),
    "info": (replace(INFO, "network_arch:", "network:"), "network_arch: field required"),
    "info syntax": (replace(INFO, "actions:", "actions: ["), "this is not YAML"),
    "info name": (replace(INFO, "name: tao-train-pose", "name: tao-train-nose"), "name: found"),
    "action": (
        replace(INFO, "spec_params:\n  dataset_convert:", "spec_params:\n  dataset_conver:"),
        "spec_params.dataset_conver: no such action; did you mean 'dataset_convert'?",
    ),
    "other input": (
        replace(INFO, "label_path: {type: file}", "label_path: {type: file, unless: [train.x]}"),
        "label_path.unless: train.x: no such spec key",
    ),
    "spoken action": (
        replace(
            INFO, "    dataset_convert:\n      - dataset", "    dataset_conver:\n      - dataset"
        ),
        "vocabulary.actions.dataset_conver: no such action; did you mean 'dataset_convert'?",
    ),
    "spoken key": (
        replace(INFO, "    train.grad_clip: [", "    train.clip_grad: ["),
        "vocabulary.keys: train.clip_grad: no such spec key; did you mean",
    ),
    "spoken value": (
        replace(INFO, "      Cosine: [cosine sch", "      Cosinus: [cosine sch"),
        "vocabulary.values: train.optim.lr_scheduler: 'Cosinus' is not allowed there",
    ),
    "spoken name": (
        replace(INFO, "    - pose classifier", "    - Pose classifier"),
        "vocabulary.names: 'Pose classifier': expected lower case",
    ),
    "parent": (replace(INFO, "parents: [train]", "parents: [trian]"), "'trian' is no action"),
    "function": (
        replace(INFO, "evaluate.checkpoint: parent_model", "evaluate.checkpoint: parent_modle"),
        "'parent_modle' is no inference function; did you mean 'parent_model'?",
    ),
    "input": (
        replace(INFO, "evaluate.checkpoint: {type", "evaluate.chekpoint: {type"),
        "actions.evaluate.inputs: evaluate.chekpoint: no such spec key; did you mean",
    ),
    "source": (
        replace(INFO, "    evaluate.test_dataset.data_path:\n", "    evaluate.data_path:\n"),
        "data_sources.evaluate: evaluate.data_path: no such spec key; did you mean",
    ),
    "shorthand": (
        replace(INFO, "learning_rate: train.optim.lr", "learning_rate: train.lr"),
        "spec_shorthand_keys.learning_rate: train.lr: no such spec key; did you mean",
    ),
    "carry forward": (
        replace(INFO, "- model.graph_layout", "- model.layout"),
        "carry_forward: model.layout: no such spec key; did you mean",
    ),
    "schema syntax": (replace(SCHEMA, '"type": "object"', '"type": object'), "this is not JSON"),
    "schema": (
        replace(SCHEMA, '"minimum": -1', '"minimum": "low"'),
        "expected JSON Schema 2020-12",
    ),
    "no schema": (remove(SCHEMA), "evaluate.schema.json: no such file"),
    "condition": (replace(SCHEMA, '"!= 0"', '"not zero"'), "math_cond 'not zero' cannot be read"),
    "template": (
        replace("references/spec_template_train.yaml", "num_epochs: 10", "num_epochs: ten"),
        "train.num_epochs: 'ten' is not of type 'integer'",
    ),
    "no template": (
        remove("references/spec_template_train.yaml"),
        "references/spec_template_train.yaml: no such file",
    ),
    "drift": (
        replace("references/spec_template_train.yaml", "num_epochs: 10", "num_epochs: 11"),
        "references/spec_template_train.yaml: changed since manifest.json was written",
    ),
    "manifest": (replace("schemas/manifest.json", '"files": {', '"file": {'), "files: expected"),
}


def test_the_shipped_skill_is_valid() -> None:
    report = check_folder(SHIPPED)

    assert (report.problems, report.notes) == ((), ())


@pytest.mark.parametrize("case", BREAKS)
def test_a_break_is_found_and_named(folder: Path, case: str) -> None:
    change, said = BREAKS[case]
    change(folder)

    problems = check_folder(folder).problems

    assert any(said in problem for problem in problems), problems


def test_a_folder_of_another_name_is_told(folder: Path) -> None:
    rename(folder)

    problems = check_folder(folder.with_name("tao-train-other")).problems

    assert any("expected the folder's name 'tao-train-other'" in problem for problem in problems)
    assert any("expected the folder's 'tao-train-other'" in problem for problem in problems)


def test_a_link_out_of_the_folder_is_told(folder: Path) -> None:
    (folder.parent / "notes.md").write_text("x", encoding="utf-8")
    replace("SKILL.md", "(references/pose-data-format.md)", "(../notes.md)")(folder)

    assert any("expected a file of the folder" in p for p in check_folder(folder).problems)


def test_actions_without_schema_or_template_are_told_for_foreign_folders_too() -> None:
    problems = check_folder(FOREIGN).problems

    assert any("evaluate.schema.json: no such file" in problem for problem in problems)
    assert any("spec_template_evaluate.yaml: no such file" in problem for problem in problems)


def test_breaks_in_different_files_are_listed_at_once(folder: Path) -> None:
    for case in ("front matter key", "function", "condition", "no template"):
        BREAKS[case][0](folder)

    problems = check_folder(folder).problems

    for case in ("front matter key", "function", "condition", "no template"):
        assert any(BREAKS[case][1] in problem for problem in problems)


def test_a_folder_in_tao_s_dialect_is_checked_and_its_translations_are_noted(
    tmp_path: Path,
) -> None:
    folder = Path(shutil.copytree(FOREIGN, tmp_path / FOREIGN.name))
    info = re.sub(r"(?ms)^  evaluate:\n.*?(?=^\S)", "", (folder / INFO).read_text("utf-8"))
    (folder / INFO).write_text(info, encoding="utf-8")

    report = check_folder(folder)

    assert [problem.partition("SKILL.md:5: ")[2] for problem in report.problems] == [
        "tags: no key of the front matter; known: allowed-tools, compatibility, description, "
        "license, metadata, name."
    ]
    assert f"{folder / INFO}:3: container_image: unknown key, left aside" in report.notes, (
        report.notes
    )


def test_a_skill_that_only_guides_needs_no_more_than_its_page(folder: Path) -> None:
    (folder / INFO).unlink()

    assert check_folder(folder).problems == ()


def test_a_manifest_that_lists_a_missing_file_is_told(folder: Path) -> None:
    path = folder / "schemas" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"]["schemas/prune.schema.json"] = "0" * 64
    path.write_text(json.dumps(manifest), encoding="utf-8")

    assert any("listed in manifest.json, and not there" in p for p in check_folder(folder).problems)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "x").problems == (f"{tmp_path / 'x'}: no such folder.",)
