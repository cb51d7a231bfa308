"""OpenPose's folders, field by field."""

import numpy as np
import pytest
from tests.runners.skeletons.samples import (
    HEIGHT,
    WIDTH,
    openpose_folder,
    place,
    score,
    triplets,
    write_json,
)

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import NO_TRACK, PoseFileInvalid, Space

PLACES = [list(place(0, 0, joint)) for joint in range(25)]


def read(path, pose_type="2dbp", **options):
    options = {"width": WIDTH, "height": HEIGHT, "pose_type": pose_type} | options
    recordings = read_recordings("openpose", path, ReadOptions(**options))
    return [(recording, list(recording.observations)) for recording in recordings]


def write_frame(folder, name, *people):
    return write_json(folder / f"{name}_keypoints.json", {"version": 1.3, "people": list(people)})


def person(joints=25, **more):
    return {"person_id": [-1], "pose_keypoints_2d": triplets(0, 0, joints)} | more


def solid(joints=25):
    rows = [(joint / 8, 1.5, 2.5, float(joint > 0)) for joint in range(joints)]
    return person(joints) | {"pose_keypoints_3d": [value for row in rows for value in row]}


def test_places_and_scores_are_as_written(tmp_path):
    write_frame(tmp_path, "cam0_000000000007", person())
    ((recording, (found,)),) = read(tmp_path)
    assert (recording.name, recording.layout, recording.path) == ("cam0", "body25", tmp_path)
    assert (recording.space, recording.width, recording.height) == (Space.IMAGE, WIDTH, HEIGHT)
    assert (found.frame, found.object_id, found.box) == (7, NO_TRACK, None)
    assert found.joints_VD.tolist() == PLACES
    assert found.confidence_V.tolist() == [score(joint) for joint in range(25)]


def test_a_joint_of_three_zeros_is_missing(tmp_path):
    content = person()
    content["pose_keypoints_2d"][:3] = [0, 0, 0]
    write_frame(tmp_path, "a_0", content)
    ((_, (found,)),) = read(tmp_path)
    assert found.confidence_V[0] == 0
    assert found.confidence_V[1] == score(1)


def test_each_clip_of_a_folder_is_a_recording_in_order_of_frames(tmp_path):
    for name in ("b_000000000010", "b_000000000009", "a_000000000001"):
        write_frame(tmp_path, name, person())
    found = [(r.name, [p.frame for p in people]) for r, people in read(tmp_path)]
    assert found == [("a", [1]), ("b", [9, 10])]


def test_folders_in_the_folder_are_clips_of_their_own(tmp_path):
    openpose_folder(tmp_path / "x", 18, name="run")
    openpose_folder(tmp_path / "y", 25, name="run")
    assert [r.layout for r, _ in read(tmp_path)] == ["openpose18", "body25"]


def test_a_clip_whose_files_are_mere_numbers_is_named_after_the_folder(tmp_path):
    write_json(tmp_path / "walk" / "12.json", {"version": 0.3, "people": [person(18)]})
    ((recording, (found,)),) = read(tmp_path / "walk")
    assert (recording.name, found.frame) == ("walk", 12)


def test_ids_of_a_tracking_openpose_are_kept(tmp_path):
    write_frame(tmp_path, "a_0", person(person_id=[4]), person(person_id=[-1]))
    ((_, people),) = read(tmp_path)
    assert [p.object_id for p in people] == [4, NO_TRACK]


def test_files_of_old_versions_have_another_key(tmp_path):
    old = {"pose_keypoints": triplets(0, 0, 18)}
    write_frame(tmp_path, "a_0", old)
    ((_, (found,)),) = read(tmp_path)
    assert found.joints_VD.tolist() == PLACES[:18]


def test_a_clip_without_people_has_no_observations(tmp_path):
    write_frame(tmp_path, "a_0")
    ((recording, people),) = read(tmp_path)
    assert (recording.layout, people) == ("body25", [])


@pytest.mark.parametrize("centred", [False, True])
def test_coordinates_that_were_scaled_become_pixels(tmp_path, centred):
    content = person()
    numbers = np.array(content["pose_keypoints_2d"]).reshape(-1, 3)
    numbers[:, :2] /= [WIDTH, HEIGHT]
    if centred:
        numbers[:, :2] = numbers[:, :2] * 2 - 1
    content["pose_keypoints_2d"] = numbers.ravel().tolist()
    write_frame(tmp_path, "a_0", content)
    ((_, (found,)),) = read(tmp_path)
    np.testing.assert_allclose(found.joints_VD, PLACES, rtol=1e-5)


def test_3d_is_taken_where_it_is_asked_for_and_there(tmp_path):
    write_frame(tmp_path, "a_0", solid(), person(pose_keypoints_3d=[]))
    ((recording, (found,)),) = read(tmp_path, "3dbp")
    assert recording.space is Space.WORLD
    assert found.joints_VD.shape == (25, 3)
    assert found.joints_VD[2].tolist() == [0.25, 1.5, 2.5]
    assert found.confidence_V.tolist() == [0.0] + [1.0] * 24
    ((recording, people),) = read(tmp_path, "2dbp")
    assert recording.space is Space.IMAGE
    assert [p.joints_VD.shape for p in people] == [(25, 2)] * 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"people": [person(15)]}, "found 15 joints, expected 18 or 25"),
        ({"people": [person(25), person(18)]}, "people[1]: found 18 joints, expected 25"),
        ({"people": [{}]}, "pose_keypoints_2d: found null, expected a list"),
        ({"people": {}}, "people: found an object, expected a list"),
        ([{"people": 3}], "people: found 3, expected a list"),
        ({"bodies": []}, "people: found null, expected a list"),
        ({"people": [person(person_id=["x"])]}, "person_id: found 'x', expected a whole number"),
        ({"people": [5]}, "people[0]: found 5, expected an object"),
    ],
)
def test_what_is_wrong_with_a_frame_is_told(tmp_path, content, told):
    path = write_json(tmp_path / "a_0_keypoints.json", content)
    with pytest.raises(PoseFileInvalid) as caught:
        read(tmp_path)
    assert told in str(caught.value)
    assert path.name in str(caught.value)


def test_two_files_of_one_frame_are_an_error(tmp_path):
    write_frame(tmp_path, "a_1", person())
    write_frame(tmp_path, "a_01", person())
    with pytest.raises(PoseFileInvalid, match="second file of frame 1"):
        read(tmp_path)


def test_a_layout_that_is_named_must_fit(tmp_path):
    write_frame(tmp_path, "a_0", person(17))
    ((recording, _),) = read(tmp_path, layout="coco17")
    assert recording.layout == "coco17"
    with pytest.raises(PoseFileInvalid, match="found 17 joints, expected 26"):
        read(tmp_path, layout="halpe26")
