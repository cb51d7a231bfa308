"""Frames go in, actions come out: the same that the offline network tells."""

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.runners.pose_classification.continual.answers import (
    expected_shares,
    last_answers,
    settings,
    shares,
)
from tests.runners.pose_classification.continual.checkpoints import (
    make_facts,
    make_frames,
    make_person,
    network_of,
    offline_clip,
    write_checkpoint,
)
from tests.runners.pose_classification.continual.networks import (
    offline_features,
)

from skillbank_runners.pose_classification.continual.frames import FrameInvalid, PoseFrame
from skillbank_runners.pose_classification.continual.model import (
    load_stream_model,
)
from skillbank_runners.pose_classification.continual.people import Smoothing
from skillbank_runners.pose_classification.continual.stream import ActionStream, stream_actions
from skillbank_runners.pose_classification.spec_inference import ActionsSpec

pytestmark = pytest.mark.usefixtures("tiny_networks")

PREPROCESSINGS = [
    {},
    {"centring": "frame"},
    {"centring": "first_frame", "alignment": "frame"},
    {"centring": "frame", "alignment": "first_frame"},
    {"streams": ("joint", "bone")},
    {"streams": ("joint", "bone", "motion"), "centring": "frame"},
]


@pytest.mark.parametrize("keeps", [False, True], ids=["plain", "confidence"])
@pytest.mark.parametrize("preprocessing", PREPROCESSINGS, ids=str)
def test_a_closed_stream_ends_with_the_answer_of_the_offline_network(
    tmp_path, preprocessing, keeps
):
    facts = make_facts(preprocessing=preprocessing, keep_confidence=keeps, centring="none")
    path = write_checkpoint(tmp_path / "model.pth", facts)
    person = make_person(22, missing=0.1 if keeps else 0.0)
    person[0].confidence_V[:] = 0.5
    actions = list(stream_actions(path, make_frames(person), settings()))
    clip = offline_clip(facts, person, tmp_path)
    expected = expected_shares(network_of(facts), clip)
    assert np.abs(shares(last_answers(actions)[-1]) - expected).max() < 1e-4


@pytest.mark.parametrize("pose_type", ["3dbp", "25dbp", "2dbp"])
def test_every_pose_type_is_converted_as_dataset_convert_does(tmp_path, pose_type):
    facts = make_facts(pose_type=pose_type, input_width=3000, input_height=2000)
    path = write_checkpoint(tmp_path / "model.pth", facts)
    dimensions = 2 if pose_type == "2dbp" else 3
    person = [
        replace(one, joints_VD=one.joints_VD[:, :dimensions]) for one in make_person(9, missing=0.2)
    ]
    actions = list(stream_actions(path, make_frames(person), settings()))
    clip = offline_clip(facts, person, tmp_path)
    expected = expected_shares(network_of(facts), clip)
    assert np.abs(shares(last_answers(actions)[-1]) - expected).max() < 1e-4


def test_pictures_of_other_formats_come_as_pose25d(tmp_path):
    """Their `pose_type` is not looked at in dataset_convert; their channels tell."""
    flat = make_facts(pose_type="2dbp", format="ultralytics", input_width=640, input_height=480)
    changed = {"conversion": flat.conversion | {"pose_type": "3dbp"}}
    path = write_checkpoint(tmp_path / "model.pth", flat.model_copy(update=changed))
    model = load_stream_model(path, settings(conversion={"input_width": 320}))
    assert model.conversion.pose.key == "pose25d"
    joints_VD = np.tile(np.float32([80, 120]), (34, 1))
    one = replace(make_person(1)[0], joints_VD=joints_VD)
    (sight,) = model.conversion.sights(PoseFrame(0, (one,)))
    assert np.allclose(sight.values_RV[:2, 0], [80 / 320 - 0.5, 120 / 480 - 0.5])


def test_every_frame_has_an_answer_at_once(checkpoint):
    came = []

    def frames():
        for frame in make_frames(make_person(5)):
            came.append(frame.number)
            yield frame

    for actions in itertools.islice(stream_actions(checkpoint, frames(), settings()), 5):
        assert actions.frame == came[-1]
        assert [one.object_id for one in actions.people] == [1]
        assert not actions.is_end


def test_an_action_comes_with_76_frames_and_says_which_frames_it_is_about(checkpoint):
    person = make_person(130, first=1000)
    actions = list(stream_actions(checkpoint, make_frames(person), settings()))
    told = [frame.people[0] for frame in actions[:-1]]
    assert {one.action for one in told[:76]} == {None}
    assert (told[76].since_frame, told[76].for_frame) == (1000, 1000)
    assert (told[79].since_frame, told[79].for_frame) == (1000, 1000)
    assert (told[80].since_frame, told[80].for_frame) == (1000, 1004)
    # Ten positions are a window of 40 frames: from the position on 1012 to that on 1048.
    assert (told[124].since_frame, told[124].for_frame) == (1012, 1048)
    rest = last_answers(actions)
    assert [one.for_frame for one in rest] == list(range(1056, 1130, 4))
    assert actions[-1].is_end


