"""Pickles of PYSKL.

Axes: M people, T frames, V joints, D coordinates.
"""

import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.skeletons.importers.damaging import damaged, read_calmly

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import PoseFileInvalid, Space


def flat(name="S001C001P001R001A001", people=2, frames=3, dtype=np.float16, **more):
    """An annotation with 2D poses as HRNet gives them."""
    rng = np.random.default_rng(len(name))
    shape = (people, frames, 17)
    return {
        "frame_dir": name,
        "label": 0,
        "img_shape": (1080, 1920),
        "original_shape": (1080, 1920),
        "total_frames": frames,
        "keypoint": rng.uniform(1, 1000, (*shape, 2)).astype(dtype),
        "keypoint_score": rng.uniform(0.1, 1, shape).astype(dtype),
        **more,
    }


def deep(name="S001C001P001R001A002", frames=2):
    """An annotation with NTU's own 3D poses, which have no score."""
    points = np.random.default_rng(1).normal(size=(1, frames, 25, 3)).astype(np.float32)
    return {"frame_dir": name, "label": np.int64(1), "total_frames": frames, "keypoint": points}


def save(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def read(path, **options):
    found = read_recordings("pyskl", path, ReadOptions(**options))
    return [(one, list(one.observations)) for one in found]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ntu60.pkl"


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", np.int32])
def test_clips_are_read_as_they_are(path, protocol, dtype):
    annotation = flat(dtype=dtype)
    annotation["keypoint_score"] = np.ones((2, 3, 17), dtype)
    save(path, [annotation], protocol)
    [(recording, found)] = read(path)
    assert (recording.name, recording.label) == ("S001C001P001R001A001", "0")
    assert (recording.layout, recording.space) == ("coco17", Space.IMAGE)
    assert (recording.width, recording.height, recording.split) == (1920, 1080, None)
    assert [(one.frame, one.object_id) for one in found] == [
        (frame, person) for frame in range(3) for person in range(2)
    ]
    for one in found:
        expected = annotation["keypoint"][one.object_id, one.frame].astype(np.float32)
        np.testing.assert_array_equal(one.joints_VD, expected)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_either_order_are_read(path, order):
    annotation = deep()
    annotation["keypoint"] = np.array(annotation["keypoint"], order=order)
    for protocol in (2, 5):
        save(path, [annotation], protocol)
        [(recording, found)] = read(path)
        assert (recording.layout, recording.space) == ("ntu25", Space.WORLD)
        assert (recording.label, recording.width) == ("1", None)
        np.testing.assert_array_equal([one.joints_VD for one in found], annotation["keypoint"][0])
        assert (found[0].confidence_V == 1).all()


def test_the_first_protocol_splits(path):
    names = ["a", "b", "c"]
    split = {
        "xsub_train": ["a"],
        "xsub_val": ["b"],
        "xview_train": ["b", "c"],
        "xview_val": ["a"],
        "notes": "no list",
    }
    save(path, {"split": split, "annotations": [flat(name) for name in names]})
    assert [recording.split for recording, _ in read(path)] == ["train", "val", "unlisted"]


def test_a_test_side_stays_apart(path):
    split = {"train1": ["a"], "test1": ["b"], "train2": ["b"]}
    save(path, {"split": split, "annotations": [flat("a"), flat("b")]})
    assert [recording.split for recording, _ in read(path)] == ["train", "test"]


def test_people_who_are_not_there_are_left_out(path):
    annotation = flat()
    annotation["keypoint"][1, 1] = 0
    annotation["keypoint"][0, 0, 5] = 0
    save(path, [annotation])
    [(_, found)] = read(path)
    assert (1, 1) not in {(one.frame, one.object_id) for one in found}
    assert len(found) == 5
    assert found[0].confidence_V[5] == 0
    assert found[0].confidence_V[4] > 0


def test_another_layout_may_be_named(path):
    save(path, [flat()])
    [(recording, _)] = read(path, layout="h36m17")
    assert recording.layout == "h36m17"
    with pytest.raises(PoseFileInvalid, match="found 17 joints, but layout 'ntu25' has 25"):
        read(path, layout="ntu25")
    annotation = flat() | {"keypoint": np.ones((1, 1, 12, 2)), "keypoint_score": None}
    save(path, [annotation])
    with pytest.raises(PoseFileInvalid, match=r"12 joints in 2D, .* dataset_convert\.source_lay"):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"split": {}}, "annotations: found null, expected a list"),
        ("text", "annotations: found 'text', expected a list"),
        ([3], r"annotations\[0\]: found 3, expected an object"),
        ([flat() | {"frame_dir": 5}], "frame_dir: found 5, expected text"),
        ([flat() | {"keypoint": [[1.0]]}], "keypoint: found list, expected a NumPy array of num"),
        ([flat() | {"keypoint": np.ones((3, 17, 2))}], r"found the shape \(3, 17, 2\), expected"),
        ([flat() | {"keypoint_score": np.ones((1, 2))}], r"found the shape \(1, 2\), expected \(2"),
        ([flat() | {"label": [1]}], "label: found a list, expected a whole number"),
        ({"split": {"train": [1]}, "annotations": []}, "split, train: found 1, expected text"),
        ({"split": ["a"], "annotations": []}, "split: found a list, expected an object"),
    ],
)
def test_other_content_is_told_with_its_place(path, content, said):
    save(path, content)
    with pytest.raises(PoseFileInvalid, match=said):
        read(path)


