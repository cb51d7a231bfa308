from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.toy import TOY, dataset

from skillbank.bank import SkillBank
from skillbank.errors import RequestInvalid
from skillbank.plan import JobPlan, Route
from skillbank.planner import PlanSetting, plan_job
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.route import choose_route
from skillbank.skill import Skill

POSE = SkillBank()["tao-train-pose-classification"]


def copy_without(folder: Path, *names: str) -> Skill:
    shutil.copytree(TOY.folder, folder / "toy_skill")
    for name in names:
        (folder / "toy_skill" / name).unlink()
    return Skill(folder / "toy_skill")


def test_training_is_searched_when_policy_and_skill_agree() -> None:
    route, reason = choose_route(TOY, "train", AutomlPolicy.ON)

    assert route is Route.AUTOML
    assert reason == (
        "AutoML is on for this run and toy_skill enables it: train runs through tao-run-automl."
    )


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


def plan(skill: Skill, folder: Path, **request: Any) -> JobPlan:
    """A plan to train on empty files."""
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        (folder / name).touch()
    wanted = JobRequest(skill.name, "train", data={"all": str(folder)}, **request)
    return plan_job(wanted, skill, PlanSetting("train-1", folder, None, 0))


def test_a_search_is_planned_down_to_its_algorithm_and_budget(tmp_path: Path) -> None:
    made = plan(POSE, tmp_path, automl={"automl_algorithm": "h", "max_recommendations": 7})

    settings = made.search["settings"]
    assert made.route is Route.AUTOML
    assert (settings["algorithm"], settings["max_epochs"]) == ("hyperband", 27)
    assert settings["max_recommendations"] == 7
    assert made.search["goals"] == [{"metric": "val_loss", "minimize": True}]
    assert made.search["data"] == {"all": str(tmp_path)}


def test_by_itself_a_search_pauses_weak_trials_and_promotes_good_ones(tmp_path: Path) -> None:
    made = plan(POSE, tmp_path, overrides={"num_epochs": 30})

    settings = made.search["settings"]
    assert (settings["algorithm"], settings["max_epochs"]) == ("asha", 30)
    assert "30 epochs" in made.search["algorithm_reason"]


def test_a_training_too_short_for_rungs_is_searched_by_a_model(tmp_path: Path) -> None:
    made = plan(POSE, tmp_path, overrides={"num_epochs": 5})

    assert made.search["settings"]["algorithm"] == "bayesian"


def test_settings_of_a_search_that_is_off_are_told_to_have_no_effect(tmp_path: Path) -> None:
    made = plan(POSE, tmp_path, automl_policy=AutomlPolicy.OFF, automl={"algorithm": "asha"})

    assert (made.route, made.search) == (Route.DIRECT, {})
    assert "the AutoML settings have no effect: this run is not searched." in made.notes


@pytest.mark.parametrize(
    ("automl", "told"),
    [
        ({"algoritm": "asha"}, "no such setting; did you mean 'algorithm'"),
        ({"algorithm": "bayes"}, "'bayes' is no algorithm; did you mean 'bayesian'"),
        ({"max_recommendations": 0}, "automl.max_recommendations: 0 is not allowed"),
        ({"seed": 1, "automl_seed": 2}, "given twice"),
        ({"cost_budget": 5}, "automl.cost_per_hour"),
        ({"algorithm": "llm"}, "llm_endpoint"),
        ({"storage": "postgresql://me:s3cret@host/name"}, "automl.storage=env:NAME"),
        ({"parameters": "learning_rat"}, "did you mean"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    tmp_path: Path, automl: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequestInvalid, match=told):
        plan(POSE, tmp_path, automl=automl)


def test_a_skill_without_anything_to_search_trains_directly_and_says_why(tmp_path: Path) -> None:
    folder = copy_without(tmp_path).folder
    path = folder / "schemas/train.schema.json"
    schema = json.loads(path.read_text())
    schema["automl_default_parameters"] = []
    path.write_text(json.dumps(schema))
    dataset(tmp_path / "data")

    made = plan_job(
        JobRequest("toy_skill", "train", data={"all": str(tmp_path / "data")}),
        Skill(folder),
        PlanSetting("train-1", tmp_path, None, 0),
    )

    assert made.route is Route.DIRECT
    assert made.reason.startswith("AutoML is enabled but not runnable: ")


def test_data_that_only_the_final_evaluation_reads_is_kept_for_it(tmp_path: Path) -> None:
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        (tmp_path / name).touch()
    held_out = tmp_path / "held out"
    held_out.mkdir()
    for name in ("test_data.npy", "test_label.pkl"):
        (held_out / name).touch()
    request = JobRequest(POSE.name, "train", data={"all": tmp_path, "test": held_out})
    setting = PlanSetting("train-1", tmp_path, None, 0)

    made = plan_job(request, POSE, setting)

    assert made.search["data"] == {"all": str(tmp_path), "test": str(held_out)}
    assert not [value for value in made.origins.values() if "test" in value]
    with pytest.raises(RequestInvalid, match="'test' is no role of train's data"):
        plan_job(replace(request, automl_policy=AutomlPolicy.OFF), POSE, setting)
    (held_out / "test_label.pkl").unlink()
    with pytest.raises(RequestInvalid, match=r"holds no 'test_label\.pkl'"):
        plan_job(request, POSE, setting)
