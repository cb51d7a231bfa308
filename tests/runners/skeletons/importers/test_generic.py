"""Arrays and tables of one's own.

Axes: N clips, M people, T frames, V joints, D or C coordinates.
"""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.skeletons.importers.damaging import damaged, read_calmly

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import PoseFileInvalid, Space

ARMS = """
joints: [chest, left_hand, right_hand]
edges: [[0, 1], [0, 2]]
left_right_pairs: [[1, 2]]
"""


@pytest.fixture
def layout(tmp_path):
    path = tmp_path / "arms.yaml"
    path.write_text(ARMS, encoding="utf-8")
    return str(path)


def read(path, layout, **options):
    found = read_recordings("generic", path, ReadOptions(layout=layout, **options))
    return [(one, list(one.observations)) for one in found]


def values(*shape):
    return np.random.default_rng(0).uniform(1, 9, shape).astype(np.float32)


def test_a_layout_is_needed(tmp_path):
    np.save(tmp_path / "a.npy", values(2, 3, 3))
    with pytest.raises(RunnerError, match=r"dataset_convert\.source_layout: empty, expected the"):
        list(read_recordings("generic", tmp_path / "a.npy", ReadOptions()))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, ">f4"])
def test_frames_of_one_person(tmp_path, layout, dtype, order):
    x_TVD = np.array(values(4, 3, 3).astype(dtype), order=order)
    np.save(tmp_path / "walk.npy", x_TVD)
    [(recording, found)] = read(tmp_path / "walk.npy", layout, frame_rate=25.0)
    assert (recording.name, recording.layout) == ("walk", layout)
    assert (recording.space, recording.frame_rate) == (Space.WORLD, 25.0)
    assert [(one.frame, one.object_id) for one in found] == [(t, 0) for t in range(4)]
    np.testing.assert_array_equal([one.joints_VD for one in found], x_TVD.astype(np.float32))
    assert all((one.confidence_V == 1).all() for one in found)


def test_people_who_come_and_go(tmp_path, layout):
    x_MTVD = values(2, 3, 3, 2)
    x_MTVD[1, 0] = 0
    x_MTVD[0, 2, 1] = np.nan
    x_MTVD[0, 1, 2] = 0
    np.save(tmp_path / "two.npy", x_MTVD)
    [(recording, found)] = read(tmp_path / "two.npy", layout, width=640, height=480)
    assert (recording.space, recording.width, recording.height) == (Space.IMAGE, 640, 480)
    by_place = {(one.frame, one.object_id): one for one in found}
    assert by_place.keys() == {(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)}
    assert by_place[2, 0].confidence_V.tolist() == [1, 0, 1]
    assert by_place[1, 0].confidence_V.tolist() == [1, 1, 0]


def test_training_arrays_are_a_recording_per_clip(tmp_path, layout):
    x_NCTVM = values(2, 3, 4, 3, 2)
    np.save(tmp_path / "train.npy", x_NCTVM)
    found = read(tmp_path / "train.npy", layout)
    assert [recording.name for recording, _ in found] == ["train_0", "train_1"]
    for n, (_, observations) in enumerate(found):
        for one in observations:
            expected = x_NCTVM[n, :, one.frame, :, one.object_id].T
            np.testing.assert_array_equal(one.joints_VD, expected)


@pytest.mark.parametrize(
    ("num_values", "pose_type", "num_coordinates", "space"),
    [
        (2, "3dbp", 2, Space.IMAGE),
        (3, "2dbp", 2, Space.IMAGE),
        (3, "25dbp", 3, Space.IMAGE),
        (4, "25dbp", 3, Space.IMAGE),
        (4, "3dbp", 3, Space.WORLD),
    ],
)
def test_what_is_left_over_is_a_confidence(
    tmp_path, layout, num_values, pose_type, num_coordinates, space
):
    x_TVD = values(1, 3, num_values) / 10
    np.save(tmp_path / "a.npy", x_TVD)
    [(recording, [one])] = read(tmp_path / "a.npy", layout, pose_type=pose_type)
    assert (recording.space, one.joints_VD.shape) == (space, (3, num_coordinates))
    expected = x_TVD[0, :, num_coordinates] if num_values > num_coordinates else np.ones(3)
    np.testing.assert_array_equal(one.confidence_V, np.float32(expected))


def test_an_npz_file_is_a_recording_per_array(tmp_path, layout):
    first, second = values(2, 3, 3), np.asfortranarray(values(1, 4, 3, 2))
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", run=first, jump=second)
        found = read(tmp_path / "a.npz", layout)
        assert [recording.name for recording, _ in found] == ["run", "jump"]
        np.testing.assert_array_equal([one.joints_VD for one in found[0][1]], first)
        np.testing.assert_array_equal([one.joints_VD for one in found[1][1]], second[0])


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (values(3, 3), r"found float32 of the shape \(3, 3\), expected numbers: \(T, V, D\)"),
        (values(2, 5, 3), "found 5 joints on axis 1 of the shape .* but layout .* has 3"),
        (values(2, 3, 7), "found 7 values per joint, expected 2 to 4"),
        (values(0, 3, 3), r"its header says \(0, 3, 3\) of float32, the file holds 128 bytes"),
        (np.array([["a"]]), "found <U1 of the shape"),
        (np.array([{}]), r"is no \.npy file of numbers \(it holds pickled objects"),
        (np.ones((2, 3, 3), complex), "found complex128"),
    ],
)
def test_other_arrays_are_told(tmp_path, layout, array, said):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(PoseFileInvalid, match=said):
        read(tmp_path / "a.npy", layout)


