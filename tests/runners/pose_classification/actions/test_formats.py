"""Poses of other formats and layouts go the same way, and come out as DeepStream JSON."""

import json

import numpy as np
import pytest
from tests.runners.pose_classification.actions.scenes import (
    CLASSES,
    clips,
    infer,
    motion,
    person,
    scene,
    table,
    told,
)

from skillbank_runners.launch import main
from skillbank_runners.skeletons.format_field import PoseFormat
from skillbank_runners.skeletons.importers import FORMATS, ReadOptions, read_recordings


def generic(path, array):
    """Poses in metres, as a NumPy file."""
    np.save(path, array.astype(np.float32))
    return path


def test_every_format_of_the_importers_can_be_asked_for():
    assert set(PoseFormat.__args__) == set(FORMATS)


def test_poses_are_named_as_the_same_arrays_are(tmp_path, trained):
    few_NCTVM = clips()[0][::9][..., None]
    poses = generic(tmp_path / "clips.npy", few_NCTVM)
    by_arrays = tmp_path / "arrays"
    checkpoint = trained.results / "pc_model_latest.pth"

    assert (
        infer(
            trained,
            tmp_path / "out",
            "inference.format=generic",
            "dataset_convert.source_layout=human3.6m",
            "inference.step=30",
            poses=poses,
        )
        == 0
    )
    words = [f"inference.test_dataset.data_path={poses}", f"inference.checkpoint={checkpoint}"]
    command = ["pose_classification", "inference", "-e", str(trained.spec)]
    assert main([*command, "--results", str(by_arrays), *words]) == 0

    predictions = json.loads((by_arrays / "predictions.json").read_text())["predictions"]
    rows = table(tmp_path / "out")
    assert [row["action"] for row in rows] == [one["class_name"] for one in predictions]
    assert [float(row["score"]) for row in rows] == pytest.approx(
        [one["score"] for one in predictions], abs=1e-4
    )
    assert len({row["source"] for row in rows}) == len(few_NCTVM)


def test_each_of_several_recordings_gets_a_file(tmp_path, trained):
    poses = generic(tmp_path / "two.npy", clips()[0][:2][..., None])

    infer(
        trained,
        tmp_path / "out",
        "inference.format=generic",
        "dataset_convert.source_layout=human3.6m",
        poses=poses,
    )

    files = sorted((tmp_path / "out" / "poses_with_actions").iterdir())
    assert len(files) == 2
    (recording,) = read_recordings(
        "deepstream", files[0], ReadOptions(pose_type="3dbp", layout="human3.6m")
    )
    joints_TVD = np.stack([one.joints_VD for one in recording.observations])
    expected_TVD = clips()[0][0].transpose(1, 2, 0)
    assert joints_TVD == pytest.approx(expected_TVD, abs=1e-5)
    assert {action for action, _ in told(files[0]).values()} <= set(CLASSES)


def test_people_without_ids_are_followed_and_keep_the_ids_they_get(tmp_path, trained):
    left, right = motion(0), motion(4) + np.array([3.0, 0, 0])[:, None, None]
    both_MTVD = np.stack([left, right]).transpose(0, 2, 3, 1)
    poses = generic(tmp_path / "pair.npy", both_MTVD)

    code = infer(
        trained,
        tmp_path / "out",
        "inference.format=generic",
        "dataset_convert.source_layout=human3.6m",
        poses=poses,
    )

    assert code == 0
    ids = {row["object_id"] for row in table(tmp_path / "out")}
    found = told(tmp_path / "out" / "poses_with_actions.json")
    assert {str(object_id) for _, object_id, _ in found} == ids
    assert len(ids) == 2
    assert all(action for action, _ in found.values())


def test_other_joints_are_turned_into_those_of_the_network(tmp_path, trained, capsys):
    poses = scene(tmp_path / "cam.json", person(1, motion(0)))
    content = json.loads(poses.read_text())
    for element in content:
        for batch in element["batches"]:
            for one in batch["objects"]:
                joints = np.array(one["pose3d"]).reshape(17, 4)
                one["pose3d"] = np.concatenate([joints, joints]).ravel().tolist()
    poses.write_text(json.dumps(content))

    assert infer(trained, tmp_path / "out", poses=poses) == 0

    assert "poses are turned from layout nvidia into human3.6m" in capsys.readouterr().out
    assert len(table(tmp_path / "out")) >= 1
