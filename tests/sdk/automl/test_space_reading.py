"""Which parameters a search varies: those that the skill recommends, or that the user names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from tests.sdk.automl.spaces import ANCHOR, parameter_of, reason_of, skill_of, space_of

from skillbank.automl.settings import SearchSettings
from skillbank.automl.space_reading import read_space, search_space
from skillbank.bank import SkillBank
from skillbank.errors import RequestInvalid, SpecInvalid
from skillbank.skill import Skill
from skillbank.spec import build_spec

POSE = "tao-train-pose-classification"
INF = math.inf
LR = {"type": "float", "default": 0.01, "minimum": 0.0, "maximum": 1.0}
MODE = {"type": "categorical", "default": "b", "enum": ["a", "b", "c"]}
SHAPES = Path(__file__).resolve().parents[2] / "fixtures" / "tao_dialect_skill"


def pose() -> Skill:
    return SkillBank()[POSE]


def keys(space):
    return [parameter.key for parameter in space.parameters]


def problems_of(skill: Skill, overrides=None, **settings) -> tuple[str, ...]:
    with pytest.raises(SpecInvalid) as raised:
        search_space(skill, overrides=overrides, settings=SearchSettings(**settings))
    return raised.value.problems


def reset(folder: Path, **keywords: object) -> None:
    """Change keywords at the top of a skill's train schema."""
    path = folder / "schemas" / "train.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(schema | keywords), encoding="utf-8")


# Our own skill.


def test_the_pose_skill_is_searched_in_the_ranges_that_its_fields_declare():
    found = {p.key: (p.low, p.high, p.log) for p in search_space(pose()).parameters}

    assert found == {
        "model.dropout": (0.0, 0.9, False),
        "train.optim.lr": (0.001, 1.0, True),
        "train.optim.momentum": (0.5, 0.99, True),
        "train.optim.weight_decay": (1e-06, 0.01, True),
        "train.optim.lr_decay": (0.01, 0.99, True),
        "train.grad_clip": (0.1, 10.0, True),
    }


def test_every_recommended_field_is_searched_or_told_with_the_reason():
    space = search_space(pose())

    recommended = pose().schema("train")["automl_default_parameters"]
    fixed = {each.key: each.reason for each in space.fixed}
    assert set(recommended) == {*keys(space), *fixed}
    assert fixed == {
        "dataset.window_size": "its search range holds a single value, -1",
        "train.optim.patience": "it has no effect while train.optim.lr_scheduler is 'MultiStep'",
    }
    assert all(each.was_asked_for for each in space.fixed)


def test_the_users_settings_decide_what_has_an_effect():
    space = search_space(
        pose(),
        spec={"train": {"optim": {"lr_scheduler": "AutoReduce"}}},
        overrides={"train.optim.optimizer_type": "torch.optim.Adam", "train.optim.lr": 2.0},
    )

    found = {p.key: p for p in space.parameters}
    assert "train.optim.patience" in found
    assert "train.optim.momentum" not in found
    assert (found["train.optim.lr"].default, found["train.optim.lr"].high) == (2.0, 20.0)


def test_a_space_can_be_read_from_a_spec_that_was_planned():
    draft = build_spec(pose(), "train", overrides={"train.grad_clip": 1.0})

    space = read_space(pose(), draft.spec, SearchSettings(parameters=("train.grad_clip",)))

    (clip,) = space.parameters
    assert (clip.default, clip.off) == (1.0, 0.0)
    assert space.base is draft.spec


def test_a_space_needs_no_data():
    base = search_space(pose()).base

    assert base["dataset"]["train_dataset"]["data_path"] in ("", None)


# A skill in TAO's dialect.


def test_a_foreign_skill_is_searched_by_what_is_known_of_its_fields():
    (skill,) = SkillBank([SHAPES])

    lr, width = search_space(skill).parameters

    assert (lr.key, lr.low, lr.high, lr.log) == ("train.lr", 1e-05, 0.01, True)
    assert (width.key, width.type, width.options) == ("train.width", "ordered_int", (16, 32, 64))


# What the user names.


