"""`plan` and `run`: how options become a request, and how a saved plan comes back."""

from __future__ import annotations

import json

import pytest
from tests.sdk.cli.conftest import SKILL


@pytest.fixture
def plan(cli, dataset):
    """Plan a train job with further options."""

    def call(*arguments):
        return cli("plan", SKILL, "train", "--data", dataset, "--automl", "off", *arguments)

    return call


def test_plan_shows_what_would_run_and_runs_nothing(plan, root, dataset):
    out = plan("--set", "num_epochs=3").out

    assert "direct: AutoML is off for this run." in out
    assert "-m skillbank_runners.launch pose_classification train" in out
    assert "  train.num_epochs: 3  # shorthand num_epochs\n" in out
    path = dataset / "train_data.npy"
    assert f"  dataset.train_dataset.data_path: {path}  # data source all\n" in out
    assert not (root / "jobs").exists()


def test_plan_shows_keys_at_their_default_in_no_row(plan):
    assert "train.optim.momentum" not in plan().out


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("learning_rate=1e-3", "train.optim.lr", 0.001),
        ("train.optim.lr_steps=[5, 9]", "train.optim.lr_steps", [5, 9]),
        ("train.optim.nesterov=false", "train.optim.nesterov", False),
        ("model.graph_layout=human3.6m", "model.graph_layout", "human3.6m"),
        ("dataset.num_classes = 4", "dataset.num_classes", 4),
        ("model_name=a=b", "model_name", "a=b"),
        ("dataset.label_map={a: 0, b: 1, c: 2, d: 3, e: 4, f: 5}", "dataset.label_map", None),
    ],
)
def test_set_reads_its_value_as_yaml(plan, text, key, value):
    spec = plan("--json", "--set", text).document["spec"]

    for part in key.split("."):
        spec = spec[part]
    assert spec == ({x: i for i, x in enumerate("abcdef")} if value is None else value)


def test_the_last_of_two_set_options_for_one_key_wins(plan):
    done = plan("--json", "--set", "num_epochs=3", "--set", "num_epochs=4")

    assert done.document["spec"]["train"]["num_epochs"] == 4


def test_set_wins_over_a_spec_file(plan, tmp_path):
    (tmp_path / "spec.yaml").write_text("train: {num_epochs: 7, seed: 5}\n", encoding="utf-8")

    spec = plan("--json", "-e", tmp_path / "spec.yaml", "--set", "num_epochs=8").document["spec"]

    assert (spec["train"]["num_epochs"], spec["train"]["seed"]) == (8, 5)


def test_data_is_given_per_role_or_for_all(cli, dataset, tmp_path):
    other = tmp_path / "lr=0.1"
    other.mkdir()
    for name in ("train_data.npy", "train_label.pkl"):
        (other / name).touch()
    line = ["plan", SKILL, "train", "--automl", "off", "--json"]

    mixed = cli(*line, "--data", dataset, "--data", f"train={other}").document["spec"]["dataset"]

    assert mixed["train_dataset"]["data_path"] == str(other / "train_data.npy")
    assert mixed["val_dataset"]["data_path"] == str(dataset / "val_data.npy")


def test_a_folder_with_an_equals_sign_is_no_role(cli, dataset, tmp_path):
    folder = dataset.rename(tmp_path / "run=1")

    done = cli("plan", SKILL, "train", "--automl", "off", "--data", folder)

    assert done.status == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "num_epochs"], "--set 'num_epochs': expected KEY=VALUE"),
        (["--set", "=3"], "--set '=3': expected KEY=VALUE"),
        (["--set", "train.optim.lr_steps=[5,"], "--set train.optim.lr_steps"),
        (["--automl", "maybe"], "automl_policy: 'maybe' is not a policy; use 'on' or 'off'."),
        (
            ["--platform", "moon"],
            "no platform is named 'moon'; known: docker, kubernetes, local, slurm.",
        ),
        (["-e", "absent.yaml"], "absent.yaml: no such spec file"),
        (["--data", "elsewhere"], "--data: all is given twice"),
        (["--set", "num_epoch=3"], "num_epoch: no such key; did you mean 'num_epochs'?"),
    ],
)
def test_a_wrong_option_is_refused(plan, arguments, told):
    done = plan(*arguments)

    assert done.status == 2
    assert told in done.err
    assert done.out == ""