def test_the_window_slides_over_the_interior_without_drift(facts, checkpoint):
    """The logits of a window are those of the mean of the offline features in it."""
    person = make_person(260)
    actions = list(stream_actions(checkpoint, make_frames(person), settings()))
    network = network_of(facts)
    features_PD = offline_features(network, offline_clip(facts, person, checkpoint.parent))
    for frame in (120, 200, 259):
        newest = (frame - 76) // 4
        told = actions[frame].people[0]
        assert told.for_frame == newest * 4
        expected = head_shares(network, features_PD[newest - 9 : newest + 1].mean(dim=0))
        assert np.abs(shares(told) - expected).max() < 1e-6


def head_shares(network, features_D):
    with torch.no_grad():
        logits_C = network.fcn(features_D[:, None, None]).flatten()
    return logits_C.double().softmax(dim=0).numpy()


def empty_shares(network):
    """What the network says of the middle of a clip of zeros."""
    return head_shares(network, offline_features(network, np.zeros((3, 400, 34, 1), "f4"))[50])


def test_a_short_sequence_of_a_longer_clip_counts_as_in_training(tmp_path):
    """Training padded 40 frames to 400 with zeros: nine tenths of what was averaged."""
    facts = make_facts(sequence_length_max=400)
    path = write_checkpoint(tmp_path / "model.pth", facts)
    network = network_of(facts)
    person = make_person(160)
    actions = list(stream_actions(path, make_frames(person), settings()))
    unpadded = write_checkpoint(tmp_path / "unpadded.pth", make_facts(), network)
    own = list(stream_actions(unpadded, make_frames(person), settings()))
    expected = mixed(0.1, shares(own[150].people[0]), empty_shares(network))
    assert np.abs(shares(actions[150].people[0]) - expected).max() < 1e-6


def mixed(share, first, second):
    """Soft-max of mixed logits, which are linear in the features."""
    product = first**share * second ** (1 - share)
    return product / product.sum()


def test_places_of_other_people_in_a_clip_count_as_empty(tmp_path):
    facts = make_facts(people=2)
    path = write_checkpoint(tmp_path / "model.pth", facts)
    network = network_of(facts)
    person = make_person(200)
    actions = list(stream_actions(path, make_frames(person), settings()))
    single = write_checkpoint(tmp_path / "single.pth", make_facts(), network)
    own = list(stream_actions(single, make_frames(person), settings()))
    expected = mixed(0.5, shares(own[190].people[0]), empty_shares(network))
    assert np.abs(shares(actions[190].people[0]) - expected).max() < 1e-6


def test_people_and_cameras_do_not_mix(facts, checkpoint, tmp_path):
    first, second = make_person(30, 1, seed=1), make_person(25, 2, seed=2, first=5)
    other = make_person(30, 1, seed=3)
    frames = [
        frame
        for pair in zip(make_frames(first, second), make_frames(other, camera=7), strict=True)
        for frame in pair
    ]
    actions = list(stream_actions(checkpoint, frames, settings()))
    network = network_of(facts)
    ends = {frame.camera: frame.people for frame in actions if frame.is_end}
    for camera, object_id, person in ((0, 1, first), (0, 2, second), (7, 1, other)):
        told = [one for one in ends[camera] if one.object_id == object_id][-1]
        expected = expected_shares(network, offline_clip(facts, person, tmp_path))
        assert np.abs(shares(told) - expected).max() < 1e-4


def test_somebody_unseen_for_too_long_is_told_to_the_end_and_forgotten(facts, checkpoint, tmp_path):
    first = make_person(10, 1, seed=1)
    again = make_person(10, 1, seed=2, first=26)
    frames = make_frames(first, again)
    stream = ActionStream(load_stream_model(checkpoint, settings(max_age=15)))
    actions = [stream.take(frame) for frame in frames]
    told = actions[10].people
    assert [one.is_last for one in told] == [False, True, True, True]
    assert told[0].action is None
    expected = expected_shares(network_of(facts), offline_clip(facts, first, tmp_path))
    assert np.abs(shares(told[-1]) - expected).max() < 1e-4
    assert stream.num_people == 1
    (end,) = stream.end()
    expected = expected_shares(network_of(facts), offline_clip(facts, again, tmp_path))
    assert np.abs(shares(end.people[-1]) - expected).max() < 1e-4
    assert stream.num_people == 0


@pytest.mark.parametrize(
    ("gaps", "numbers"),
    [
        ("join", [*range(10), *range(13, 22)]),
        ("interpolate", [*range(10), *range(13, 22)]),
        ("interpolate", range(0, 40, 3)),
    ],
)
def test_missing_frames_are_dealt_with_as_in_training(tmp_path, gaps, numbers):
    facts = make_facts(gaps=gaps, max_gap=5, keep_confidence=True)
    path = write_checkpoint(tmp_path / "model.pth", facts)
    person = make_person(len(numbers), numbers=numbers, missing=0.1)
    actions = list(stream_actions(path, make_frames(person), settings()))
    longer = facts.model_copy(update={"conversion": facts.conversion | {"sequence_length": 100}})
    clip = offline_clip_of(longer, person, tmp_path, 100)
    assert clip.shape[1] == (numbers[-1] + 1 if gaps == "interpolate" else len(numbers))
    expected = expected_shares(network_of(facts), clip)
    assert np.abs(shares(last_answers(actions)[-1]) - expected).max() < 1e-4


