"""A body before a pinhole camera is found again from what the camera sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank_runners.video.placing import place

BODY_V3 = np.array(
    [[0, 0, 0], [-0.2, 0, 0.1], [0.2, 0.1, 0], [0, -0.6, -0.1], [0.1, 0.9, 0.05]], np.float32
)
MIDDLE = (640.0, 360.0)


def seen(body_V3, focal_length):
    """Pixels of joints in camera axes."""
    return (focal_length * body_V3[:, :2] / body_V3[:, 2:] + np.asarray(MIDDLE, np.float32)).astype(
        np.float32
    )


@given(st.floats(-3, 3), st.floats(-1, 1), st.floats(1.5, 12), st.sampled_from([500.0, 1200.0]))
def test_the_place_that_made_the_picture_is_found(x, y, z, focal_length):
    there_3 = np.array([x, y, z], np.float32)
    joints_V2 = seen(BODY_V3 + there_3, focal_length)

    found_3 = place(BODY_V3, joints_V2, np.ones(5, np.float32), focal_length, MIDDLE)

    assert found_3 == pytest.approx(there_3, abs=0.02)


def test_a_joint_of_no_confidence_has_no_say():
    there_3 = np.array([0.5, -0.2, 4.0], np.float32)
    joints_V2 = seen(BODY_V3 + there_3, 1000.0)
    joints_V2[3] += 300
    sure_V = np.array([1, 1, 1, 0, 1], np.float32)

    assert place(BODY_V3, joints_V2, sure_V, 1000.0, MIDDLE) == pytest.approx(there_3, abs=1e-3)


def test_an_unsure_joint_pulls_less_than_a_sure_one():
    there_3 = np.array([0.5, -0.2, 4.0], np.float32)
    joints_V2 = seen(BODY_V3 + there_3, 1000.0)
    joints_V2[3] += 300

    def error(confidence):
        sure_V = np.array([1, 1, 1, confidence, 1], np.float32)
        return np.abs(place(BODY_V3, joints_V2, sure_V, 1000.0, MIDDLE) - there_3).max()

    assert error(0.01) < error(0.1) < error(1.0)


@pytest.mark.parametrize("count", [0, 1])
def test_joints_that_do_not_tell_the_place_leave_the_body_where_it_is(count):
    sure_V = np.array([1.0] * count + [0.0] * (5 - count), np.float32)
    joints_V2 = seen(BODY_V3 + np.float32(3), 1000.0)

    assert (place(BODY_V3, joints_V2, sure_V, 1000.0, MIDDLE) == 0).all()
