"""Plans of the shipped pose classification skill, as its users ask for them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.toy import checkpoint_name, dataset, finished, record

from skillbank.bank import SkillBank
from skillbank.errors import SkillbankError, SpecInvalid
from skillbank.job_folder import trained_plan
from skillbank.plan import JobPlan
from skillbank.planner import ParentJob, PlanSetting, plan_job
from skillbank.request import JobRequest
from skillbank.spec_file import read_spec_file

SKILL = SkillBank()["tao-train-pose-classification"]
FILES = ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl")

# Laid out like an experiment file for TAO: every action's section in one, most of it defaults.
EXPERIMENT = """
results_dir: /results
encryption_key: nvidia_tao
model:
  model_type: ST-GCN
  pretrained_model_path: ""
  input_channels: 3
  dropout: 0.5
  graph_layout: "nvidia"
  graph_strategy: "spatial"
  edge_importance_weighting: True
dataset:
  num_classes: 2
  label_map: {sitting_down: 0, getting_up: 1}
  random_choose: False
  batch_size: 16
  num_workers: 1
train:
  optim:
    lr: 0.1
    momentum: 0.9
    nesterov: True
    weight_decay: 0.0001
    lr_scheduler: "MultiStep"
    lr_steps: [10, 60]
    lr_decay: 0.1
    patience: 1
    min_lr: 1e-4
  num_epochs: 70
  checkpoint_interval: 5
  grad_clip: 0.0
  resume_training_checkpoint_path: null
evaluate:
  checkpoint: "???"
inference:
  checkpoint: "???"
  output_file: /results/out.txt
export:
  checkpoint: "???"
dataset_convert:
  data: /data/in.json
