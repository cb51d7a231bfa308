"""An action stays until another is clearly more likely for some time."""

import numpy as np
import pytest

from skillbank_runners.pose_classification.actions.hysteresis import Hysteresis


def follow(rows, margin, duration, start=None):
    hysteresis = Hysteresis(margin, duration, start)
    return [hysteresis.update(np.array(row)) for row in rows]


A, B, C, NEAR = [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.4, 0.45, 0.15]


def test_the_first_shares_say_what_it_begins_with():
    assert follow([B, B], 0.1, 5) == [1, 1]
    assert follow([B, B], 0.1, 5, start=0) == [0, 0]


@pytest.mark.parametrize("duration", [1, 2, 3])
def test_another_takes_over_after_as_many_shares_as_asked_for(duration):
    found = follow([A, B, B, B, B], 0.1, duration)
    assert found == [0] * duration + [1] * (5 - duration)


def test_a_lead_within_the_margin_changes_nothing():
    assert follow([A, NEAR, NEAR, NEAR], 0.1, 2) == [0, 0, 0, 0]
    assert follow([A, NEAR, NEAR, NEAR], 0.04, 2) == [0, 0, 1, 1]


def test_an_interruption_begins_the_count_anew():
    assert follow([A, B, B, A, B, B, B], 0.1, 3) == [0, 0, 0, 0, 0, 0, 1]


def test_of_two_that_lead_the_higher_mean_takes_over():
    both = [[0.1, 0.3, 0.6], [0.1, 0.5, 0.4], [0.1, 0.4, 0.5]]
    assert follow([A, *both], 0.1, 3)[-1] == 2
