"""Lines become frames, or say what is wrong with them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank_runners.pose_classification.continual.frames import FrameInvalid, parse_line
from skillbank_runners.skeletons.importers.deepstream import POSE_KINDS

POSE_3D, POSE_2D = POSE_KINDS["3dbp"], POSE_KINDS["2dbp"]
POSE = [1.0, 2.0, 3.0, 0.5, 4, 5, 6, 0]


def line(**changes):
    person = {"object_id": 3, "pose3d": POSE, "pose25d": POSE[::-1], "bbox": [0, 0, 1, 1]}
    frame = {"frame_num": 7, "batch_id": 2, "num_obj_meta": 9, "objects": [person]}
    return json.dumps(frame | changes).encode()


def test_a_line_is_a_frame():
    (frame,) = parse_line(line(), POSE_3D)
    assert (frame.number, frame.camera) == (7, 2)
    (one,) = frame.people
    assert one.object_id == 3
    assert one.joints_VD.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert one.confidence_V.tolist() == [0.5, 0]
    assert one.joints_VD.dtype == one.confidence_V.dtype == np.float32


def test_of_the_other_pose_as_many_coordinates_are_taken_as_wanted():
    (frame,) = parse_line(line(), POSE_2D)
    assert frame.people[0].joints_VD.tolist() == [[0, 6], [0.5, 3]]
    assert frame.people[0].confidence_V.tolist() == [4, 1]


def test_a_line_may_be_a_batch_of_frames():
    frames = [json.loads(line(frame_num=7)), json.loads(line(frame_num=8, batch_id=0))]
    batch = json.dumps({"num_frames_in_batch": 2, "batches": frames}).encode()
    assert [(one.number, one.camera) for one in parse_line(batch, POSE_3D)] == [(7, 2), (8, 0)]


def test_a_frame_may_be_empty_and_have_no_camera():
    (frame,) = parse_line(b'{"frame_num": 1, "objects": []}', POSE_3D)
    assert (frame.camera, frame.people) == (0, ())


def test_joints_may_be_lists_of_their_own():
    person = {"object_id": 3, "pose3d": [POSE[:4], POSE[4:]]}
    (frame,) = parse_line(line(objects=[person]), POSE_3D)
    assert frame.people[0].joints_VD.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line(frame_num="7"), "frame_num: Input should be a valid integer"),
        (line(frame_num=True), "frame_num: Input should be a valid integer"),
        (line(objects=None), "objects: Input should be a valid array"),
        (line(objects=[{"pose3d": POSE}]), "objects.0.object_id: Field required"),
        (line(objects=[{"object_id": 1}]), "frame_num 7, object_id 1: no 'pose3d'"),
        (line(objects=[{"object_id": 1, "pose3d": POSE[:6]}]), "has 6 numbers, expected 4 per"),
        (line(objects=[{"object_id": 1, "pose3d": []}]), "pose3d: Value should have at least 4"),
        (line(objects=[{"object_id": 1, "pose3d": ["x"] * 4}]), "valid number"),
        (line().replace(b"1.0", b"NaN"), "NaN|finite"),
        (line()[:-9], "no JSON"),
        (b"[" + line() + b"]", "found a list, expected one frame"),
        (b"\xff\xfe{}", "no JSON"),
        (line(frame_num=2**60), "frame_num: Input should be less"),
        (line().replace(b"1.0", b"1e10"), "pose3d.0: Input should be less"),
        (b"7", "should be an object"),
        (b"{}", "frame_num: Field required"),
    ],
)
def test_a_damaged_line_says_what_is_wrong(text, message):
    with pytest.raises(FrameInvalid, match=message):
        list(parse_line(text, POSE_3D))


@given(st.binary(max_size=60) | st.from_regex(rb'\{"frame_num": ?\S{1,9}, "objects": \[.{0,40}'))
def test_no_bytes_do_anything_but_become_frames_or_an_error(text):
    try:
        frames = list(parse_line(text, POSE_3D))
    except FrameInvalid:
        return
    assert all(isinstance(frame.number, int) for frame in frames)


@given(data=st.data())
def test_a_cut_or_changed_line_is_a_frame_or_an_error(data):
    text = bytearray(line())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    del text[data.draw(st.integers(place, len(text))) :]
    try:
        frames = list(parse_line(bytes(text), POSE_3D))
    except FrameInvalid:
        return
    assert all(np.isfinite(one.joints_VD).all() for frame in frames for one in frame.people)
