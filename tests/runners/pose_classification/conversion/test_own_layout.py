"""Skeletons of one's own, from recordings to a trained network and its evaluation."""

import numpy as np
import pytest
import yaml
from tests.runners.pose_classification.conversion.converting import run

from skillbank_runners.launch import main
from skillbank_runners.skeletons.layout import load_layout

ARMS = """
joints: [chest, left_hand, right_hand]
edges: [[0, 1], [0, 2]]
left_right_pairs: [[1, 2]]
conversions: {hand21: [[chest]%s]}
""" % (", null" * 20)
SHORT = {
    "sequence_length": 10,
    "sequence_length_min": 5,
    "sequence_length_max": 10,
    "sequence_overlap": 1.0,
}
RIG = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 3 Xposition Yposition Zposition
  JOINT LeftArm
  {
    OFFSET 1 0 0
    CHANNELS 1 Zrotation
    End Site
    {
      OFFSET 1 0 0
    }
  }
}
MOTION
Frames: 20
Frame Time: 0.1
"""


@pytest.fixture
def layout(tmp_path):
    path = tmp_path / "arms.yaml"
    path.write_text(ARMS, encoding="utf-8")
    return path


@pytest.fixture
def recordings(tmp_path):
    """Three clips of 20 frames."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        x_TVD = np.random.default_rng(seed).normal(size=(20, 3, 3)).astype(np.float32)
        np.save(folder / f"{name}.npy", x_TVD)
    return folder


def convert(tmp_path, source, recordings, **settings):
    labels = tmp_path / "labels.csv"
    labels.write_text("file,class\na,wave\nb,sit\nc,wave\n")
    return run(
        tmp_path,
        recordings,
        format="generic",
        source_layout=str(source),
        labels=str(labels),
        split="file",
        **SHORT,
        **settings,
    )


def test_a_conversion_keeps_the_layout_beside_its_arrays(tmp_path, layout, recordings):
    converted = convert(tmp_path, layout, recordings, val_names=["c"])
    assert converted.status == 0
    copy = converted.results / "layout.yaml"
    snippet = yaml.safe_load((converted.results / "dataset.yaml").read_text())
    assert snippet["model"]["graph_layout"] == str(copy)
    assert converted.json("dataset.json")["layout"] == str(copy)
    assert load_layout(str(copy)) == load_layout(str(layout))


def test_a_conversion_to_a_layout_of_the_bank_names_it(tmp_path, layout, recordings):
    converted = convert(tmp_path, layout, recordings, val_names=["c"], layout="hand21")
    assert converted.json("dataset.json")["layout"] == "hand21"
    assert not (converted.results / "layout.yaml").exists()
    assert converted.array("val_data.npy").shape[3] == 21


def test_a_network_is_trained_and_measured_on_a_layout_whose_file_is_gone_by_then(
    tmp_path, layout, recordings
):
    converted = convert(tmp_path, layout, recordings, val_names=["c"])
    snippet = yaml.safe_load((converted.results / "dataset.yaml").read_text())
    spec = tmp_path / "train.yaml"
    spec.write_text(yaml.safe_dump(snippet | {"train": {"num_epochs": 1}}))
    # A training of one epoch and an evaluation take seconds: the whole way is what is proved here.
    words = ["pose_classification", "train", "-e", str(spec), "--results", str(tmp_path / "t")]
    assert main(words) == 0

    layout.unlink()
    (converted.results / "layout.yaml").unlink()
    files = {"test_dataset": snippet["dataset"]["val_dataset"]}
    checkpoint = str(tmp_path / "t" / "pc_model_latest.pth")
    spec.write_text(yaml.safe_dump({"evaluate": {"checkpoint": checkpoint, **files}}))
    words = ["pose_classification", "evaluate", "-e", str(spec), "--results", str(tmp_path / "e")]
    assert main(words) == 0


def test_a_motion_capture_file_brings_its_own_layout(tmp_path):
    rows = [f"{t} 0 0 {10 * t}" for t in range(20)]
    (tmp_path / "walk.bvh").write_text(RIG + "\n".join(rows) + "\n")
    converted = run(tmp_path, tmp_path / "walk.bvh", format="bvh", **SHORT)
    assert converted.status == 0
    layout = load_layout(converted.json("dataset.json")["layout"])
    assert layout.joint_names == ("Hips", "LeftArm", "LeftArm_end")


def test_a_layout_that_does_not_fit_the_files_is_told(tmp_path, layout, recordings):
    layout.write_text("joints: [a, b]\nedges: [[0, 1]]\n")
    converted = convert(tmp_path, layout, recordings)
    assert "found 3 joints on axis 1" in converted.failure
    assert converted.leftovers == []
