"""Centring, alignment, scale, interpolation, resampling and sampling of clips."""

import time
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from tests.runners.pose_classification.moving_clips import (
    FIRST,
    LAST,
    LAYOUT,
    LEFT_HIP,
    LEFT_SHOULDER,
    RIGHT_HIP,
    RIGHT_SHOULDER,
    WITHOUT_BODY,
    clip,
    line,
    with_body,
    with_confidence,
)

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.preprocessing import (
    preprocess,
    real_frames,
    sample_frames,
)
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.skeletons.layout import load_layout

EVERYTHING = PreprocessingSpec(centring="frame", alignment="frame", scale="torso")


def rotation(seed=0):
    """Any proper rotation."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turn[:, 0] *= np.linalg.det(turn)
    return turn.astype(np.float32)


def turned(x, turn):
    return np.tensordot(turn, x, axes=1)


def root(x):
    return x[:, :, list(LAYOUT.root_joints)].mean(axis=2)


def up(x):
    hips = x[:, :, [LEFT_HIP, RIGHT_HIP]].mean(axis=2)
    return x[:, :, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(axis=2) - hips


def to_the_right(x):
    return x[:, :, RIGHT_SHOULDER] - x[:, :, LEFT_SHOULDER]


def test_by_default_nothing_is_done_to_a_clip():
    x = clip()
    assert preprocess(x, PreprocessingSpec(), LAYOUT) is x


def test_a_clip_that_is_preprocessed_is_left_as_it_was():
    x = clip()
    before = x.copy()
    preprocess(x, EVERYTHING, LAYOUT)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("centring", ["none", "frame", "first_frame"])
@pytest.mark.parametrize("alignment", ["none", "frame", "first_frame"])
@pytest.mark.parametrize("scale", ["none", "torso"])
def test_frames_without_a_body_stay_zero_through_every_step(centring, alignment, scale):
    settings = PreprocessingSpec(centring=centring, alignment=alignment, scale=scale)
    done = preprocess(clip(), settings, LAYOUT)
    assert list(with_body(done)) == list(with_body(clip()))
    assert done.dtype == np.float32


def test_centring_by_frame_puts_the_root_of_every_frame_at_the_origin():
    done = preprocess(clip(), PreprocessingSpec(centring="frame"), LAYOUT)
    assert np.abs(root(done)).max() < 1e-6


def test_centring_by_the_first_frame_keeps_the_way_of_the_body():
    x = clip()
    done = preprocess(x, PreprocessingSpec(centring="first_frame"), LAYOUT)
    assert np.abs(root(done)[:, FIRST]).max() < 1e-6
    way = root(x)[:, LAST] - root(x)[:, FIRST]
    assert np.allclose(root(done)[:, LAST], way, atol=1e-5)


def test_centred_people_keep_their_places_to_each_other():
    x = clip(people=2)
    done = preprocess(x, PreprocessingSpec(centring="frame"), LAYOUT)
    assert np.allclose(done[..., 1] - done[..., 0], x[..., 1] - x[..., 0], atol=1e-5)


def test_the_second_person_is_the_origin_while_the_first_is_away():
    x = clip(people=2)
    x[:, 4, :, 0] = 0
    done = preprocess(x, PreprocessingSpec(centring="frame"), LAYOUT)
    assert not done[:, 4, :, 0].any()
    assert np.abs(root(done)[:, 4, 1]).max() < 1e-6


def test_alignment_by_frame_brings_spine_and_shoulders_to_the_axes():
    done = preprocess(turned(clip(), rotation()), EVERYTHING, LAYOUT)
    frames = with_body(done)
    assert np.abs(up(done)[[0, 2]]).max() < 1e-5
    assert up(done)[1, frames].min() > 0.5
    assert np.abs(to_the_right(done)[2]).max() < 1e-5
    assert to_the_right(done)[0, frames].min() > 0.1


@pytest.mark.parametrize("alignment", ["frame", "first_frame"])
@pytest.mark.parametrize("seed", range(5))
def test_alignment_gives_the_same_clip_however_the_camera_is_turned(alignment, seed):
    settings = PreprocessingSpec(centring="first_frame", alignment=alignment)
    plain = preprocess(clip(), settings, LAYOUT)
    seen_otherwise = preprocess(turned(clip(), rotation(seed)), settings, LAYOUT)
    assert np.allclose(plain, seen_otherwise, atol=1e-4)


def test_y_down_and_y_up_give_the_same_aligned_clip():
    down = clip() * np.float32([1, -1, -1])[:, None, None, None]
    settings = PreprocessingSpec(centring="first_frame", alignment="first_frame")
    assert np.allclose(
        preprocess(clip(), settings, LAYOUT), preprocess(down, settings, LAYOUT), atol=1e-5
    )


def test_alignment_never_mirrors_a_body():
    mirrored = clip() * np.float32([-1, 1, 1])[:, None, None, None]
    settings = PreprocessingSpec(centring="first_frame", alignment="first_frame")
    done, other = (preprocess(x, settings, LAYOUT) for x in (clip(), mirrored))
    assert not np.allclose(done, other, atol=0.01)


def test_alignment_keeps_every_distance():
    x = clip()
    done = preprocess(x, PreprocessingSpec(alignment="frame"), LAYOUT)
    apart = [np.linalg.norm(one[:, :, 1:] - one[:, :, :-1], axis=0) for one in (x, done)]
    assert np.allclose(*apart, atol=1e-5)


def test_alignment_by_the_first_frame_keeps_how_the_body_turns():
    x = clip()
    quarter = np.float32([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    x[:, LAST] = np.tensordot(quarter, x[:, LAST], axes=1)
    done = preprocess(x, PreprocessingSpec(alignment="first_frame"), LAYOUT)
    assert abs(to_the_right(done)[0, LAST, 0]) < 0.1
    assert abs(to_the_right(done)[2, LAST, 0]) > 0.3


def test_a_body_without_a_spine_is_not_turned():
    x = clip()
    x[:, FIRST : LAST + 1] = 1.0  # every joint in one place
    x[:, WITHOUT_BODY] = 0
    assert np.array_equal(preprocess(x, PreprocessingSpec(alignment="frame"), LAYOUT), x)


def test_2d_data_cannot_be_aligned():
    with pytest.raises(RunnerError, match=r"preprocessing\.alignment: the data has 2 coordinates"):
        preprocess(clip()[:2], PreprocessingSpec(alignment="frame"), LAYOUT)


def test_with_torso_scale_the_unit_does_not_matter():
    settings = PreprocessingSpec(centring="frame", scale="torso")
    metres, millimetres = (preprocess(clip() * unit, settings, LAYOUT) for unit in (1, 1000))
    assert np.allclose(metres, millimetres, atol=1e-4)
    length = np.linalg.norm(up(metres), axis=0)[with_body(metres)].mean()
    assert length == pytest.approx(1, abs=1e-4)


def test_a_clip_without_any_body_stays_empty():
    empty = np.zeros_like(clip())
    assert not preprocess(empty, EVERYTHING, LAYOUT).any()
    assert not sample_frames(empty, 8).any()


def test_a_layout_must_name_hips_and_shoulders_to_be_aligned_by():
    nameless = replace(LAYOUT, name="mine", joint_names=tuple("abcdefghijklmnopq"))
    with pytest.raises(RunnerError, match="layout 'mine' names no hips"):
        preprocess(clip(), EVERYTHING, nameless)


@pytest.mark.parametrize("name", ["nvidia", "openpose", "ntu-rgb+d", "ntu_edge", "coco", "nova77"])
def test_every_packaged_layout_knows_hips_and_shoulders(name):
    layout = load_layout(name)
    x = np.random.default_rng(0).normal(size=(3, 4, layout.num_joints, 1)).astype(np.float32)
    done = preprocess(x, EVERYTHING, layout)
    assert done.shape == x.shape
    assert not np.allclose(done, x)


# Confidence


def test_missing_joints_stay_zero_and_confidence_is_passed_on():
    x = with_confidence(clip(), 0.7)
    x[:, 4, 9] = 0
    settings = EVERYTHING.model_copy(update={"has_confidence": True})
    done = preprocess(x, settings, LAYOUT)
    assert not done[:, 4, 9].any()
    assert np.array_equal(done[-1], x[-1])
    assert np.allclose(done[:-1, 3], preprocess(clip(), EVERYTHING, LAYOUT)[:, 3], atol=0.05)


def test_a_joint_is_filled_in_on_the_line_between_its_sightings():
    x = with_confidence(clip())
    full = x.copy()
    x[-1, 3:5, 9] = 0.2
    settings = PreprocessingSpec(has_confidence=True, interpolate=True, min_confidence=0.3)
    done = preprocess(x, settings, LAYOUT)
    third = full[:-1, 2, 9] + (full[:-1, 5, 9] - full[:-1, 2, 9]) / 3
    assert np.allclose(done[:-1, 3, 9], third, atol=1e-5)
    assert np.array_equal(done[-1, 3:5, 9], x[-1, 3:5, 9])
    others = [joint for joint in range(LAYOUT.num_joints) if joint != 9]
    assert np.array_equal(done[:, :, others], full[:, :, others])


def test_a_joint_is_not_filled_in_before_its_first_sighting_nor_in_padding():
    x = with_confidence(clip())
    x[-1, FIRST, 9] = 0.1
    settings = PreprocessingSpec(has_confidence=True, interpolate=True, min_confidence=0.3)
    done = preprocess(x, settings, LAYOUT)
    assert not done[:, FIRST, 9].any()
    assert list(with_body(done)) == list(with_body(x))


def test_a_joint_that_was_zero_counts_as_there_once_it_is_filled_in():
    x = with_confidence(clip())
    x[:, 4, 9] = 0
    settings = PreprocessingSpec(has_confidence=True, interpolate=True, centring="frame")
    done = preprocess(x, settings, LAYOUT)
    assert done[:-1, 4, 9].any()
    assert 0 < done[-1, 4, 9, 0] < 1e-30


def test_joints_without_confidence_cannot_be_filled_in():
    with pytest.raises(ValidationError, match="interpolate: found true without has_confidence"):
        PreprocessingSpec(interpolate=True)


# Time


@pytest.mark.parametrize(("rate", "expected"), [(15, [1, 3, 5, 7]), (60, [1, 1.5, 2, 2.5])])
def test_resampling_reads_between_frames(rate, expected):
    done = preprocess(line(), PreprocessingSpec(frame_rate=rate), LAYOUT, frame_rate=30)
    assert np.allclose(done[0, :4, 0, 0], expected)


def test_resampled_frames_do_not_mix_with_padding():
    done = preprocess(line(real=3), PreprocessingSpec(frame_rate=60), LAYOUT, frame_rate=30)
    assert list(done[0, :8, 0, 0]) == [1, 1.5, 2, 2.5, 3, 0, 0, 0]


def test_resampling_keeps_how_long_a_clip_takes():
    done = preprocess(line(), PreprocessingSpec(frame_rate=25), LAYOUT, frame_rate=30)
    assert done.shape[1] / 25 == pytest.approx(20 / 30, abs=1 / 25)


def test_the_same_rate_changes_nothing():
    x = line()
    assert preprocess(x, PreprocessingSpec(frame_rate=30), LAYOUT, frame_rate=30) is x


def test_an_unknown_frame_rate_cannot_be_resampled_from():
    with pytest.raises(RunnerError, match="the frame rate of the data is unknown"):
        preprocess(line(), PreprocessingSpec(frame_rate=30), LAYOUT)


def test_the_real_length_leaves_zeros_around_the_clip_out_but_not_those_within():
    assert real_frames(clip()) == slice(FIRST, LAST + 1)


def test_sampling_takes_the_middle_of_equal_parts_of_the_real_length():
    assert list(sample_frames(line(), 4)[0, :, 0, 0]) == [3, 7, 11, 15]


def test_random_sampling_takes_one_frame_of_every_part():
    random = np.random.default_rng(0)
    drawn = [sample_frames(line(), 4, random)[0, :, 0, 0] for _ in range(200)]
    for part, values in enumerate(np.transpose(drawn)):
        assert set(values) == {4 * part + 1, 4 * part + 2, 4 * part + 3, 4 * part + 4}


@pytest.mark.parametrize("real", [1, 3, 7, 16, 20])
def test_sampling_covers_clips_of_every_length_in_order(real):
    values = sample_frames(line(real=real), 32)[0, :, 0, 0]
    assert list(values) == sorted(values)
    assert set(values) == set(range(1, real + 1))


def test_all_frames_of_a_clip_of_the_right_length_are_taken():
    assert np.array_equal(sample_frames(line(real=16), 16), line()[:, :16])


def test_streams_are_named_once_each():
    with pytest.raises(ValidationError, match="each stream at most once"):
        PreprocessingSpec(streams=("joint", "joint"))


def test_preprocessing_takes_less_than_a_millisecond_per_clip():
    """Best of many, so that only the code and not the machine's load decides."""
    x = clip(frames=128)
    times = []
    for _ in range(50):
        begin = time.perf_counter()
        sample_frames(preprocess(x, EVERYTHING, LAYOUT), 64)
        times.append(time.perf_counter() - begin)
    assert min(times) < 1e-3
