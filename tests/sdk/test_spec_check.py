from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.toy import TOY

from skillbank.errors import SpecInvalid
from skillbank.skill import Skill, Spec
from skillbank.spec import build_spec
from skillbank.spec_check import check_spec, spec_problems

DATA = {"dataset.train_path": "/data/train.npy"}


def spec(action: str = "train", **overrides: Any) -> Spec:
    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return build_spec(TOY, action, overrides={**(DATA if action == "train" else {}), **given}).spec


def problems(action: str = "train", **overrides: Any) -> list[str]:
    return spec_problems(TOY, action, spec(action, **overrides))[0]


def test_a_template_with_its_inputs_is_right() -> None:
    assert check_spec(TOY, "train", spec()) == []


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            {"train__num_epochs": 0},
            "train.num_epochs: 0 is not allowed; allowed: a whole number, at least 1.",
        ),
        (
            {"train__num_epochs": "ten"},
            "train.num_epochs: 'ten' is not allowed; allowed: a whole number, at least 1.",
        ),
        (
            {"train__num_epochs": None},
            "train.num_epochs: None is not allowed; allowed: a whole number, at least 1.",
        ),
        (
            {"model__dropout": 1.5},
            "model.dropout: 1.5 is not allowed; allowed: a number, at least 0.0 and at most 1.0.",
        ),
        (
            {"model__layout": "opnpose"},
            "model.layout: 'opnpose' is not allowed; did you mean 'openpose'? "
            "allowed: one of 'coco', 'openpose'.",
        ),
        (
            {"train__nesterov": "maybe"},
            "train.nesterov: 'maybe' is not allowed; allowed: true or false.",
        ),
        (
            {"train__optim__steps": [1, "x"]},
            "train.optim.steps.1: 'x' is not allowed; allowed: a whole number.",
        ),
        (
            {"train__optim__steps": 5},
            "train.optim.steps: 5 is not allowed; allowed: a list.",
        ),
        (
            {"train__optim__lr": math.nan},
            "train.optim.lr: nan is not allowed; expected a finite number.",
        ),
        (
            {"train__optim__lr": 0},
            "train.optim.lr: 0.0 is not allowed; it must be more than 0 and at most 1.",
        ),
        (
            {"train__crop_min": 9},
            "train.crop_max: 8 is not allowed; it must be more than train.crop_min = 9.",
        ),
        ({"model__width": 60}, "model.width: 60 is not allowed; it must be a multiple of 8."),
        ({"model__heads": 6}, "model.heads: 6 is not allowed; it must be a power of 2."),
    ],
)
def test_a_breach_says_key_value_and_what_is_allowed(
    overrides: dict[str, Any], expected: str
) -> None:
    assert expected in problems(**overrides)


def test_all_breaches_are_told_at_once() -> None:
    with pytest.raises(SpecInvalid, match="the spec of toy_skill train cannot be used") as caught:
        check_spec(TOY, "train", spec(model__layout="x", model__dropout=2, dataset__train_path=""))

    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "dataset.train_path",
        "model.dropout",
        "model.layout",
    ]


def test_an_unknown_key_gets_the_nearest_known_one() -> None:
    wrong = spec()
    wrong["train"]["num_epoch"] = 3

    (problem,) = spec_problems(TOY, "train", wrong)[0]

    assert problem == "train: no such key: 'num_epoch'; did you mean 'num_epochs'?"


def test_a_missing_input_names_what_supplies_it() -> None:
    (data,) = problems("evaluate")
    (checkpoint,) = problems("export")

    assert data == (
        "evaluate.test_path: a file is required, none was given; pass --data val=FOLDER (with "
        "val.npy in it) or --set evaluate.test_path=PATH."
    )
    assert checkpoint == (
        "export.checkpoint: a checkpoint is required, none was given; pass --parent JOB (a "
        "finished train job) or --checkpoint PATH or --set export.checkpoint=PATH."
    )


@pytest.mark.parametrize("empty", ["", None, "???"])
def test_every_mark_of_emptiness_counts_as_missing(empty: str | None) -> None:
    wrong = spec()
    wrong["dataset"]["train_path"] = empty

    assert spec_problems(TOY, "train", wrong)[0]


def test_a_field_without_effect_is_a_note_when_the_caller_set_it() -> None:
    adam = spec(train__optim__type="adam")

    notes = check_spec(TOY, "train", adam, given={"train.optim.momentum"})

    assert notes == ["train.optim.momentum has no effect while train.optim.type is 'adam'."]
    assert check_spec(TOY, "train", adam) == []


def test_a_template_that_breaks_its_own_condition_is_no_fault_of_the_caller(
    tmp_path: Path,
) -> None:
    skill = copy_of_toy(tmp_path, {'"math_cond": "/ 8"': '"math_cond": "/ 7"'})

    assert spec_problems(skill, "train", spec())[0] == []
    assert spec_problems(skill, "train", spec(model__width=65))[0]


def copy_of_toy(folder: Path, changes: dict[str, str]) -> Skill:
    """The toy skill with some text of its train schema replaced."""
    for source in TOY.folder.rglob("*.*"):
        target = folder / source.relative_to(TOY.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        target.write_text(text)
    return Skill(folder)


def test_without_a_schema_the_template_says_which_keys_there_are(tmp_path: Path) -> None:
    skill = copy_of_toy(tmp_path, {})
    (tmp_path / "schemas" / "train.schema.json").unlink()

    draft = build_spec(skill, "train", overrides={"num_epochs": 3, "train.typo": 1, **DATA})

    assert draft.problems == ["train.typo: no such key; did you mean 'train.optim.type'?"]
    assert draft.spec["train"]["num_epochs"] == 3
    assert spec_problems(skill, "train", draft.spec)[0] == []
