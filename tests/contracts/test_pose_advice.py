"""Failures of pose classification as they really read are met with the skill's advice."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skillbank.bank import SkillBank
from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.pose_classification.contract import Files, check_data
from skillbank_runners.spec_reading import read_spec

PATTERNS = SkillBank()["tao-train-pose-classification"].info.error_patterns
GOOD = np.ones((2, 3, 4, 17, 1), dtype=np.float32)


def advice(message: str) -> list[str]:
    """First words of each advice that the message is met with."""
    found = [p.advice for p in PATTERNS if re.search(p.pattern, message, re.IGNORECASE)]
    return [sentence.partition(":")[0] for sentence in found]


def failure(folder: Path, clips: Any, labels: Any, **dataset: Any) -> str:
    """What an evaluation of these data says."""
    np.save(folder / "data.npy", clips)
    (folder / "label.pkl").write_bytes(pickle.dumps(labels))
    files = {"data_path": str(folder / "data.npy"), "label_path": str(folder / "label.pkl")}
    content = {
        "dataset": {"num_classes": 2, **dataset},
        "model": {"graph_layout": "coco"},
        "evaluate": {"test_dataset": files},
    }
    with pytest.raises(RunnerError) as caught:
        evaluate(content)
    return str(caught.value)


def evaluate(content: dict[str, Any]) -> None:
    spec: Any = read_spec("evaluate", content, SPECS, EXPERIMENT)[0]
    check_data(spec, [Files("evaluate.test_dataset", spec.evaluate.test_dataset)])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 3, 4, 25, 1), "Graph layout mismatch"), ((2, 2, 4, 17, 1), "Channel mismatch")],
)
def test_a_shape_that_does_not_fit(tmp_path: Path, shape: tuple[int, ...], expected: str) -> None:
    clips = np.ones(shape, dtype=np.float32)

    assert advice(failure(tmp_path, clips, [["a", "b"], [0, 1]])) == [expected]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([["a", "b"], [0, 2]], "Label out of range"),
        ([["a", "b"], [-1, 0]], "Label out of range"),
        ([["a"], [0]], "Label file"),
        ({"a": 0}, "Label file"),
    ],
)
def test_labels_that_do_not_fit(tmp_path: Path, labels: object, expected: str) -> None:
    assert advice(failure(tmp_path, GOOD, labels)) == [expected]


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    message = failure(tmp_path, GOOD * np.nan, [["a", "b"], [0, 1]])

    assert advice(message) == ["Broken sequences"]


def test_a_label_map_with_a_gap(tmp_path: Path) -> None:
    message = failure(tmp_path, GOOD, [["a", "b"], [0, 1]], label_map={"walk": 0, "run": 2})

    assert advice(message) == ["Missing or incomplete label map"]


def test_files_that_are_not_given() -> None:
    with pytest.raises(RunnerError) as caught:
        evaluate({})

    assert advice(str(caught.value)) == ["Action-specific dataset paths"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "evaluate.checkpoint: 'a.pth' was trained on other input:\n"
            "  - dataset.label_map: trained with {'a': 0}, the spec says {'b': 0}",
            "The checkpoint belongs to another network, or to clips that were prepared otherwise. "
            "Take the settings from the job that trained it",
        ),
        ("/data/dataset.json: the channels are x, y, but", "Data of another kind"),
    ],
)
def test_what_was_trained_or_converted_otherwise(message: str, expected: str) -> None:
    assert advice(message) == [expected]


def test_a_message_about_something_else_is_met_with_nothing() -> None:
    assert advice("epoch 3 of 30: val_loss 0.4, checkpoint model_epoch_003.pth, 17 joints") == []
