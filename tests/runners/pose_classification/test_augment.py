"""Cutting and moving clips."""

import numpy as np
import pytest

from skillbank_runners.pose_classification.augment import choose_window, fit_window, move


def clip(frames=6, *, empty=()):
    x = np.arange(1, 1 + 3 * frames * 4 * 2, dtype=np.float32).reshape(3, frames, 4, 2)
    for t, m in empty:
        x[:, t, :, m] = 0
    return x


def random(seed=0):
    return np.random.default_rng(seed)


def test_a_longer_clip_is_cut_at_its_start():
    assert np.array_equal(fit_window(clip(), 4), clip()[:, :4])


def test_a_shorter_clip_is_followed_by_zeros():
    fitted = fit_window(clip(), 9)
    assert np.array_equal(fitted[:, :6], clip())
    assert not fitted[:, 6:].any()


def test_a_clip_of_the_right_length_stays_as_it_is():
    assert np.array_equal(choose_window(clip(), 6, random()), clip())


def test_every_stretch_of_a_longer_clip_is_chosen_sometimes():
    starts = {float(choose_window(clip(), 4, random(seed))[0, 0, 0, 0]) for seed in range(40)}
    assert starts == {float(clip()[0, t, 0, 0]) for t in range(3)}


def test_a_shorter_clip_lies_whole_at_any_place_among_zeros():
    places = set()
    for seed in range(60):
        placed = choose_window(clip(), 8, random(seed))
        start = int(placed.any(axis=(0, 2, 3)).argmax())
        assert np.array_equal(placed[:, start : start + 6], clip())
        assert placed.astype(bool).sum() == clip().size
        places.add(start)
    assert places == {0, 1, 2}


def test_moving_leaves_depth_and_the_shape_of_the_body():
    still = np.repeat(clip(1), 5, axis=1)
    moved = move(still, random(3))
    assert np.array_equal(moved[2], still[2])
    distances = [np.linalg.norm(x[:2, :, 0] - x[:2, :, 1], axis=0) for x in (still, moved)]
    ratio = distances[1] / distances[0]
    assert np.all((ratio > 0.89) & (ratio < 1.11))
    assert np.allclose(ratio[:, 0], ratio[:, 1], atol=1e-3), "people are scaled alike"


def test_moving_turns_by_ten_degrees_at_most():
    for seed in range(20):
        still = np.repeat(clip(1), 3, axis=1)
        moved = move(still, random(seed))
        before, after = (x[:2, :, 1] - x[:2, :, 0] for x in (still, moved))
        angle = np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0])
        assert np.abs(np.rad2deg(angle)).max() < 10.01


def test_frames_without_a_body_stay_zero():
    moved = move(clip(empty=[(0, 0), (5, 1)]), random(1))
    assert not moved[:, 0, :, 0].any()
    assert not moved[:, 5, :, 1].any()
    assert moved[:, 0, :, 1].any()


@pytest.mark.parametrize("change", [move, lambda x, r: choose_window(x, 4, r)])
def test_equal_generators_give_equal_clips(change):
    assert np.array_equal(change(clip(), random(5)), change(clip(), random(5)))


def test_the_clip_that_was_given_is_not_changed():
    given = clip()
    move(given, random())
    assert np.array_equal(given, clip())
