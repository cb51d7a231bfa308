"""The whole action: nothing half-written, what is recorded, labels that recordings state."""

import json
import os
import pickle
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.pose_classification.conversion.converting import run
from tests.runners.skeletons.deepstream_writer import batches, make_person, write

TINY = {"num_joints": 2, "sequence_length_min": 2, "sequence_length": 4, "sequence_length_max": 4}
WHOLE = json.dumps(list(batches([make_person(one, range(6), joints=2) for one in (1, 2)]))).encode()


# Each example is a whole conversion.
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    st.integers(0, len(WHOLE)),
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=2),
)
def test_a_damaged_file_leaves_everything_or_nothing(tmp_path_factory, cut, flips):
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(WHOLE)
    for position, value in flips:
        content[position] = value
    path = folder / "poses.json"
    path.write_bytes(content[:cut])

    converted = run(folder, path, **TINY)

    if converted.status:
        assert "poses.json" in converted.failure
        assert "internal error" not in converted.failure
        assert converted.leftovers == []
    else:
        assert "dataset.json" in converted.leftovers
        for name in converted.files:
            assert np.isfinite(converted.array(name)).all()


def test_a_file_damaged_at_its_end_leaves_nothing_and_spares_what_was_there(tmp_path):
    good = write(tmp_path / "good.json", [make_person(1, range(30))])
    first = run(tmp_path, good)
    before = first.array("object_1.npy")
    bad = write(tmp_path / "bad.json", [make_person(1, range(700)), make_person(2, range(700))])
    bad.write_bytes(bad.read_bytes()[:-200])

    second = run(tmp_path, bad)

    assert "the file ends inside" in second.failure
    np.testing.assert_array_equal(second.array("object_1.npy"), before)
    assert second.leftovers == ["dataset.json", "object_1.npy"]


def test_a_second_conversion_replaces_the_first_wholly(tmp_path):
    run(tmp_path, write(tmp_path / "a.json", [make_person(1, range(30))]))

    converted = run(tmp_path, write(tmp_path / "b.json", [make_person(2, range(30))]))

    assert converted.leftovers == ["dataset.json", "object_2.npy"]
    recorded = converted.json("artefacts.json")["artefacts"]
    assert {entry["path"] for entry in recorded} == {"dataset.json", "object_2.npy"}


def test_what_a_killed_conversion_left_is_cleared_away(tmp_path):
    results = tmp_path / "results"
    left = results / ".dataset_convert.123.tmp"
    left.mkdir(parents=True)
    (left / "0.npy").touch()

    converted = run(tmp_path, write(tmp_path / "a.json", [make_person(1, range(30))]))

    assert converted.leftovers == ["dataset.json", "object_1.npy"]


def test_a_conversion_that_is_stopped_leaves_nothing(tmp_path):
    # A process of its own, which is stopped while it reads: of a pipe that holds 64 KiB it has
    # taken most of a mebibyte, and what is written after the signal lets it look up.
    spec = tmp_path / "spec.yaml"
    source = tmp_path / "endless.json"
    os.mkfifo(source)
    spec.write_text(yaml.safe_dump({"dataset_convert": {"data": str(source), **TINY}}))
    results = tmp_path / "results"
    words = ["-m", "skillbank_runners.launch", "pose_classification", "dataset_convert"]
    words += ["-e", str(spec), "--results", str(results)]
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with suppress(BrokenPipeError), source.open("wb", buffering=0) as pipe:
        pipe.write(b"[" + WHOLE[1:-1] + b"," + b" " * 2**20)
        assert list(results.glob(".dataset_convert.*.tmp"))
        process.terminate()
        for _ in range(256):
            pipe.write(b" " * 2**20)

    assert process.wait(timeout=60) == 143
    assert sorted(path.name for path in results.iterdir()) == ["status.json"]


def test_what_was_written_is_recorded(tmp_path):
    path = write(tmp_path / "poses.json", [make_person(1, range(30))])

    converted = run(tmp_path, path)

    entries = {one["path"]: one for one in converted.json("artefacts.json")["artefacts"]}
    assert {one["kind"] for one in entries.values()} == {"dataset"}
    size = (converted.results / "object_1.npy").stat().st_size
    assert entries["object_1.npy"]["size_bytes"] == size == 128 + 3 * 300 * 34 * 4
    (source,) = converted.json("run_info.json")["inputs"]
    assert source["path"] == str(path)
    assert len(source["sha256"]) == 64
    saved = [line["message"] for line in converted.lines if line["message"].startswith("saved")]
    assert saved == ["saved 1 sequences of object 1 (camera 0 of poses)"]