def offline_clip_of(facts, person, tmp_path, num_frames):
    """As `offline_clip`, where the conversion makes more frames than the person has."""
    padded = [*person] + [None] * (num_frames - len(person))
    person_frames = [one for one in padded if one is not None]

    class Longer(list):
        def __len__(self):
            return num_frames

    return offline_clip(facts, Longer(person_frames), tmp_path)


@pytest.mark.parametrize(("gaps", "is_new"), [("break", True), ("join", False)])
def test_a_gap_begins_anew_where_training_did(tmp_path, gaps, is_new):
    facts = make_facts(gaps=gaps)
    path = write_checkpoint(tmp_path / "model.pth", facts)
    person = make_person(20, numbers=[*range(8), *range(9, 21)])
    actions = list(stream_actions(path, make_frames(person), settings()))
    answers = [one for one in actions[8].people if one.is_last]
    assert len(answers) == (2 if is_new else 0)


def test_memory_stays_flat_over_an_endless_stream(checkpoint):
    """Seconds long: growth shows only over many frames. tools/bench/continual.py takes 20 000."""
    stream = ActionStream(load_stream_model(checkpoint, settings(max_age=3)))
    one = make_person(1)[0]

    def run(numbers):
        for number in numbers:  # somebody new every ten frames, who is gone after five
            person = replace(one, frame=number, object_id=number // 10)
            stream.take(PoseFrame(number, (person,) if number % 10 < 5 else ()))

    run(range(200))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    run(range(200, 800))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50_000
    assert (stream.num_people, stream._model.network._num_rows) == (0, 1)


def test_somebody_who_stays_takes_no_more_memory_with_time(checkpoint):
    """Seconds long, as above."""
    stream = ActionStream(load_stream_model(checkpoint, settings()))
    one = make_person(1)[0]
    for number in range(300):
        stream.take(PoseFrame(number, (one,)))
    tracemalloc.start()
    for number in range(300, 600):
        stream.take(PoseFrame(number, (one,)))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 50_000


def test_the_answer_is_kept_until_another_is_clearly_more_likely(checkpoint):
    frames = make_frames(make_person(250, seed=5))
    quick = [one.people[0].action for one in stream_actions(checkpoint, frames, settings())][76:]
    slow = settings(smoothing=Smoothing(40, 0.4, 60))
    calm = [one.people[0].action for one in stream_actions(checkpoint, frames, slow)][76:]
    assert num_changes(calm) <= num_changes(quick)


def num_changes(actions):
    return sum(one != other for one, other in itertools.pairwise(actions))


def test_scores_are_averaged_over_the_frames_asked_for(checkpoint):
    frames = make_frames(make_person(130))
    plain = list(stream_actions(checkpoint, frames, settings()))
    smooth = settings(smoothing=Smoothing(12, 0.0, 1))
    averaged = list(stream_actions(checkpoint, frames, smooth))
    expected = np.mean([shares(plain[t].people[0]) for t in (92, 96, 100)], axis=0)
    assert np.allclose(shares(averaged[100].people[0]), expected, atol=1e-9)


def test_streams_and_the_inference_action_are_equally_patient():
    fields = ActionsSpec.model_fields
    assert Smoothing().hysteresis == fields["hysteresis"].default
    assert Smoothing().min_duration == fields["min_duration"].default


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (PoseFrame(3, ()), "frame 3 after frame 7, expected ascending numbers"),
        (PoseFrame(8, tuple(make_person(1) * 2)), "object_id 1 is there twice"),
    ],
)
def test_a_frame_that_does_not_fit_changes_nothing(checkpoint, frame, message):
    stream = ActionStream(load_stream_model(checkpoint, settings()))
    stream.take(PoseFrame(7, ()))
    with pytest.raises(FrameInvalid, match=message):
        stream.take(frame)
    assert stream.num_people == 0
    stream.take(PoseFrame(8, tuple(make_person(1))))


def test_poses_of_other_joints_or_no_numbers_are_refused(checkpoint):
    stream = ActionStream(load_stream_model(checkpoint, settings()))
    one = make_person(1)[0]
    few = replace(one, joints_VD=one.joints_VD[:17], confidence_V=one.confidence_V[:17])
    with pytest.raises(FrameInvalid, match="17 joints, expected 34"):
        stream.take(PoseFrame(0, (few,)))
    with pytest.raises(FrameInvalid, match="differ in their joints"):
        stream.take(PoseFrame(0, (few, replace(one, object_id=2))))
    one.joints_VD[3, 1] = np.nan
    with pytest.raises(FrameInvalid, match="not finite"):
        stream.take(PoseFrame(0, (one,)))
