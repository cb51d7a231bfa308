"""Streams of a clip beside each other."""

import numpy as np
import onnxruntime
import pytest
import torch
from tests.runners.pose_classification.moving_clips import (
    FIRST,
    LAST,
    LAYOUT,
    WITHOUT_BODY,
    clip,
    with_confidence,
)

from skillbank_runners.pose_classification.streams import Streams

PARENTS = LAYOUT.parents
ALL = ("joint", "bone", "motion")


def stream(name, x, *, has_confidence=False):
    streams = Streams((name,), PARENTS, has_confidence=has_confidence)
    return streams(torch.tensor(x)[None])[0].numpy()


def test_joints_alone_pass_untouched():
    x = torch.tensor(clip())[None]
    assert Streams(("joint",), PARENTS)(x) is x


def test_a_bone_is_the_way_from_the_parent_joint():
    x = clip()
    bones = stream("bone", x)
    knee = LAYOUT.joint_names.index("left_knee")
    hip = LAYOUT.joint_names.index("left_hip")
    assert np.array_equal(bones[:, :, knee], x[:, :, knee] - x[:, :, hip])
    assert not bones[:, :, LAYOUT.root].any()


def test_motion_is_the_way_to_the_next_frame():
    x = clip()
    motion = stream("motion", x)
    assert np.allclose(motion[:, 3], x[:, 4] - x[:, 3])
    assert not motion[:, -1].any()


def test_there_is_no_motion_to_or_from_a_frame_without_a_body():
    motion = stream("motion", clip())
    for t in (FIRST - 1, LAST, WITHOUT_BODY - 1, WITHOUT_BODY):
        assert not motion[:, t].any()
    assert motion[:, LAST - 1].any()


def test_frames_without_a_body_stay_zero_in_every_stream():
    x = clip()
    made = Streams(ALL, PARENTS)(torch.tensor(x)[None])[0].numpy()
    assert made.shape == (9, *x.shape[1:])
    assert not made[:, ~x.any(axis=(0, 2, 3))].any()


def test_streams_are_channels_in_the_order_of_their_names():
    x = clip()
    made = Streams(("motion", "joint"), PARENTS)(torch.tensor(x)[None])[0].numpy()
    assert np.array_equal(made[3:], x)
    assert np.array_equal(made[:3], stream("motion", x))


def test_bones_and_steps_have_the_smaller_confidence_of_their_ends():
    x = with_confidence(clip(), 0.8)
    knee, hip = (LAYOUT.joint_names.index(name) for name in ("left_knee", "left_hip"))
    x[-1, 4, hip] = 0.3
    assert stream("bone", x, has_confidence=True)[-1, 4, knee, 0] == pytest.approx(0.3)
    assert stream("motion", x, has_confidence=True)[-1, 3, hip, 0] == pytest.approx(0.3)


def test_no_bone_leads_to_a_missing_joint():
    x = with_confidence(clip())
    knee, hip = (LAYOUT.joint_names.index(name) for name in ("left_knee", "left_hip"))
    x[:, 4, hip] = 0
    bones = stream("bone", x, has_confidence=True)
    assert not bones[:, 4, knee].any()
    assert bones[:, 5, knee].any()


def test_streams_add_nothing_to_a_state_dict():
    assert Streams(ALL, PARENTS).state_dict() == {}


def test_an_unknown_stream_is_refused():
    with pytest.raises(ValueError, match="no stream 'bones'"):
        Streams(("bones",), PARENTS)(torch.tensor(clip())[None])


@pytest.mark.filterwarnings("ignore")  # PyTorch's exporter warns of its own deprecations
@pytest.mark.parametrize("has_confidence", [False, True])
def test_onnx_runtime_makes_the_same_streams(tmp_path, has_confidence):
    x = with_confidence(clip()) if has_confidence else clip()
    streams = Streams(ALL, PARENTS, has_confidence=has_confidence)
    path = tmp_path / "streams.onnx"
    inputs = torch.tensor(x)[None]
    torch.onnx.export(
        streams, (inputs,), str(path), dynamo=False, opset_version=17, input_names=["x"]
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (made,) = session.run(None, {"x": inputs.numpy()})
    assert np.allclose(made, streams(inputs).numpy(), atol=1e-6)
