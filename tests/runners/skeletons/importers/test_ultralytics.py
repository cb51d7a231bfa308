"""Ultralytics' YOLO-pose results, JSON and label files, field by field."""

import json

import numpy as np
import pytest
from tests.runners.skeletons.samples import (
    HEIGHT,
    WIDTH,
    box,
    place,
    score,
    write_json,
    yolo_detection,
    yolo_line,
)

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import NO_TRACK, PoseFileInvalid

PLACES = [list(place(0, 0, joint)) for joint in range(17)]


def read(path, **options):
    options = {"width": WIDTH, "height": HEIGHT} | options
    recordings = read_recordings("ultralytics", path, ReadOptions(**options))
    return [(recording, list(recording.observations)) for recording in recordings]


def write_labels(folder, lines):
    folder.mkdir()
    (folder / "run_1.txt").write_text("".join(lines))
    return folder


@pytest.mark.parametrize("normalised", [False, True])
def test_pixels_and_relative_coordinates_come_out_alike(tmp_path, normalised):
    frames = [[yolo_detection(0, 0, normalised=normalised, track=3)]]
    ((recording, (found,)),) = read(write_json(tmp_path / "v.json", frames))
    assert (recording.name, recording.width, recording.height) == ("v", WIDTH, HEIGHT)
    np.testing.assert_allclose(found.joints_VD, PLACES, rtol=1e-6)
    assert found.confidence_V.tolist() == [score(joint) for joint in range(17)]
    np.testing.assert_allclose(found.box, box(0, 0), rtol=1e-6)
    assert found.object_id == 3


def test_joints_at_the_origin_are_missing_though_they_have_a_score(tmp_path):
    detection = yolo_detection(0, 0)
    detection["keypoints"]["x"][4] = detection["keypoints"]["y"][4] = 0.0
    ((_, (found,)),) = read(write_json(tmp_path / "v.json", [[detection]]))
    assert found.confidence_V[4] == 0
    assert (np.delete(found.confidence_V, 4) > 0).all()


def test_a_file_with_one_list_is_the_frame_of_its_number(tmp_path):
    path = write_json(tmp_path / "run_12.json", [yolo_detection(0, 0), yolo_detection(0, 1)])
    ((recording, people),) = read(path)
    assert recording.name == "run"
    assert [p.frame for p in people] == [12, 12]


def test_a_folder_of_frames_is_a_recording_per_clip_in_order_of_numbers(tmp_path):
    for name in ("b_10", "b_9", "a_1"):
        write_json(tmp_path / f"{name}.json", [yolo_detection(0, 0)])
    found = [(r.name, [p.frame for p in people]) for r, people in read(tmp_path)]
    assert found == [("a", [1]), ("b", [9, 10])]


def test_a_folder_of_videos_is_a_recording_per_file(tmp_path):
    for name in ("cam1", "cam2"):
        write_json(tmp_path / f"{name}.json", [[yolo_detection(0, 0)], [], [yolo_detection(0, 0)]])
    found = [(r.name, [p.frame for p in people]) for r, people in read(tmp_path)]
    assert found == [("cam1", [0, 2]), ("cam2", [0, 2])]


def test_lines_count_as_frames_also_where_nobody_is_seen(tmp_path):
    path = tmp_path / "v.jsonl"
    line = json.dumps([yolo_detection(0, 0)])
    path.write_text(f"[]\n{line}\n[]\n{line}\n")
    ((_, people),) = read(path)
    assert [p.frame for p in people] == [1, 3]


def test_people_without_a_track_say_so(tmp_path):
    ((_, (found,)),) = read(write_json(tmp_path / "v.json", [[yolo_detection(0, 0)]]))
    assert found.object_id == NO_TRACK


def test_without_visible_every_joint_counts(tmp_path):
    detection = yolo_detection(0, 0)
    del detection["keypoints"]["visible"]
    del detection["box"]
    ((_, (found,)),) = read(write_json(tmp_path / "v.json", [[detection]]))
    assert found.confidence_V.tolist() == [1.0] * 17
    assert found.box is None


def test_pixels_among_relative_coordinates_are_an_error(tmp_path):
    frames = [[yolo_detection(0, 0, normalised=True)], [yolo_detection(1, 0)]]
    with pytest.raises(PoseFileInvalid, match="pixels and relative coordinates mixed"):
        read(write_json(tmp_path / "v.json", frames))


