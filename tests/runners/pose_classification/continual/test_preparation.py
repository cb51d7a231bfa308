"""Frames prepared one by one are the clip prepared as a whole."""

import numpy as np
import pytest
import torch

from skillbank_runners.pose_classification.continual.preparation import (
    PersonPreparation,
    Preparation,
)
from skillbank_runners.pose_classification.preprocessing import preprocess
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.pose_classification.streams import Streams
from skillbank_runners.skeletons.layout import load_layout

LAYOUT = load_layout("nvidia")


def make_clip(frames=25, *, missing=0.0, seed=0):
    """(C, T, V, 1) with a confidence; in its first frame nothing is missing."""
    random = np.random.default_rng(seed)
    clip = random.normal(1, 2, (4, frames, LAYOUT.num_joints, 1)).astype("f4")
    seen = random.random(clip.shape[1:]) >= missing
    seen[0] = True
    clip[3] = seen * 0.7
    clip[:3] *= seen
    return clip


def stream(preparation, clip_CTVM):
    person = PersonPreparation(preparation)
    came = [one for t, x in enumerate(frames_of(clip_CTVM)) for one in person.push(10 + t, x)]
    came += person.end()
    return [one.number for one in came], torch.stack([one.x_VD.T for one in came], dim=1).numpy()


def frames_of(clip_CTVM):
    return clip_CTVM[..., 0].transpose(1, 0, 2)


def whole(settings, clip_CTVM):
    made = preprocess(clip_CTVM, settings, LAYOUT)
    names = settings.streams
    streams = Streams(names, LAYOUT.parents, has_confidence=settings.has_confidence)
    return streams(torch.from_numpy(np.ascontiguousarray(made))[None])[0, ..., 0].numpy()


@pytest.mark.parametrize("missing", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("alignment", ["none", "frame", "first_frame"])
@pytest.mark.parametrize("centring", ["none", "frame", "first_frame"])
def test_centring_and_alignment_are_those_of_the_whole_clip(centring, alignment, missing):
    settings = PreprocessingSpec(centring=centring, alignment=alignment, has_confidence=True)
    clip = make_clip(missing=missing)
    numbers, found = stream(Preparation(settings, LAYOUT), clip)
    assert numbers == list(range(10, 35))
    assert np.abs(found - whole(settings, clip)).max() < 1e-6


@pytest.mark.parametrize("names", [("bone",), ("motion", "joint"), ("joint", "bone", "motion")])
def test_streams_are_those_of_the_whole_clip(names):
    settings = PreprocessingSpec(streams=names, centring="frame", has_confidence=True)
    clip = make_clip(missing=0.2)
    streams = Streams(names, LAYOUT.parents, has_confidence=True)
    numbers, found = stream(Preparation(settings, LAYOUT, streams), clip)
    assert numbers == list(range(10, 35))
    assert np.array_equal(found, whole(settings, clip))


def test_motion_waits_for_the_next_frame_and_nothing_else_does():
    clip = make_clip(3)
    for names, waits in ((("joint", "motion"), 1), (("joint", "bone"), 0)):
        settings = PreprocessingSpec(streams=names, has_confidence=True)
        streams = Streams(names, LAYOUT.parents, has_confidence=True)
        person = PersonPreparation(Preparation(settings, LAYOUT, streams))
        counts = [len(person.push(t, x)) for t, x in enumerate(frames_of(clip))]
        assert counts == [1 - waits, 1, 1]
        assert len(person.end()) == waits


def test_frames_before_the_first_whole_body_are_left_out():
    settings = PreprocessingSpec(centring="first_frame", alignment="frame", has_confidence=True)
    clip = make_clip(8)
    clip[:, :3, LAYOUT.joint_names.index("left_shoulder")] = 0
    numbers, found = stream(Preparation(settings, LAYOUT), clip)
    assert numbers == [13, 14, 15, 16, 17]
    assert np.abs(found - whole(settings, clip[:, 3:])).max() < 1e-6


def test_without_a_confidence_only_a_frame_of_zeros_shows_nobody():
    settings = PreprocessingSpec(centring="first_frame")
    clip = make_clip(6)[:3]
    clip[:, 4] = 0
    numbers, found = stream(Preparation(settings, LAYOUT), clip)
    assert numbers == list(range(10, 16))
    assert np.abs(found - whole(settings, clip)).max() < 1e-6


def test_nothing_is_done_where_nothing_is_known_of_the_skeleton():
    clip = make_clip(4)[:3]
    _, found = stream(Preparation(PreprocessingSpec(), None), clip)
    assert np.array_equal(found, clip[..., 0])
