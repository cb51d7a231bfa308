"""MediaPipe's pose landmarks, JSON and CSV, field by field."""

import json

import numpy as np
import pytest
from tests.runners.skeletons.samples import HEIGHT, WIDTH, landmarks, place, score, write_json

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import NO_TRACK, PoseFileInvalid, Space

PLACES = [list(place(0, 0, joint)) for joint in range(33)]


def read(path, pose_type="2dbp", **options):
    options = {"width": WIDTH, "height": HEIGHT, "pose_type": pose_type} | options
    recordings = read_recordings("mediapipe", path, ReadOptions(**options))
    return [(recording, list(recording.observations)) for recording in recordings]


def read_one(folder, frame, pose_type="2dbp", **options):
    ((recording, people),) = read(write_json(folder / "p.json", [frame]), pose_type, **options)
    return recording, people


def as_lists(rows):
    return [[row["x"], row["y"], row["z"], row["visibility"]] for row in rows]


@pytest.mark.parametrize(
    "frame",
    [
        {"pose_landmarks": [landmarks(0, 0)]},
        {"poseLandmarks": landmarks(0, 0)},
        {"landmarks": [landmarks(0, 0)], "timestamp_ms": 0},
        {"landmarks": [as_lists(landmarks(0, 0))]},
        {"pose_landmarks": as_lists(landmarks(0, 0))},
        {"pose_landmarks": {"landmark": landmarks(0, 0)}},
        {"pose_landmarks": [{"landmark": landmarks(0, 0)}]},
    ],
)
def test_every_way_to_write_a_person_gives_the_same(tmp_path, frame):
    recording, (found,) = read_one(tmp_path, frame)
    assert recording.space is Space.IMAGE
    np.testing.assert_allclose(found.joints_VD, PLACES, rtol=1e-6)
    assert found.confidence_V.tolist() == [score(joint) for joint in range(33)]
    assert (found.frame, found.object_id) == (0, NO_TRACK)


@pytest.mark.parametrize(
    "key", ["world_landmarks", "pose_world_landmarks", "poseWorldLandmarks", "worldLandmarks"]
)
def test_world_landmarks_are_metres_with_the_box_of_the_picture(tmp_path, key):
    frame = {key: [landmarks(0, 0, world=True)], "landmarks": [landmarks(0, 0)]}
    recording, (found,) = read_one(tmp_path, frame, "3dbp")
    assert recording.space is Space.WORLD
    expected = [[x / WIDTH - 0.5, y / HEIGHT - 0.5, j / 32] for j, (x, y) in enumerate(PLACES)]
    np.testing.assert_allclose(found.joints_VD, expected, rtol=1e-5)
    np.testing.assert_allclose(found.box, (100, 50, 32, 160), rtol=1e-6)


def test_world_landmarks_are_left_where_the_picture_is_asked_for(tmp_path):
    frame = {"world_landmarks": [landmarks(0, 0, world=True)], "landmarks": [landmarks(0, 0)]}
    recording, (found,) = read_one(tmp_path, frame, "2dbp")
    assert recording.space is Space.IMAGE
    assert found.joints_VD.shape == (33, 2)


def test_depth_of_25dbp_is_in_the_scale_of_x(tmp_path):
    _, (found,) = read_one(tmp_path, {"landmarks": [landmarks(0, 0)]}, "25dbp")
    np.testing.assert_allclose(found.joints_VD[:, 2], [WIDTH * j / 64 for j in range(33)])


def test_without_world_landmarks_3dbp_has_the_picture_and_depth(tmp_path):
    recording, (found,) = read_one(tmp_path, {"landmarks": [landmarks(0, 0)]}, "3dbp")
    assert recording.space is Space.IMAGE
    assert found.joints_VD.shape == (33, 3)


@pytest.mark.parametrize("nobody", [[], None])
def test_frames_without_people_have_none(tmp_path, nobody):
    frames = [{"landmarks": [landmarks(0, 0)]}, {"landmarks": nobody}]
    ((_, people),) = read(write_json(tmp_path / "p.json", frames))
    assert [p.frame for p in people] == [0]


@pytest.mark.parametrize("key", ["frame", "frame_number", "frame_id", "frame_index", "frameIndex"])
def test_stated_frames_count(tmp_path, key):
    _, (found,) = read_one(tmp_path, {key: 17, "landmarks": [landmarks(0, 0)]})
    assert found.frame == 17


def test_times_become_frames_where_the_rate_is_known(tmp_path):
    frames = [{"timestamp_ms": ms, "landmarks": [landmarks(0, 0)]} for ms in (0, 33, 67, 200)]
    path = write_json(tmp_path / "p.json", frames)
    ((_, people),) = read(path, frame_rate=30.0)
    assert [p.frame for p in people] == [0, 1, 2, 6]
    ((_, people),) = read(path)
    assert [p.frame for p in people] == [0, 1, 2, 3]


def test_a_list_inside_an_object_is_read_as_the_list(tmp_path):
    frames = [{"frame": 4, "landmarks": [landmarks(0, 0)]}]
    path = write_json(tmp_path / "p.json", {"fps": 30, "frames": frames, "model": "heavy"})
    ((_, (found,)),) = read(path)
    assert found.frame == 4


