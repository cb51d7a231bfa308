"""The One-Euro filter against values computed by hand, and what it may never do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skillbank_runners.skeletons.smoothing import (
    OneEuroFilter,
    OneEuroSettings,
    Smoother,
    body_size,
)

# Two joints, of which the second never moves: they keep the body's size near 10.
ALL = np.array([True, True])


def body(x):
    return np.array([[x, 0.0], [0.0, 10.0]], np.float32)


def weight(cutoff, passed_s):
    """Share of a new value: 1 / (1 + 1 / (2 pi fc Te)), as the paper has it."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * passed_s))


def test_a_step_is_followed_as_the_paper_computes_it():
    """Te = 0.1 s, fc_min = 1 Hz, beta = 2, fc_d = 1 Hz; a joint at 0, then at 1 for good."""
    one = OneEuroFilter(OneEuroSettings(1.0, 2.0, 1.0))

    found = [one.step(body(x), ALL, 0.1 * i)[0, 0] for i, x in enumerate((0.0, 1.0, 1.0))]

    share = weight(1.0, 0.1)
    assert share == pytest.approx(0.3858696)
    speed_1 = share * (1.0 - 0.0) / 0.1
    size = math.hypot(1.0, 10.0)
    place_1 = weight(1.0 + 2.0 * speed_1 / size, 0.1) * 1.0
    speed_2 = speed_1 + share * ((1.0 - place_1) / 0.1 - speed_1)
    place_2 = place_1 + weight(1.0 + 2.0 * speed_2 / size, 0.1) * (1.0 - place_1)
    assert found == pytest.approx([0.0, place_1, place_2], abs=1e-6)
    assert found == pytest.approx([0.0, 0.526248, 0.779978], abs=2e-6)


def test_without_beta_it_is_a_plain_exponential_mean():
    one = OneEuroFilter(OneEuroSettings(min_cutoff=2.0, beta=0.0))
    share = weight(2.0, 0.05)

    found = [one.step(body(x), ALL, 0.05 * i)[0, 0] for i, x in enumerate((4.0, 8.0, 8.0))]

    assert found == pytest.approx([4, 4 + 4 * share, 8 - 4 * (1 - share) ** 2], abs=1e-5)


def test_frames_far_apart_in_time_are_smoothed_less():
    """Variable frame rates: the weight of a new value follows the time that has passed."""

    def after(passed_s):
        one = OneEuroFilter(OneEuroSettings(beta=0.0))
        one.step(body(0.0), ALL, 0.0)
        return one.step(body(1.0), ALL, passed_s)[0, 0]

    assert after(0.01) < after(0.1) < after(1.0) < 1.0
    assert after(0.1) == pytest.approx(weight(1.0, 0.1))


def test_tremor_shrinks_and_a_fast_movement_hardly_lags():
    random = np.random.default_rng(0)
    noise = random.normal(scale=0.02, size=200)
    settings = OneEuroSettings()
    still, moving = OneEuroFilter(settings), OneEuroFilter(settings)

    calm = [still.step(body(5 + n), ALL, i / 30)[0, 0] for i, n in enumerate(noise)]
    walk = [moving.step(body(0.5 * i), ALL, i / 30)[0, 0] for i in range(60)]

    assert np.std(np.diff(calm)) < 0.4 * np.std(np.diff(noise))
    assert 0.5 * 59 - walk[-1] < 0.5, "less than one frame behind at 1.5 bodies per second"


def test_the_same_movement_in_pixels_and_in_metres_is_smoothed_alike():
    def run(scale):
        one = OneEuroFilter(OneEuroSettings())
        rows = [one.step(scale * body(math.sin(i / 3)), ALL, i / 25) for i in range(30)]
        return np.stack(rows) / scale

    assert run(100.0) == pytest.approx(run(0.01), abs=1e-5)


def test_a_missing_joint_comes_back_as_it_is_and_starts_anew():
    one = OneEuroFilter(OneEuroSettings(min_cutoff=0.5, beta=0.0))
    one.step(body(0.0), ALL, 0.0)

    gone = one.step(body(77.0), np.array([False, True]), 0.1)
    back = one.step(body(9.0), ALL, 0.2)
    then = one.step(body(10.0), ALL, 0.3)

    assert gone[0, 0] == 77.0
    assert back[0, 0] == 9.0, "not pulled towards where it was before"
    assert then[0, 0] == pytest.approx(9.0 + weight(0.5, 0.1))


