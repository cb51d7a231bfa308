"""The specs of pose classification against TAO's field tables, and their own rules."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.schema import build_schema
from skillbank_runners.spec_reading import SpecInvalid, read_spec

TABLE = Path(__file__).resolve().parents[2] / "fixtures" / "tao_fields_pose_classification.tsv"
SCHEMAS = {action: build_schema(spec) for action, spec in SPECS.items()}
TYPES = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "string": "string",
    "collection": "object",
    "list": "array",
    "list_2": "array",
    "categorical": "string",
}

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
OWN_ACTIONS = {"pose"}
SECTIONS_OF_OTHERS = {"inference": ("dataset_convert.", "pose.")}  # poses and videos come to it too
OPENED = {"model.graph_layout"}  # TAO's options and more
OWN_KEYS = {
    "train": OF_NETWORKS,
    "evaluate": {"evaluate.top_k"} | OF_NETWORKS,
    "inference": OF_NETWORKS | OF_ACTIONS,
    "export": {"export.opset_version", "export.dynamic_time"} | OF_NETWORKS,
    "dataset_convert": {"encryption_key", "results_dir"} | OF_CONVERSION,
}


def read_rows() -> list[Any]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        pytest.param(action, row, id=f"{action}-{row['key']}")
        for row in rows
        for action in row["actions"].split(",")
    ]


def field(action: str, key: str) -> dict[str, Any]:
    node = SCHEMAS[action]
    for part in key.split("."):
        node = node["properties"][part]
    return node


def leaves(node: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, child in node["properties"].items():
        below = leaves(child, f"{prefix}{name}.") if "properties" in child else {prefix + name}
        found |= below
    return found


def value(text: str) -> Any:
    if text in ("", "<none>"):
        return "" if text == "" else None
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize(("action", "row"), read_rows())
def test_a_field_of_tao_has_its_type_bounds_and_options(action: str, row: dict[str, str]) -> None:
    ours = field(action, row["key"])

    types = ours["type"] if isinstance(ours["type"], list) else [ours["type"]]
    assert types[0] == TYPES[row["type"]]
    assert ours.get("minimum") == (float(row["min"]) if row["min"] else None)
    assert ours.get("maximum") == (float(row["max"]) if row["max"] not in ("", "inf") else None)
    expected = (value(row["enum"]) or []) + OWN_OPTIONS.get(row["key"], [])
    if row["key"] in OPENED:
        assert sorted(expected) == sorted(ours["examples"][: len(expected)])
        assert all(re.search(ours["pattern"], option) for option in [*expected, "my/own.yaml"])
        assert not re.search(ours["pattern"], "kinect")
    else:
        assert [option for option in ours.get("enum", []) if option] == expected


@pytest.mark.parametrize(("action", "row"), read_rows())
def test_a_field_of_tao_has_its_flags(action: str, row: dict[str, str]) -> None:
    ours = field(action, row["key"])

    assert ours.get("automl_enabled") is {"true": True, "false": False, "": None}[row["automl"]]
    assert ours.get("popular", False) is (row["popular"] == "true")


@pytest.mark.parametrize(
    ("action", "row"), [case for case in read_rows() if case.values[1]["type"] != "collection"]
)
def test_a_field_of_tao_has_its_default(action: str, row: dict[str, str]) -> None:
    tao = value(row["default"])
    if row["type"] == "string" and tao is None:
        tao = ""  # text that is null in TAO is empty here; both are accepted

    assert field(action, row["key"])["default"] == OWN_DEFAULTS.get(row["key"], tao)


@pytest.mark.parametrize("action", [action for action in SPECS if action not in OWN_ACTIONS])
def test_an_action_has_tao_s_fields_and_the_documented_own_ones(action: str) -> None:
    tao = {row["key"] for act, row in (case.values for case in read_rows()) if act == action}
    others = SECTIONS_OF_OTHERS.get(action, ("-",))
    ours = {key for key in leaves(SCHEMAS[action]) if not key.startswith(others)}

    assert ours - tao == OWN_KEYS.get(action, set())


@pytest.mark.parametrize("action", SPECS)
def test_every_searched_field_has_a_finite_range_inside_its_bounds(action: str) -> None:
    searched = SCHEMAS[action]["automl_default_parameters"]
    for key in searched:
        ours = field(action, key)
        search = ours["search_range"]
        assert ours.get("minimum", -1e9) <= search["low"] <= search["high"] <= 1e6
        assert search["high"] <= ours.get("maximum", 1e6)
        assert search["log"] is False or search["low"] > 0
    assert action in {"dataset_convert", "pose"} or "train.optim.lr" in searched


def test_strengths_of_augmentation_are_searched_only_where_they_are_named() -> None:
    strengths = sorted(key for key in OF_CLIPS if "augmentation" in key)

    assert not set(strengths) & set(SCHEMAS["train"]["automl_default_parameters"])
    for key in strengths:
        ours = field("train", key)
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


@pytest.mark.parametrize("action", SPECS)
def test_every_field_says_what_it_is_in_a_sentence(action: str) -> None:
    for key in leaves(SCHEMAS[action]):
        description = field(action, key)["description"]
        assert description[0].isupper(), key
        assert description.endswith("."), key


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