def test_confidence_is_visibility_else_presence_else_one(tmp_path):
    rows = landmarks(0, 0)
    del rows[0]["visibility"]
    rows[0]["presence"] = 0.25
    rows[1] = {key: rows[1][key] for key in "xyz"}
    _, (found,) = read_one(tmp_path, {"landmarks": [rows]})
    assert found.confidence_V[:3].tolist() == [0.25, 1.0, score(2)]


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ({"poses": []}, "found a frame without landmarks, expected one of 'pose_landmarks'"),
        ({"landmarks": [landmarks(0, 0)[:-1]]}, "person 0: found 32 landmarks, expected 33"),
        ({"landmarks": [[]]}, "person 0: found 0 landmarks, expected 33"),
        ({"landmarks": 5}, "landmarks: found 5, expected a list"),
        ({"landmarks": [["a"] * 33]}, "found 'a', expected an object"),
        ({"landmarks": [[[1.0, 2.0]] * 33]}, "found a landmark of 2 values"),
        ({"landmarks": [], "frame": "x"}, "frame: found 'x', expected a whole number"),
        (3, "found 3, expected an object"),
    ],
)
def test_what_is_wrong_with_a_frame_is_told(tmp_path, frame, told):
    with pytest.raises(PoseFileInvalid) as caught:
        read_one(tmp_path, frame)
    assert told in str(caught.value)


def test_frames_out_of_order_are_an_error(tmp_path):
    frames = [{"frame": n, "landmarks": [landmarks(0, 0)]} for n in (2, 1)]
    with pytest.raises(PoseFileInvalid, match="found frame 1 after frame 2"):
        read(write_json(tmp_path / "p.json", frames))


def test_a_layout_of_other_joints_is_refused(tmp_path):
    with pytest.raises(RunnerError, match="found 'coco17' with 17 joints, expected 33"):
        read_one(tmp_path, {"landmarks": []}, layout="coco17")


def table(folder, header, rows):
    path = folder / "p.csv"
    lines = [header, *rows]
    path.write_text("\r\n".join(",".join(map(str, line)) for line in lines) + "\r\n")
    return path


def columns(*names, first=0):
    return [name.format(joint + first) for joint in range(33) for name in names]


def values(rows, *keys):
    return [row[key] for row in rows for key in keys]


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (("x_{}", "y_{}", "z_{}", "visibility_{}"), 0),
        (("x{}", "y{}", "z{}", "v{}"), 1),
        (("X_{}", "Y_{}", "Z_{}", "V_{}"), 0),
    ],
)
def test_tables_count_joints_from_0_or_1(tmp_path, names, first):
    row = values(landmarks(0, 0), "x", "y", "z", "visibility")
    path = table(tmp_path, ["class", *columns(*names, first=first)], [["run", *row]] * 2)
    ((_, people),) = read(path)
    assert [p.frame for p in people] == [0, 1]
    np.testing.assert_allclose(people[0].joints_VD, PLACES, rtol=1e-6)
    assert people[0].confidence_V.tolist() == [score(joint) for joint in range(33)]


def test_tables_may_have_metres_frames_and_people(tmp_path):
    header = ["frame", "person", *columns("world_x_{}", "world_y_{}", "world_z_{}")]
    row = values(landmarks(0, 0, world=True), "x", "y", "z")
    path = table(tmp_path, header, [[5, 1, *row], [5, 2, *row], [9, 1, *row]])
    ((recording, people),) = read(path, "3dbp")
    assert recording.space is Space.WORLD
    assert [(p.frame, p.object_id) for p in people] == [(5, 1), (5, 2), (9, 1)]


def test_empty_cells_are_missing_joints_and_rows_without_any_are_nobody(tmp_path):
    header = columns("x_{}", "y_{}", "z_{}")
    row = values(landmarks(0, 0), "x", "y", "z")
    path = table(tmp_path, header, [["", *row[1:]], [""] * 99, row])
    ((_, people),) = read(path)
    assert [p.frame for p in people] == [0, 2]
    assert people[0].confidence_V[:2].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("frame,a,b\n1,2,3\n", "line 1: found no columns x_0, y_0, z_0 ... of 33 joints"),
        ("x_0,y_0,z_0\n1,2,3\n", "found columns of other joints than 33"),
        (
            ",".join(columns("x_{}", "y_{}", "z_{}")) + "\n1,2\n",
            "row 2: found 2 values, expected 99",
        ),
        (
            ",".join(columns("x_{}", "y_{}", "z_{}")) + "\n" + ",".join(["u"] * 99),
            "row 2: found 'u', expected a number",
        ),
        ("x_0," * 300_000, "found a line beyond 1048576 characters"),
        ("\ufeff", "found no columns"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path, text, told):
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PoseFileInvalid) as caught:
        read(path)
    assert told in str(caught.value)


def test_json_lines_are_frames(tmp_path):
    path = tmp_path / "p.jsonl"
    lines = [{"landmarks": [landmarks(0, 0)], "frame": 3}, {"landmarks": [], "frame": 4}]
    path.write_text("\n".join(map(json.dumps, lines)))
    ((_, (found,)),) = read(path)
    assert found.frame == 3


def test_a_landmark_beyond_all_pictures_is_missing(tmp_path):
    rows = landmarks(0, 0)
    rows[3]["x"] = 1e306  # pixels would be infinite
    _, (found,) = read_one(tmp_path, {"landmarks": [rows]})
    assert found.confidence_V[3] == 0
    assert np.isfinite(found.box).all()
