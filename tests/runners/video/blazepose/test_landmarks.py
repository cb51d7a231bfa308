"""BlazePose's landmarks decoded, against values computed by hand."""

import numpy as np
import pytest

from skillbank_runners.video.blazepose.landmarks import NUM_LANDMARKS, decode, refine

NOWHERE = -50.0
"""A logit of no confidence at all."""


def raw(**rows):
    """Output of the network: x, y, depth, visibility and presence per landmark."""
    values = np.zeros((NUM_LANDMARKS, 5), np.float32)
    for name, row in rows.items():
        values[int(name[1:])] = row
    return values.reshape(-1)


def heatmaps(size=64):
    return np.full((size, size, NUM_LANDMARKS), NOWHERE, np.float32)


def test_landmarks_are_shares_of_the_square_and_visibility_is_a_chance():
    seen = decode(
        raw(_0=(128, 64, 5, 0, 9), _38=(256, 0, 0, 2, 0)), 0.75, heatmaps(), np.zeros(117)
    )

    assert seen.points_L2[0] == pytest.approx([0.5, 0.25])
    assert seen.points_L2[38] == pytest.approx([1.0, 0.0])
    assert seen.visibility_L[[0, 38]] == pytest.approx([0.5, 1 / (1 + np.exp(-2))])
    assert seen.score == 0.75


def test_places_in_metres_come_three_by_three():
    world = np.arange(117, dtype=np.float32)

    assert decode(raw(), 1.0, heatmaps(), world).world_L3[2].tolist() == [6, 7, 8]


def test_a_landmark_moves_to_the_middle_of_what_its_heatmap_shows():
    """Two cells of 64, each with a chance of 0.8 and 0.6: columns 30 and 32, row 20."""
    maps = heatmaps()
    maps[20, 30, 7] = np.log(0.8 / 0.2)
    maps[20, 32, 7] = np.log(0.6 / 0.4)
    points = np.zeros((NUM_LANDMARKS, 2), np.float32)
    points[7] = (31.5 / 64, 20.5 / 64)

    x, y = refine(points, maps)[7]

    assert x == pytest.approx((0.8 * 30 + 0.6 * 32) / 1.4 / 64)
    assert y == pytest.approx(20 / 64)


def test_a_heatmap_that_is_unsure_moves_nothing():
    maps = heatmaps()
    maps[20, 30, 7] = -0.01
    points = np.full((NUM_LANDMARKS, 2), 31.5 / 64, np.float32)

    assert (refine(points, maps) == points).all()


def test_a_peak_further_than_three_cells_away_is_of_no_concern():
    maps = heatmaps()
    maps[20, 34, :] = 9.0
    points = np.tile(np.array([[30.5 / 64, 20.5 / 64]], np.float32), (NUM_LANDMARKS, 1))

    assert (refine(points, maps) == points).all()
    maps[20, 33, :] = 9.0
    assert refine(points, maps)[0, 0] == pytest.approx(33 / 64)


@pytest.mark.parametrize("place", [(-0.1, 0.5), (0.5, 1.0), (1.2, 0.5), (0.5, -3.0)])
def test_a_landmark_outside_the_square_stays_as_it_is(place):
    maps = heatmaps()
    maps[:] = 9.0
    points = np.tile(np.array([place], np.float32), (NUM_LANDMARKS, 1))

    assert (refine(points, maps) == points).all()


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.999, 0.999), (0.0, 0.999)])
def test_a_landmark_at_the_rim_is_refined_by_the_part_of_the_window_inside(place):
    maps = heatmaps()
    maps[:] = 9.0
    points = np.tile(np.array([place], np.float32), (NUM_LANDMARKS, 1))

    expected = [1.5 / 64 if value == 0 else 61.5 / 64 for value in place]
    assert refine(points, maps)[5] == pytest.approx(expected)


def test_each_landmark_has_a_heatmap_of_its_own():
    maps = heatmaps()
    maps[20, 31, 3] = 9.0
    points = np.tile(np.array([[30.5 / 64, 20.5 / 64]], np.float32), (NUM_LANDMARKS, 1))

    moved = np.flatnonzero((refine(points, maps) != points).any(axis=1))

    assert moved.tolist() == [3]
