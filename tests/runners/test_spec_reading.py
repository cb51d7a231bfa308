"""Spec files as users have them: all sections in one, gaps, mistakes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.pose_classification.spec import EvaluateAction, TrainAction
from skillbank_runners.spec_reading import SpecInvalid, read_spec

EXPERIMENT_FILE = EXPERIMENT().model_dump(mode="json")  # what a complete TAO spec file holds


def read(action: str, content: object) -> tuple[Any, tuple[str, ...]]:
    return read_spec(action, content, SPECS, EXPERIMENT)


def problems(content: object, action: str = "train") -> tuple[str, ...]:
    with pytest.raises(SpecInvalid) as caught:
        read(action, content)
    return caught.value.problems


@pytest.mark.parametrize("action", SPECS)
def test_a_file_with_the_sections_of_all_actions_serves_every_action(action: str) -> None:
    spec, notes = read(action, EXPERIMENT_FILE)

    assert spec == SPECS[action]()
    [note] = notes
    assert note.startswith(f"not read by {action}: ")


def test_the_note_names_what_was_left_aside_inside_a_section_too() -> None:
    _, notes = read("evaluate", EXPERIMENT_FILE)

    assert notes == (
        "not read by evaluate: dataset_convert, export, inference, pose, train.checkpointer",
    )


def test_a_file_with_nothing_to_leave_aside_gives_no_note() -> None:
    assert read("train", {"train": {"num_epochs": 3}})[1] == ()


@pytest.mark.parametrize("gap", ["", None, "???"])
def test_text_may_be_left_open_in_three_ways(gap: str | None) -> None:
    spec, _ = read("evaluate", {"evaluate": {"checkpoint": gap}, "results_dir": gap})

    assert isinstance(spec, EvaluateAction)
    assert (spec.evaluate.checkpoint, spec.results_dir) == ("", "")


@pytest.mark.parametrize(
    "content",
    [
        {"train": None},
        {"train": {"optim": None}},
        {"train": {"num_epochs": "???"}},
        {"train": "???"},
    ],
)
def test_sections_left_open_and_values_left_missing_keep_their_defaults(
    content: dict[str, Any],
) -> None:
    assert read("train", content)[0] == TrainAction()


def test_numbers_that_yaml_reads_as_text_are_numbers() -> None:
    spec, _ = read("train", {"train": {"optim": {"lr": "1e-3"}, "num_epochs": "7"}})

    assert (spec.train.optim.lr, spec.train.num_epochs) == (0.001, 7)


def test_class_names_that_yaml_reads_as_numbers_are_names() -> None:
    spec, _ = read("train", {"dataset": {"num_classes": 2, "label_map": {0: 0, 1: 1}}})

    assert spec.dataset.label_map == {"0": 0, "1": 1}


def test_all_problems_are_listed_at_once_in_whichever_section() -> None:
    found = problems(
        {
            "train": {"num_epoch": 3, "num_epochs": 0, "optim": {"lr": "fast"}},
            "model": {"graph_layout": "kinect"},
            "export": {"opset_version": 9},
        }
    )

    assert set(found) == {
        "train.num_epoch: no such key; did you mean 'train.num_epochs'?",
        "train.num_epochs: found 0, expected a number greater than or equal to 1",
        "train.optim.lr: found 'fast', expected a valid number",
        "model.graph_layout: found 'kinect', expected one of 'nvidia', 'openpose', 'coco', "
        "'human3.6m', 'ntu-rgb+d', 'ntu_edge', 'nvidia34', 'nova77', 'openpose18', 'body25', "
        "'coco17', 'h36m17', 'ntu25', 'ntu24', 'mediapipe33', 'halpe26', 'hand21', or the path of "
        "a layout file (.yaml)",
        "export.opset_version: found 9, expected a number greater than or equal to 17",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"lr": 0.1}, "lr: no such key; did you mean 'train.optim.lr'?"),
        ({"model": {"layers": 3}}, "model.layers: no such key; known in model: model_type, "),
        ({"zzz": 1}, "zzz: no such key; known: encryption_key, results_dir, "),
    ],
)
def test_an_unknown_key_comes_with_what_was_meant(content: dict[str, Any], said: str) -> None:
    assert problems(content)[0].startswith(said)


def test_a_section_that_is_no_mapping_is_told() -> None:
    [problem] = problems({"train": 5})

    assert problem.startswith("train: found 5, expected")


def test_a_file_that_is_no_mapping_is_told() -> None:
    assert problems(["train"]) == ("(top): found ['train'], expected a mapping of sections",)


def test_an_unknown_action_is_told_with_the_known_ones() -> None:
    [problem] = problems({}, action="prune")

    assert problem.startswith("'prune' is no action; known: dataset_convert, train, ")


# The shape of the experiment files that TAO users keep: all actions in one, gaps as ???.
TAO_FILE = """
results_dir: ???
encryption_key: nvidia_tao
model:
  model_type: ST-GCN
  pretrained_model_path: ""
  input_channels: 3
  dropout: 0.5
  graph_layout: nvidia
  graph_strategy: spatial
  edge_importance_weighting: True
dataset:
  train_dataset: {data_path: /data/train_data.npy, label_path: /data/train_label.pkl}
  val_dataset: {data_path: /data/val_data.npy, label_path: /data/val_label.pkl}
  num_classes: 3
  label_map: {sitting_down: 0, walking: 1, jumping: 2}
  batch_size: 16
train:
  optim: {lr: 0.1, momentum: 0.9, nesterov: True, weight_decay: 1e-4, lr_steps: [10, 60]}
  num_epochs: 70
  checkpoint_interval: 5
  grad_clip: 0.0
evaluate:
  checkpoint: ???
  test_dataset:
    data_path: ???
    label_path: null
inference:
  checkpoint:
  output_file: /results/names.txt
  test_dataset: {data_path: /data/test_data.npy}
export:
  checkpoint:
  onnx_file: ""
dataset_convert:
  data: ???
  pose_type: 3dbp
"""


@pytest.mark.parametrize("action", SPECS)
def test_a_tao_experiment_file_is_read_for_every_action(action: str) -> None:
    spec, notes = read(action, yaml.safe_load(TAO_FILE))

    assert spec.encryption_key == "nvidia_tao"
    assert spec.results_dir == ""
    assert len(notes) == 1


def test_what_a_tao_file_says_reaches_the_action() -> None:
    train, _ = read("train", yaml.safe_load(TAO_FILE))
    inference, _ = read("inference", yaml.safe_load(TAO_FILE))

    assert (train.train.num_epochs, train.train.optim.weight_decay) == (70, 1e-4)
    assert train.dataset.label_map == {"sitting_down": 0, "walking": 1, "jumping": 2}
    assert inference.inference.test_dataset.data_path == "/data/test_data.npy"
    assert inference.inference.checkpoint == ""
