"""AlphaPose's results and MMPose's predictions, field by field."""

import json

import pytest
from tests.runners.skeletons.samples import (
    HEIGHT,
    WIDTH,
    box,
    mmpose_frame,
    place,
    score,
    triplets,
    write_json,
)

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import NO_TRACK, Box, PoseFileInvalid

PLACES = [list(place(0, 0, joint)) for joint in range(26)]
SCORES = [score(joint) for joint in range(26)]


def read(path, **options):
    options = {"width": WIDTH, "height": HEIGHT} | options
    recordings = read_recordings("halpe26", path, ReadOptions(**options))
    return [(recording, list(recording.observations)) for recording in recordings]


def person(image_id="0.jpg", joints=26, **more):
    return {"image_id": image_id, "category_id": 1, "keypoints": triplets(0, 0, joints)} | more


def test_alphapose_is_read_field_by_field(tmp_path):
    path = write_json(tmp_path / "alphapose-results.json", [person(box=box(0, 0), score=3.1)])
    ((recording, (found,)),) = read(path)
    assert (recording.name, recording.layout) == ("alphapose-results", "halpe26")
    assert (recording.width, recording.height) == (WIDTH, HEIGHT)
    assert (found.frame, found.object_id, found.box) == (0, NO_TRACK, Box(*box(0, 0)))
    assert found.joints_VD.tolist() == PLACES
    assert found.confidence_V.tolist() == SCORES


@pytest.mark.parametrize("idx", [7, 7.0, [7], [[7.0]]])
def test_tracks_come_as_number_or_as_list(tmp_path, idx):
    ((_, (found,)),) = read(write_json(tmp_path / "a.json", [person(idx=idx)]))
    assert found.object_id == 7


def test_frames_are_in_order_of_their_numbers_not_of_their_names(tmp_path):
    people = [person(f"{n}.jpg") for n in (0, 1, 10, 11, 2, 3)]
    ((_, found),) = read(write_json(tmp_path / "a.json", people))
    assert [p.frame for p in found] == [0, 1, 2, 3, 10, 11]


def test_people_of_one_frame_stay_as_in_the_file(tmp_path):
    people = [person("4.jpg", idx=3), person("2.jpg", idx=9), person("4.jpg", idx=1)]
    ((_, found),) = read(write_json(tmp_path / "a.json", people))
    assert [(p.frame, p.object_id) for p in found] == [(2, 9), (4, 3), (4, 1)]


def test_17_joints_are_cocos(tmp_path):
    ((recording, (found,)),) = read(write_json(tmp_path / "a.json", [person(joints=17)]))
    assert recording.layout == "coco17"
    assert found.joints_VD.shape == (17, 2)


def test_whole_bodies_say_what_is_possible_and_do_it(tmp_path):
    path = write_json(tmp_path / "a.json", [person(joints=136)])
    with pytest.raises(PoseFileInvalid) as caught:
        read(path)
    assert "found 136 joints, expected 26 (halpe26), 17 (coco17)" in str(caught.value)
    assert "dataset_convert.source_layout: halpe26 takes the body alone" in str(caught.value)
    ((_, (found,)),) = read(path, layout="halpe26")
    assert found.joints_VD.tolist() == PLACES


def test_mmpose_is_read_field_by_field(tmp_path):
    content = {"meta_info": {}, "instance_info": [mmpose_frame(0)]}
    ((recording, (found,)),) = read(write_json(tmp_path / "results_v.json", content))
    assert (recording.name, recording.layout) == ("results_v", "halpe26")
    assert (found.frame, found.object_id, found.box) == (0, NO_TRACK, Box(*box(0, 0)))
    assert found.joints_VD.tolist() == PLACES
    assert found.confidence_V.tolist() == SCORES


def test_mmpose_frames_come_as_list_as_lines_or_as_one_picture(tmp_path):
    frames = [mmpose_frame(4), mmpose_frame(6)]
    lines = tmp_path / "lines.json"
    lines.write_text("\n".join(map(json.dumps, frames)))
    picture = write_json(tmp_path / "picture.json", mmpose_frame(0)["instances"])
    frame_lists = [
        [p.frame for p in people]
        for path in (write_json(tmp_path / "list.json", frames), lines, picture)
        for _, people in read(path)
    ]
    assert frame_lists == [[4, 6], [4, 6], [0]]


def test_mmpose_with_17_joints_is_coco(tmp_path):
    ((recording, _),) = read(write_json(tmp_path / "a.json", [mmpose_frame(1, joints=17)]))
    assert recording.layout == "coco17"


def test_a_video_in_which_mmpose_saw_nobody_has_no_observations(tmp_path):
    path = write_json(tmp_path / "a.json", [{"frame_id": 1, "instances": []}])
    ((recording, people),) = read(path)
    assert (recording.layout, people) == ("halpe26", [])


def test_a_folder_is_read_file_by_file(tmp_path):
    write_json(tmp_path / "a.json", [person()])
    write_json(tmp_path / "b.json", [mmpose_frame(1)])
    assert [r.name for r, _ in read(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([person(joints=20)], "found 20 joints, expected 26 (halpe26), 17 (coco17)"),
        ([person(), person(joints=17)], "found 17 joints, expected 26 of layout halpe26"),
        ([person("x.jpg")], "image_id: found 'x.jpg', expected a name that ends in"),
        ([person(box=[1])], "box: found 1 numbers, expected left, top, width, height"),
        ([person(idx="a")], "idx: found 'a', expected a whole number"),
        ({"0.jpg": {"bodies": []}}, "found an object with '0.jpg'; expected AlphaPose's list"),
        ([], "found nobody in this file"),
        ([[1]], "found a list, expected an object"),
        ([mmpose_frame(2), mmpose_frame(1)], "found frame 1 after frame 2"),
        ([{"frame_id": 1, "instances": {}}], "instances: found an object, expected a list"),
        ([{"frame_id": None, "instances": []}], "frame_id: found null"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, content, told):
    with pytest.raises(PoseFileInvalid) as caught:
        read(write_json(tmp_path / "a.json", content))
    assert told in str(caught.value)


def test_mmpose_scores_must_be_as_many_as_joints(tmp_path):
    frame = mmpose_frame(1)
    frame["instances"][0]["keypoint_scores"].pop()
    with pytest.raises(PoseFileInvalid, match="found 26 joints and 25 scores"):
        read(write_json(tmp_path / "a.json", [frame]))
