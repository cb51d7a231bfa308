"""The example data is what its README says, small, and passed on under its terms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml

import make_cmu_example
from skillbank_runners.pose_classification.spec import ExperimentSpec
from skillbank_runners.skeletons.layout import load_layout

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cmu_mocap"
NUM_CLIPS = {"train": 135, "val": 43}


def data(part: str) -> npt.NDArray[np.float16]:
    array: npt.NDArray[np.float16] = np.load(FOLDER / f"{part}_data.npy", allow_pickle=False)
    return array


def settings() -> dict[str, Any]:
    text = (FOLDER / "train.yaml").read_text(encoding="utf-8")
    values: dict[str, Any] = yaml.safe_load(text)
    return values


@pytest.mark.parametrize("part", NUM_CLIPS)
def test_the_arrays_have_the_shape_of_the_layout(part: str) -> None:
    data_NCTVM = data(part)

    assert data_NCTVM.shape == (NUM_CLIPS[part], 3, 30, 17, 1)
    assert data_NCTVM.dtype == np.float16
    assert load_layout(settings()["model"]["graph_layout"]).num_joints == 17


@pytest.mark.parametrize("part", NUM_CLIPS)
def test_bodies_are_in_metres_upright_and_centred(part: str) -> None:
    data_NCTVM = data(part).astype(np.float64)
    pelvis, ankle, head = 0, 3, 10

    tall_N = (data_NCTVM[:, 1, :, head, 0] - data_NCTVM[:, 1, :, ankle, 0]).mean(axis=1)

    assert np.isfinite(data_NCTVM).all()
    assert not data_NCTVM[:, :, :, pelvis].any()
    assert tall_N.min() > 0.8  # somebody crouches
    assert tall_N.max() < 1.9


def test_the_settings_are_a_valid_spec_with_every_class_named() -> None:
    spec = ExperimentSpec.model_validate(settings())

    assert spec.dataset.num_classes == 6
    assert sorted((spec.dataset.label_map or {}).values()) == list(range(6))


def test_the_example_stays_small() -> None:
    size_bytes = sum(path.stat().st_size for path in FOLDER.iterdir())

    assert size_bytes < 700_000


def test_the_credit_that_the_terms_ask_for_is_given() -> None:
    credit = "The data used in this project was obtained from mocap.cs.cmu.edu."
    funding = "The database was created with funding from NSF EIA-0196217."

    for name in ("NOTICE.txt", "README.md"):
        text = " ".join((FOLDER / name).read_text(encoding="utf-8").split())
        assert credit in text
        assert funding in text
    assert "MIT License" in (FOLDER / "SOURCE_REPO_LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.realdata
@pytest.mark.skipif(not make_cmu_example.SOURCE.is_dir(), reason="no verification data here")
def test_the_tool_makes_the_same_bytes_and_moves_no_joint_by_a_millimetre(tmp_path: Path) -> None:
    make_cmu_example.make(make_cmu_example.SOURCE, tmp_path)

    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {name: (FOLDER / name).read_bytes() for name in made}
    assert make_cmu_example.largest_error_mm(make_cmu_example.SOURCE, tmp_path) < 0.25
