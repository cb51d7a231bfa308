"""COCO keypoints, annotations and results, field by field."""

import json

import numpy as np
import pytest
from tests.runners.skeletons.samples import (
    HEIGHT,
    WIDTH,
    box,
    coco_annotations,
    place,
    triplets,
    write_json,
)

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import NO_TRACK, Box, PoseFileInvalid


def read(path, **options):
    recordings = read_recordings("coco", path, ReadOptions(**options))
    return [(recording, list(recording.observations)) for recording in recordings]


def person(image_id, **more):
    return {"image_id": image_id, "category_id": 1, "keypoints": triplets(0, 0, 17)} | more


def test_annotations_have_visibility_as_half_and_full_confidence(tmp_path):
    content = coco_annotations()
    ((recording, people),) = read(write_json(tmp_path / "a.json", content))
    assert (recording.name, recording.width, recording.height) == ("a", WIDTH, HEIGHT)
    second = people[1]
    assert (second.frame, second.object_id, second.camera) == (0, NO_TRACK, 0)
    assert second.confidence_V.tolist() == [(joint % 3) / 2 for joint in range(17)]
    for joint in range(17):
        expected = place(0, 1, joint) if joint % 3 else (0, 0)
        assert tuple(second.joints_VD[joint]) == expected
    assert second.box == Box(*box(0, 1))


def test_images_may_stand_behind_their_annotations(tmp_path):
    content = coco_annotations(({"track_id": 4}, {"track_id": 5}))
    ordinary = read(write_json(tmp_path / "a.json", content))
    turned = dict(reversed(content.items()))
    assert next(iter(turned)) == "categories"
    ((_, people),) = read(write_json(tmp_path / "b.json", turned))
    assert [(p.frame, p.object_id) for p in people] == [
        (p.frame, p.object_id) for p in ordinary[0][1]
    ]


@pytest.mark.parametrize(
    "more", [{"track_id": 9}, {"attributes": {"track_id": 9, "occluded": False}}]
)
def test_tracks_are_kept_where_cvat_writes_them_too(tmp_path, more):
    content = coco_annotations((more, more))
    ((_, people),) = read(write_json(tmp_path / "a.json", content))
    assert {p.object_id for p in people} == {9}


def test_people_without_labelled_joints_and_other_objects_are_left_out(tmp_path):
    content = coco_annotations()
    content["annotations"][0]["keypoints"] = [0] * 51
    del content["annotations"][1]["keypoints"]
    ((_, people),) = read(write_json(tmp_path / "a.json", content))
    assert [p.frame for p in people] == [1, 1, 2, 2]


def test_each_video_is_a_recording_with_its_own_frames(tmp_path):
    images = [
        {"id": 1, "file_name": "x.jpg", "video_id": 5, "frame_id": 30},
        {"id": 2, "file_name": "y.jpg", "video_id": 6, "frame_id": 30, "width": 10, "height": 20},
        {"id": 3, "file_name": "z.jpg", "video_id": 5, "frame_id": 29},
    ]
    people = [person(1), person(2), person(3)]
    path = write_json(tmp_path / "a.json", {"images": images, "annotations": people})
    read_all = read(path, width=100, height=50)
    assert [(r.name, r.width, r.height) for r, _ in read_all] == [
        ("a/5", 100, 50),
        ("a/6", 10, 20),
    ]
    assert [[p.frame for p in people] for _, people in read_all] == [[29, 30], [30]]


@pytest.mark.parametrize(
    ("names", "clips"),
    [
        (["run_000003.jpg", "run_000001.jpg"], {"a": [1, 3]}),
        (["x/000003.jpg", "y/000001.jpg"], {"a/x": [3], "a/y": [1]}),
        (["x\\run3.jpg", "x\\run4.jpg"], {"a": [3, 4]}),
        (["first.jpg", "second.jpg"], {"a": [0, 1]}),
        ([None, None], {"a": [0, 1]}),
    ],
)
def test_without_numbers_of_their_own_images_are_numbered_by_name_or_by_place(
    tmp_path, names, clips
):
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    people = [person(number) for number in range(len(names))]
    path = write_json(tmp_path / "a.json", {"images": images, "annotations": people})
    assert {r.name: [p.frame for p in people] for r, people in read(path)} == clips


