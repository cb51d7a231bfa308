"""Checkpoints become models for streams, or are refused with the reason."""

import numpy as np
import pytest
import torch
from tests.runners.pose_classification.continual.answers import (
    expected_shares,
    last_answers,
    settings,
)
from tests.runners.pose_classification.continual.checkpoints import (
    make_facts,
    make_frames,
    make_person,
    network_of,
    offline_clip,
    write_checkpoint,
)

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.continual.model import (
    load_stream_model,
)
from skillbank_runners.pose_classification.continual.stream import stream_actions

pytestmark = pytest.mark.usefixtures("tiny_networks")

REFUSED = [
    ({"sampling": "uniform"}, "sampling=uniform"),
    ({"scale": "torso"}, "scale=torso"),
    ({"interpolate": True}, "interpolate=true"),
    ({"frame_rate": 15.0}, "--frame-rate 15"),
]


@pytest.mark.parametrize(("preprocessing", "message"), REFUSED, ids=str)
def test_steps_that_need_the_whole_clip_are_refused_by_name(tmp_path, preprocessing, message):
    facts = make_facts(preprocessing=preprocessing, keep_confidence=True)
    path = write_checkpoint(tmp_path / "model.pth", facts)
    with pytest.raises(RunnerError, match=f"dataset.preprocessing.*{message}"):
        load_stream_model(path, settings())


def test_all_reasons_to_refuse_are_told_at_once(tmp_path):
    facts = make_facts(preprocessing={"sampling": "uniform", "scale": "torso"})
    path = write_checkpoint(tmp_path / "model.pth", facts)
    with pytest.raises(RunnerError, match=r"(?s)sampling=uniform.*scale=torso"):
        load_stream_model(path, settings())


def test_a_stream_of_the_trained_frame_rate_is_taken(tmp_path):
    facts = make_facts(preprocessing={"frame_rate": 15.0})
    path = write_checkpoint(tmp_path / "model.pth", facts)
    actions = list(stream_actions(path, make_frames(make_person(6)), settings(frame_rate=15.0)))
    assert len(last_answers(actions)) == 2


def test_a_checkpoint_without_its_conversion_asks_for_it(tmp_path, facts):
    network = network_of(facts)
    path = write_checkpoint(tmp_path / "tao.pth", network=network)
    with pytest.raises(RunnerError, match="--set pose_type=3dbp"):
        load_stream_model(path, settings())
    person = make_person(12)
    given = settings(conversion={"pose_type": "3dbp", "sequence_length": 300})
    actions = list(stream_actions(path, make_frames(person), given))
    expected = expected_shares(network, offline_clip(facts, person, tmp_path))
    found = {one.action: one.score for one in last_answers(actions)[-1].top}
    assert np.abs(np.array([found[f"class_{i}"] for i in range(5)]) - expected).max() < 1e-4


def test_settings_that_contradict_the_checkpoint_are_refused(checkpoint):
    given = settings(conversion={"focal_length": 800.0, "input_width": 640})
    with pytest.raises(RunnerError, match=r"focal_length: trained with 1200.0, --set says 800.0"):
        load_stream_model(checkpoint, given)


@pytest.mark.parametrize(
    ("conversion", "message"),
    [
        ({"pose_typ": "3dbp"}, "pose_typ"),
        ({"pose_type": "2dbp"}, "takes 3 channels, but its conversion and streams give 2"),
    ],
)
def test_a_wrong_conversion_is_refused(tmp_path, facts, conversion, message):
    path = write_checkpoint(tmp_path / "tao.pth", network=network_of(facts))
    with pytest.raises(RunnerError, match=message):
        load_stream_model(path, settings(conversion=conversion))


def test_a_file_that_is_no_st_gcn_is_refused(tmp_path):
    torch.save({"state_dict": {"fc.weight": torch.zeros(2, 2)}}, tmp_path / "other.pth")
    with pytest.raises(RunnerError, match="no ST-GCN"):
        load_stream_model(tmp_path / "other.pth", settings())


def test_clips_shorter_than_what_a_stream_looks_at_are_remarked(checkpoint, tmp_path):
    (note,) = load_stream_model(checkpoint, settings()).notes
    assert "trained on clips of 40 frames" in note
    assert "looks at 153" in note
    longer = write_checkpoint(tmp_path / "longer.pth", make_facts(frames=300))
    assert not list(load_stream_model(longer, settings()).notes)
