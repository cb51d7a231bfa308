"""`skillbank automl space`: what a search varies, as a table and as JSON."""

from __future__ import annotations

import pytest
from tests.fixtures.foreign_bank import write_skill
from tests.sdk.cli.conftest import SKILL

from skillbank.cli import main

COUNT = {"type": "int", "default": 32, "minimum": 1, "maximum": 96}
LINE = ("automl", "space", SKILL)


def rows_of(text: str) -> dict[str, str]:
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def test_the_table_shows_range_scale_and_default_of_every_parameter(cli):
    done = cli(*LINE)

    rows = rows_of(done.out)
    assert done.status == 0
    assert rows["PARAMETER"].split() == [
        *("PARAMETER", "TYPE", "RANGE", "SCALE", "DEFAULT", "ACTIVE", "WHEN"),
    ]
    assert rows["model.dropout"].split() == [
        *("model.dropout", "float", "0", "to", "0.9", "linear", "0.5"),
    ]
    assert "0.001 to 1 " in rows["train.optim.lr"]
    assert " log of 1 - value " in rows["train.optim.momentum"]
    assert "off (0.0), or 0.1 to 10 " in rows["train.grad_clip"]


def test_strengths_of_augmentation_are_there_for_who_names_them(cli):
    named = "parameters=[dataset.augmentation.rotation_deg, dataset.augmentation.flip]"

    assert "dataset.augmentation" not in cli(*LINE).out
    rows = rows_of(cli(*LINE, "--automl-set", named).out)
    assert " 0 to 45 " in rows["dataset.augmentation.rotation_deg"]
    assert " 0 to 0.5 " in rows["dataset.augmentation.flip"]


def test_the_lint_says_why_a_field_is_not_searched(cli):
    out = cli(*LINE).out

    assert "not searched:\n  dataset.window_size: its search range holds a single value, -1." in out
    assert "train.optim.patience: it has no effect while train.optim.lr_scheduler is" in out
    assert out.rstrip().splitlines()[-1].startswith("next: --automl-set parameters=[KEY, ...]")


def test_settings_of_spec_and_search_are_taken_from_the_line(cli, tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text("train: {optim: {lr_scheduler: AutoReduce}}\n", encoding="utf-8")

    done = cli(
        *LINE, "-e", spec, "--set", "train.optim.lr=0.2",
        "--automl-set", "parameters=[train.optim.lr, train.optim.patience]",
        "--automl-set", "automl_custom_param_ranges={train.optim.lr: {valid_max: 0.5}}",
        "--json",
    )  # fmt: skip

    lr, patience = done.document["parameters"]
    assert (lr["key"], lr["default"], lr["high"]) == ("train.optim.lr", 0.2, 0.5)
    assert patience["key"] == "train.optim.patience"
    assert done.document["fixed"] == []


def test_the_document_holds_everything(cli):
    names = "[train.optim.optimizer_type, train.optim.momentum, train.grad_clip]"

    document = cli(*LINE, "--automl-set", f"parameters={names}", "--json").document

    optimizer, momentum, clip = document["parameters"]
    assert document["skill"] == SKILL
    names = ("SGD", "Adam", "Adamax", "AdamW")
    assert optimizer["options"] == [f"torch.optim.{name}" for name in names]
    assert optimizer["type"] == "categorical"
    assert momentum["active"] == {
        "key": "train.optim.optimizer_type",
        "values": ["torch.optim.SGD"],
        "negated": False,
    }
    assert (momentum["scale"], momentum["complement"]) == ("log of 1 - value", True)
    assert (clip["has_off"], clip["off"], clip["log"]) == (True, 0.0, True)
    assert document["baseline"] == {
        "train.optim.optimizer_type": "torch.optim.SGD",
        "train.optim.momentum": 0.9,
        "train.grad_clip": 0.0,
    }


def test_the_lint_is_in_the_document_too(cli):
    fixed = cli(*LINE, "--json").document["fixed"]

    assert fixed[0] == {
        "key": "dataset.window_size",
        "reason": "its search range holds a single value, -1",
        "was_asked_for": True,
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--automl-set", "parameters=[lrr]"], "lrr: no such key; did you mean"),
        (["--automl-set", "parameter=[lr]"], "automl.parameter: no such setting; did you mean"),
        (["--automl-set", "parameters"], "--automl-set 'parameters': expected KEY=VALUE"),
        (["--set", "train.optim.lr=-1"], "train.optim.lr: -1.0 is not allowed"),
        (["--set", "train.optim.lr"], "--set 'train.optim.lr': expected KEY=VALUE"),
        (["-e", "nowhere.yaml"], "nowhere.yaml: no such spec file"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_next_step(cli, options, told):
    done = cli(*LINE, *options)

    assert done.status == 2
    assert told in done.err
    assert done.out == ""


def test_an_unknown_skill_is_refused_with_the_nearest(cli):
    done = cli("automl", "space", "tao-train-pose-clasification")

    assert done.status == 2
    assert f"did you mean '{SKILL}'?" in done.err


def test_a_foreign_skill_shows_every_kind_of_parameter(cli, tmp_path, monkeypatch):
    fields = {
        "train.mode": {"type": "categorical", "default": "b", "enum": ["a", "b", "c"]},
        "train.pick": {
            "type": "categorical", "default": "b", "enum": ["a", "b"], "option_weights": [1, 3],
        },
        "train.width": {"type": "ordered_int", "default": 2, "enum": [1, 2, 4]},
        "train.heads": {**COUNT, "math_cond": "^ 2"},
        "train.size": {**COUNT, "math_cond": "/ 32"},
        "train.low": {"type": "float", "default": 0.1, "minimum": 0.0, "maximum": 0.5},
        "train.high": {
            "type": "float", "default": 0.5, "minimum": 0.0, "maximum": 1.0,
            "math_cond": "> depends_on", "depends_on": "train.low",
        },
        "train.extra": {
            "type": "int", "default": 3, "minimum": 1, "maximum": 5,
            "depends_on": "train.mode != a",
        },
    }  # fmt: skip
    searched = {key: {**field, "search": True} for key, field in fields.items()}
    write_skill(tmp_path / "tao-train-all", "all", searched)
    monkeypatch.setenv("SKILLBANK_SKILLS", str(tmp_path))

    rows = rows_of(cli("automl", "space", "tao-train-all").out)

    assert "a | b | c" in rows["train.mode"]
    assert "weights 1, 3" in rows["train.pick"]
    assert "in order" in rows["train.width"]
    assert "powers of 2" in rows["train.heads"]
    assert "steps of 32" in rows["train.size"]
    assert "more than train.low" in rows["train.high"]
    assert rows["train.extra"].endswith("train.mode is not a")


def test_the_group_alone_shows_its_commands(capsys):
    assert main(["automl"]) == 0

    out = capsys.readouterr().out
    assert "Usage: skillbank automl" in out
    assert "space" in out


def test_an_unknown_command_of_the_group_is_refused_with_the_nearest(capsys):
    assert main(["automl", "spce", SKILL]) == 2

    told = "no such command 'spce'; did you mean 'space'? See 'skillbank automl --help'."
    assert told in capsys.readouterr().err
