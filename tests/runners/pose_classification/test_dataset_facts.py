"""What dataset_convert says of its arrays is read, checked against the spec, and passed on."""

import json

import pytest
import torch

from skillbank_runners.errors import DataInvalid
from skillbank_runners.launch import main
from skillbank_runners.pose_classification.dataset_facts import DatasetFacts, read_dataset_facts


def write(folder, **content):
    (folder / "dataset.json").write_text(json.dumps(content))


def test_arrays_without_the_file_say_nothing(tmp_path):
    assert read_dataset_facts(tmp_path / "train_data.npy") is None


def test_the_file_beside_an_array_is_read(tmp_path):
    write(
        tmp_path,
        conversion={"pose_type": "2dbp"},
        layout="coco",
        frame_rate=25,
        classes=["a", "b"],
        channels=["x", "y", "confidence"],
    )

    facts = read_dataset_facts(tmp_path / "train_data.npy")

    assert facts == DatasetFacts(
        conversion={"pose_type": "2dbp"},
        layout="coco",
        frame_rate=25.0,
        classes=("a", "b"),
        channels=("x", "y", "confidence"),
    )
    assert facts.has_confidence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Invalid JSON"),
        ("[]", "(top)"),
        ('{"frame_rate": -3}', "frame_rate: Input should be greater than 0"),
        ('{"frame_rate": "fast"}', "frame_rate: "),
        ('{"channels": 3}', "channels: "),
        ("", "Invalid JSON"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, text, said):
    (tmp_path / "dataset.json").write_text(text)

    with pytest.raises(DataInvalid) as caught:
        read_dataset_facts(tmp_path / "train_data.npy")

    assert str(tmp_path / "dataset.json") in str(caught.value)
    assert said in str(caught.value)


# A training of one epoch, 1 s.
def test_what_was_converted_travels_with_the_weights(job):
    conversion = {"pose_type": "3dbp", "sequence_length": 100}
    write(
        job.folder, conversion=conversion, layout="human3.6m", frame_rate=30, channels=list("xyz")
    )

    assert main(job.arguments("train", "train.num_epochs=1")) == 0

    state = torch.load(job.results / "pc_model_latest.pth", weights_only=True)
    serving = state["hyper_parameters"]["serving"]
    assert serving["conversion"] == conversion
    assert serving["frame_rate"] == 30.0
    assert serving["channels"] == ["x", "y", "z"]
    assert serving["class_names"] == ["sit", "walk", "run"]


@pytest.mark.parametrize(
    ("content", "overrides", "said"),
    [
        (
            {"channels": ["x", "y", "confidence"]},
            (),
            "the channels are x, y, confidence, but dataset.preprocessing.has_confidence is false; "
            "set it to true",
        ),
        (
            {"channels": ["x", "y", "z"]},
            ("dataset.preprocessing.has_confidence=true",),
            "the channels are x, y, z, but dataset.preprocessing.has_confidence is true",
        ),
        (
            {"layout": "coco"},
            (),
            "the joints are those of layout 'coco', but the network's layout is 'human3.6m' "
            "(model.graph_layout), whose joints are others; set model.graph_layout to 'coco'",
        ),
        (
            {"classes": ["run", "walk", "sit"]},
            (),
            "the classes are, in order, run, walk, sit, but dataset.label_map has them as sit, "
            "walk, run",
        ),
    ],
)
def test_a_spec_that_says_something_else_than_the_data_is_refused(
    job, capsys, content, overrides, said
):
    write(job.folder, **content)

    assert main(job.arguments("train", *overrides)) == 2

    error = capsys.readouterr().err
    assert said in error
    assert str(job.folder / "dataset.json") in error


def test_classes_that_the_spec_does_not_name_are_named_by_the_data(job):
    job.change(dataset={"label_map": None})
    write(job.folder, classes=["lie", "jump", "fall"])

    assert main(job.arguments("train", "train.num_epochs=1")) == 0

    state = torch.load(job.results / "pc_model_latest.pth", weights_only=True)
    assert state["hyper_parameters"]["class_names"] == ["lie", "jump", "fall"]


def test_a_layout_under_its_other_name_is_the_same(job):
    write(job.folder, layout="h36m17")

    assert main(job.arguments("train", "train.num_epochs=1")) == 0


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("dataset.preprocessing.frame_rate=15", "the frame rate of the data is unknown"),
        ("dataset.augmentation.tilt_deg=5", ""),
    ],
)
def test_preprocessing_that_the_data_does_not_allow_is_said_before_training(
    job, capsys, override, said
):
    status = main(job.arguments("train", override, "train.num_epochs=1"))

    assert status == (1 if said else 0)
    assert said in capsys.readouterr().err
    assert job.checkpoints() == ([] if said else ["model_epoch_000_step_00003.pth"])