def test_other_joints_are_smoothed_on_while_one_is_missing():
    one = OneEuroFilter(OneEuroSettings(min_cutoff=0.5, beta=0.0))
    one.step(body(0.0), ALL, 0.0)

    moved = one.step(body(0.0) + 1, np.array([False, True]), 0.1)

    assert moved[1] == pytest.approx([weight(0.5, 0.1), 10 + weight(0.5, 0.1)])


def test_people_are_smoothed_apart():
    smoother = Smoother(OneEuroSettings(beta=0.0))
    for frame in range(3):
        first = smoother.step(1, frame, frame / 10, body(0.0), ALL)
        second = smoother.step(2, frame, frame / 10, body(100.0), ALL)

    assert (first[0, 0], second[0, 0]) == (0.0, 100.0)


@pytest.mark.parametrize("gap", [2, 5, 1000])
def test_nothing_is_smoothed_across_a_gap(gap):
    smoother = Smoother(OneEuroSettings())
    smoother.step(1, 0, 0.0, body(0.0), ALL)
    smoother.step(1, 1, 0.1, body(0.0), ALL)

    after = smoother.step(1, 1 + gap, 0.2, body(50.0), ALL)

    assert after[0, 0] == 50.0


def test_somebody_absent_for_a_frame_that_others_are_in_starts_anew():
    smoother = Smoother(OneEuroSettings())
    for who in (1, 2):
        smoother.step(who, 0, 0.0, body(0.0), ALL)
    smoother.step(2, 1, 0.1, body(0.0), ALL)

    assert smoother.step(1, 2, 0.2, body(50.0), ALL)[0, 0] == 50.0
    assert smoother.step(2, 2, 0.2, body(50.0), ALL)[0, 0] < 50.0


def test_a_camera_of_a_track_is_part_of_who_it_is():
    smoother = Smoother(OneEuroSettings())
    for frame in range(2):
        left = smoother.step((0, 1), frame, frame / 10, body(0.0), ALL)
        right = smoother.step((1, 1), frame, frame / 10, body(50.0), ALL)

    assert (left[0, 0], right[0, 0]) == (0.0, 50.0)


FRAMES = arrays.arrays(
    np.float32, (8, 3, 2), elements=st.floats(-1000, 1000, width=32, allow_subnormal=False)
)


@given(FRAMES)
def test_a_smoothed_joint_never_leaves_the_range_of_what_was_seen(frames_TVD):
    one = OneEuroFilter(OneEuroSettings())
    is_there_V = np.ones(3, bool)

    smooth_TVD = np.stack([one.step(x, is_there_V, i / 30) for i, x in enumerate(frames_TVD)])

    low_TVD = np.minimum.accumulate(frames_TVD, axis=0) - 1e-3
    high_TVD = np.maximum.accumulate(frames_TVD, axis=0) + 1e-3
    assert ((low_TVD <= smooth_TVD) & (smooth_TVD <= high_TVD)).all()
    assert smooth_TVD.dtype == np.float32


@given(st.floats(-1e4, 1e4), st.integers(2, 30))
def test_who_stands_still_stays_where_they_are(x, count):
    one = OneEuroFilter(OneEuroSettings())
    for i in range(count):
        found = one.step(body(x), ALL, i / 25)

    assert (found == body(x)).all()


@pytest.mark.parametrize(
    ("joints", "size"),
    [
        ([[0, 0], [3, 4]], 5.0),
        ([[1, 1, 1], [1, 1, 3], [2, 3, 1]], 3.0),
        ([[7, 7]], 1.0),
        (np.zeros((0, 2)), 1.0),
        ([[7, 7], [7, 7]], 1.0),
    ],
)
def test_the_size_of_a_body_is_the_diagonal_of_its_box_and_never_0(joints, size):
    assert body_size(np.array(joints, np.float64)) == size
