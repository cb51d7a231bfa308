"""Labels make a data set that train reads; what belongs together stays on one side."""

import json

import numpy as np
import pytest
import yaml
from tests.runners.pose_classification.conversion.converting import run
from tests.runners.skeletons.deepstream_writer import make_person, write

SHORT = {
    "sequence_length": 10,
    "sequence_length_min": 5,
    "sequence_length_max": 12,
    "sequence_overlap": 1.0,
    "num_joints": 2,
}
HEAD = "file,camera,object_id,start_frame,end_frame,start_time,end_time,class,subject\n"


@pytest.fixture
def recordings(tmp_path):
    """Three files with two people each, 20 frames long."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        people = [make_person(one, range(20), joints=2, seed=seed) for one in (1, 2)]
        write(folder / f"{name}.json", people)
    return folder


def convert(tmp_path, data, rows, **settings):
    labels = tmp_path / "labels.csv"
    labels.write_text(HEAD + rows)
    return run(tmp_path, data, labels=str(labels), **{**SHORT, **settings})


def test_classes_of_objects_make_a_data_set(tmp_path, recordings):
    converted = convert(
        tmp_path,
        recordings,
        ",,1,,,,,wave,\n,,2,,,,,sit,\n",
        split="file",
        val_names=["b"],
    )

    assert converted.status == 0
    assert converted.leftovers == [
        "dataset.json",
        "dataset.yaml",
        "train_data.npy",
        "train_label.pkl",
        "val_data.npy",
        "val_label.pkl",
    ]
    names, ids = converted.labels("train")
    assert converted.array("train_data.npy").shape == (8, 3, 12, 2, 1)
    assert len(names) == len(ids) == len(set(names)) == 8
    assert {name.split("/")[0] for name in names} == {"a", "c"}
    assert [ids[i] for i, name in enumerate(names) if "object 1" in name] == [1] * 4
    assert converted.json("dataset.json")["classes"] == ["sit", "wave"]
    assert {name.split("/")[0] for name in converted.labels("val")[0]} == {"b"}


def test_sequences_and_labels_lie_in_one_order(tmp_path, recordings):
    converted = convert(tmp_path, recordings, ",,1,,,,,wave,\n,,2,,,,,sit,\n", split="none")
    names, _ = converted.labels("train")

    plain = run(tmp_path / "recordings", recordings, **SHORT)

    for index, name in enumerate(names):
        source, _, person, stretch = name.split("/")
        array = plain.array(f"object_{person.split()[1]}_{source}.npy")
        own = array[0 if stretch == "0-9" else 1]
        np.testing.assert_array_equal(converted.array("train_data.npy")[index], own)


def test_a_stretch_of_frames_or_of_time_has_a_class_and_the_rest_is_left_out(tmp_path, recordings):
    by_frames = convert(tmp_path, recordings, "a,,1,0,9,,,wave,\nb,,1,10,19,,,sit,\n")
    assert by_frames.counts["sequences"] == 2
    assert by_frames.counts["unlabelled_sequences"] == 10

    rows = "a,,1,,,0.0,1.0,wave,\nb,,1,,,1.0,,sit,\n"
    by_time = convert(tmp_path, recordings, rows, frame_rate=10.0)
    assert by_time.labels("train") == by_frames.labels("train")
    assert by_time.labels("val") == by_frames.labels("val")


def test_times_need_a_frame_rate(tmp_path, recordings):
    converted = convert(tmp_path, recordings, "a,,1,,,0.0,1.0,wave,\n")

    assert "states no frame rate; set dataset_convert.frame_rate" in converted.failure


def test_a_change_of_class_ends_a_sequence(tmp_path, recordings):
    rows = "a,,1,0,6,,,wave,\na,,1,7,19,,,sit,\nb,,,,,,,sit,\n"

    converted = convert(tmp_path, recordings, rows, split="none")

    names, ids = converted.labels("train")
    own = [(name.split("/")[-1], ids[i]) for i, name in enumerate(names) if name[0] == "a"]
    assert own == [("0-6", 1), ("7-16", 0)]


def test_a_class_has_to_cover_enough_of_a_sequence(tmp_path, recordings):
    rows = "a,,1,4,9,,,wave,\nb,,1,,,,,sit,\n"

    for coverage, count in ((0.6, 3), (0.61, 2)):
        converted = convert(tmp_path, recordings, rows, label_coverage=coverage, split="none")
        assert converted.counts["sequences"] == count


def test_the_row_that_names_more_counts(tmp_path, recordings):
    converted = convert(tmp_path, recordings, "a,,,,,,,sit,\n,,,,,,,rest,\na,,1,,,,,wave,\n")

    assert converted.json("dataset.json")["classes"] == ["rest", "sit", "wave"]


def test_rows_that_contradict_each_other_are_refused(tmp_path, recordings):
    converted = convert(tmp_path, recordings, "a,,1,0,9,,,wave,\na,,1,9,12,,,sit,\n")

    assert "rows 1 and 2 give the same frames of 'a' the classes 'wave' and 'sit'" in (
        converted.failure
    )
    assert converted.leftovers == []


@pytest.mark.parametrize(
    ("rows", "settings", "val"),
    [
        (",,1,,,,,sit,anna\n,,2,,,,,sit,ben\n", {"val_names": ["ben"]}, {"object 2"}),
        (",,,,,,,sit,\n", {"split": "file", "val_names": ["a", "c"]}, {"a", "c"}),
    ],
)
def test_a_split_keeps_subjects_and_files_whole(tmp_path, recordings, rows, settings, val):
    converted = convert(tmp_path, recordings, rows, **settings)

    part = 2 if "object 2" in val else 0
    sides = [{name.split("/")[part] for name in converted.labels(s)[0]} for s in ("train", "val")]
    assert sides[1] == val
    assert not sides[0] & sides[1]


def test_a_split_by_camera_keeps_cameras_whole(tmp_path):
    people = [make_person(1, range(20), joints=2, camera=camera) for camera in (0, 1, 2)]
    path = write(tmp_path / "poses.json", people)

    converted = convert(tmp_path, path, ",,,,,,,sit,\n", val_names=["1"])

    assert {name.split("/")[1] for name in converted.labels("val")[0]} == {"camera 1"}


def test_a_lot_is_the_same_for_a_seed(tmp_path, recordings):
    seen = {}
    for seed in (0, 0, 1, 2, 3, 4):
        names, _ = convert(tmp_path, recordings, ",,,,,,,sit,\n", split_seed=seed).labels("val")
        assert seen.setdefault(seed, names) == names
        assert len({name.split("/")[0] for name in names}) == 1

    assert len({tuple(names) for names in seen.values()}) > 1


@pytest.mark.parametrize(
    ("data", "settings", "problem"),
    [
        ("a.json", {}, "all labelled sequences come from one file, camera and subject"),
        ("a.json", {"split": "file"}, "nothing is left to train on"),
        ("", {"split": "subject"}, "'subject', but 'a' does not tell who is in it"),
        ("", {"split": "given"}, "does not tell which side it belongs to"),
        ("", {"val_names": ["d"]}, "no file 'd' among the labelled sequences; there are: a, b, c"),
        ("", {"val_names": ["a", "b", "c"]}, "nothing is left to train on"),
    ],
)
def test_a_split_that_cannot_be_made_is_explained(tmp_path, recordings, data, settings, problem):
    converted = convert(tmp_path, recordings / data, ",,,,,,,sit,\n", **settings)

    assert problem in converted.failure
    assert converted.leftovers == []


def test_labels_that_fit_nothing_are_an_error_that_says_so(tmp_path, recordings):
    converted = convert(tmp_path, recordings, "z,,,,,,,sit,\n")

    assert "none of 12 sequences has a label" in converted.failure


def test_rows_for_files_that_are_not_there_are_told(tmp_path, recordings, capsys):
    convert(tmp_path, recordings, ",,,,,,,sit,\nz,,,,,,,sit,\n")

    assert "row 2: no recording is called 'z'" in capsys.readouterr().out


def test_labels_may_be_json(tmp_path, recordings):
    labels = tmp_path / "labels.json"
    rows = [{"object_id": 1, "class": 7}, {"object_id": 2, "class": 10, "file": "a"}]
    labels.write_text(json.dumps(rows))

    converted = run(tmp_path, recordings, labels=str(labels), **SHORT)

    assert converted.json("dataset.json")["classes"] == ["7", "10"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("class,who\nsit,me\n", "row 1: no such column: 'who'; known: file, camera, object_id"),
        ("object_id\n1\n", "row 1: no 'class', which every row needs"),
        ("class,object_id\nsit,one\n", "row 1: object_id: Input should be a valid integer"),
        ("class,start_frame,end_frame\nsit,5,2\n", "row 1: Value error, ends at 2, before its"),
        ("class,start_frame,end_time\nsit,5,2\n", "found frames and times"),
        ("class\n", "has no rows"),
        ("", "has no rows"),
    ],
)
def test_a_wrong_label_file_is_told_row_by_row(tmp_path, recordings, text, problem):
    labels = tmp_path / "labels.csv"
    labels.write_text(text)

    converted = run(tmp_path, recordings, labels=str(labels), **SHORT)

    assert problem in converted.failure


@pytest.mark.parametrize("text", ["{", "{}", "[1]", "[" * 100_000])
def test_a_wrong_json_label_file_is_told(tmp_path, recordings, text):
    labels = tmp_path / "labels.json"
    labels.write_text(text)

    assert "labels.json" in run(tmp_path, recordings, labels=str(labels), **SHORT).failure


def test_a_missing_label_file_is_told(tmp_path, recordings):
    converted = run(tmp_path, recordings, labels="nowhere.csv", **SHORT)

    assert "dataset_convert.labels: 'nowhere.csv' cannot be read" in converted.failure


def test_the_snippet_is_a_train_spec_that_trains(tmp_path):
    # Training a network, however small, takes some seconds.
    from skillbank_runners.launch import main

    (tmp_path / "in").mkdir()
    for name in "ab":
        people = [make_person(one, range(30)) for one in (1, 2)]
        write(tmp_path / "in" / f"{name}.json", people)
    labels = tmp_path / "labels.csv"
    labels.write_text("object_id,class\n1,wave\n2,sit\n")
    settings = {"sequence_length": 10, "sequence_length_max": 10}
    converted = run(tmp_path, tmp_path / "in", labels=str(labels), **settings)

    snippet = yaml.safe_load((converted.results / "dataset.yaml").read_text())
    snippet["train"] = {"num_epochs": 1}
    spec = tmp_path / "train.yaml"
    spec.write_text(yaml.safe_dump(snippet))
    words = ["-e", str(spec), "--results", str(tmp_path / "trained")]

    assert main(["pose_classification", "train", *words]) == 0
    assert snippet["dataset"]["label_map"] == {"sit": 0, "wave": 1}
    assert snippet["model"] == {"graph_layout": "nvidia", "input_channels": 3}
