from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.toy import TOY, dataset

from skillbank.errors import SkillNotFound
from skillbank.spec import SpecDraft, build_spec
from skillbank.spec_keys import get_value


def build(action: str = "train", **sources: Mapping[str, Any]) -> SpecDraft:
    return build_spec(TOY, action, **sources)


def test_without_any_wish_the_spec_is_the_template() -> None:
    draft = build()

    assert draft.spec == TOY.template("train")
    assert (draft.origins, draft.problems, draft.notes) == ({}, [], [])


def test_each_source_wins_over_the_one_before(tmp_path: Path) -> None:
    root = str(dataset(tmp_path))
    file = {"num_classes": 8, "dataset": {"train_path": "/a", "val_path": "/b", "batch_size": 4}}

    draft = build(spec=file, data={"all": root}, overrides={"dataset.val_path": "/c"})

    assert draft.spec["dataset"] == {
        "batch_size": 4,
        "label_map": None,
        "num_classes": 8,
        "train_path": f"{root}/train.npy",
        "val_path": "/c",
    }
    assert draft.origins == {
        "dataset.batch_size": "spec file",
        "dataset.num_classes": "shorthand num_classes",
        "dataset.train_path": "data source all",
        "dataset.val_path": "override",
    }


@pytest.mark.parametrize(
    "overrides",
    [
        {"train.optim.lr": 0.5},
        {"learning_rate": 0.5},
        {"train": {"optim": {"lr": 0.5}}},
        {"train.optim": {"lr": "0.5"}},
        {"train.optim.lr": 0.5, "learning_rate": "0.5"},
    ],
)
def test_a_key_can_be_written_in_many_ways(overrides: Mapping[str, Any]) -> None:
    draft = build(overrides=overrides)

    assert draft.problems == []
    assert draft.spec["train"]["optim"] == {**TOY.template("train")["train"]["optim"], "lr": 0.5}


@pytest.mark.parametrize("where", ["spec", "overrides"])
def test_two_values_for_one_key_are_a_conflict_that_names_both(where: str) -> None:
    wishes = {"num_epochs": 3, "train.num_epochs": 4}

    (problem,) = build(**{where: wishes}).problems

    assert "num_epochs = 3 and train.num_epochs = 4; remove one." in problem


def test_two_shorthands_of_one_key_conflict_too() -> None:
    (problem,) = build(overrides={"num_epochs": 3, "epochs": 4}).problems

    assert problem.startswith("train.num_epochs: the overrides set it twice: num_epochs = 3 and")


def test_a_value_that_differs_from_itself_is_not_taken_for_two() -> None:
    draft = build(overrides={"num_epochs": float("nan")})

    assert not [problem for problem in draft.problems if "twice" in problem]


def test_an_override_beats_a_shorthand_of_the_file_without_a_conflict() -> None:
    draft = build(spec={"num_epochs": 3}, overrides={"train.num_epochs": 4})

    assert (draft.problems, draft.spec["train"]["num_epochs"]) == ([], 4)


def test_all_unknown_keys_are_told_with_the_nearest_known_one() -> None:
    draft = build(overrides={"train.num_epoch": 3, "lr": 0.1, "zzz.qqq": 1})

    assert draft.problems[0] == ("train.num_epoch: no such key; did you mean 'train.num_epochs'?")
    assert draft.problems[1] == "lr: no such key; did you mean 'train.optim.lr'?"
    assert draft.problems[2].startswith("zzz.qqq: no such key; known: ")


def test_sections_of_other_actions_in_a_file_are_left_out_with_a_note() -> None:
    file = {"evaluate": {"checkpoint": "x.pth", "threshold": 0.1}, "train": {"num_epochs": 2}}

    draft = build(spec=file)

    assert draft.problems == []
    assert "evaluate" not in draft.spec
    assert draft.notes == [
        "the spec file also holds what train does not use, which was left out: evaluate."
    ]


def test_an_override_for_another_action_is_an_error_that_names_it() -> None:
    (problem,) = build(overrides={"evaluate.threshold": 0.1}).problems

    assert problem == (
        "evaluate.threshold: train has no such key; it belongs to evaluate. Leave it out."
    )


