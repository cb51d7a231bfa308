"""Values out of parsed files, names of files, and lists of people in any order."""

import json
from pathlib import Path

import numpy as np
import pytest

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.body_joints import body_of, layout_of
from skillbank_runners.skeletons.importers.fields import (
    Spot,
    as_integer,
    as_numbers,
    as_points,
    as_text,
    box_of_corners,
    make_box,
    make_pose,
    shown,
)
from skillbank_runners.skeletons.importers.files import find_files, numbered
from skillbank_runners.skeletons.importers.frame_objects import frame_objects
from skillbank_runners.skeletons.importers.person_lists import PersonList, Picture, split_name
from skillbank_runners.skeletons.poses import Box, PoseFileInvalid

SPOT = Spot(Path("f.json"), "byte 3")


@pytest.mark.parametrize("value", [3, 3.0, -3, 2**53])
def test_whole_numbers_are_integers_however_written(value):
    assert as_integer(value, SPOT) == value


@pytest.mark.parametrize(
    "value", [True, 3.5, "3", None, [], 2**53 + 1, 10**400, float("nan"), float("inf")]
)
def test_anything_else_is_no_integer(value):
    with pytest.raises(PoseFileInvalid, match=r"^f.json, byte 3: found .*, expected a whole num"):
        as_integer(value, SPOT)


def test_an_error_shows_a_value_briefly():
    assert shown("a" * 1000) == "'" + "a" * 56 + "..."
    assert shown({"a": 1}) == "an object"
    assert shown(10**400) == "a long number"


def test_lists_of_lists_become_one_row_and_null_is_missing():
    np.testing.assert_array_equal(as_numbers([[1, 2], [None, 4.5]], SPOT), [1, 2, np.nan, 4.5])


@pytest.mark.parametrize("value", [[1, [2]], [[1], [[2]]], [True], ["1"], [{}]])
def test_other_things_in_a_list_of_numbers_are_an_error(value):
    with pytest.raises(PoseFileInvalid, match="expected a list of numbers"):
        as_numbers(value, SPOT)


def test_points_need_all_their_numbers():
    assert as_points([1, 2, 3, 4], 2, SPOT).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(PoseFileInvalid, match="found 5 numbers, expected 2 for each joint"):
        as_points([1, 2, 3, 4, 5], 2, SPOT)
    with pytest.raises(PoseFileInvalid, match="found 0 numbers"):
        as_points([], 2, SPOT)


def test_text_is_what_files_can_hold():
    assert as_text("a\ud800b", SPOT) == "a?b"


def test_a_pose_has_no_joint_that_is_no_place():
    nan = float("nan")
    points = np.array([[1, 2], [0, 0], [nan, 1], [1e30, 1], [3, 4], [5, 6], [0, 7]])
    confidence = np.array([2.0, 1, 1, 1, nan, -1, 0.5])
    joints, certain = make_pose(points, confidence)
    assert certain.tolist() == [1, 0, 0, 0, 0, 0, 0.5]
    assert joints.tolist() == [[1, 2], *[[0, 0]] * 5, [0, 7]]
    joints, certain = make_pose(points[:2], confidence[:2], origin_is_missing=False)
    assert certain.tolist() == [1, 1]


@pytest.mark.parametrize(
    "sides", [(0, 0, 0, 5), (0, 0, 5, -1), (float("nan"), 0, 1, 1), (1e30, 0, 1, 1)]
)
def test_what_makes_no_box_is_none(sides):
    assert make_box(*sides) is None


def test_corners_make_a_box():
    assert box_of_corners(np.array([1.0, 2, 4, 7])) == Box(1, 2, 3, 5)


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("run_000012", ("run", 12)),
        ("run12", ("run", 12)),
        ("12", ("", 12)),
        ("a_1_2", ("a_1", 2)),
        ("run", ("run", None)),
        ("1403636579763555584", ("", 1403636579763555584)),
        ("9" * 30, ("9" * 30, None)),
    ],
)
def test_the_last_number_of_a_name_is_its_frame(stem, expected):
    assert numbered(stem) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b_3.jpg", ("a/b", 3)),
        ("a\\3.jpg", ("a", 3)),
        ("x.y/7", ("x.y", 7)),
        ("cover.jpg", ("cover", None)),
    ],
)
def test_a_picture_belongs_to_the_clip_of_its_folder_and_name(name, expected):
    assert split_name(name) == expected


def test_files_come_in_the_order_people_count(tmp_path):
    for name in ("f10.json", "f9.json", ".hidden.json", "f1.txt", "sub/f2.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    found = [str(path.relative_to(tmp_path)) for path in find_files(tmp_path, [".json"])]
    assert found == ["f9.json", "f10.json", "sub/f2.json"]
    assert find_files(tmp_path / "f9.json", [".txt"]) == [tmp_path / "f9.json"]


def test_people_come_back_sorted_by_frame_from_where_they_stand(tmp_path):
    path = tmp_path / "people.json"
    entries = [{"name": "ä" * 9 + str(number)} for number in range(6)]
    path.write_text(json.dumps(entries, ensure_ascii=False))
    people = PersonList(path)
    frames = [5, 1, 5, 0, 2, 1]
    for element, frame in zip(frame_objects(path, "x"), frames, strict=True):
        clip = "odd" if element[0].place % 2 else "even"
        people.add(Picture(clip, frame), element[0].offset)
    assert people.clips() == ["even", "odd"]
    found = [(frame, person["name"][-1]) for frame, person, _ in people.people("odd")]
    assert found == [(0, "3"), (1, "1"), (1, "5")]
    assert people.first()[0] == entries[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('{"a": 1}\n{"a": 2, "b": 3}', [{"a": 1}, {"a": 2, "b": 3}]),
        ('{"n": 1, "list": [{"a": 1}], "m": 2}', [{"a": 1}]),
        ('{"n": 1}', [{"n": 1}]),
    ],
)
def test_objects_come_whole_whatever_frames_them(tmp_path, text, expected):
    path = tmp_path / "f.json"
    path.write_text(text)
    assert [found for _, found, _ in frame_objects(path, "list")] == expected


def test_a_whole_body_gives_its_body_and_nothing_else_is_cut():
    points = np.arange(133.0)[:, None]
    assert len(body_of(points, "coco17", SPOT)) == 17
    with pytest.raises(PoseFileInvalid, match="found 133 joints, expected 26 of layout halpe26"):
        body_of(points, "halpe26", SPOT)


def test_a_number_of_joints_means_a_layout_unless_one_is_named():
    layouts = {17: "coco17"}
    assert layout_of(17, layouts, ReadOptions(), SPOT) == "coco17"
    assert layout_of(99, layouts, ReadOptions(layout="mine.yaml"), SPOT) == "mine.yaml"
    with pytest.raises(PoseFileInvalid, match="found 21 joints, expected 17"):
        layout_of(21, layouts, ReadOptions(), SPOT)
