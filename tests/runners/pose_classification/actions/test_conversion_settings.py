"""How poses are converted for a network: as its training data was, or as the spec says."""

import logging

import pytest

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.actions.conversion_settings import (
    at_frame_rate,
    conversion_settings,
)
from skillbank_runners.pose_classification.serving import ServingFacts
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.spec_reading import SpecInvalid

CARRIED = DatasetConvertSpec(
    data="gone.json",
    pose_type="25dbp",
    sequence_length=64,
    sequence_length_max=64,
    gaps="interpolate",
    input_width=640,
    input_height=480,
    keep_confidence=True,
    labels="gone.csv",
)


def facts(conversion=None, frames=30):
    return ServingFacts(
        class_names=("sit", "run"),
        layout=load_layout("coco").to_dict(),
        clip_shape=(3, frames, 17, 1),
        conversion=conversion,
    )


def carried(**said):
    spec = InferenceAction.model_validate({"dataset_convert": said})
    return conversion_settings(spec, facts(CARRIED.model_dump(mode="json")))


def test_what_training_had_is_used_without_a_word_from_the_spec():
    settings = carried()

    same = ("pose_type", "sequence_length", "sequence_length_max", "gaps", "keep_confidence")
    assert {key: getattr(settings, key) for key in same} == {
        key: getattr(CARRIED, key) for key in same
    }
    assert (settings.input_width, settings.input_height) == (640, 480)


def test_files_and_pictures_are_those_of_the_inference():
    settings = carried(source_layout="coco17", frame_rate=25, input_width=1280)

    assert (settings.source_layout, settings.frame_rate) == ("coco17", 25)
    assert (settings.input_width, settings.input_height) == (1280, 480)
    assert (settings.data, settings.labels) == ("", "")


def test_every_contradiction_to_training_is_refused_with_both_values():
    with pytest.raises(SpecInvalid) as refusal:
        carried(pose_type="2dbp", gaps="break", sequence_length=64)

    assert len(refusal.value.problems) == 2
    pose_type, gaps = refusal.value.problems
    assert "dataset_convert.pose_type: the training data was converted with '25dbp'" in pose_type
    assert "the spec says '2dbp'" in pose_type
    assert "dataset_convert.gaps" in gaps


def test_a_default_counts_as_said_unless_the_spec_restates_everything():
    everything = DatasetConvertSpec().model_dump()

    assert carried(**everything).pose_type == "25dbp"
    with pytest.raises(SpecInvalid, match="the spec says '3dbp'"):
        carried(pose_type="3dbp")


def test_a_conversion_of_another_version_is_an_error_that_says_so():
    strange = CARRIED.model_dump(mode="json") | {"gaps": "mend"}

    with pytest.raises(RunnerError, match=r"dataset_convert\.gaps: .*another version"):
        conversion_settings(InferenceAction(), facts(strange))


def test_without_a_word_from_training_the_spec_holds_and_the_rest_fits_the_network(caplog):
    spec = InferenceAction.model_validate(
        {"dataset_convert": {"focal_length": 1000.0, "sequence_length_min": 5}}
    )

    with caplog.at_level(logging.WARNING):
        settings = conversion_settings(spec, facts())

    assert settings.focal_length == 1000
    lengths = ("sequence_length_max", "sequence_length", "sequence_length_min")
    assert [getattr(settings, key) for key in lengths] == [30, 30, 5]
    assert "dataset_convert.sequence_length=30" in caplog.text
    assert "does not say how its training data was converted" in caplog.text


def test_a_checkpoint_of_tao_is_used_with_taos_defaults():
    settings = conversion_settings(InferenceAction(), None)

    assert settings == DatasetConvertSpec()


@pytest.mark.parametrize(
    ("model", "preprocessing", "pose_type", "keep"),
    [
        ({"input_channels": 2}, {}, "2dbp", False),
        ({"input_channels": 3}, {}, "3dbp", False),
        ({"input_channels": 3}, {"has_confidence": True}, "2dbp", True),
        ({"input_channels": 4}, {"has_confidence": True}, "3dbp", True),
    ],
)
def test_coordinates_follow_from_the_channels_of_the_network(model, preprocessing, pose_type, keep):
    spec = InferenceAction.model_validate(
        {"model": model, "dataset": {"preprocessing": preprocessing}}
    )

    settings = conversion_settings(spec, None)

    assert (settings.pose_type, settings.keep_confidence) == (pose_type, keep)


@pytest.mark.parametrize("length", [7, 30, 49, 98, 100])
def test_a_step_is_kept_to_the_frame(length):
    settings = DatasetConvertSpec(sequence_length=length, sequence_length_min=1)

    for step in range(1, length + 1):
        overlap = at_frame_rate(settings, 1.0, step).sequence_overlap
        assert int(length * overlap) == step


def test_sequences_last_as_long_as_in_training_at_every_frame_rate():
    settings = DatasetConvertSpec(
        sequence_length=30, sequence_length_min=9, sequence_length_max=60, sequence_overlap=0.5
    )

    twice, third = (at_frame_rate(settings, ratio, 0) for ratio in (2.0, 1 / 3))

    assert (twice.sequence_length, twice.sequence_length_min) == (60, 18)
    assert (third.sequence_length, third.sequence_length_max) == (10, 20)
    steps = [int(s.sequence_length * s.sequence_overlap) for s in (settings, twice, third)]
    assert steps == [15, 30, 5]


def test_a_step_that_leaves_frames_out_is_refused():
    with pytest.raises(SpecInvalid, match=r"inference\.step: found 31, expected at most the 30"):
        at_frame_rate(DatasetConvertSpec(sequence_length=30), 1.0, 31)


@pytest.mark.parametrize(
    ("trained", "found", "scale", "is_told"),
    [
        ("deepstream", "ntu", "none", True),
        ("bvh", "deepstream", "none", True),
        ("deepstream", "ntu", "torso", False),
        ("deepstream", "deepstream", "none", False),
        ("ntu", "nova77", "none", False),
    ],
)
def test_coordinates_in_another_unit_than_trainings_are_warned_about(
    trained, found, scale, is_told, caplog
):
    conversion = DatasetConvertSpec(format=trained).model_dump(mode="json")
    preprocessing = PreprocessingSpec(scale=scale)
    known = facts(conversion).model_copy(update={"preprocessing": preprocessing})

    conversion_settings(InferenceAction.model_validate({"inference": {"format": found}}), known)

    assert ("bodies have another size" in caplog.text) == is_told