def test_results_have_scores_as_confidence_clipped_to_one(tmp_path):
    keypoints = triplets(0, 0, 17, lambda joint: joint / 8 - 0.125)
    path = write_json(tmp_path / "a.json", [person(3, keypoints=keypoints, track_id=2)])
    ((_, (found,)),) = read(path)
    expected = np.clip([joint / 8 - 0.125 for joint in range(17)], 0, 1)
    assert found.confidence_V.tolist() == expected.tolist()
    assert (found.frame, found.object_id, found.box) == (3, 2, None)


def test_results_may_name_their_pictures(tmp_path):
    people = [person("b/0002.png"), person("a/0007.png"), person("b/0001.png")]
    read_all = read(write_json(tmp_path / "r.json", people))
    assert [(r.name, [p.frame for p in people]) for r, people in read_all] == [
        ("r/b", [1, 2]),
        ("r/a", [7]),
    ]


def test_whole_bodies_are_cut_to_the_body_where_that_is_asked_for(tmp_path):
    path = write_json(tmp_path / "a.json", [person(1, keypoints=triplets(0, 0, 133))])
    with pytest.raises(PoseFileInvalid, match=r"found 133 joints, expected 17 .*_layout: coco17"):
        read(path)
    ((recording, (found,)),) = read(path, layout="coco17")
    assert recording.layout == "coco17"
    assert found.joints_VD.tolist() == [list(place(0, 0, joint)) for joint in range(17)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"keypoints": [1, 2, 3, 4]}, "keypoints: found 4 numbers, expected 3 for each joint"),
        ({"keypoints": "many"}, "keypoints: found 'many', expected a list"),
        ({"keypoints": [1, 2, "3"]}, "keypoints: found something else than numbers"),
        ({"keypoints": [10**400, 2, 3]}, "keypoints: found a number beyond all measure"),
        ({"keypoints": triplets(0, 0, 18)}, "found 18 joints, expected 17"),
        ({"image_id": None}, "image_id: found null, expected a whole number"),
        ({"image_id": "cover.jpg"}, "image_id: found 'cover.jpg', expected a name that ends in"),
        ({"image_id": -2}, "image_id: found -2, expected a frame number of 0 or more"),
        ({"track_id": "blue"}, "track_id: found 'blue', expected a whole number"),
        ({"bbox": [1, 2, 3]}, "bbox: found 3 numbers, expected left, top, width, height"),
    ],
)
def test_what_is_wrong_with_a_person_is_told_with_its_place(tmp_path, change, told):
    path = write_json(tmp_path / "a.json", [person(1), person(1) | change])
    offset = json.dumps([person(1)]).index("]}]") + len("]}, ")
    with pytest.raises(PoseFileInvalid) as caught:
        read(path)
    assert told in str(caught.value)
    assert f"byte {offset}" in str(caught.value)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([{"id": 2}], "found image_id 1, which no entry of 'images' has"),
        ([{"id": 1}, {"id": 1}], "found a second image of id 1"),
        (
            [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "01.png"}],
            "found frame 1 again, as in image 1; give images a video_id and a frame_id",
        ),
        ([{"id": 1, "frame_id": 0.5}], "frame_id: found 0.5, expected a whole number"),
        ([{"id": 1, "video_id": []}], "video_id: found a list, expected a whole number"),
        ([7], "found 7, expected an object"),
    ],
)
def test_what_is_wrong_with_images_is_told(tmp_path, images, told):
    path = write_json(tmp_path / "a.json", {"images": images, "annotations": [person(1)]})
    with pytest.raises(PoseFileInvalid) as caught:
        read(path)
    assert told in str(caught.value)


def test_a_file_of_boxes_alone_is_an_error(tmp_path):
    path = write_json(tmp_path / "a.json", {"images": [], "annotations": [{"bbox": [1, 2, 3, 4]}]})
    with pytest.raises(PoseFileInvalid, match="found nobody with 'keypoints'"):
        read(path)


def test_joints_that_are_no_numbers_are_missing(tmp_path):
    text = json.dumps([person(1)])
    first_x, first_y = (repr(value) for value in place(0, 0, 0))
    text = text.replace(f"[{first_x}, {first_y},", "[NaN, 1e999,", 1)
    path = tmp_path / "a.json"
    path.write_text(text)
    ((_, (found,)),) = read(path)
    assert found.confidence_V[0] == 0
    assert found.joints_VD[0].tolist() == [0, 0]
    assert (found.confidence_V[1:] > 0).all()