def test_named_parameters_are_searched_instead_of_the_recommended_ones():
    settings = SearchSettings(parameters=("train.optim.lr", "batch_size", "train.optim.lr"))

    assert keys(search_space(pose(), settings=settings)) == ["train.optim.lr", "dataset.batch_size"]


def test_named_parameters_stand_after_those_that_they_look_at():
    names = ("train.optim.momentum", "train.optim.optimizer_type")

    space = search_space(pose(), settings=SearchSettings(parameters=names))

    assert keys(space) == ["train.optim.optimizer_type", "train.optim.momentum"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("train.optim.lrr", "train.optim.lrr: no such key; did you mean 'train.optim.lr'?"),
        ("lr", "lr: no such key; did you mean 'train.optim.lr'?"),
        ("train.optim", "train.optim cannot be searched: the skill excludes it from every sea"),
        ("train.optim.lr_steps", "cannot be searched: the skill excludes it from every search."),
        ("num_epochs", "train.num_epochs cannot be searched: the search sets it itself"),
        ("train.seed", "cannot be searched: the same point under another seed is no better"),
        ("dataset.num_classes", "cannot be searched: it belongs to the data."),
        ("train.num_gpus", "cannot be searched: it belongs to the machine."),
        ("dataset.window_size", "cannot be searched: its search range holds a single value, -1."),
        ("train.optim.patience", "cannot be searched: it has no effect while train.optim.lr_sch"),
        ("results_dir", "cannot be searched: it holds text without a list of options."),
        ("model.model_type", "it has no two options to choose between: only 'ST-GCN' is left."),
    ],
)
def test_a_named_parameter_that_cannot_be_searched_is_refused_with_the_reason(name, problem):
    (told,) = problems_of(pose(), parameters=("train.optim.weight_decay", name))

    assert told.startswith("automl.parameters: ")
    assert problem in told


def test_all_that_cannot_be_searched_is_told_at_once():
    names = ("train.seed", "train.optim.lrr", "train.gpu_ids", "train.optim.lr")

    assert len(problems_of(pose(), parameters=names)) == 3


def test_a_wrong_spec_is_refused_before_its_space_is_read():
    problems = problems_of(pose(), {"train.optim.lr": -1.0, "model.dropout": "much"})

    assert [problem.partition(":")[0] for problem in problems] == [
        "model.dropout",
        "train.optim.lr",
    ]


def test_an_unknown_key_of_the_spec_is_told_with_the_nearest():
    (problem,) = problems_of(pose(), {"train.optim.lrr": 1.0})

    assert problem == "train.optim.lrr: no such key; did you mean 'train.optim.lr'?"


# Nothing to search.


def test_an_empty_space_tells_why_and_what_to_do(tmp_path):
    skill = skill_of(tmp_path, {"train.x": {"type": "string", "default": ""}})
    reset(skill.folder, automl_default_parameters=["train.x", "train.gone"])

    problems = problems_of(Skill(skill.folder))

    assert problems == (
        "train.x cannot be searched: it holds text without a list of options.",
        "train.gone cannot be searched: the schema has no such key.",
        "nothing is left to search: train directly with --automl off, or name parameters with "
        "--automl-set parameters=[KEY, ...], such as train.anchor.",
    )


def test_a_skill_that_recommends_nothing_says_so(tmp_path):
    skill = skill_of(tmp_path, {"train.x": {**LR, "search": False}})
    reset(skill.folder, automl_default_parameters=[])

    problems = problems_of(Skill(skill.folder))

    assert problems[0] == "the skill recommends no parameter for a search."


def test_a_recommended_field_that_is_excluded_stays_fixed(tmp_path):
    skill = skill_of(tmp_path, {"train.x": LR})
    reset(skill.folder, automl_disabled_parameters=["train.x", "train"])

    space = search_space(Skill(skill.folder))

    assert keys(space) == list(ANCHOR)
    assert reason_of(space) == "the skill excludes it from every search"


def test_a_field_in_an_excluded_section_is_searched_all_the_same(tmp_path):
    space = space_of(tmp_path, {"train.optim.lr": LR})

    assert keys(space) == ["train.optim.lr"]


