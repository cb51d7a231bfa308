"""docs/preprocessing.md: its keys are all there are, its files are taken and its program runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml

from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.pose_classification.dataset_facts import read_dataset_facts
from skillbank_runners.pose_classification.exporting import pose_form
from skillbank_runners.pose_classification.serving import METADATA_KEY, ServingFacts
from skillbank_runners.pose_classification.spec import DatasetSpec
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.spec_reading import read_spec

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "preprocessing.md").read_text("utf-8")
SECTIONS = ("preprocessing", "augmentation")


def block(language: str) -> str:
    """The page's only block of a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize("name", SECTIONS)
def test_the_table_of_a_section_has_every_key_with_its_default(name: str) -> None:
    defaults: dict[str, Any] = DatasetSpec().model_dump(mode="json")[name]

    shown = {key: yaml.safe_load(default) for key, default, _ in rows(f"Keys of dataset.{name}")}

    assert shown == defaults


def test_every_key_of_preprocessing_is_a_step() -> None:
    named = re.findall(r"\w+", " ".join(row[2] for row in rows("The steps, in order")))

    assert set(PreprocessingSpec.model_fields) <= set(named)


def test_the_table_of_what_travels_is_what_travels() -> None:
    assert [row[0] for row in rows("What travels")] == list(ServingFacts.model_fields)


def test_the_spec_of_the_page_is_a_spec() -> None:
    content = yaml.safe_load(block("yaml"))

    spec, notes = read_spec("train", content, SPECS, EXPERIMENT)

    assert spec.model_dump(mode="json")["dataset"]["preprocessing"]["streams"] == [
        "joint",
        "bone",
        "motion",
    ]
    assert notes == ()


def test_the_dataset_file_of_the_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(block("json"))

    facts = read_dataset_facts(tmp_path / "train_data.npy")

    assert facts is not None
    assert facts.model_dump(exclude_defaults=True, mode="json") == json.loads(block("json"))


def write_onnx(path: Path, num_classes: int, metadata: dict[str, str]) -> None:
    """A network as small as can be behind the names and axes of an exported one."""
    form = pose_form(18, dynamic_time=False, metadata=metadata)
    clips, scores = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, axes)
        for name, axes in (
            (form.input_name, ["batch", 3, 8, 17, 1]),
            (form.output_name, ["batch", num_classes]),
        )
    )
    weights = onnx.numpy_helper.from_array(np.ones((3, num_classes), np.float32), "weights")
    axes = onnx.numpy_helper.from_array(np.array([2, 3, 4]), "axes")
    nodes = [
        onnx.helper.make_node("ReduceMean", [form.input_name, "axes"], ["mean"], keepdims=0),
        onnx.helper.make_node("MatMul", ["mean", "weights"], [form.output_name]),
    ]
    graph = onnx.helper.make_graph(nodes, "pose", [clips], [scores], [weights, axes])
    opset = onnx.helper.make_opsetid("", form.opset)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, path)


# One further process, which loads onnxruntime: 2 s.
def test_the_program_of_the_page_runs_without_torch(tmp_path: Path) -> None:
    facts = ServingFacts(
        class_names=("sit", "walk"),
        layout=load_layout("coco").to_dict(),
        clip_shape=(3, 12, 17, 1),
        window_size=8,
        preprocessing=PreprocessingSpec(centring="frame", sampling="uniform"),
    )
    write_onnx(tmp_path / "model.onnx", len(facts.class_names), {METADATA_KEY: facts.to_json()})
    np.save(tmp_path / "val_data.npy", np.random.default_rng(0).normal(size=(3, 3, 12, 17, 1)))
    program = block("python") + "\nimport sys\nprint('torch' in sys.modules, *actions)\n"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    has_torch, *actions = done.stdout.split()
    assert has_torch == "False"
    assert len(actions) == 3
    assert set(actions) <= {"sit", "walk"}