def test_all_problems_of_a_spec_are_listed_one_by_one_in_json(plan):
    done = plan("--json", "--set", "num_epochs=0", "--set", "model.dropout=2", "--set", "x=1")

    problems = done.document["error"]["problems"]
    assert [problem.partition(":")[0] for problem in problems] == [
        "x",
        "model.dropout",
        "train.num_epochs",
    ]
    assert all(f"  - {problem}\n" in done.err for problem in problems)


def test_run_needs_a_skill_and_an_action_or_a_plan(cli):
    done = cli("run", SKILL)

    assert done.status == 2
    assert "SKILL and ACTION are missing" in done.err


def test_a_changed_plan_is_refused(cli, plan, tmp_path):
    content = plan("--json").document
    content["spec"]["train"]["num_epochs"] = 99
    (tmp_path / "plan.json").write_text(json.dumps(content), encoding="utf-8")

    done = cli("run", "--plan", tmp_path / "plan.json")

    assert done.status == 2
    assert "was changed after it was made" in done.err
    assert "skillbank plan" in done.err


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json"])
def test_a_file_that_is_no_plan_is_refused(cli, tmp_path, text):
    (tmp_path / "plan.json").write_text(text, encoding="utf-8")

    done = cli("run", "--plan", tmp_path / "plan.json")

    assert done.status == 2
    assert "this is not a saved plan" in done.err
    assert "Expecting value" not in done.err  # the parser's words help nobody


def test_a_missing_plan_file_is_refused_with_how_to_make_one(cli, tmp_path):
    done = cli("run", "--plan", tmp_path / "absent.json")

    assert done.status == 2
    assert f"--plan {tmp_path / 'absent.json'}: cannot be read" in done.err
    assert "skillbank plan SKILL ACTION --json > plan.json" in done.err


def test_a_plan_takes_no_other_options_beside_it(cli, plan, tmp_path):
    (tmp_path / "plan.json").write_text(plan("--json").out, encoding="utf-8")

    done = cli("run", SKILL, "--plan", tmp_path / "plan.json", "--set", "num_epochs=3")

    assert done.status == 2
    assert "leave out --set, SKILL" in done.err


def test_a_plan_of_another_root_is_refused(cli, plan, tmp_path):
    (tmp_path / "plan.json").write_text(plan("--json").out, encoding="utf-8")

    done = cli("run", "--root", tmp_path / "elsewhere", "--plan", tmp_path / "plan.json")

    assert done.status == 2
    assert "elsewhere" in done.err


def test_a_plan_of_a_search_shows_algorithm_goal_and_budget(cli, dataset):
    line = [SKILL, "train", "--data", dataset, "--automl-set", "max_recommendations=7"]

    planned = cli("plan", *line, "--automl-set", "algorithm=bohb")

    assert planned.status == 0
    assert "automl: AutoML is on" in planned.out
    assert "bohb: " in planned.out
    assert "minimize val_loss" in planned.out
    assert "7 recommendations of at most 27 epochs" in planned.out


def test_a_setting_of_the_search_that_is_no_pair_is_refused(cli, dataset):
    done = cli("plan", SKILL, "train", "--data", dataset, "--automl-set", "asha")

    assert done.status == 2
    assert "--automl-set 'asha': expected KEY=VALUE" in done.err
    assert "--automl-set algorithm=asha" in done.err


def test_a_folder_that_is_not_there_is_told_once(cli, tmp_path):
    done = cli("plan", "tao-train-pose-classification", "train", "--data", tmp_path / "absent")

    assert done.status == 2
    assert "there is no such folder" in done.err
    assert "is required, none was given" not in done.err


def test_data_for_an_action_that_reads_none_is_refused_without_a_role_too(cli, tmp_path):
    done = cli("plan", "tao-train-pose-classification", "export", "--data", tmp_path)

    assert done.status == 2
    assert "export reads no dataset; leave it out." in done.err