def test_a_typo_inside_another_actions_section_is_still_a_typo() -> None:
    (problem,) = build(spec={"evaluate": {"treshold": 0.1}}).problems

    assert problem.startswith("evaluate.treshold: no such key")


def test_a_shorthand_for_another_action_says_what_it_stands_for() -> None:
    (problem,) = build(overrides={"onnx_file": "a.onnx"}).problems

    assert problem.startswith("onnx_file: stands for export.onnx_file, which train of toy_skill")


def test_a_value_for_a_section_names_the_keys_inside() -> None:
    (problem,) = build(overrides={"train.optim": "adam"}).problems

    assert problem == (
        "train.optim: 'adam' was given for a section; expected its keys, such as type, lr, "
        "momentum, steps."
    )


@pytest.mark.parametrize("empty", [None, "???"])
def test_an_empty_value_of_a_file_leaves_the_template_alone(empty: object) -> None:
    draft = build(spec={"train": {"num_epochs": empty}, "model": None})

    assert draft.spec == TOY.template("train")
    assert draft.given == {}


def test_a_missing_mark_is_no_value() -> None:
    assert "dataset.train_path" not in build(overrides={"dataset.train_path": "???"}).given


def test_null_is_kept_where_the_schema_admits_it() -> None:
    draft = build(spec={"dataset": {"train_path": "/x"}}, overrides={"dataset.train_path": None})

    assert draft.spec["dataset"]["train_path"] is None


def test_a_label_map_is_one_value_whatever_its_names_hold() -> None:
    labels = {"sit.down": 0, "stand up": 1}

    draft = build(spec={"dataset": {"label_map": labels}})

    assert draft.spec["dataset"]["label_map"] == labels
    assert draft.origins == {"dataset.label_map": "spec file"}


def test_one_entry_of_a_label_map_can_be_set_by_key() -> None:
    draft = build(overrides={"dataset.label_map.sit.down": "3"})

    assert draft.spec["dataset"]["label_map"] == {"sit.down": 3}


def test_a_value_that_equals_the_template_has_no_origin_but_was_given() -> None:
    draft = build(overrides={"num_epochs": 10})

    assert draft.origins == {}
    assert draft.given == {"train.num_epochs": "shorthand num_epochs"}


def test_the_template_of_the_skill_is_never_changed() -> None:
    before = TOY.template("train")

    build(overrides={"train.optim.steps": [1], "num_epochs": 2})

    assert TOY.template("train") == before


def test_an_unknown_action_is_told() -> None:
    with pytest.raises(SkillNotFound, match="no action 'trian'; did you mean 'train'"):
        build("trian")


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "train.num_epochs": st.integers(1, 99),
        "train.optim.lr": st.floats(0.001, 1.0),
        "dataset.batch_size": st.integers(1, 99),
        "dataset.val_path": st.text(min_size=1, max_size=5),
        "model.layout": st.sampled_from(["coco", "openpose"]),
        "train.optim.steps": st.lists(st.integers(0, 99)),
    },
)


@given(VALUES, VALUES)
def test_overrides_win_over_the_file_and_the_file_over_the_template(
    file: dict[str, Any], overrides: dict[str, Any]
) -> None:
    template = TOY.template("train")

    draft = build(spec=file, overrides=overrides)

    for key in [*file, *overrides]:
        assert get_value(draft.spec, key) == {**file, **overrides}[key] or key == "dataset.val_path"
    for key, source in draft.origins.items():
        assert source == ("override" if key in overrides else "spec file")
        assert get_value(draft.spec, key) != get_value(template, key)


@given(VALUES)
def test_the_way_of_writing_makes_no_difference(values: dict[str, Any]) -> None:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        section, _, rest = key.partition(".")
        target = nested.setdefault(section, {})
        *path, last = rest.split(".")
        for part in path:
            target = target.setdefault(part, {})
        target[last] = value

    assert build(overrides=nested).spec == build(overrides=values).spec