def test_of_a_large_file_its_ends_are_recorded(tmp_path):
    # Spaces are JSON, and sparse files take no space.
    path = write(tmp_path / "poses.json", [make_person(1, range(30))])
    with path.open("ab") as file:
        file.write(b" " * (65 * 2**20))

    converted = run(tmp_path, path)

    (source,) = converted.json("run_info.json")["inputs"]
    assert source["size_bytes"] == path.stat().st_size
    assert len(source["sha256_of_ends"]) == 64
    assert converted.files == ["object_1.npy"]


def test_progress_is_told_in_megabytes(tmp_path):
    # A pipe that is slow: progress is told once a second at most.
    path = write(tmp_path / "poses.json", [make_person(1, range(30))])
    source = tmp_path / "slow.json"
    os.mkfifo(source)
    writer = subprocess.Popen(
        ["sh", "-c", f"exec 3>'{source}'; head -c 100000 '{path}' >&3; sleep 1.2; "
         f"tail -c +100001 '{path}' >&3"]
    )  # fmt: skip

    converted = run(tmp_path, source)

    assert writer.wait() == 0
    assert any("read 0 of 1 MB" in line["message"] for line in converted.lines)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"data": ""}, "dataset_convert.data: empty"),
        ({"data": "nowhere.json"}, "dataset_convert.data: no such file or folder: 'nowhere.json'"),
        ({"data": "nowhere/*.json"}, "dataset_convert.data: nothing fits the pattern"),
        ({"data": "s3://bucket/poses.json"}, "expected a local file"),
        ({"sequence_length": 301}, "expected at most dataset_convert.sequence_length_max (300)"),
        ({"layout": "nvidea"}, "no layout 'nvidea'"),
        ({"sequence_overlap": 0.001}, "expected a step of at least one"),
        ({"format": "deepsteam"}, "format"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_read(tmp_path, changes, problem):
    write(tmp_path / "poses.json", [make_person(1, range(30))])

    converted = run(tmp_path, **{"data": tmp_path / "poses.json", **changes})

    assert converted.status == 2
    if converted.results.is_dir():
        assert problem in converted.failure


def test_people_whom_no_tracker_followed_are_followed_here(tmp_path):
    # Four people who stay where they are, all under DeepStream's number of nobody.
    people = []
    for number in range(4):
        person = make_person(2**64 - 1, range(30), seed=number)
        person.pose25d_TV4[:] = person.pose25d_TV4[:1]
        person.pose25d_TV4[:, :, 0] += 5000 * number
        people.append(person)

    converted = run(tmp_path, write(tmp_path / "poses.json", people), pose_type="25dbp")

    assert converted.files == [f"object_{number}.npy" for number in (1, 2, 3, 4)]
    for person, name in zip(people, converted.files, strict=True):
        expected = person.pose25d_TV4[0, :, 0] / 1920 - 0.5
        x_V = converted.array(name)[0, 0, 0, :, 0]
        np.testing.assert_allclose(x_V, expected, rtol=1e-5)


@pytest.fixture
def annotations(tmp_path):
    """PYSKL's pickle: clips with classes and sides."""
    random = np.random.default_rng(0)
    clips = [
        {
            "frame_dir": f"clip{number}",
            "label": number % 2,
            "total_frames": 20,
            "img_shape": (240, 320),
            "original_shape": (240, 320),
            "keypoint": random.uniform(1, 200, (1, 20, 17, 2)).astype(np.float32),
            "keypoint_score": random.uniform(0.1, 1, (1, 20, 17)).astype(np.float32),
        }
        for number in range(6)
    ]
    names = [clip["frame_dir"] for clip in clips]
    split = {"xsub_train": names[:4], "xsub_val": names[4:]}
    path = tmp_path / "clips.pkl"
    path.write_bytes(pickle.dumps({"split": split, "annotations": clips}))
    return path


def test_labels_and_sides_that_recordings_state_are_used(tmp_path, annotations):
    converted = run(tmp_path, annotations, format="pyskl", pose_type="2dbp")

    assert converted.array("train_data.npy").shape == (4, 2, 300, 17, 1)
    assert converted.labels("train")[1] == [0, 1, 0, 1]
    assert [name.split("/")[0] for name in converted.labels("val")[0]] == ["clip4", "clip5"]
    assert converted.json("dataset.json")["classes"] == ["0", "1"]


def test_pixels_are_divided_by_the_size_that_the_file_states(tmp_path, annotations):
    clips = pickle.loads(annotations.read_bytes())["annotations"]
    settings = {"sequence_length_max": 20, "sequence_length": 20, "sequence_overlap": 1.0}

    converted = run(tmp_path, annotations, format="pyskl", pose_type="2dbp", **settings)

    expected = clips[0]["keypoint"][0] / np.float64([320, 240]) - 0.5
    x_TVC = converted.array("train_data.npy")[0, :, :, :, 0].transpose(1, 2, 0)
    np.testing.assert_allclose(x_TVC, expected, atol=1e-6)
