"""What can be done here is read off the bank, the packages and the platforms."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sdk.preflight.conftest import SKILL, Machine
from tests.sdk.toy import FIXTURES, RecordingPlatform

from skillbank.bank import SkillBank
from skillbank.capabilities import ActionFacts, Capabilities, SkillFacts, describe_platform
from skillbank.client import Client
from skillbank.errors import SkillNotFound
from skillbank.platforms.inspection import CheckState


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Capabilities:
    return Client(tmp_path_factory.mktemp("root")).capabilities()


@pytest.fixture(scope="module")
def pose(found: Capabilities) -> SkillFacts:
    return next(skill for skill in found.skills if skill.name == SKILL)


def test_every_skill_of_the_bank_is_listed_with_its_purpose(found: Capabilities) -> None:
    assert [skill.name for skill in found.skills] == [skill.name for skill in SkillBank()]
    assert all(skill.purpose for skill in found.skills)
    assert not any(skill.problem for skill in found.skills)


def test_actions_say_what_they_need_and_leave(pose: SkillFacts) -> None:
    train, export = (a for a in pose.actions if a.name in ("train", "export"))

    by_key = {need.key: need for need in train.needs}
    assert by_key["dataset.val_dataset.data_path"].file == "val_data.npy"
    assert not by_key["model.pretrained_model_path"].is_required
    assert train.leaves["model_epoch_*.pth"] == "checkpoint"
    assert [need.parents for need in export.needs] == [("train",)]
    assert export.leaves["model.onnx"] == "onnx"


def test_formats_are_those_of_the_schema(pose: SkillFacts) -> None:
    convert = next(action for action in pose.actions if action.name == "dataset_convert")

    assert {"deepstream", "openpose", "ntu"} <= set(convert.formats["dataset_convert.format"])


def test_automl_is_told_as_the_skill_has_it(found: Capabilities) -> None:
    bank = SkillBank()

    assert {s.name: s.has_automl for s in found.skills} == {s.name: s.can_automl() for s in bank}


def test_every_action_that_is_built_can_run_where_everything_is_installed(
    found: Capabilities,
) -> None:
    bank = SkillBank()

    for skill in found.skills:
        built = {a.name for a in skill.actions if bank[skill.name].info.actions[a.name].built}
        assert built == {action.name for action in skill.actions if action.can_run}


def test_a_skill_that_is_copied_into_a_bank_appears_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "skills" / "toy-train"
    shutil.copytree(FIXTURES / "skills" / "toy-train", folder)
    client = Client(tmp_path / "root", bank=SkillBank([tmp_path / "skills"]))

    (toy,) = client.capabilities().skills

    assert [action.name for action in toy.actions] == ["train"]
    assert not toy.actions[0].is_built  # its runner is not on the import path


def test_a_broken_skill_is_told_and_hides_no_other(tmp_path: Path) -> None:
    for name in ("toy-train", "toy-two"):
        folder = tmp_path / "skills" / name
        shutil.copytree(FIXTURES / "skills" / "toy-train", folder)
    (tmp_path / "skills/toy-two/references/skill_info.yaml").write_text("actions: 3")
    client = Client(tmp_path / "root", bank=SkillBank([tmp_path / "skills"]))

    good, broken = client.capabilities().skills

    assert good.actions
    assert "skill_info.yaml" in broken.problem


def test_one_skill_can_be_asked_for_alone(tmp_path: Path) -> None:
    client = Client(tmp_path)

    assert [skill.name for skill in client.capabilities(SKILL).skills] == [SKILL]
    with pytest.raises(SkillNotFound, match="did you mean"):
        client.capabilities("tao-train-pose-clasification")


def test_extras_that_lack_something_come_with_the_line_that_installs_them(
    found: Capabilities,
) -> None:
    for extra in found.extras:
        assert bool(extra.missing) == bool(extra.install)
        assert extra.packages
    assert {"train", "automl", "video"} <= {extra.name for extra in found.extras}


def test_a_platform_is_as_good_as_its_worst_check(tmp_path: Path) -> None:
    (tmp_path / "root").touch()
    broken = describe_platform("local", Machine(tmp_path / "root", gpus=()))
    silent = describe_platform("far", RecordingPlatform())

    assert (broken.state, broken.fix) == (CheckState.FAIL, "export SKILLBANK_HOME=FOLDER")
    assert (silent.state, silent.fix, silent.resources) == (CheckState.PASS, "", None)


@pytest.mark.parametrize(
    ("is_built", "missing", "can_run"),
    [(True, (), True), (False, (), False), (True, ("torch (not installed)",), False)],
)
def test_an_action_can_run_when_it_is_built_and_lacks_nothing(is_built, missing, can_run) -> None:
    action = ActionFacts("train", "Train.", is_built, (), {}, {}, missing)

    assert action.can_run is can_run


def test_all_of_it_is_json(found: Capabilities) -> None:
    content = json.loads(json.dumps(found.to_mapping()))

    actions = [action for skill in content["skills"] for action in skill["actions"]]
    assert all(isinstance(action["can_run"], bool) for action in actions)
    assert content["platforms"][0]["name"] == "local"


def test_asking_makes_no_folder(tmp_path: Path) -> None:
    Client(tmp_path / "root").capabilities()

    assert not list(tmp_path.iterdir())


# A process of its own, so that nothing of other tests is loaded: 1 s.
def test_no_runner_and_no_training_library_is_imported(tmp_path: Path) -> None:
    code = f"""
import sys
from skillbank.cli import main
assert main(["--root", {str(tmp_path)!r}, "capabilities"]) == 0
heavy = {{"torch", "numpy", "skillbank_runners", "pytorch_lightning", "matplotlib", "optuna"}}
print(sorted(heavy & {{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
