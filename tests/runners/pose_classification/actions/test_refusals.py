"""Wrong requests and wrong files end in one clear message, and leave nothing half-written."""

import json

import numpy as np
import pytest
from tests.runners.pose_classification.actions.scenes import infer, motion, person, scene

WRONG = 2  # exit code of a wrong request


@pytest.fixture
def poses(tmp_path):
    return scene(tmp_path / "cam.json", person(1, motion(0)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            ["inference.video=FILE"],
            "expected one of them: set the others to nothing",
        ),
        (
            ["inference.test_dataset.data_path=x.npy"],
            "inference.test_dataset.data_path 'x.npy', inference.poses",
        ),
        (["inference.poses=", "inference.video=none.mp4"], "inference.video: no such file"),
        (["inference.poses=none.json"], "inference.poses: no such file or folder: 'none.json'"),
        (["inference.poses=s3://x/y.json"], "copy it to this machine first"),
        (["inference.annotated_video=true"], "found true without inference.video"),
        (["inference.format=yaml"], "inference.format: found 'yaml', expected 'deepstream'"),
        (["inference.step=31"], "inference.step: found 31, expected at most the 30 frames"),
        (["inference.hysteresis=2"], "inference.hysteresis: found 2"),
        (["inference.min_duration=0"], "inference.min_duration: found 0"),
    ],
)
def test_a_wrong_request_is_told_from_a_failed_one(
    tmp_path, trained, poses, capsys, settings, said
):
    settings = [one.replace("FILE", str(poses)) for one in settings]

    assert infer(trained, tmp_path / "out", *settings, poses=poses) == WRONG

    assert said in capsys.readouterr().err


def nobody(path):
    path.write_text('[{"num_frames_in_batch": 0, "batches": []}]')


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-700])


def no_pose(path):
    path.write_text(path.read_text().replace("pose3d", "pose4d"))


def of_joints(count):
    def change(path):
        content = json.loads(path.read_text())
        for element in content:
            for one in element["batches"][0]["objects"]:
                one["pose3d"] = np.ones(4 * count).tolist()
        path.write_text(json.dumps(content))

    return change


@pytest.mark.parametrize(
    ("damage", "settings", "said"),
    [
        (nobody, [], "no people found in"),
        (cut_off, [], "cam.json"),
        (no_pose, [], "pose3d"),
        (of_joints(20), [], "the network's is 'human3.6m' of 17"),
        (of_joints(21), ["dataset_convert.source_layout=hand21"], "'hand21' to 'human3.6m'"),
        (of_joints(17), ["dataset_convert.pose_type=2dbp"], "expected the 3 that"),
        (of_joints(17), ["dataset_convert.source_layout=human"], "did you mean 'human3.6m'"),
        (of_joints(17), ["inference.format=bvh"], "cam.json"),
        (of_joints(17), ["inference.output_file=FILE/x/y.txt"], "inference.output_file: cannot"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_no_results(
    trained, poses, capsys, damage, settings, said
):
    results = poses.parent / "out"
    damage(poses)
    settings = [one.replace("FILE", str(poses)) for one in settings]

    code = infer(trained, results, *settings, poses=poses)

    error = capsys.readouterr().err
    assert code in {1, WRONG}
    assert said in error
    assert "Traceback" not in error
    names = {path.name for path in results.glob("*")}
    assert names <= {"status.json", "run_info.json", "artefacts.json"}


def test_a_damaged_end_is_found_before_the_network_begins(tmp_path, trained, poses):
    cut_off(poses)

    infer(trained, tmp_path / "out", poses=poses)

    status = (tmp_path / "out" / "status.json").read_text()
    assert "FAILURE" in status
    assert "named" not in status
