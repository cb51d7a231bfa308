"""The specs of action recognition against TAO's field table, and their own rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.runners.tao_fields import CHECKPOINTER, TaoFields, field, schemas

from skillbank_runners.action_recognition import EXPERIMENT, SPECS
from skillbank_runners.spec_reading import SpecInvalid, read_spec

# TAO's published spec of a 3D network in colour, fine-tuned on two classes of HMDB51.
TAO_EXPERIMENT = {
    "results_dir": "/results/rgb_3d_ptm",
    "encryption_key": "env:KEY",
    "model": {
        "model_type": "rgb",
        "backbone": "resnet_18",
        "rgb_seq_length": 3,
        "input_height": 224,
        "input_width": 224,
        "input_type": "3d",
        "sample_strategy": "consecutive",
        "dropout_ratio": 0.0,
    },
    "dataset": {
        "train_dataset_dir": "/data/train",
        "val_dataset_dir": "/data/test",
        "label_map": {"fall_floor": 0, "ride_bike": 1},
        "batch_size": 32,
        "workers": 8,
        "clips_per_video": 5,
        "augmentation_config": {
            "train_crop_type": "no_crop",
            "horizontal_flip_prob": 0.5,
            "rgb_input_mean": [0.5],
            "rgb_input_std": [0.5],
            "val_center_crop": False,
        },
    },
    "train": {
        "optim": {
            "lr": 0.001,
            "momentum": 0.9,
            "weight_decay": 0.0001,
            "lr_scheduler": "MultiStep",
            "lr_steps": [5, 15, 20],
            "lr_decay": 0.1,
        },
        "num_epochs": 20,
        "checkpoint_interval": 1,
        "num_gpus": 1,
    },
    "evaluate": {"checkpoint": "???", "test_dataset_dir": "???"},
    "export": {"checkpoint": "???"},
}
# What is settled differently from TAO's schema; spec.py says why.
OWN_DEFAULTS = {
    "wandb.enable": False,
    "evaluate.checkpoint": "",
    "evaluate.test_dataset_dir": "",
    "export.checkpoint": "",
    "inference.checkpoint": "",
    "inference.inference_dataset_dir": "",
}
OWN_KEYS = {"train": CHECKPOINTER}


class TestTaoFields(TaoFields):
    network = "action_recognition"
    own_defaults = OWN_DEFAULTS
    own_keys = OWN_KEYS


def read(section: dict[str, Any], action: str = "train") -> dict[str, Any]:
    spec, _ = read_spec(action, section, SPECS, EXPERIMENT)
    return spec.model_dump(mode="json")


@pytest.mark.parametrize("action", SPECS)
def test_a_published_experiment_of_tao_s_is_accepted(action: str) -> None:
    spec = read(TAO_EXPERIMENT, action)

    assert spec["dataset"]["augmentation_config"]["rgb_input_mean"] == [0.5]
    assert spec["model"]["input_type"] == "3d"


def test_what_tao_recommends_is_searched_and_the_rest_only_where_it_is_named() -> None:
    schema = schemas("action_recognition")["train"]

    assert schema["automl_default_parameters"] == ["model.dropout_ratio", "train.optim.lr"]
    for key in ("train.optim.momentum", "train.optim.weight_decay", "train.clip_grad_norm"):
        assert field("action_recognition", "train", key)["search_range"]["high"] > 0


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"dataset": {"label_map": {"walk": 0, "fall": 2}}}, "expected every index from 0 to 1"),
        ({"dataset": {"label_map": {"walk": 0, "fall": 0}}}, "indices [0, 0]"),
        ({"dataset": {"label_map": {"walk": -1}}}, "dataset.label_map.walk: found -1"),
        (
            {"dataset": {"augmentation_config": {"rgb_input_mean": [0.5, 0.5]}}},
            "rgb_input_mean: found 2 values, and 3 in rgb_input_std, expected 1 or 3",
        ),
        (
            {"dataset": {"augmentation_config": {"of_input_std": [0.0]}}},
            "of_input_std: found [0.0], expected values above 0",
        ),
        ({"dataset": {"augmentation_config": {"scales": []}}}, "augmentation_config.scales: found"),
        ({"dataset": {"augmentation_config": {"scales": [1.5]}}}, "scales.0: found 1.5"),
        ({"model": {"backbone": "i3d"}}, "expected model.input_type '3d', or one of the ResNets"),
        ({"model": {"sample_rate": 0}}, "model.sample_rate: found 0, expected a number of at leas"),
        ({"train": {"optim": {"patience": 0}}}, "train.optim.patience: found 0"),
        ({"train": {"optim": {"lr": float("inf")}}}, "train.optim.lr: found inf"),
        ({"evaluate": {"video_num_segments": 0}}, "evaluate.video_num_segments: found 0"),
        ({"export": {"gpu_id": -1}}, "export.gpu_id: found -1, expected a number of at least 0"),
        ({"model": {"modeltype": "rgb"}}, "did you mean 'model.model_type'?"),
    ],
)
def test_values_that_make_no_sense_are_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=re.escape(said)):
        read(section)


@pytest.mark.parametrize(
    "section",
    [
        {"model": {"backbone": "i3d", "input_type": "3d"}},
        {"dataset": {"augmentation_config": {"rgb_input_mean": [], "rgb_input_std": []}}},
        {"dataset": {"augmentation_config": {"of_input_mean": [0.5, 0.4], "of_input_std": [1, 1]}}},
        {"dataset": {"label_map": {"fall": 1, "walk": 0}}},
    ],
)
def test_values_that_fit_each_other_are_taken(section: dict[str, Any]) -> None:
    [(name, expected)] = section.items()

    found = read(section)[name]

    for key, child in expected.items():
        assert found[key] == child or child.items() <= found[key].items()
