from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.automl.schedulers.playing import ACCURACY

from skillbank.automl.history import Trial, TrialState
from skillbank.automl.schedulers.learning_curve import extrapolate, losses_until, prospect


def curve(end: float, height: float, exponent: float) -> list[float]:
    return [end + height * at**-exponent for at in range(1, 7)]


@given(st.floats(-1, 1), st.floats(0.1, 3), st.floats(0.2, 2.5))
def test_a_power_law_is_continued(end: float, height: float, exponent: float) -> None:
    points = dict(enumerate(curve(end, height, exponent), start=1))

    found = extrapolate(points, 27)

    # Exponents stand on a grid of 25 %: the end is off by a few percent of the height.
    assert found == pytest.approx(end + height * 27**-exponent, abs=0.04 * height)


def test_a_rising_loss_is_expected_to_stay_where_it_is() -> None:
    assert extrapolate({1: 0.1, 2: 0.2, 3: 0.3}, 27) == pytest.approx(0.2)


def test_a_steep_curve_is_more_promising_than_a_flat_one_that_is_better_now() -> None:
    steep = {1: 0.9, 2: 0.7, 3: 0.6, 4: 0.54}
    flat = {1: 0.53, 2: 0.52, 3: 0.52, 4: 0.52}

    assert prospect(steep, 27) < prospect(flat, 27)


def test_with_few_points_the_best_one_counts() -> None:
    assert prospect({1: 0.9, 2: 0.1}, 27) == 0.1
    assert prospect({}, 27) == math.inf


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.integers(30, 200))
def test_nothing_is_expected_to_get_worse_than_its_best_checkpoint(
    losses: list[float], full_epochs: int
) -> None:
    assert prospect(dict(enumerate(losses, start=1)), full_epochs) <= min(losses)


def test_losses_end_at_the_rung_and_have_the_sign_of_the_goal() -> None:
    trial = Trial(1, {}, TrialState.PAUSED, {1: 0.5, 2: 0.7, 3: 0.6}, epochs=3)

    assert losses_until(ACCURACY, trial, 2) == {1: -0.5, 2: -0.7}


@pytest.mark.parametrize(
    "jumps",
    [
        [1.651e5, 2185.0, 7.905],
        [1.823e6, 2498.0, 2.499],
        [1.651e5, 2185.0, 7.905, 2.037, 2.006, 2.006, 1.924, 2.176, 2.057],
    ],
    ids=["of few points", "of two points", "of a training that stands still"],
)
def test_a_fall_from_a_jump_promises_nothing(jumps: list[float]) -> None:
    """Measured with ST-GCN: the running statistics of batch normalization lag behind at first."""
    assert prospect(dict(enumerate(jumps, start=1)), 27) == pytest.approx(min(jumps), abs=0.01)


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=30))
def test_no_curve_promises_more_than_it_has_shown(losses: list[float]) -> None:
    fall = max(losses) - min(losses)

    assert prospect(dict(enumerate(losses, start=1)), 1000) >= min(losses) - fall