def test_what_is_neither_pixels_nor_relative_is_an_error(tmp_path):
    detection = yolo_detection(0, 0, normalised=True)
    detection["box"]["x2"] = 1.5
    with pytest.raises(PoseFileInvalid, match=r"up to 1\.5, neither pixels nor within 0 to 1"):
        read(write_json(tmp_path / "v.json", [[detection]]))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([[{"name": "person", "box": {}}]], "found a detection without 'keypoints'"),
        ([[yolo_detection(0, 0) | {"keypoints": []}]], "keypoints: found a list"),
        ([[yolo_detection(0, 0) | {"track_id": 0.5}]], "track_id: found 0.5"),
        ([[7]], "found 7, expected an object"),
        ({"frames": []}, "found an object, expected a list of detections"),
        ([[yolo_detection(0, 0) | {"keypoints": {"x": [5.0], "y": [5.0]}}]], "expected 17 joints"),
    ],
)
def test_what_is_wrong_with_a_detection_is_told(tmp_path, content, told):
    with pytest.raises(PoseFileInvalid) as caught:
        read(write_json(tmp_path / "v.json", content))
    assert told in str(caught.value)


def test_two_files_of_one_frame_are_an_error(tmp_path):
    for name in ("a_1", "a_01"):
        write_json(tmp_path / f"{name}.json", [yolo_detection(0, 0)])
    with pytest.raises(PoseFileInvalid, match="second file of frame 1"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("end", "tracks"),
    [((), NO_TRACK), ((0.75,), NO_TRACK), ((5,), 5), ((0.75, 5), 5), ((1, 5), 5)],
)
def test_label_files_may_end_with_confidence_and_track(tmp_path, end, tracks):
    labels = write_labels(tmp_path / "labels", [yolo_line(0, 0, end=end)])
    ((recording, (found,)),) = read(labels)
    assert recording.name == "run"
    assert (found.frame, found.object_id) == (1, tracks)
    np.testing.assert_allclose(found.joints_VD, PLACES, rtol=1e-4)
    assert found.confidence_V.tolist() == [np.float32(f"{score(j):g}") for j in range(17)]
    np.testing.assert_allclose(found.box, box(0, 0), rtol=1e-4)


def test_numbers_beyond_all_pictures_are_missing(tmp_path):
    values = yolo_line(0, 0).split()
    values[3] = values[8] = "1e306"  # the box's width, and x of joint 1: no pixels
    ((_, (found,)),) = read(write_labels(tmp_path / "labels", [" ".join(values)]))
    assert found.box is None
    assert found.confidence_V[1] == 0
    assert np.isfinite(found.joints_VD).all()


def test_a_confidence_of_one_among_others_is_no_track(tmp_path):
    lines = [yolo_line(0, 0, end=(1,)), yolo_line(0, 1, end=(0.5,))]
    ((_, people),) = read(write_labels(tmp_path / "labels", lines))
    assert [p.object_id for p in people] == [NO_TRACK, NO_TRACK]


def test_labels_without_visibility_have_full_confidence(tmp_path):
    words = ["0", "0.5", "0.5", "0.25", "0.5", *(["0.25", "0.5"] * 17)]
    ((_, (found,)),) = read(write_labels(tmp_path / "labels", [" ".join(words)]))
    assert found.joints_VD.tolist() == [[160.0, 240.0]] * 17
    assert found.confidence_V.tolist() == [1.0] * 17


def test_visibility_of_data_sets_is_half_and_full_confidence(tmp_path):
    words = ["0", "0.5", "0.5", "0.25", "0.5"]
    for joint in range(17):
        words += ["0.25", "0.5", str(joint % 3)]
    ((_, (found,)),) = read(write_labels(tmp_path / "labels", [" ".join(words)]))
    assert found.confidence_V.tolist() == [(joint % 3) / 2 for joint in range(17)]


def test_names_of_classes_and_empty_frames_are_passed_over(tmp_path):
    labels = write_labels(tmp_path / "labels", [yolo_line(0, 0)])
    (labels / "run_2.txt").write_text("")
    (labels / "classes.txt").write_text("person\n")
    ((_, people),) = read(labels)
    assert [p.frame for p in people] == [1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "0 0.5 0.5\n",
            "found lines of 3 numbers, expected 5 of the box and 2 or 3 for each of 17",
        ),
        ("0 a b\n", "line 1: found '0 a b', expected numbers"),
        (yolo_line(0, 0, end=(1, 2, 3)), "found lines of 59 numbers"),
    ],
)
def test_what_is_wrong_with_a_label_is_told(tmp_path, line, told):
    with pytest.raises(PoseFileInvalid) as caught:
        read(write_labels(tmp_path / "labels", [line]))
    assert told in str(caught.value)
    assert "run_1.txt" in str(caught.value)