"""


def plan(root: Path, action: str, parent: ParentJob | None = None, **request: Any) -> JobPlan:
    if action != "export":
        request.setdefault("data", {"all": str(dataset(root / "data", *FILES))})
    request["parent_job_id"] = parent.job.id if parent else None
    spans = request.get("platform") == "cluster"
    setting = PlanSetting(action, root, parent, gpus=1, can_span_machines=spans)
    return plan_job(JobRequest(SKILL.name, action, **request), SKILL, setting)


@pytest.fixture
def trained(tmp_path: Path) -> ParentJob:
    parent = finished(plan(tmp_path, "train", overrides={"num_classes": 27}))
    for epoch, loss in enumerate([0.9, 0.3, 0.5]):
        record(parent.plan.results, checkpoint_name(epoch), epoch=epoch, metrics={"val_loss": loss})
    return parent


def test_a_training_needs_only_its_data(tmp_path: Path) -> None:
    made = plan(tmp_path, "train")

    assert made.notes == ()
    assert set(made.origins.values()) == {"data source all", "inference output_dir"}


@pytest.mark.parametrize("action", ["evaluate", "inference", "export"])
def test_every_later_action_needs_only_its_parent_and_data(
    tmp_path: Path, trained: ParentJob, action: str
) -> None:
    made = plan(tmp_path, action, trained)

    assert made.spec[action]["checkpoint"].endswith(checkpoint_name(1))
    assert made.spec["dataset"]["num_classes"] == 27
    assert made.notes == ()


@pytest.fixture
def converted(tmp_path: Path) -> ParentJob:
    """A conversion that left a data set, and the settings that go with it."""
    poses = tmp_path / "poses.json"
    poses.touch()
    setting = PlanSetting("dataset_convert", tmp_path)
    overrides = {"dataset_convert.data": str(poses)}
    made = plan_job(JobRequest(SKILL.name, "dataset_convert", overrides=overrides), SKILL, setting)
    parent = finished(made)
    dataset(made.results, *FILES)
    settings_of_data = {"dataset": {"num_classes": 2, "label_map": {"sit": 0, "run": 1}}}
    (made.results / "dataset.yaml").write_text(yaml.safe_dump(settings_of_data))
    (made.folder / "plan.json").write_text(made.to_json())
    return ParentJob(parent.job, trained_plan(made.folder))


def test_a_training_takes_data_and_classes_from_a_conversion(
    tmp_path: Path, converted: ParentJob
) -> None:
    made = plan(tmp_path, "train", converted, data={})

    section = made.spec["dataset"]
    assert section["train_dataset"]["data_path"] == str(converted.plan.results / "train_data.npy")
    assert section["label_map"] == {"sit": 0, "run": 1}
    assert section["num_classes"] == 2


def test_data_of_the_callers_own_goes_before_that_of_the_parent(
    tmp_path: Path, converted: ParentJob
) -> None:
    own = dataset(tmp_path / "own", *FILES)

    made = plan(tmp_path, "train", converted, data={"all": str(own)})

    assert made.spec["dataset"]["val_dataset"]["label_path"] == str(own / "val_label.pkl")


def test_a_conversion_without_labels_is_no_data_to_train_on(
    tmp_path: Path, converted: ParentJob
) -> None:
    for name in FILES:
        (converted.plan.results / name).unlink()
    (converted.plan.results / "object_1.npy").touch()

    with pytest.raises(SpecInvalid, match=r"holds no 'train_data.npy'; it holds .*object_1.npy"):
        plan(tmp_path, "train", converted, data={})


def test_a_conversion_takes_a_pattern_that_fits_some_file(tmp_path: Path) -> None:
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "one.json").touch()
    pattern = {"dataset_convert.data": str(tmp_path / "takes" / "*.json")}

    made = plan(tmp_path, "dataset_convert", overrides=pattern, data={})

    assert made.spec["dataset_convert"]["data"] == str(tmp_path / "takes" / "*.json")
    with pytest.raises(SpecInvalid, match="does not exist; expected a file"):
        plan(tmp_path, "dataset_convert", overrides={"dataset_convert.data": "*.jsn"}, data={})


@pytest.mark.parametrize("key", ["inference.poses", "inference.video"])
def test_inference_needs_no_arrays_where_it_has_poses_or_a_video(
    tmp_path: Path, trained: ParentJob, key: str
) -> None:
    (tmp_path / "people").touch()

    made = plan(tmp_path, "inference", trained, data={}, overrides={key: str(tmp_path / "people")})

    assert made.spec["inference"]["test_dataset"]["data_path"] == ""


def test_inference_of_nothing_names_everything_it_can_look_at(
    tmp_path: Path, trained: ParentJob
) -> None:
    with pytest.raises(SpecInvalid) as caught:
        plan(tmp_path, "inference", trained, data={})

    (problem,) = caught.value.problems
    assert problem.startswith("inference.test_dataset.data_path: a file is required")
    assert "--set inference.poses=PATH or --set inference.video=PATH" in problem


def test_an_experiment_file_with_every_section_is_taken(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(EXPERIMENT)

    made = plan(tmp_path, "train", spec=read_spec_file(tmp_path / "spec.yaml"))

    assert made.spec["train"]["num_epochs"] == 70
    assert made.spec["train"]["optim"]["min_lr"] == 0.0001
    assert (
        "the spec file also holds what train does not use, which was left out: "
        "evaluate, inference, export, dataset_convert."
    ) in made.notes
    assert not [note for note in made.notes if "has no effect" in note]


def test_every_template_is_a_spec_file_of_its_own_action(tmp_path: Path) -> None:
    template = yaml.safe_dump(SKILL.template("train"))

    assert plan(tmp_path, "train", spec=yaml.safe_load(template)).spec == (
        plan(tmp_path, "train").spec
    )


def test_a_setting_without_effect_is_told(tmp_path: Path) -> None:
    overrides = {"train.optim.optimizer_type": "torch.optim.Adam", "train.optim.momentum": 0.9}

    assert plan(tmp_path, "train", overrides=overrides).notes == (
        "train.optim.momentum has no effect while train.optim.optimizer_type is "
        "'torch.optim.Adam'.",
    )


def test_a_file_that_the_action_will_replace_is_told(tmp_path: Path, trained: ParentJob) -> None:
    old, new = tmp_path / "old.onnx", tmp_path / "new.onnx"
    old.write_bytes(b"a model that somebody needs")

    plans = [
        plan(tmp_path, "export", trained, overrides={"export_onnx": str(path)})
        for path in (old, new)
    ]

    notes = [[note for note in made.notes if "will be replaced" in note] for made in plans]
    assert notes == [[f"export.onnx_file: {old} is there already, and will be replaced."], []]


def test_gpus_asked_for_in_another_actions_section_are_told(
    tmp_path: Path, trained: ParentJob
) -> None:
    made = plan(tmp_path, "evaluate", trained, overrides={"num_gpus": 4})

    assert made.notes == (
        "train.num_gpus (shorthand num_gpus) has no effect on evaluate; set evaluate.num_gpus.",
    )
    assert made.num_gpus == 1


def test_a_child_of_another_layout_is_refused_with_both(tmp_path: Path, trained: ParentJob) -> None:
    with pytest.raises(SpecInvalid) as caught:
        plan(tmp_path, "evaluate", trained, overrides={"graph_layout": "coco"})

    (problem,) = caught.value.problems
    assert "'coco' was given" in problem
    assert "was run with 'nvidia'" in problem


@pytest.fixture
def centred(tmp_path: Path) -> ParentJob:
    """A training on clips that were centred, and on two streams."""
    streams = ["joint", "bone"]
    preprocessing = {"centring": "first_frame", "streams": streams, "frame_rate": 20}
    spec = {"dataset": {"preprocessing": preprocessing, "augmentation": {"flip": 0.5}}}
    parent = finished(plan(tmp_path, "train", spec=spec))
    record(parent.plan.results, checkpoint_name(0), epoch=0, metrics={"val_loss": 0.5})
    return parent


@pytest.mark.parametrize("action", ["evaluate", "inference", "export"])
def test_what_was_done_to_clips_carries_forward_and_augmentation_does_not(
    tmp_path: Path, centred: ParentJob, action: str
) -> None:
    dataset_section = plan(tmp_path, action, centred).spec["dataset"]

    assert dataset_section["preprocessing"]["centring"] == "first_frame"
    assert dataset_section["preprocessing"]["streams"] == ["joint", "bone"]
    assert dataset_section["preprocessing"]["frame_rate"] == 20.0
    assert dataset_section["preprocessing"]["alignment"] == "none"
    assert dataset_section["augmentation"]["flip"] == 0.0


def test_one_key_of_what_was_done_to_clips_can_be_said_again(
    tmp_path: Path, centred: ParentJob
) -> None:
    overrides = {"dataset.preprocessing.centring": "first_frame"}

    section = plan(tmp_path, "evaluate", centred, overrides=overrides).spec["dataset"]

    assert section["preprocessing"]["streams"] == ["joint", "bone"]


@pytest.mark.parametrize("value", ["frame", "none"])
def test_a_child_that_prepares_clips_otherwise_is_refused_with_both(
    tmp_path: Path, centred: ParentJob, value: str
) -> None:
    with pytest.raises(SpecInvalid) as caught:
        plan(tmp_path, "evaluate", centred, overrides={"dataset.preprocessing.centring": value})

    (problem,) = caught.value.problems
    assert problem.startswith(f"dataset.preprocessing.centring: {value!r} was given (override)")
    assert "was run with 'first_frame'" in problem


def test_several_machines_are_refused_where_a_job_runs_on_one(tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid, match=r"train\.num_nodes: 2 machines were asked for"):
        plan(tmp_path, "train", overrides={"train.num_nodes": 2})


def test_several_machines_are_taken_where_a_job_can_span_them(tmp_path: Path) -> None:
    made = plan(tmp_path, "train", overrides={"train.num_nodes": 2}, platform="cluster")

    assert made.spec["train"]["num_nodes"] == 2


KEYS = st.one_of(
    st.sampled_from(
        ["train", "dataset", "model", "label_map", "num_gpus", "gpu_ids", "optim", "lr_steps",
         "encryption_key", "results_dir", "num_epochs", "evaluate", "checkpoint", "a.b", ".",
         "train.gpu_ids", "train.num_gpus", "dataset.label_map",
         "train.optim.lr", "train.optim", "export.gpu_id", "evaluate.checkpoint", "batch_size"]
    ),
    st.text(max_size=4),
    st.integers(),
    st.booleans(),
    st.none(),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=150)  # takes some seconds: wrong input is endless
@given(
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.dictionaries(KEYS, VALUES, max_size=3),
    st.sampled_from(["train", "evaluate", "export", "dataset_convert"]),
)
def test_no_settings_whatever_end_in_anything_but_a_plan_or_an_error_of_ours(
    spec: dict[Any, Any], overrides: dict[Any, Any], action: str
) -> None:
    data = {"all": "s3://bucket/data"} if action in {"train", "evaluate"} else {}
    request = JobRequest(SKILL.name, action, spec=spec, overrides=overrides, data=data)
    with suppress(SkillbankError):
        made = plan_job(request, SKILL, PlanSetting("j", Path("/jobs"), gpus=1))
        assert JobPlan.from_json(made.to_json()) == made
