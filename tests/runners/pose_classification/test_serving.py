"""The facts that travel with a network: read back as they were written, or refused."""

import json

import numpy as np
import onnx
import pytest
import torch
from tests.runners.pose_classification.moving_clips import clip, with_confidence

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.augment import fit_window
from skillbank_runners.pose_classification.preprocessing import preprocess, sample_frames
from skillbank_runners.pose_classification.serving import (
    METADATA_KEY,
    ServingFacts,
    prepare,
    read_serving,
)
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.skeletons.layout import load_layout

LAYOUT = load_layout("human3.6m")


def facts_of(**values):
    return ServingFacts(
        class_names=("sit", "walk"),
        layout=LAYOUT.to_dict(),
        clip_shape=(3, 20, 17, 1),
        **values,
    )


def write_checkpoint(path, serving):
    weights = {"fcn.weight": torch.zeros(1)}
    torch.save({"state_dict": weights, "hyper_parameters": {"serving": serving}}, path)
    return path


def write_onnx(path, metadata):
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [value], [result]))
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("suffix", [".pth", ".onnx"])
def test_facts_are_read_back_as_they_were_written(tmp_path, suffix):
    facts = facts_of(
        window_size=32,
        preprocessing=PreprocessingSpec(centring="frame", streams=("bone",)),
        frame_rate=29.97,
        channels=("x", "y", "z"),
        conversion={"pose_type": "3dbp", "nested": {"a": [1, None]}},
    )
    if suffix == ".pth":
        path = write_checkpoint(tmp_path / "a.pth", facts.to_values())
    else:
        path = write_onnx(tmp_path / "a.onnx", {METADATA_KEY: facts.to_json()})

    found = read_serving(path)

    assert found == facts
    assert found.skeleton == LAYOUT


def test_what_a_checkpoint_holds_is_plain_json():
    values = facts_of(preprocessing=PreprocessingSpec(streams=("joint", "bone"))).to_values()

    assert json.loads(json.dumps(values)) == values


def test_files_without_facts_say_none(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "tao.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "bare.pth")

    assert read_serving(tmp_path / "tao.pth") is None
    assert read_serving(tmp_path / "bare.pth") is None
    assert read_serving(write_onnx(tmp_path / "theirs.onnx", {"a": "b"})) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "serving.version: found 2"),
        ({"preprocessing": {"centring": "sideways"}}, "serving.preprocessing.centring: found"),
        ({"preprocessing": {"colour": "red"}}, "serving.preprocessing.colour: found 'red'"),
        ({"layout": {"name": "x"}}, "serving.layout: a stored layout cannot be read"),
        ({"clip_shape": [3, 20]}, "serving.clip_shape"),
    ],
)
def test_facts_of_another_version_are_refused(tmp_path, change, said):
    values = {**facts_of().to_values(), **change}
    path = write_checkpoint(tmp_path / "a.pth", values)

    with pytest.raises(RunnerError) as caught:
        read_serving(path, "evaluate.checkpoint")

    assert str(caught.value).startswith(f"evaluate.checkpoint: {str(path)!r}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\x08", "no ONNX file that can be read"), (None, "no ONNX file that can be read")],
)
def test_what_is_no_onnx_file_is_named(tmp_path, content, said):
    path = tmp_path / "a.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RunnerError, match=said):
        read_serving(path)


def test_metadata_that_is_no_json_is_named(tmp_path):
    with pytest.raises(RunnerError, match="is no JSON"):
        read_serving(write_onnx(tmp_path / "a.onnx", {METADATA_KEY: "{"}))


def test_a_clip_is_left_as_it_is_where_nothing_was_done():
    x = clip()

    assert prepare(x, facts_of()) is x
    assert np.array_equal(prepare(x, facts_of(window_size=7)), fit_window(x, 7))
    assert np.array_equal(prepare(x, facts_of(window_size=30)), fit_window(x, 30))


def test_preparation_is_preprocessing_and_then_the_window():
    settings = PreprocessingSpec(
        has_confidence=True, centring="frame", frame_rate=15.0, sampling="uniform"
    )
    x = with_confidence(clip())
    facts = facts_of(preprocessing=settings, window_size=5, frame_rate=30.0)

    found = prepare(x, facts)

    expected = sample_frames(preprocess(x, settings, LAYOUT, frame_rate=30.0), 5)
    assert np.array_equal(found, expected)
    assert found.shape == (4, 5, 17, 1)
    assert found.dtype == np.float32


def test_a_clip_can_have_another_frame_rate_than_those_that_were_trained_on():
    facts = facts_of(preprocessing=PreprocessingSpec(frame_rate=10.0), frame_rate=20.0)

    assert prepare(clip(frames=20), facts).shape[1] == 10
    assert prepare(clip(frames=20), facts, frame_rate=40.0).shape[1] == 5
    assert np.array_equal(prepare(clip(), facts, frame_rate=10.0), clip())
