"""DeepStream's JSON: what is read, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.skeletons.deepstream_writer import (
    COMPACT,
    SPACED,
    Writing,
    batches,
    make_person,
    write,
)

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.importers.deepstream import POSE_KINDS, read_blocks, read_frames
from skillbank_runners.skeletons.poses import NO_TRACK, Box, PoseFileInvalid, Space

KIND = POSE_KINDS["3dbp"]


def observations(path, **options):
    (recording,) = read_recordings("deepstream", path, ReadOptions(**options))
    return list(recording.observations)


def invalid(path, content):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(PoseFileInvalid) as caught:
        for _ in read_blocks(path, KIND):
            pass
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "poses.json"


@pytest.mark.parametrize("style", [{}, SPACED, COMPACT])
@pytest.mark.parametrize("as_lines", [False, True])
@pytest.mark.parametrize(
    ("pose_type", "key", "D"),
    [("3dbp", "pose3d_TV4", 3), ("25dbp", "pose25d_TV4", 3), ("2dbp", "pose25d_TV4", 2)],
)
def test_every_pose_is_read_from_every_form_of_file(path, style, as_lines, pose_type, key, D):
    person = make_person(3, [0, 1, 5], missing=0.3)
    write(path, [person], Writing(style, as_lines))

    found = observations(path, pose_type=pose_type)

    assert [one.frame for one in found] == [0, 1, 5]
    expected = getattr(person, key).astype(np.float32)
    np.testing.assert_array_equal([one.joints_VD for one in found], expected[:, :, :D])
    np.testing.assert_array_equal([one.confidence_V for one in found], expected[:, :, 3])
    assert {one.object_id for one in found} == {3}


def test_a_recording_has_the_files_name_and_the_facts_that_the_user_adds(path):
    write(path, [make_person(1, range(2))])

    (recording,) = read_recordings(
        "deepstream", path, ReadOptions("25dbp", width=640, height=480, frame_rate=25.0)
    )

    assert (recording.name, recording.layout, recording.space) == ("poses", "nvidia", Space.IMAGE)
    assert (recording.width, recording.height, recording.frame_rate) == (640, 480, 25.0)


def test_a_folder_has_a_recording_per_file(tmp_path):
    for name in ("b.json", "a.jsonl"):
        write(tmp_path / name, [make_person(1, range(2))])
    (tmp_path / "notes.txt").write_text("no poses")

    found = read_recordings("deepstream", tmp_path, ReadOptions())

    assert [recording.name for recording in found] == ["a", "b"]


def test_a_folder_without_pose_files_is_refused(tmp_path):
    with pytest.raises(PoseFileInvalid, match=r"no file that ends in .*\.jsonl"):
        list(read_recordings("deepstream", tmp_path, ReadOptions()))


def test_cameras_boxes_and_untracked_people_are_told(path):
    untracked = 2**64 - 1
    write(path, [make_person(untracked, [4], camera=1), make_person(2**63 + 1, [4], camera=0)])

    found = observations(path)

    assert [(one.camera, one.object_id) for one in found] == [(0, 2**63 + 1), (1, NO_TRACK)]
    assert found[0].box == Box(10.5, 20.25, 100.0, 200.0)


def test_more_people_may_be_announced_than_written(path):
    write(path, [make_person(1, range(3))], Writing(num_obj_meta_extra=4))

    assert len(observations(path)) == 3


def test_poses_may_be_lists_of_joints(path):
    (batch,) = batches([make_person(1, [0])])
    person = batch["batches"][0]["objects"][0]
    flat = person["pose3d"]
    person["pose3d"] = [flat[i : i + 4] for i in range(0, len(flat), 4)]
    path.write_text(json.dumps([batch]))

    (found,) = observations(path)

    np.testing.assert_array_equal(found.joints_VD.ravel()[:3], np.float32(flat[:3]))


def test_people_of_more_joints_are_read_as_they_are(path):
    write(path, [make_person(1, range(2), joints=17)])

    assert observations(path)[0].joints_VD.shape == (17, 3)


def test_integers_are_numbers_too(path):
    (batch,) = batches([make_person(1, [0])])
    batch["batches"][0]["objects"][0]["pose3d"] = list(range(136))
    path.write_text(json.dumps([batch]))

    (found,) = observations(path)

    assert found.joints_VD[33].tolist() == [132, 133, 134]


def test_every_batch_can_be_had_as_it_stands(path):
    people = [make_person(1, range(4)), make_person(2, range(2), camera=1)]
    write(path, people, Writing(SPACED))
    content = path.read_bytes()

    pieces = list(read_frames(path))

    assert [json.loads(piece.content) for piece in pieces] == list(batches(people))
    for piece in pieces:
        assert content[piece.offset :].startswith(piece.content)


def test_a_file_of_many_blocks_is_read_whole(path):
    person = make_person(5, range(900))
    write(path, [person])
    assert path.stat().st_size > 2 * 2**20

    blocks = list(read_blocks(path, KIND))

    assert len(blocks) > 2
    joints = np.concatenate([block.joints_NVD for block in blocks])
    np.testing.assert_array_equal(joints, person.pose3d_TV4[:, :, :3])
    assert blocks[-1].end_byte == path.stat().st_size - 1


def batch(**changes):
    """A batch of one person in one frame, its parts changed by name."""
    (made,) = batches([make_person(7, [12])])
    frame = made["batches"][0]
    person = frame["objects"][0]
    for name, value in changes.items():
        holder = next(part for part in (person, frame, made) if name in part)
        holder[name] = value
    return made


@pytest.mark.parametrize(
    ("changes", "where", "problem"),
    [
        ({"num_frames_in_batch": 3}, "byte 1", "num_frames_in_batch is 3, but batches holds 1"),
        ({"batches": {}}, "byte 1, the batch", "batches is '{}', expected a list"),
        ({"frame_num": 1.5}, "byte 1, batches[0]", "frame_num is '1.5', expected an integer"),
        ({"frame_num": 2**63}, "frame", "frame_num does not fit into 64 bits"),
        ({"batch_id": "a"}, "frame 12", "batch_id is 'a', expected an integer"),
        ({"objects": None}, "frame 12", "objects is 'None', expected a list"),
        ({"objects": [5]}, "frame 12", "found '5', expected an object"),
        ({"object_id": True}, "frame 12", "object_id is 'True', expected an integer"),
        ({"pose3d": "x"}, "frame 12, object 7", "pose3d is 'x', expected a list"),
        ({"pose3d": []}, "frame 12, object 7", "pose3d has 0 numbers, expected four per joint"),
        ({"pose3d": [1.0] * 135}, "object 7", "pose3d has 135 numbers, expected four per joint"),
        ({"pose3d": [None] * 136}, "object 7", "pose3d holds None, expected numbers"),
    ],
)
def test_what_is_wrong_in_a_batch_is_told_with_byte_frame_and_object(path, changes, where, problem):
    message = invalid(path, [batch(**changes)])

    assert problem in message
    assert where in message


def test_a_person_without_the_pose_is_told_with_what_to_do(path):
    write(path, [make_person(1, [0])], Writing(omit=("pose3d",)))

    message = invalid(path, path.read_bytes())

    assert "frame 0, object 1: has no 'pose3d', only 'object_id', 'bbox', 'pose25d'" in message
    assert "--publish-pose pose3d" in message


def test_poses_of_different_sizes_are_refused(path):
    people = [make_person(1, range(3)), make_person(2, [2], joints=17)]
    write(path, people)

    message = invalid(path, path.read_bytes())

    assert "frame 2, object 2: pose3d has 17 joints, expected 34 as before" in message


@pytest.mark.parametrize("token", [b"NaN", b"Infinity", b"-Infinity"])
def test_numbers_that_json_lacks_are_named(path, token):
    write(path, [make_person(1, range(2))])
    content = path.read_bytes()
    start = content.index(b"pose3d") + len(b'pose3d": [')
    end = content.index(b",", start)

    message = invalid(path, content[:start] + token + content[end:])

    assert "byte 1" in message
    assert token.decode() in message


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'[{"batches": [}]', "no JSON 13 characters on"),
        (b"[5]", "found '5' before the end of the list"),
        (b'[{"batches": []}, [], {"batches": []}]', "expected an object with 'batches'"),
        (b'[{"batches": []}, 5, {"batches": []}]', "between two objects, expected a comma"),
        (b'[{"batches": [1e999]}]', "found the number 1e999, expected finite"),
        (b'[{"other": []}]', "has no 'batches', only 'other'"),
        (b'[{"batches": [{"frame_num": 1, "objects": [{"\xff": 1}]}]}]', "not UTF-8"),
        (b'[{"batches": [], "x": 01}]', "no JSON"),
        (b'[{"batches": [}]}]', "follows the end of the list"),
    ],
)
def test_what_is_no_json_or_no_batch_is_told(path, content, problem):
    message = invalid(path, content)

    assert problem in message
    assert "byte" in message


def problem_of(path):
    """The refusal of a file; empty where it is read."""
    try:
        for block in read_blocks(path, KIND, with_boxes=True):
            assert block.joints_NVD.shape == (len(block), block.joints_NVD.shape[1], 3)
    except PoseFileInvalid as error:
        return str(error)
    return ""


WHOLE = json.dumps(
    list(batches([make_person(1, range(4), joints=2), make_person(2, range(2), joints=2)]))
).encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.integers(0, len(WHOLE) - 1),
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=3),
    st.booleans(),
)
def test_a_damaged_file_is_an_error_with_its_name_or_read(path, cut, flips, is_cut):
    content = bytearray(WHOLE)
    for position, value in flips:
        content[position] = value
    path.write_bytes(content[:cut] if is_cut else content)

    problem = problem_of(path)

    assert "poses.json" in problem or not (problem or is_cut)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["batches", "frame_num", "objects", "object_id", "pose3d", "bbox"]),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_an_error_with_its_name_or_read(path, content):
    path.write_text(json.dumps(content))

    problem = problem_of(path)

    assert problem == "" or "poses.json" in problem
