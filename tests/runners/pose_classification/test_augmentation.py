"""Random changes of clips in training."""

import time

import numpy as np
import pytest
from tests.runners.pose_classification.moving_clips import (
    FIRST,
    LAST,
    LAYOUT,
    clip,
    line,
    with_body,
    with_confidence,
)

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.augmentation import augment, flip
from skillbank_runners.pose_classification.preprocessing import real_frames
from skillbank_runners.pose_classification.spec_preprocessing import AugmentationSpec

EVERYTHING = AugmentationSpec(
    rotation_deg=30,
    tilt_deg=10,
    scale=0.2,
    noise=0.01,
    flip=0.5,
    joint_drop=0.1,
    time_warp=0.3,
    time_crop=0.2,
)
SINGLE = [
    {"rotation_deg": 30},
    {"tilt_deg": 10},
    {"scale": 0.2},
    {"noise": 0.01},
    {"flip": 1},
    {"joint_drop": 0.5},
    {"time_warp": 0.5},
    {"time_crop": 0.5},
]


def random(seed=0):
    return np.random.default_rng(seed)


def change(x, seed=0, **settings):
    return augment(x, AugmentationSpec(**settings), LAYOUT, random(seed))


def test_by_default_nothing_is_changed():
    x = clip()
    assert change(x) is x


@pytest.mark.parametrize("settings", SINGLE, ids=lambda settings: next(iter(settings)))
def test_every_option_changes_a_clip_and_another_seed_changes_it_otherwise(settings):
    x = clip()
    before = x.copy()
    changed = change(x, **settings)
    assert not np.array_equal(changed, before)
    assert np.array_equal(x, before)
    assert np.array_equal(changed, change(x, **settings))
    assert changed.dtype == np.float32
    if "flip" not in settings:
        assert not np.array_equal(changed, change(x, seed=1, **settings))


@pytest.mark.parametrize("settings", SINGLE, ids=lambda settings: next(iter(settings)))
def test_padding_stays_zero_and_the_clip_keeps_its_length(settings):
    if not settings.keys() & {"time_warp", "time_crop"}:
        assert list(with_body(change(clip(), **settings))) == list(with_body(clip()))
    assert real_frames(change(clip(), **settings)) == slice(FIRST, LAST + 1)


def test_a_mirror_image_of_a_mirror_image_is_the_clip():
    assert np.array_equal(flip(flip(clip(), LAYOUT), LAYOUT), clip())


def test_a_mirror_swaps_left_and_right_joints():
    mirrored = flip(clip(), LAYOUT)
    left, right = LAYOUT.left_right_pairs[0]
    assert np.array_equal(mirrored[0, :, left], -clip()[0, :, right])
    assert np.array_equal(mirrored[1:, :, left], clip()[1:, :, right])


def test_the_chance_of_a_mirror_is_kept():
    x = clip()
    count = sum(not np.array_equal(change(x, seed, flip=0.25), x) for seed in range(400))
    assert 70 <= count <= 130  # 100 expected; beyond 3.4 standard deviations


def test_a_turn_about_the_vertical_keeps_heights_and_distances():
    x = clip()
    changed = change(x, rotation_deg=90)
    assert np.allclose(changed[1], x[1], atol=1e-6)
    assert np.allclose(np.linalg.norm(changed, axis=0), np.linalg.norm(x, axis=0), atol=1e-5)


def test_turns_stay_within_their_bound_and_reach_it():
    angles = []
    for seed in range(300):
        x = np.zeros((3, 1, LAYOUT.num_joints, 1), dtype=np.float32)
        x[0] = 1
        turned = change(x, seed, rotation_deg=20)[:, 0, 0, 0]
        angles.append(np.rad2deg(np.arctan2(turned[2], turned[0])))
    assert -20 <= min(angles) < -19
    assert 19 < max(angles) <= 20


