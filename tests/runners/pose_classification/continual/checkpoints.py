"""Checkpoints as train writes them, frames as DeepStream writes them."""

import json

import numpy as np
import torch
from tests.runners.pose_classification.continual.networks import make_network

from skillbank_runners.pose_classification.continual.frames import PoseFrame
from skillbank_runners.pose_classification.conversion import convert
from skillbank_runners.pose_classification.conversion.arithmetic import channel_names
from skillbank_runners.pose_classification.serving import ServingFacts, prepare
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.pose_classification.streams import Streams
from skillbank_runners.skeletons.importers.deepstream import POSE_KINDS
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Observation, Recording

NAMES = ("sit", "walk", "run", "jump", "fall")
NUM_JOINTS = 34


def make_facts(*, preprocessing=None, people=1, frames=40, window_size=-1, **conversion):
    """What train would have recorded of arrays that dataset_convert made."""
    keeps = bool(conversion.get("keep_confidence"))
    settings = DatasetConvertSpec(
        **{"sequence_length": frames, "sequence_length_max": frames, **conversion}
    )
    channels = POSE_KINDS[settings.pose_type].num_coordinates + keeps
    return ServingFacts(
        class_names=NAMES,
        channels=channel_names(POSE_KINDS[settings.pose_type].num_coordinates, settings),
        layout=load_layout("nvidia").to_dict(),
        clip_shape=(channels, settings.sequence_length_max, NUM_JOINTS, people),
        preprocessing=PreprocessingSpec(**{"has_confidence": keeps, **(preprocessing or {})}),
        conversion=settings.model_dump(mode="json"),
        window_size=window_size,
    )


def network_of(facts, *, seed=0):
    """Network that fits; random, but the same for the same facts."""
    settings = facts.preprocessing
    channels = facts.clip_shape[0] * len(settings.streams)
    network = make_network(channels=channels, classes=len(NAMES), seed=seed)
    if settings.streams != ("joint",):
        network.streams = Streams(
            settings.streams, facts.skeleton.parents, has_confidence=settings.has_confidence
        )
    return network


def write_checkpoint(path, facts=None, network=None, **hyper_parameters):
    network = network or network_of(facts)
    known = {"serving": facts.to_values()} if facts else {}
    state = {"state_dict": network.state_dict(), "hyper_parameters": known | hyper_parameters}
    torch.save(state, path)
    return path


def make_person(frames, object_id=1, *, seed=0, missing=0.0, first=0, numbers=None):
    """Observations of somebody who moves, in millimetres about a camera."""
    random = np.random.default_rng(seed)
    pose_VD = random.normal((0, 0, 3000), 400, (NUM_JOINTS, 3))
    steps_TVD = random.normal(0, 40, (frames, NUM_JOINTS, 3)).cumsum(axis=0)
    seen_TV = random.random((frames, NUM_JOINTS)) >= missing
    numbers = range(first, first + frames) if numbers is None else numbers
    return [
        Observation(
            number,
            object_id,
            (pose_VD + step_VD).astype(np.float32),
            seen_V.astype(np.float32) * 0.5,
        )
        for number, step_VD, seen_V in zip(numbers, steps_TVD, seen_TV, strict=True)
    ]


def make_frames(*people, camera=0):
    """Frames in which these people are, in order."""
    numbers = sorted({one.frame for person in people for one in person})
    found = {number: [] for number in numbers}
    for person in people:
        for one in person:
            found[one.frame].append(one)
    return [PoseFrame(number, tuple(found[number]), camera) for number in numbers]


def write_line(frame):
    """DeepStream's JSON of one frame."""
    objects = [
        {
            "object_id": one.object_id,
            "bbox": [0, 0, 1, 1],
            "pose3d": np.hstack([one.joints_VD, one.confidence_V[:, None]]).ravel().tolist(),
        }
        for one in frame.people
    ]
    return json.dumps({"batch_id": frame.camera, "frame_num": frame.number, "objects": objects})


def write_lines(path, frames):
    path.write_text("".join(write_line(frame) + "\n" for frame in frames))
    return path


def offline_clip(facts, person, tmp_path):
    """The clip (C, T, V, M) that dataset_convert and evaluation make of one person's frames."""
    settings = DatasetConvertSpec.model_validate(
        facts.conversion
        | {"sequence_length": len(person), "sequence_length_max": 1000, "sequence_length_min": 1}
    )
    kind = POSE_KINDS[settings.pose_type]
    recording = Recording("one", tmp_path, "nvidia", kind.space, iter(person))
    window = next(iter(convert([recording], settings)))
    alone = facts.model_copy(update={"window_size": -1})
    return prepare(window.x_CTV[..., None], alone)