@pytest.mark.parametrize("word", [False, "FALSE"])
def test_a_recommended_field_that_says_no_itself_stays_fixed(tmp_path, word):
    skill = skill_of(tmp_path, {"train.x": LR})
    path = skill.folder / "schemas" / "train.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["properties"]["train"]["properties"]["x"]["automl_enabled"] = word
    path.write_text(json.dumps(schema), encoding="utf-8")

    space = search_space(Skill(skill.folder))

    assert reason_of(space) == "the skill excludes it from every search"


# Skills that are never searched.


def test_a_skill_without_automl_is_refused_with_the_next_step(tmp_path):
    skill = skill_of(tmp_path, {"train.x": LR})
    info = skill.folder / "references" / "skill_info.yaml"
    info.write_text(info.read_text().replace("automl_enabled: true", "automl_enabled: false"))

    with pytest.raises(RequestInvalid, match=r"does not enable AutoML\. Train it directly with"):
        search_space(Skill(skill.folder))


@pytest.mark.parametrize(
    "name", ["schemas/train.schema.json", "references/spec_template_train.yaml"]
)
def test_a_skill_without_schema_or_template_is_refused(tmp_path, name):
    skill = skill_of(tmp_path, {"train.x": LR})
    (skill.folder / name).unlink()

    with pytest.raises(RequestInvalid, match="of train is not packaged"):
        search_space(Skill(skill.folder))


def test_a_skill_that_only_guides_its_reader_is_refused(tmp_path):
    folder = tmp_path / "tao-guide"
    folder.mkdir()
    (folder / "SKILL.md").write_text("---\nname: tao-guide\ndescription: Guides.\n---\n")

    with pytest.raises(RequestInvalid, match="guides its reader"):
        search_space(Skill(folder))


# Options.


@pytest.mark.parametrize(
    ("field", "kind", "options", "weights"),
    [
        (MODE, "categorical", ("a", "b", "c"), ()),
        ({**MODE, "option_weights": [1, 2, 3]}, "categorical", ("a", "b", "c"), (1, 2, 3)),
        ({**MODE, "option_weights": [0, 2, 3]}, "categorical", ("b", "c"), (2, 3)),
        ({**MODE, "option_weights": [2, 0, 3]}, "categorical", ("a", "b", "c"), (2, 0, 3)),
        ({**MODE, "option_weights": [1, 2]}, "categorical", ("a", "b", "c"), ()),
        ({**MODE, "enum": ["b", "a", "", "???"]}, "categorical", ("b", "a"), ()),
        ({**MODE, "enum": ["a"]}, "categorical", ("a", "b"), ()),
        ({"type": "bool", "default": False}, "bool", (False, True), ()),
        (
            {"type": "ordered_int", "default": 32, "enum": [64, 32, 16]},
            "ordered_int",
            (16, 32, 64),
            (),
        ),
        (
            {"type": "int", "default": 2, "enum": [3, 2, 1], "option_weights": [1, 2, 4]},
            "categorical",
            (1, 2, 3),
            (4, 2, 1),
        ),
        ({"type": "float", "default": 0.5, "enum": [0.5, 0.1]}, "categorical", (0.1, 0.5), ()),
    ],
)
def test_options_are_chosen_from(tmp_path, field, kind, options, weights):
    found = parameter_of(tmp_path, field)

    assert (found.type, found.options, found.weights) == (kind, options, weights)


def test_the_blank_option_stays_when_the_spec_holds_it(tmp_path):
    field = {"type": "categorical", "default": "", "enum": ["", "a", "b"]}

    assert parameter_of(tmp_path, field).options == ("", "a", "b")


@pytest.mark.parametrize(
    ("lr", "low", "high"), [(0.1, 0.001, 1.0), (0.001, 1e-5, 0.01), (0.0005, 5e-6, 0.005)]
)
def test_a_learning_rate_is_searched_around_the_users_own(
    lr: float, low: float, high: float
) -> None:
    """As Adam wants a hundredth of the rate of SGD, which the schema's range was made for."""
    space = search_space(pose(), overrides={"learning_rate": lr})

    (found,) = (p for p in space.parameters if p.key == "train.optim.lr")
    assert (found.low, found.high, found.default) == (low, high, lr)