def test_a_tilt_keeps_distances():
    changed = change(clip(), tilt_deg=45)
    assert not np.allclose(changed[1], clip()[1], atol=0.01)
    assert np.allclose(np.linalg.norm(changed, axis=0), np.linalg.norm(clip(), axis=0), atol=1e-5)


def test_2d_data_turns_in_its_plane_and_cannot_be_tilted():
    x = clip()[:2]
    assert np.allclose(
        np.linalg.norm(change(x, rotation_deg=90), axis=0), np.linalg.norm(x, axis=0), atol=1e-5
    )
    with pytest.raises(RunnerError, match=r"tilt_deg: found 10\.0 for data of 2 coordinates"):
        change(x, tilt_deg=10)


def test_a_size_is_one_factor_per_axis_within_its_bound():
    x = clip()
    factors = []
    for seed in range(100):
        changed = change(x, seed, scale=0.2)
        factor = changed[:, FIRST, 0, 0] / x[:, FIRST, 0, 0]
        assert np.allclose(changed, x * factor[:, None, None, None], rtol=1e-4, atol=1e-6)
        factors.extend(factor)
    assert 0.8 <= min(factors) < 0.85
    assert 1.15 < max(factors) <= 1.2


def test_noise_has_the_asked_for_size_and_leaves_missing_joints_alone():
    x = np.ones((3, 400, LAYOUT.num_joints, 1), dtype=np.float32)
    x[:, :, 5] = 0
    shift = change(x, noise=0.05) - x
    assert not shift[:, :, 5].any()
    assert shift[:, :, 6:].std() == pytest.approx(0.05, rel=0.05)


def test_a_dropped_joint_is_gone_in_all_frames_and_others_are_untouched():
    changed = change(clip(), joint_drop=0.5)
    gone = ~changed.any(axis=(0, 1, 3))
    assert 0 < gone.sum() < LAYOUT.num_joints
    assert np.array_equal(changed[:, :, ~gone], clip()[:, :, ~gone])


def test_warped_time_still_runs_forward_from_first_frame_to_last():
    x = line(real=16)
    values = change(x, time_warp=0.5)[0, :16, 0, 0]
    assert np.all(np.diff(values) >= 0)
    assert values[0] == pytest.approx(1)
    assert values[-1] == pytest.approx(16, abs=1e-4)
    assert not np.allclose(values, x[0, :16, 0, 0])


def test_cropped_time_leaves_out_no_more_than_asked_for():
    x = line(real=16)
    spans = []
    for seed in range(100):
        values = change(x, seed, time_crop=0.4)[0, :16, 0, 0]
        assert values[0] >= 1
        assert values[-1] <= 16 + 1e-4
        spans.append(values[-1] - values[0])
    assert 9 - 1e-3 <= min(spans) < 10
    assert 14 < max(spans) <= 15


def test_a_frame_without_a_body_is_not_mixed_with_one():
    changed = change(clip(), time_warp=0.5)
    lengths = np.linalg.norm(changed[:, :, 8, 0] - changed[:, :, 7, 0], axis=0)
    empty = ~changed.any(axis=(0, 2, 3))
    assert np.all(lengths[~empty] > 0.05)


def test_confidence_is_neither_turned_nor_scaled_nor_shaken():
    x = with_confidence(clip(), 0.5)
    settings = AugmentationSpec(rotation_deg=30, tilt_deg=10, scale=0.2, noise=0.1)
    changed = augment(x, settings, LAYOUT, random(), has_confidence=True)
    assert np.array_equal(changed[-1], x[-1])
    assert not np.allclose(changed[:-1], x[:-1])


def test_augmentation_takes_less_than_a_millisecond_per_clip():
    """Best of many, so that only the code and not the machine's load decides."""
    x = clip(frames=128)
    times = []
    for seed in range(50):
        begin = time.perf_counter()
        augment(x, EVERYTHING, LAYOUT, random(seed))
        times.append(time.perf_counter() - begin)
    assert min(times) < 1e-3
