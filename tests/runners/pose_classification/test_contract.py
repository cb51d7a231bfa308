"""Wrong data is named by file, index and value, all of it at once."""

import re
import shutil
import time

import numpy as np
import pytest
import yaml
from tests.runners.conftest import write_clips, write_labels

from skillbank_runners.errors import DataInvalid
from skillbank_runners.pose_classification.contract import Files, check_data, class_names
from skillbank_runners.pose_classification.spec import SPECS, FilesSpec, TrainAction


def check(job):
    content = yaml.safe_load(job.spec.read_text())
    spec = TrainAction.model_validate(
        {name: content[name] for name in content if name in SPECS["train"].model_fields}
    )
    return check_data(
        spec,
        [
            Files("dataset.train_dataset", spec.dataset.train_dataset),
            Files("dataset.val_dataset", spec.dataset.val_dataset),
        ],
    )


def problems(job):
    with pytest.raises(DataInvalid) as caught:
        check(job)
    return caught.value.problems


def change_clips(job, change, name="train"):
    path = job.folder / f"{name}_data.npy"
    x = np.load(path)
    np.save(path, change(x))


def at(index, value):
    def change(x):
        x[index] = value
        return x

    return change


def test_good_data_is_opened_with_its_labels(job):
    train, val = check(job)
    assert (len(train), len(val)) == (6, 4)
    assert train.labels_N.tolist() == [0, 1, 2, 0, 1, 2]
    assert train.names[5] == "clip5"
    assert isinstance(train.x_NCTVM, np.memmap)
    assert set(val.files) == {"dataset.val_dataset.data_path", "dataset.val_dataset.label_path"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x[0], "4 axes, expected 5"),
        (lambda x: x[:, :2], "2 channels on axis 1, expected 3 (model.input_channels)"),
        (lambda x: x[..., :0], "axis M is empty"),
        (lambda x: x[:0], "axis N is empty"),
        (lambda x: x.astype(bool), "type bool, expected numbers"),
        (lambda x: x.astype(complex), "type complex128, expected numbers"),
        (at((4, 1, 2, 3, 0), np.nan), "clip 4 holds nan at [4, 1, 2, 3, 0]"),
        (at((2, 0, 5, 16, 0), np.inf), "clip 2 holds inf at [2, 0, 5, 16, 0]"),
        (at(3, 0), "clip 3 is all zero"),
    ],
)
def test_wrong_clips_are_named(job, change, said):
    change_clips(job, change)
    listed = [problem for problem in problems(job) if said in problem]
    assert len(listed) == 1
    assert "train_data.npy" in listed[0]


def test_a_layout_of_other_joints_names_those_that_fit(job):
    write_clips(job.folder, "train", joints=18)
    message = problems(job)[0]
    assert "18 joints on axis 3, but model.graph_layout 'human3.6m' has 17" in message
    assert "layouts of 18 joints: openpose" in message


def test_a_number_of_joints_that_no_layout_has_is_said(job):
    write_clips(job.folder, "train", joints=5)
    assert "layouts of 5 joints: none" in problems(job)[0]


@pytest.mark.parametrize("value", [-1, 3, 99])
def test_a_label_out_of_range_is_named(job, value):
    write_labels(job.folder / "train_label.pkl", [0, 1, 2, value, 0, 1])
    expected = f"train_label.pkl: label 3 is {value}, out of range: expected [0, 3)"
    assert problems(job)[0].startswith(expected)


def test_labels_of_other_clips_are_noticed(job):
    write_labels(job.folder / "train_label.pkl", [0, 1])
    assert "train_label.pkl has 2 labels, but the data has 6 clips" in problems(job)[0]


def test_all_problems_of_all_files_are_listed_at_once(job):
    change_clips(job, at(1, 0))
    change_clips(job, at((0, 0, 0, 0, 0), np.nan), "val")
    write_labels(job.folder / "train_label.pkl", [0, 1, 7, 0, 1, 9])
    (job.folder / "val_label.pkl").unlink()
    text = "\n".join(problems(job))
    for said in ("clip 1 is all zero", "label 2 is 7", "label 5 is 9", "holds nan", "no such file"):
        assert said in text


def test_many_breaches_of_one_kind_are_counted(job):
    write_clips(job.folder, "train", clips=20)
    change_clips(job, lambda x: x * 0)
    listed = problems(job)
    assert len(listed) == 6
    assert listed[-1] == "train_data.npy: 15 more clips that are all zero"


def test_training_and_validation_must_agree(job):
    write_clips(job.folder, "val", clips=4, people=2)
    assert (
        "M people differ: dataset.train_dataset has 1, dataset.val_dataset has 2"
        in problems(job)[0]
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "dataset.train_dataset.data_path: empty, expected the path of a file"),
        ("s3://bucket/train.npy", "found 's3://bucket/train.npy', expected a local file"),
        ("/nowhere/x.npy", "no such file: '/nowhere/x.npy' (no folder '/nowhere' either)"),
        ("FOLDER", "'; that folder has train_data.npy, val_data.npy"),
        ("FOLDER/tran_data.npy", "that folder has train_data.npy, val_data.npy"),
    ],
)
def test_a_path_that_leads_nowhere_names_its_key(job, path, said):
    label = str(job.folder / "train_label.pkl")
    data = path.replace("FOLDER", str(job.folder))
    job.change(dataset={"train_dataset": {"data_path": data, "label_path": label}})
    assert said in problems(job)[0]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"hello world, not an array"])
def test_a_file_that_is_no_array_is_named(job, content):
    (job.folder / "train_data.npy").write_bytes(content)
    assert re.search("train_data.npy' is no .npy file of numbers", problems(job)[0])


def test_an_array_of_objects_is_not_unpickled(job):
    path = job.folder / "train_data.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert "no .npy file of numbers" in problems(job)[0]


def test_an_archive_of_arrays_is_named(job):
    path = job.folder / "train_data.npy"
    np.savez(job.folder / "x.npz", np.load(path))
    shutil.move(job.folder / "x.npz", path)
    assert "archive of arrays (.npz), expected one array" in problems(job)[0]


def test_labels_may_be_missing_where_they_are_not_needed(job):
    files = Files(
        "inference.test_dataset",
        FilesSpec(data_path=str(job.folder / "val_data.npy")),
        needs_labels=False,
    )
    spec = TrainAction.model_validate(
        {"model": {"graph_layout": "human3.6m"}, "dataset": {"num_classes": 3}}
    )
    (clips,) = check_data(spec, [files])
    assert clips.labels_N is None
    assert clips.names == ("clip_0", "clip_1", "clip_2", "clip_3")


@pytest.mark.parametrize(
    ("label_map", "names"),
    [(None, ("class_0", "class_1")), ({"run": 1, "sit": 0}, ("sit", "run"))],
)
def test_classes_are_named_in_the_order_of_their_ids(label_map, names):
    dataset = {"num_classes": 2, "label_map": label_map}
    assert class_names(TrainAction.model_validate({"dataset": dataset})) == names


def test_a_set_of_the_usual_size_is_checked_within_a_second(job):
    write_clips(job.folder, "train", clips=430, frames=128)
    started_s = time.process_time()
    check(job)
    assert time.process_time() - started_s < 1
