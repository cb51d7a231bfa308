"""BlazePose on a real video: one person walks in, sits down, gets up and leaves.

Slower than most tests: two networks look at real pictures.
"""

import json

import numpy as np
import pytest
from tests.runners.video.films import REAL

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.video.estimators import EstimatorSettings, make_estimator
from skillbank_runners.video.models import COMMAND, are_there
from skillbank_runners.video.pipeline import PoseSettings, write_poses
from skillbank_runners.video.reading import open_video
from skillbank_runners.video.writing import VideoWriter

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REAL.is_file(), reason="no verification data here"),
    pytest.mark.skipif(not are_there(), reason=f"run {COMMAND}"),
]


@pytest.fixture(scope="module")
def poses(tmp_path_factory):
    """The whole video, written once."""
    path = tmp_path_factory.mktemp("real") / "poses.json"
    return path, write_poses(open_video(REAL), path, PoseSettings())


def observations(path, pose_type):
    (recording,) = read_recordings("deepstream", path, ReadOptions(pose_type, "nvidia34"))
    return list(recording.observations)


def joint(name):
    return load_layout("nvidia34").joint_names.index(name)


def test_the_person_is_found_in_95_of_100_frames_and_is_one_person(poses):
    path, summary = poses

    assert summary.num_frames == len(json.loads(path.read_text())) == 187
    assert summary.num_frames_with_people >= 0.95 * summary.num_frames
    assert list(summary.tracks) == [1]


def test_the_body_hangs_together_and_stands_on_its_feet(poses):
    """Looked at frame by frame once; what was seen is held here."""
    path, _ = poses
    joints_TVD = np.stack([each.joints_VD for each in observations(path, "2dbp")])

    def height(name):
        return joints_TVD[:, joint(name), 1]

    assert (height("nose") < height("pelvis")).all()
    assert (height("pelvis") < np.maximum(height("left_ankle"), height("right_ankle"))).all()
    assert (joints_TVD[:, joint("pelvis")] > 0).all()
    assert (joints_TVD[:, joint("pelvis")] < 720).all()


def test_left_is_left(poses):
    """He faces the camera from frame 60 to 120: his left shoulder is on the picture's right."""
    path, _ = poses
    facing = [each for each in observations(path, "2dbp") if 60 <= each.frame < 120]

    for each in facing:
        left_x = each.joints_VD[joint("left_shoulder"), 0]
        assert left_x > each.joints_VD[joint("right_shoulder"), 0] + 30


def test_sizes_in_millimetres_are_those_of_a_man(poses):
    path, _ = poses
    joints_TVD = np.stack([each.joints_VD for each in observations(path, "3dbp")])

    def length(first, second):
        ends = joints_TVD[:, joint(first)] - joints_TVD[:, joint(second)]
        return float(np.median(np.linalg.norm(ends, axis=1)))

    assert 250 < length("left_shoulder", "right_shoulder") < 500
    assert 300 < length("left_hip", "left_knee") < 550
    assert 300 < length("right_knee", "right_ankle") < 550
    assert np.abs(joints_TVD[:, joint("pelvis")]).max() < 60


def test_the_nose_is_nearer_to_the_camera_than_the_pelvis_while_he_faces_it(poses):
    path, _ = poses
    facing = [each for each in observations(path, "3dbp") if 60 <= each.frame < 120]

    assert np.mean([each.joints_VD[joint("nose"), 2] for each in facing]) < -50


def estimate(image_HW3):
    people = make_estimator("blazepose", EstimatorSettings()).estimate(image_HW3, 0.0)
    return people[0].joints_V2


def test_a_mirrored_picture_gives_the_mirrored_body():
    image = next(f.image_HW3 for f in open_video(REAL).frames() if f.number == 100)
    flip = list(load_layout("mediapipe33").flip_index)

    there = estimate(image)
    mirrored = estimate(np.ascontiguousarray(image[:, ::-1]))[flip]

    mirrored[:, 0] = 720 - mirrored[:, 0]
    assert np.linalg.norm(there - mirrored, axis=1).mean() < 8


def test_somebody_upside_down_is_found_as_well():
    """The detector tells how a body leans, and the landmark network sees it upright."""
    image = next(f.image_HW3 for f in open_video(REAL).frames() if f.number == 100)

    there = estimate(image)
    turned = 720 - estimate(np.ascontiguousarray(image[::-1, ::-1]))

    assert np.linalg.norm(there - turned, axis=1).mean() < 8


def test_two_people_side_by_side_keep_their_ids(tmp_path):
    """The video beside its own mirrored end: both move, and stay in their half."""
    images = [frame.image_HW3 for frame in open_video(REAL).frames()]
    path = tmp_path / "two.mp4"
    with VideoWriter(path, 20.0) as writer:
        for number in range(0, 60, 4):
            pair = (images[number], images[number + 80][:, ::-1])
            writer.write(np.concatenate(pair, axis=1), number / 20)

    summary = write_poses(open_video(path), tmp_path / "two.json", PoseSettings())

    assert sorted(summary.tracks) == [1, 2]
    assert min(summary.tracks.values()) >= 14
    halves = {
        (each.object_id, bool(each.joints_VD[joint("pelvis"), 0] > 720))
        for each in observations(tmp_path / "two.json", "2dbp")
    }
    assert len(halves) == 2
