"""The specs of pose classification against TAO's field tables, and their own rules."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from tests.runners.tao_fields import TaoFields, field, schemas

from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.spec_reading import SpecInvalid, read_spec

SCHEMAS = schemas("pose_classification")

# Where a default is settled differently from TAO's schema; spec.py says why.
OWN_DEFAULTS = {
    "wandb.enable": False,
    "evaluate.checkpoint": "",
    "inference.checkpoint": "",
}
# Options that TAO's list lacks.
OWN_OPTIONS = {
    "train.optim.lr_scheduler": ["Cosine"],
    "train.optim.optimizer_type": ["torch.optim.AdamW"],
}
OF_CLIPS = {
    "dataset.augmentation.flip",
    "dataset.augmentation.joint_drop",
    "dataset.augmentation.noise",
    "dataset.augmentation.rotation_deg",
    "dataset.augmentation.scale",
    "dataset.augmentation.tilt_deg",
    "dataset.augmentation.time_crop",
    "dataset.augmentation.time_warp",
    "dataset.preprocessing.alignment",
    "dataset.preprocessing.centring",
    "dataset.preprocessing.frame_rate",
    "dataset.preprocessing.has_confidence",
    "dataset.preprocessing.interpolate",
    "dataset.preprocessing.min_confidence",
    "dataset.preprocessing.sampling",
    "dataset.preprocessing.scale",
    "dataset.preprocessing.streams",
}
OF_TRAINING = {"train.label_smoothing", "train.optim.warmup_epochs"}
OF_NETWORKS = OF_CLIPS | OF_TRAINING
OF_CONVERSION = {
    "dataset_convert.centring",
    "dataset_convert.format",
    "dataset_convert.frame_rate",
    "dataset_convert.gaps",
    "dataset_convert.keep_confidence",
    "dataset_convert.label_coverage",
    "dataset_convert.labels",
    "dataset_convert.layout",
    "dataset_convert.max_gap",
    "dataset_convert.source_layout",
    "dataset_convert.split",
    "dataset_convert.split_seed",
    "dataset_convert.val_fraction",
    "dataset_convert.val_names",
}
OF_ACTIONS = {
    "inference.annotated_video",
    "inference.format",
    "inference.frame_probabilities",
    "inference.hysteresis",
    "inference.min_duration",
    "inference.poses",
    "inference.step",
    "inference.video",
}
OWN_ACTIONS = frozenset({"pose"})
SECTIONS_OF_OTHERS = {"inference": ("dataset_convert.", "pose.")}  # poses and videos come to it too
OPENED = frozenset({"model.graph_layout"})  # TAO's options and more
OWN_KEYS = {
    "train": OF_NETWORKS,
    "evaluate": {"evaluate.top_k"} | OF_NETWORKS,
    "inference": OF_NETWORKS | OF_ACTIONS,
    "export": {"export.opset_version", "export.dynamic_time"} | OF_NETWORKS,
    "dataset_convert": {"encryption_key", "results_dir"} | OF_CONVERSION,
}


class TestTaoFields(TaoFields):
    network = "pose_classification"
    own_defaults = OWN_DEFAULTS
    own_options = OWN_OPTIONS
    own_keys = OWN_KEYS
    own_actions = OWN_ACTIONS
    sections_of_others = SECTIONS_OF_OTHERS
    opened = OPENED


@pytest.mark.parametrize("action", SPECS)
def test_every_searched_field_has_a_finite_range(action: str) -> None:
    searched = SCHEMAS[action]["automl_default_parameters"]
    for key in searched:
        search = field("pose_classification", action, key)["search_range"]
        assert -1e9 < search["low"] <= search["high"] < 1e6
    assert action in {"dataset_convert", "pose"} or "train.optim.lr" in searched


def test_strengths_of_augmentation_are_searched_only_where_they_are_named() -> None:
    strengths = sorted(key for key in OF_CLIPS if "augmentation" in key)

    assert not set(strengths) & set(SCHEMAS["train"]["automl_default_parameters"])
    for key in strengths:
        ours = field("pose_classification", "train", key)
        assert 0 == ours["search_range"]["low"] < ours["search_range"]["high"] <= 45
        assert ours["search_range"]["high"] <= ours.get("maximum", 45)
        assert ours["default"] == 0
        assert "automl_enabled" not in ours


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"preprocessing": {"interpolate": True}}, "found true without has_confidence"),
        ({"preprocessing": {"streams": ["bone", "bone"]}}, "expected each stream at most once"),
        ({"preprocessing": {"centering": "frame"}}, "did you mean 'dataset.preprocessing.cen"),
    ],
)
def test_preprocessing_that_makes_no_sense_is_refused(dataset: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=re.escape(said)):
        read_spec("train", {"dataset": dataset}, SPECS, EXPERIMENT)


def test_importing_the_specs_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, skillbank_runners.pose_classification as p; "
        "p.SPECS; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"dataset": {"num_classes": 2, "label_map": {"a": 0, "b": 2}}},
            "dataset.label_map: found",
        ),
        ({"dataset": {"num_classes": 2, "label_map": {"a": 0}}}, "every index from 0 to 1 once"),
        ({"dataset": {"num_classes": 2, "label_map": {"a": 0, "b": 0}}}, "indices [0, 0]"),
        ({"dataset": {"window_size": 0}}, "dataset.window_size: found 0, expected a number other"),
        ({"dataset": {"random_choose": True}}, "dataset.random_choose: found true"),
        ({"evaluate": {"batch_size": 0}}, "evaluate.batch_size: found 0"),
        ({"train": {"optim": {"momentum": 0}}}, "train.optim.nesterov to false"),
        ({"train": {"optim": {"lr": float("nan")}}}, "train.optim.lr: found nan"),
        ({"dataset_convert": {"focal_length": 0}}, "dataset_convert.focal_length: found 0.0"),
        ({"dataset_convert": {"sequence_overlap": 0.001}}, "at least one of the 100 frames"),
        (
            {"dataset_convert": {"split": "given", "val_names": ["a"]}},
            "found a with dataset_convert.split 'given', which asks for no names",
        ),
        ({"dataset_convert": {"sequence_length_max": 5}}, "sequence_length_min (10)"),
    ],
)
def test_values_that_contradict_each_other_are_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=re.escape(said)):
        read_spec("train", section, SPECS, EXPERIMENT)


def test_rules_that_do_not_apply_are_not_asked() -> None:
    adam = {"optimizer_type": "torch.optim.Adam", "momentum": 0}

    spec, _ = read_spec("train", {"train": {"optim": adam}}, SPECS, EXPERIMENT)

    assert spec.model_dump()["train"]["optim"]["momentum"] == 0
