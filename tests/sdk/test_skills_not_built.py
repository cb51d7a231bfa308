"""Skills whose actions come later: refused today, and planned right the day they are built."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.toy import checkpoint_name, finished, record

from skillbank.bank import SkillBank
from skillbank.errors import RequestInvalid, SpecInvalid
from skillbank.plan import JobPlan, Route
from skillbank.planner import ParentJob, PlanSetting, plan_job
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.skill import Skill

VIDEOS = "tao-train-action-recognition"
OBJECTS = "tao-train-centerpose"
LABELS = {"dataset.label_map": {"fall": 0, "walk": 1}}
NOT_BUILT = [
    pytest.param(skill.name, action, id=f"{skill.name}-{action}")
    for skill in SkillBank()
    if skill.has_info
    for action, facts in skill.info.actions.items()
    if not facts.built
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Skill]:
    """The skills as they will be: the same folders, every action built."""
    root = tmp_path_factory.mktemp("built")
    for name in (VIDEOS, OBJECTS):
        shutil.copytree(SkillBank()[name].folder, root / name)
        info = root / name / "references" / "skill_info.yaml"
        info.write_text(info.read_text("utf-8").replace("built: false", "built: true"), "utf-8")
    return {name: Skill(root / name) for name in (VIDEOS, OBJECTS)}


def folders(root: Path, *names: str) -> str:
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
    return str(root)


def plan(
    skill: Skill, action: str, root: Path, parent: ParentJob | None = None, **request: Any
) -> JobPlan:
    request["parent_job_id"] = parent.job.id if parent else None
    setting = PlanSetting(f"{action}1", root, parent, gpus=1)
    return plan_job(JobRequest(skill.name, action, **request), skill, setting)


def train(skill: Skill, root: Path, *, metric: str, **overrides: Any) -> ParentJob:
    """A finished training with three checkpoints, the second with the largest metric."""
    data = folders(root / "data", "train", "val", "test")
    made = plan(
        skill,
        "train",
        root,
        data={"all": data},
        overrides=overrides,
        automl_policy=AutomlPolicy.OFF,
    )
    parent = finished(made)
    for epoch, value in enumerate([0.5, 0.9, 0.1]):
        metrics = {metric: value}
        record(parent.plan.results, checkpoint_name(epoch), epoch=epoch, metrics=metrics)
    return parent


@pytest.mark.parametrize(("name", "action"), NOT_BUILT)
def test_an_action_that_is_not_built_is_not_planned(name: str, action: str, tmp_path: Path) -> None:
    request = JobRequest(name, action)

    with pytest.raises(RequestInvalid, match=f"{action} of {name} is not built yet"):
        plan_job(request, SkillBank()[name], PlanSetting("job1", tmp_path))


def test_one_root_holds_the_clips_of_every_role(built: dict[str, Skill], tmp_path: Path) -> None:
    root = folders(tmp_path / "hmdb", "train", "test")

    made = plan(built[VIDEOS], "train", tmp_path, data={"all": root}, overrides=LABELS)

    assert made.spec["dataset"]["train_dataset_dir"] == f"{root}/train"
    assert made.spec["dataset"]["val_dataset_dir"] == f"{root}/test"
    assert made.route is Route.AUTOML


def test_a_root_of_one_role_is_the_folder_of_classes_itself(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    own = folders(tmp_path / "own", "fall", "walk")
    test = folders(tmp_path / "test", "fall", "walk")

    made = plan(
        built[VIDEOS], "train", tmp_path, data={"train": own, "val": test}, overrides=LABELS
    )

    assert made.spec["dataset"]["train_dataset_dir"] == own
    assert made.spec["dataset"]["val_dataset_dir"] == test


def test_data_that_are_missing_are_asked_for_by_role_and_by_root(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    with pytest.raises(SpecInvalid) as caught:
        plan(built[OBJECTS], "train", tmp_path)

    assert (
        "dataset.train_data: a folder is required, none was given; pass --data train=FOLDER or "
        "--data FOLDER (with train in it) or --set dataset.train_data=PATH."
    ) in caught.value.problems


@pytest.mark.parametrize(
    ("action", "key"), [("evaluate", "test_dataset_dir"), ("inference", "inference_dataset_dir")]
)
def test_what_follows_a_training_on_clips_takes_the_least_loss_and_its_network(
    built: dict[str, Skill], tmp_path: Path, action: str, key: str
) -> None:
    overrides = {**LABELS, "model_type": "of", "model.input_type": "3d"}
    parent = train(built[VIDEOS], tmp_path, metric="val_loss", **overrides)
    clips = folders(tmp_path / "clips", "a")

    made = plan(built[VIDEOS], action, tmp_path, parent, data={"test": clips})

    assert made.spec[action][key] == clips
    assert made.spec[action]["checkpoint"].endswith(checkpoint_name(2))
    assert made.spec["dataset"]["label_map"] == LABELS["dataset.label_map"]
    assert made.spec["model"]["model_type"] == "of"
    assert made.spec["model"]["input_type"] == "3d"


def test_what_follows_a_training_on_objects_takes_the_largest_overlap(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    parent = train(built[OBJECTS], tmp_path, metric="val_3DIoU", category="bottle")
    pictures = folders(tmp_path / "pictures", "a")

    made = plan(built[OBJECTS], "inference", tmp_path, parent, data={"all": pictures})

    assert made.spec["dataset"]["inference_data"] == pictures
    assert made.spec["inference"]["checkpoint"].endswith(checkpoint_name(1))
    assert made.spec["inference"]["trt_engine"] == ""
    assert made.spec["dataset"]["category"] == "bottle"


def test_objects_go_from_training_over_onnx_to_an_engine_that_is_evaluated(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    skill = built[OBJECTS]
    parent = train(skill, tmp_path, metric="val_3DIoU", category="shoe")

    export = finished(plan(skill, "export", tmp_path, parent))
    onnx = record(export.plan.results, "model.onnx", kind="onnx")
    engine = finished(plan(skill, "gen_trt_engine", tmp_path, export))
    made = record(engine.plan.results, "model.engine", kind="engine")
    data = folders(tmp_path / "data", "test")
    last = plan(skill, "evaluate", tmp_path, engine, data={"all": data})

    assert export.plan.spec["export"]["onnx_file"] == str(onnx)
    assert engine.plan.spec["gen_trt_engine"]["onnx_file"] == str(onnx)
    assert engine.plan.spec["gen_trt_engine"]["trt_engine"] == str(made)
    assert last.spec["evaluate"]["trt_engine"] == str(made)
    assert last.spec["evaluate"]["checkpoint"] == ""
    assert last.spec["dataset"]["test_data"] == f"{data}/test"
    assert last.spec["dataset"]["category"] == "shoe"


def test_an_evaluation_of_nothing_names_checkpoint_and_engine(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    data = folders(tmp_path / "data", "test")

    with pytest.raises(SpecInvalid, match=r"evaluate\.checkpoint: .*evaluate\.trt_engine=PATH"):
        plan(built[OBJECTS], "evaluate", tmp_path, data={"all": data})


def test_a_child_cannot_look_for_another_category(built: dict[str, Skill], tmp_path: Path) -> None:
    parent = train(built[OBJECTS], tmp_path, metric="val_3DIoU", category="shoe")

    with pytest.raises(SpecInvalid, match=r"dataset\.category: 'cup' was given .* with 'shoe'"):
        plan(built[OBJECTS], "export", tmp_path, parent, overrides={"category": "cup"})


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"gen_trt_engine.tensorrt.max_batch_size": 2}, "it must be at least"),
        ({"gen_trt_engine.tensorrt.data_type": "FP8"}, "'FP8' is not allowed"),
        ({"dataset.input_res": 640}, "dataset.input_res: 640 is not allowed; allowed: a whole"),
        ({"dataset._eig_val": [1, 2]}, "dataset._eig_val"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused_before_anything_runs(
    built: dict[str, Skill], tmp_path: Path, overrides: dict[str, Any], said: str
) -> None:
    (tmp_path / "model.onnx").touch()
    given = {"gen_trt_engine.onnx_file": str(tmp_path / "model.onnx"), **overrides}

    with pytest.raises(SpecInvalid, match=said):
        plan(built[OBJECTS], "gen_trt_engine", tmp_path, overrides=given)


def test_a_root_that_is_the_folder_which_is_looked_for_is_taken_for_it(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    parent = train(built[VIDEOS], tmp_path, metric="val_loss", **LABELS)
    test = folders(tmp_path / "hmdb" / "test", "fall")
    nested = folders(tmp_path / "other" / "test", "test")

    made = [
        plan(built[VIDEOS], "evaluate", tmp_path, parent, data={"all": root})
        for root in (test, nested)
    ]

    assert [one.spec["evaluate"]["test_dataset_dir"] for one in made] == [test, f"{nested}/test"]


def test_a_root_without_the_folder_that_is_looked_for_says_what_it_holds(
    built: dict[str, Skill], tmp_path: Path
) -> None:
    root = folders(tmp_path / "hmdb", "train", "validation")

    with pytest.raises(SpecInvalid, match=r"holds no 'test'; it holds train/, validation/"):
        plan(built[VIDEOS], "train", tmp_path, data={"all": root}, overrides=LABELS)
