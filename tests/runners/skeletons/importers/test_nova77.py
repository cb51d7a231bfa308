"""JSON lines of NVIDIA's 3D Body Pose NIM.

Axes: V joints, D coordinates.
"""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.skeletons.importers.damaging import damaged, read_calmly

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Box, PoseFileInvalid, Space


def person(track, seed=0):
    """A detection as the NIM's client writes it."""
    rng = np.random.default_rng(seed)
    return {
        "tracking_id": track,
        "bbox": [10.5, 20.0, 100.0, 200.0],
        "keypoints_2d": rng.uniform(0, 500, (77, 2)).tolist(),
        "keypoints_confidence": rng.uniform(0.1, 1, 77).tolist(),
        "keypoints_3d": rng.uniform(-1, 3, (77, 3)).tolist(),
        "rest_pose": np.zeros((77, 3)).tolist(),
        "joint_rotations": [[0.0, 0.0, 0.0, 1.0]] * 77,
        "root_pose": {"translation": [0.0, 0.0, 3.0], "rotation": [0.0, 0.0, 0.0, 1.0]},
    }


def lines(frames):
    rows = [json.dumps({"frame_id": number, "detections": people}) for number, people in frames]
    return "\n".join(rows) + "\n"


def read(path, **options):
    (recording,) = read_recordings("nova77", path, ReadOptions(**options))
    return recording, list(recording.observations)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clip.jsonl"


def test_people_are_read_in_the_cameras_axes(path):
    path.write_text(lines([(0, [person(4)]), (1, []), (5, [person(4, 1), person(9, 2)])]))
    recording, found = read(path)
    assert (recording.layout, recording.space) == ("nova77", Space.WORLD)
    assert (recording.name, recording.width) == ("clip", None)
    assert [(one.frame, one.object_id) for one in found] == [(0, 4), (5, 4), (5, 9)]
    for one, seed in zip(found, (0, 1, 2), strict=True):
        expected = person(0, seed)
        np.testing.assert_array_equal(one.joints_VD, np.float32(expected["keypoints_3d"]))
        np.testing.assert_array_equal(
            one.confidence_V, np.float32(expected["keypoints_confidence"])
        )
        assert one.box == Box(10.5, 20, 100, 200)


def test_2dbp_takes_the_places_in_the_picture(path):
    path.write_text(lines([(0, [person(4)])]))
    recording, (one,) = read(path, pose_type="2dbp", width=1280, height=720)
    assert recording.space is Space.IMAGE
    assert (recording.width, recording.height) == (1280, 720)
    np.testing.assert_array_equal(one.joints_VD, np.float32(person(4)["keypoints_2d"]))


def test_the_axis_of_the_camera_is_a_place_like_any_other(path):
    body = person(4)
    body["keypoints_3d"][0] = [0, 0, 3]
    body["keypoints_confidence"][1] = 0
    path.write_text(lines([(0, [body])]))
    _, (one,) = read(path)
    assert one.joints_VD[:2].tolist() == [[0, 0, 3], [0, 0, 0]]
    assert one.confidence_V[0] > 0


def test_poses_have_the_joints_of_their_layout(path):
    path.write_text(lines([(0, [person(4)])]))
    recording, (one,) = read(path)
    assert load_layout(recording.layout).num_joints == len(one.joints_VD)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keypoints_3d": [[0, 0, 1]]}, r"detections\[0\], keypoints_3d: found 1 joints, expect"),
        ({"keypoints_3d": None}, "keypoints_3d: found null, expected a list"),
        ({"keypoints_3d": [0, 1]}, "found 2 numbers, expected 3 for each joint"),
        ({"keypoints_confidence": [1.0]}, "keypoints_confidence: found 1 joints, expected 77"),
        ({"tracking_id": "me"}, "tracking_id: found 'me', expected a whole number"),
        ({"bbox": [1, 2]}, "bbox: found 2 numbers, expected x, y, width and height"),
    ],
)
def test_damage_is_told_with_its_line_and_key(path, change, said):
    path.write_text(lines([(0, []), (1, [person(4) | change])]))
    with pytest.raises(PoseFileInvalid, match=rf"line 2, byte .*{said}"):
        read(path)


def test_frames_that_run_backwards_are_told(path):
    path.write_text(lines([(3, []), (2, [])]))
    with pytest.raises(PoseFileInvalid, match=r"line 2.*found frame 2 behind frame 3"):
        read(path)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_refused_or_read(path, data):
    content = data.draw(damaged(lines([(0, [person(4)]), (1, [person(4, 1)])]).encode()))
    read_calmly("nova77", path, content, ReadOptions())