class Call:
    """Pickled as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def attack(trace):
    """Pickles that would run `touch trace`, or change what reads them."""
    command = f"touch {trace}"
    yield pickle.dumps([flat(), Call(os.system, command)])
    yield pickle.dumps([flat() | {"label": Call(eval, f"__import__('os').system('{command}')")}])
    yield b"cbuiltins\ngetattr\n(cos\nsystem\nU\x06system\ntR."
    yield b"cposix\nsystem\n(V" + command.encode() + b"\ntR."
    yield b"(V" + command.encode() + b"\niposix\nsystem\n."
    yield (
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c"
        + bytes([len(command)])
        + command.encode()
        + b"\x85R."
    )
    yield b"cnumpy\nload\n(V/etc/passwd\ntR."
    yield b"cnumpy.core.multiarray\n_reconstruct\n}(Vcall\nVx\nub."
    yield b"cnumpy\ndtype\n(Vf8\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb0cnumpy\ndtype.read\n."
    yield b"cnumpy\ndtype\n(VO8\nI0\nI1\ntR."
    yield pickle.dumps([np.array([flat()], dtype=object)])


@pytest.mark.parametrize("number", range(11))
def test_pickles_that_ask_for_foreign_code_are_refused_and_do_not_run(path, tmp_path, number):
    trace = tmp_path / "it_ran"
    path.write_bytes(list(attack(trace))[number])
    with pytest.raises(PoseFileInvalid):
        read(path)
    assert not trace.exists()
    save(path, [flat()])
    assert len(read(path)) == 1  # and what reads pickles is as it was


def test_the_refusal_names_what_was_asked_for(path):
    save(path, [Call(os.system, "true")])
    with pytest.raises(PoseFileInvalid, match=r"asks for '(posix|nt)\.system', .* not loaded"):
        read(path)


GIANTS = {
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 10**12) + b"x.",
    "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 10**12) + b"x.",
    "text": b"\x80\x04\x8d" + struct.pack("<Q", 10**12) + b"x.",
    "old text": b"X" + struct.pack("<I", 2**31) + b"x.",
    "old bytes": b"T" + struct.pack("<i", -5) + b"x.",
    "number": b"\x80\x02\x8b" + struct.pack("<i", 2**30) + b"x.",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.",
    "memo": b"\x80\x02Nr" + struct.pack("<I", 2**31) + b".",
    "memo as text": b"Np2000000000\n.",
    "memo as long text": b"Np" + b"9" * 5000 + b"\n.",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "shape": b"cnumpy.core.numeric\n_frombuffer\n(c_codecs\nencode\n(Vx\nVlatin1\ntRcnumpy\ndtype\n"
    b"(Vf8\ntR(I1000000000\nI1000000000\ntVC\ntR.",
}


@pytest.mark.parametrize("name", GIANTS)
def test_sizes_that_a_file_does_not_have_are_refused(path, name):
    read_calmly("pyskl", path, GIANTS[name], ReadOptions())
    with pytest.raises(PoseFileInvalid):
        read(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04", b"\x80\x04N", b"no pickle at all", b"PK"])
def test_files_that_are_no_pickle_are_told(path, content):
    path.write_bytes(content)
    with pytest.raises(PoseFileInvalid, match="is no readable pickle"):
        read(path)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_refused_or_read(path, data):
    protocol = data.draw(st.integers(0, 5))
    content = {"split": {"train": ["a"]}, "annotations": [flat(people=1, frames=1), deep(frames=1)]}
    whole = pickle.dumps(content, protocol=protocol)
    read_calmly("pyskl", path, data.draw(damaged(whole)), ReadOptions())
