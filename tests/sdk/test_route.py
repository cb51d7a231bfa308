from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.fixtures.toy import TOY

from skillbank.bank import SkillBank
from skillbank.plan import Route
from skillbank.planner import PlanSetting, plan_job
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.route import choose_route
from skillbank.skill import Skill


def copy_without(folder: Path, *names: str) -> Skill:
    shutil.copytree(TOY.folder, folder / "toy_skill")
    for name in names:
        (folder / "toy_skill" / name).unlink()
    return Skill(folder / "toy_skill")


def test_training_is_searched_when_policy_and_skill_agree() -> None:
    route, reason = choose_route(TOY, "train", AutomlPolicy.ON)

    assert route is Route.AUTOML
    assert reason == "AutoML is on for this run and toy_skill enables it."


def test_the_policy_of_one_run_turns_it_off() -> None:
    route, reason = choose_route(TOY, "train", AutomlPolicy.OFF)

    assert (route, reason) == (Route.DIRECT, "AutoML is off for this run.")
    assert TOY.info.automl_enabled


@pytest.mark.parametrize("action", ["evaluate", "export"])
@pytest.mark.parametrize("policy", AutomlPolicy)
def test_nothing_but_training_is_searched(action: str, policy: AutomlPolicy) -> None:
    route, reason = choose_route(TOY, action, policy)

    assert route is Route.DIRECT
    assert reason == f"{action} runs directly: only train is ever searched."


def test_a_skill_that_does_not_enable_automl_trains_directly(tmp_path: Path) -> None:
    skill = copy_without(tmp_path)
    info = skill.folder / "references" / "skill_info.yaml"
    info.write_text(info.read_text().replace("automl_enabled: true", "automl_enabled: false"))

    assert choose_route(skill, "train", AutomlPolicy.ON) == (
        Route.DIRECT,
        "toy_skill does not enable AutoML.",
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["schemas/train.schema.json"], "the schema of train is not packaged"),
        (["references/spec_template_train.yaml"], "the spec template of train is not packaged"),
    ],
)
def test_a_skill_without_schema_or_template_trains_directly_and_says_what_is_missing(
    tmp_path: Path, missing: list[str], said: str
) -> None:
    route, reason = choose_route(copy_without(tmp_path, *missing), "train", AutomlPolicy.ON)

    assert route is Route.DIRECT
    assert reason == f"AutoML is enabled but not runnable: {said}; training directly."


def test_a_plan_of_the_automl_route_says_that_it_cannot_run_yet(tmp_path: Path) -> None:
    skill = SkillBank()["tao-train-pose-classification"]
    files = ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl")
    for name in files:
        (tmp_path / name).touch()
    setting = PlanSetting("train-1", tmp_path, None, 0)

    plans = [
        plan_job(
            JobRequest(skill.name, "train", data={"all": str(tmp_path)}, automl_policy=policy),
            skill,
            setting,
        )
        for policy in (AutomlPolicy.ON, AutomlPolicy.OFF)
    ]

    assert [any("--automl off" in note for note in plan.notes) for plan in plans] == [True, False]
