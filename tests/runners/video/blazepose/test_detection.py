"""BlazePose's detector decoded, against values computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank_runners.video.blazepose.detection import (
    SIDE,
    Detections,
    anchors,
    decode,
    merge,
    overlap,
)

NUM_ANCHORS = 2254
"""28 x 28 x 2 + 14 x 14 x 2 + 7 x 7 x 6: the length of the network's output."""


def test_there_is_an_anchor_for_every_box_of_the_network():
    anchors_A2 = anchors()

    assert anchors_A2.shape == (NUM_ANCHORS, 2)
    assert anchors_A2.dtype == np.float32


@pytest.mark.parametrize(
    ("index", "x", "y"),
    [
        (0, 0.5 / 28, 0.5 / 28),
        (1, 0.5 / 28, 0.5 / 28),
        (2, 1.5 / 28, 0.5 / 28),
        (56, 0.5 / 28, 1.5 / 28),
        (1567, 27.5 / 28, 27.5 / 28),
        (1568, 0.5 / 14, 0.5 / 14),
        (1571, 1.5 / 14, 0.5 / 14),
        (1960, 0.5 / 7, 0.5 / 7),
        (1965, 0.5 / 7, 0.5 / 7),
        (1966, 1.5 / 7, 0.5 / 7),
        (2253, 6.5 / 7, 6.5 / 7),
    ],
)
def test_anchors_stand_in_the_middle_of_their_places_row_by_row(index, x, y):
    assert anchors()[index] == pytest.approx([x, y])


def raw(box, points):
    """One row of the network's output: middle and size of the box, then four points."""
    return np.array([*box, *np.ravel(points)], np.float32)


def test_boxes_and_points_are_pixels_from_their_anchor():
    anchors_A2 = np.array([[0.5, 0.25]], np.float32)
    points = [(0, 0), (0, -56), (22.4, 0), (-22.4, 44.8)]

    found = decode(
        raw((22.4, 0, 44.8, 22.4), points)[None], np.array([9.0]), anchors_A2, min_score=0.5
    )

    assert found.boxes_N4[0] == pytest.approx([0.5, 0.2, 0.7, 0.3])
    assert found.points_NK2[0] == pytest.approx(
        np.array([[0.5, 0.25], [0.5, 0.0], [0.6, 0.25], [0.4, 0.45]])
    )
    assert found.scores_N[0] == pytest.approx(1 / (1 + np.exp(-9)))


def test_boxes_below_the_least_score_are_none():
    rows = np.stack([raw((0, 0, 10, 10), np.zeros((4, 2)))] * 2)
    anchors_A2 = np.array([[0.2, 0.2], [0.8, 0.8]], np.float32)

    found = decode(rows, np.array([-0.1, 0.1]), anchors_A2, min_score=0.5)

    assert len(found.scores_N) == 1
    assert found.boxes_N4[0, 0] > 0.7


@pytest.mark.parametrize("logit", [-1e30, 1e30])
def test_huge_logits_are_no_trouble(logit):
    row = raw((0, 0, 10, 10), np.zeros((4, 2)))[None]

    found = decode(row, np.array([logit]), np.full((1, 2), 0.5, np.float32), min_score=0.5)

    assert len(found.scores_N) == (logit > 0)


def test_a_picture_without_people_has_no_detections():
    found = decode(
        np.zeros((NUM_ANCHORS, 12), np.float32), np.full(NUM_ANCHORS, -9.0), anchors(), 0.5
    )

    assert found.points_NK2.shape == (0, 4, 2)
    assert found.boxes_N4.shape == (0, 4)


def detections(boxes, scores):
    boxes = np.asarray(boxes, np.float32)
    points = np.repeat(boxes[:, None, :2], 4, axis=1)
    return Detections(points, boxes, np.asarray(scores, np.float32))


def test_boxes_of_one_person_become_their_mean_by_score():
    """Shared 0.09 of 0.11: 0.818 of overlap; weights 0.9 / 1.5 and 0.6 / 1.5."""
    found = merge(detections([[0, 0, 1, 0.1], [0.1, 0, 1.1, 0.1]], [0.6, 0.9]))

    assert found.boxes_N4 == pytest.approx(np.array([[0.06, 0, 1.06, 0.1]]))
    assert found.points_NK2[0, :, 0] == pytest.approx([0.06] * 4)
    assert found.scores_N == pytest.approx([0.9])


def test_people_who_stand_apart_stay_apart_the_surest_first():
    found = merge(detections([[0, 0, 1, 1], [5, 0, 6, 1], [9, 0, 10, 1]], [0.6, 0.9, 0.7]))

    assert found.boxes_N4[:, 0] == pytest.approx([5, 9, 0])
    assert found.scores_N == pytest.approx([0.9, 0.7, 0.6])


def test_a_box_goes_with_the_surest_that_it_overlaps_with_only():
    """The middle one overlaps with both neighbours, which do not with each other."""
    found = merge(detections([[0, 0, 2, 1], [0.9, 0, 2.9, 1], [1.8, 0, 3.8, 1]], [0.9, 0.8, 0.7]))

    assert found.boxes_N4[:, 0] == pytest.approx([0.9 * 0.8 / 1.7, 1.8])


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ([0, 0, 2, 2], 1.0),
        ([1, 0, 3, 2], 1 / 3),
        ([1, 1, 3, 3], 1 / 7),
        ([2, 0, 4, 2], 0.0),
        ([5, 5, 6, 6], 0.0),
        ([0.5, 0.5, 1.5, 1.5], 0.25),
        ([1, 1, 1, 1], 0.0),
    ],
)
def test_overlap_is_shared_area_over_all_area(other, share):
    boxes_N4 = np.array([other], np.float32)

    assert overlap(np.array([0, 0, 2, 2], np.float32), boxes_N4) == pytest.approx([share])


@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.floats(0, 9), st.floats(0.1, 2), st.floats(0.5, 1)),
        max_size=12,
    )
)
def test_merging_twice_changes_little_and_never_makes_more(rows):
    boxes = np.array([[x, y, x + s, y + s] for x, y, s, _ in rows], np.float32).reshape(-1, 4)
    scores = np.array([score for *_, score in rows], np.float32)

    once = merge(Detections(np.repeat(boxes[:, None, :2], 4, axis=1), boxes, scores))

    assert len(once.scores_N) <= len(rows)
    assert (once.scores_N[:-1] >= once.scores_N[1:]).all()
    assert bool(len(once.scores_N)) == bool(rows)


def test_the_detector_looks_at_224_pixels():
    assert SIDE == 224