def header(shape):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + bytes(400)


@pytest.mark.parametrize(
    "shape", [(10**9, 3, 3), (10**18, 3, 3), (10**30, 3, 3), (-1, 3, 3), (10**15, 0, 3, 3), (1, 2)]
)
def test_headers_that_claim_what_is_not_there_are_refused(tmp_path, layout, shape):
    (tmp_path / "a.npy").write_bytes(header(shape))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("a.npy", header(shape))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(PoseFileInvalid):
            read(tmp_path / name, layout)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path, layout, monkeypatch):
    monkeypatch.setattr("skillbank_runners.skeletons.importers.generic.MAX_ARRAY_BYTES", 1000)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((100, 3, 3)))
    with pytest.raises(PoseFileInvalid, match=r"a\.npy: found 7328 bytes, expected at most 1000"):
        read(tmp_path / "a.npz", layout)


LONG = """frame,object_id,joint,x,y,z,confidence
3,7,chest,1,2,3,0.5
3,7,2,4,5,6,
3,8,0,7,8,9,1
5,7,right_hand,1,1,1,1
"""
WIDE = """frame,chest_x,chest_y,chest_confidence,left_hand_x,left_hand_y
0,1,2,0.25,3,4
2,5,6,1,,
"""


def test_a_long_table_has_a_joint_per_row(tmp_path, layout):
    (tmp_path / "a.csv").write_text(LONG)
    [(recording, found)] = read(tmp_path / "a.csv", layout)
    assert recording.space is Space.WORLD
    assert [(one.frame, one.object_id) for one in found] == [(3, 7), (3, 8), (5, 7)]
    assert found[0].joints_VD.tolist() == [[1, 2, 3], [0, 0, 0], [0, 0, 0]]
    assert found[0].confidence_V.tolist() == [0.5, 0, 0]  # the second row does not say how sure
    assert found[2].confidence_V.tolist() == [0, 0, 1]


def test_a_wide_table_has_a_person_per_row(tmp_path, layout):
    (tmp_path / "a.csv").write_text(WIDE)
    [(recording, found)] = read(tmp_path / "a.csv", layout)
    assert (recording.space, recording.width) == (Space.IMAGE, 1920)
    assert [(one.frame, one.object_id, one.camera) for one in found] == [(0, 0, 0), (2, 0, 0)]
    assert found[0].joints_VD.tolist() == [[1, 2], [3, 4], [0, 0]]
    assert found[0].confidence_V.tolist() == [0.25, 1, 0]
    assert found[1].confidence_V.tolist() == [1, 0, 0]


def test_a_table_may_know_cameras_and_need_not_be_tidy(tmp_path, layout):
    text = '\ufeff"joint_name", x, y, camera, frame\r\n\r\n left_hand , 1, 2, 3, 4\r\n'
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    [(_, [one])] = read(tmp_path / "a.csv", layout)
    assert (one.camera, one.frame, one.joints_VD.tolist()) == (3, 4, [[0, 0], [1, 2], [0, 0]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 0: the file ends here, expected a header"),
        ("frame,joint,x\n", "line 1: found the columns 'frame, joint, x', expected frame and eit"),
        ("frame,knee_x,knee_y\n", "such as chest_x and chest_y"),
        ("joint,x,y\n", "line 1: found the columns"),
        ("frame,frame,joint,x,y\n", "the header repeats 'frame'"),
        ("frame,joint,x,y\n0,knee,1,2\n", "line 2: found the joint 'knee', expected one of arms"),
        ("frame,joint,x,y\n0,3,1,2\n", "line 2: found the joint '3'"),
        ("frame,joint,x,y\n0,0,one,2\n", "line 2: found 'one', expected a number"),
        ("frame,joint,x,y\n-1,0,1,2\n", "line 2: frame: found '-1', expected a whole number"),
        ("frame,joint,x,y\n0\n", "line 2: found the joint ''"),
        ("frame,joint,x,y\n1,0,1,2\n0,0,1,2\n", "line 3: found frame 0 behind frame 1; sort the"),
        ("frame,joint,x,y\n1,0,1,2\n1,0,1,2\n", "line 3: found a second row of the same frame,"),
        ('frame,joint,x,y\n"1,0,1,2\n', "line 2: is no line of a CSV file"),
        ("frame,joint,x,y\n1e9,0,1,2\n", "line 2: frame: found '1e9'"),
    ],
)
def test_damage_of_tables_is_told_with_its_line(tmp_path, layout, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(PoseFileInvalid, match=said):
        read(tmp_path / "a.csv", layout)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(array):
    file = io.BytesIO()
    np.savez_compressed(file, a=array)
    return file.getvalue()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), ending=st.sampled_from([".npy", ".npz", ".csv"]))
def test_damaged_files_are_refused_or_read(tmp_path, layout, data, ending):
    array = values(2, 3, 3)
    text = data.draw(st.sampled_from([LONG, WIDE])).encode()
    whole = {".npy": npy(array), ".npz": npz(array), ".csv": text}[ending]
    content = data.draw(damaged(whole))
    read_calmly("generic", tmp_path / f"a{ending}", content, ReadOptions(layout=layout))
