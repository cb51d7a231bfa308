"""The specs of CenterPose against TAO's field table, and their own rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.runners.tao_fields import CHECKPOINTER, TaoFields, field, schemas

from skillbank_runners.centerpose import EXPERIMENT, SPECS
from skillbank_runners.spec_reading import SpecInvalid, read_spec

ENGINE = "gen_trt_engine.tensorrt"
# TAO's published specs of training on Objectron's bikes, of export and of an engine.
TAO_EXPERIMENT = {
    "results_dir": "/results",
    "dataset": {
        "train_data": "/data/bike/train",
        "val_data": "/data/bike/val",
        "num_classes": 1,
        "batch_size": 32,
        "workers": 8,
        "category": "bike",
        "num_symmetry": 1,
        "max_objs": 10,
    },
    "train": {
        "num_gpus": 1,
        "validation_interval": 20,
        "checkpoint_interval": 20,
        "num_epochs": 40,
        "clip_grad_val": 100.0,
        "seed": 317,
        "resume_training_checkpoint_path": None,
        "precision": "fp32",
        "optim": {"lr": 6e-05, "lr_steps": [90, 120]},
    },
    "model": {
        "down_ratio": 4,
        "use_pretrained": True,
        "backbone": {"model_type": "fan_small", "pretrained_backbone_path": "/fan_small.pth"},
    },
    "evaluate": {"num_gpus": 1, "checkpoint": "???", "opencv": False, "eval_num_symmetry": 1},
    "export": {
        "gpu_id": 0,
        "checkpoint": "???",
        "onnx_file": "???",
        "input_channel": 3,
        "input_width": 512,
        "input_height": 512,
        "opset_version": 16,
        "do_constant_folding": True,
    },
    "gen_trt_engine": {
        "gpu_id": 0,
        "onnx_file": "???",
        "trt_engine": "???",
        "tensorrt": {
            "data_type": "fp32",
            "workspace_size": 1024,
            "min_batch_size": 1,
            "opt_batch_size": 2,
            "max_batch_size": 4,
            "calibration": {
                "cal_image_dir": "???",
                "cal_cache_file": "???",
                "cal_batch_size": 10,
                "cal_batches": 1000,
            },
        },
    },
}
# What is settled differently from TAO's schema; spec.py says why.
OWN_DEFAULTS = {
    "wandb.enable": False,
    "evaluate.checkpoint": "",
    "inference.checkpoint": "",
    "gen_trt_engine.onnx_file": "",
    "gen_trt_engine.trt_engine": "",
    f"{ENGINE}.calibration.cal_cache_file": "",
    f"{ENGINE}.calibration.cal_image_dir": [],
}
OWN_BOUNDS = {
    "evaluate.eval_num_symmetry": (1, None),
    f"{ENGINE}.opt_batch_size": (1, None),
    f"{ENGINE}.max_batch_size": (1, None),
}
OWN_OPTIONS = {
    "model.backbone.model_type": ["fan_small", "fan_base", "fan_large", "DLA34"],
    "train.precision": ["fp32", "fp16"],
    "train.optim.lr_scheduler": ["MultiStep"],
    "train.loss_config.reg_loss": ["l1"],
}
OWN_KEYS = {"train": CHECKPOINTER}


class TestTaoFields(TaoFields):
    network = "centerpose"
    own_defaults = OWN_DEFAULTS
    own_bounds = OWN_BOUNDS
    own_options = OWN_OPTIONS
    own_keys = OWN_KEYS


def read(section: dict[str, Any], action: str = "train") -> dict[str, Any]:
    spec, notes = read_spec(action, section, SPECS, EXPERIMENT)
    assert "_eig" not in "".join(notes)
    return spec.model_dump(mode="json")


@pytest.mark.parametrize("action", SPECS)
def test_published_experiments_of_tao_s_are_accepted(action: str) -> None:
    spec = read(TAO_EXPERIMENT, action)

    assert spec["dataset"]["category"] == "bike"
    if action == "gen_trt_engine":
        assert spec["gen_trt_engine"]["tensorrt"]["data_type"] == "FP32"
        assert spec["gen_trt_engine"]["tensorrt"]["calibration"]["cal_image_dir"] == []


def test_keys_that_are_no_python_names_are_read_and_written_as_tao_has_them() -> None:
    values = [0.3, 0.2, 0.1]

    spec = read({"dataset": {"_eig_val": values}})

    assert spec["dataset"]["_eig_val"] == values
    assert "eig_val" not in spec["dataset"]
    assert schemas("centerpose")["train"]["properties"]["dataset"]["default"]["_eig_val"]


def test_what_tao_recommends_is_searched_and_the_rest_only_where_it_is_named() -> None:
    schema = schemas("centerpose")["train"]

    assert schema["automl_default_parameters"] == ["train.optim.lr", "train.optim.lr_decay"]
    for key in ("dataset.flip", "dataset.aug_rot", "train.clip_grad_val"):
        assert field("centerpose", "train", key)["search_range"]["high"] > 0


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"dataset": {"category": ""}}, "dataset.category: found ''"),
        ({"dataset": {"std": [1, 0, 1]}}, "dataset.std: found [1.0, 0.0, 1.0], expected values"),
        ({"dataset": {"flip_idx": [[1, 5], [5, 3]]}}, "expected each corner in one pair at most"),
        ({"dataset": {"flip_idx": [[0, 5]]}}, "dataset.flip_idx.0.0: found 0"),
        ({"dataset": {"mean": [0.4, 0.4]}}, "dataset.mean.2: found"),
        ({"dataset": {"eig_val": [1, 1, 1]}}, "did you mean 'dataset._eig_val'?"),
        ({"dataset": {"input_res": 256}}, "dataset.input_res: found 256, expected a number grea"),
        ({"model": {"backbone": {"model_type": "fan_tiny"}}}, "found 'fan_tiny', expected 'fan_s"),
        ({"train": {"precision": "bf16"}}, "train.precision: found 'bf16'"),
        ({"train": {"loss_config": {"use_residual": True}}}, "expected three sizes above 0"),
        (
            {"train": {"loss_config": {"use_residual": True, "dimension_ref": "1,2"}}},
            "train.loss_config.dimension_ref: found '1,2'",
        ),
        ({"export": {"batch_size": 0}}, "export.batch_size: found 0, expected a number other"),
        ({"gen_trt_engine": {"tensorrt": {"max_batch_size": 2}}}, "found min_batch_size 1, opt_"),
        (
            {"gen_trt_engine": {"tensorrt": {"data_type": "INT8"}}},
            "calibration.cal_image_dir: found no folder with data_type 'INT8'",
        ),
    ],
)
def test_values_that_make_no_sense_are_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=re.escape(said)):
        read(section)


@pytest.mark.parametrize(
    ("action", "section"),
    [
        ("train", {"dataset": {"category": "pallet", "num_symmetry": 2}}),
        ("train", {"train": {"precision": "fp16"}}),
        ("train", {"train": {"loss_config": {"use_residual": True, "dimension_ref": "0.9, 1, 2"}}}),
        (
            "gen_trt_engine",
            {
                "gen_trt_engine": {
                    "tensorrt": {"data_type": "INT8", "calibration": {"cal_image_dir": ["/a"]}}
                }
            },
        ),
    ],
)
def test_values_that_fit_each_other_are_taken(action: str, section: dict[str, Any]) -> None:
    found = read(section, action)

    assert _holds(found, section)


def _holds(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there, at whatever depth."""
    if isinstance(wanted, dict):
        return all(_holds(found[key], child) for key, child in wanted.items())
    return bool(found == wanted)
