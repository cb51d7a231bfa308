"""Overlapping windows become one action per frame: cases computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank_runners.pose_classification.actions.hysteresis import Hysteresis
from skillbank_runners.pose_classification.actions.merging import (
    UNKNOWN,
    Decision,
    ScoredWindow,
    decide,
    merge,
    run_starts,
)

PLAIN = Decision(hysteresis=0.0, min_duration=1, reach=10)


def window(first, last, *shares):
    return ScoredWindow(first, last, np.array(shares, np.float32))


def shares(*rows):
    return np.array(rows, np.float32)


def of_class_0(*values):
    """Shares of two classes, of which only the first is told."""
    return np.array([(value, 1 - value) for value in values], np.float32)


def classes(shares_FC, settings, frames=None):
    frames_F = np.arange(len(shares_FC)) if frames is None else np.array(frames)
    return decide(frames_F, shares_FC, settings).classes_F.tolist()


def test_a_frame_has_the_mean_of_all_windows_that_cover_it():
    frames_F = np.arange(6)
    windows = [window(0, 3, 0.8, 0.2), window(2, 5, 0.4, 0.6), window(3, 3, 0.3, 0.7)]

    merged = merge(frames_F, windows, 10)

    expected = [0.8, 0.8, 0.6, 0.5, 0.4, 0.4]
    assert merged[:, 0] == pytest.approx(expected)
    assert merged.sum(axis=1) == pytest.approx(1)


def test_a_window_covers_the_frames_that_exist_between_its_ends():
    merged = merge(np.array([10, 12, 40, 43]), [window(12, 41, 1.0, 0.0)], 0)

    assert np.isnan(merged[:, 0]).tolist() == [True, False, False, True]


def test_an_uncovered_frame_takes_the_nearest_covered_one_within_reach():
    windows = [window(3, 4, 0.9, 0.1), window(10, 11, 0.2, 0.8)]

    merged = merge(np.arange(20), windows, 4)

    known = {0: 0.9, 2: 0.9, 6: 0.9, 7: 0.9, 8: 0.2, 14: 0.2}
    assert {f: round(float(merged[f, 0]), 3) for f in known} == known
    assert np.isnan(merged[15:, 0]).all()


def test_reach_is_counted_in_frames_that_the_recording_has():
    frames_F = np.arange(0, 60, 3)

    merged = merge(frames_F, [window(0, 27, 1.0, 0.0)], 4)

    assert np.isnan(merged[:, 0]).tolist() == [False] * 13 + [True] * 7
    assert run_starts(frames_F, 4) == (0,)


def test_without_hysteresis_the_highest_mean_wins_every_frame():
    found = classes(of_class_0(0.9, 0.4, 0.6, 0.3), PLAIN)

    assert found == [0, 1, 0, 1]


def test_a_new_action_must_beat_the_current_one_by_the_margin():
    found = classes(of_class_0(0.9, 0.46, 0.44, 0.3, 0.54, 0.56), Decision(0.1, 1, 10))

    # 0.54 - 0.46 = 0.08 at frame 1: too little; 0.12 at frame 2. Back: 0.08 at 4, 0.12 at 5.
    assert found == [0, 0, 1, 1, 1, 0]


def test_a_new_action_must_lead_for_the_whole_duration_and_then_counts_from_its_first_frame():
    found = classes(of_class_0(0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1), Decision(0.1, 3, 10))

    assert found == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_two_challengers_that_take_turns_in_front_do_not_keep_a_loser_in_place():
    rows = shares((0.8, 0.1, 0.1), *[(0.1, 0.4, 0.5), (0.1, 0.5, 0.4)] * 2, (0.1, 0.3, 0.6))

    found = classes(rows, Decision(0.2, 3, 10))

    # Frames 1 to 3: class 1 has 0.4 + 0.5 + 0.4, class 2 has 0.5 + 0.4 + 0.5.
    assert found == [0, 2, 2, 2, 2, 2]


def test_a_run_begins_with_the_best_of_its_first_frames_not_of_its_first_frame():
    found = classes(of_class_0(0.4, 0.9, 0.9, 0.9), Decision(0.1, 3, 10))

    assert found == [0, 0, 0, 0]


def test_a_track_shorter_than_the_duration_has_the_class_of_its_mean():
    assert classes(of_class_0(0.4, 0.9), Decision(0.1, 30, 10)) == [0, 0]


def test_an_absence_ends_a_run_and_the_next_begins_anew():
    frames = [0, 1, 2, 100, 101, 102]
    rows = of_class_0(0.9, 0.9, 0.9, 0.45, 0.45, 0.45)
    settings = Decision(0.2, 2, 10)

    apart = decide(np.array(frames), rows, settings)

    assert apart.starts == (0, 3)
    assert apart.classes_F.tolist() == [0, 0, 0, 1, 1, 1]
    assert classes(rows, settings) == [0] * 6  # 0.55 - 0.45 is no reason to change


def test_frames_without_shares_stay_unknown_with_a_score_of_zero():
    rows = of_class_0(0.9, np.nan, np.nan, 0.2)

    found = decide(np.arange(4), rows, PLAIN)

    assert found.classes_F.tolist() == [0, UNKNOWN, UNKNOWN, 1]
    assert found.scores_F == pytest.approx([0.9, 0, 0, 0.8])


@given(
    values=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40),
    hysteresis=st.sampled_from([0.0, 0.1, 0.5]),
    duration=st.integers(1, 5),
)
def test_an_action_between_two_others_lasts_at_least_the_duration(values, hysteresis, duration):
    found = classes(of_class_0(*values), Decision(hysteresis, duration, 10))

    lengths = [len(part) for part in np.split(found, np.flatnonzero(np.diff(found)) + 1)]
    assert all(length >= duration for length in lengths[1:])


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 12), st.floats(0, 1, width=32)),
        min_size=1,
        max_size=12,
    ),
    frames=st.sets(st.integers(0, 40), min_size=1),
)
def test_merging_equals_a_mean_taken_frame_by_frame(spans, frames):
    frames_F = np.array(sorted(frames))
    windows = [window(first, first + more, share, 1 - share) for first, more, share in spans]

    merged = merge(frames_F, windows, 0)

    for frame, row in zip(frames_F.tolist(), merged, strict=True):
        over = [share for first, more, share in spans if first <= frame <= first + more]
        if over:
            assert row[0] == pytest.approx(np.mean(over), abs=1e-6)
        else:
            assert np.isnan(row).all()


@pytest.mark.parametrize("duration", [1, 2, 5])
@given(values=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30))
def test_a_file_is_told_the_same_but_from_the_first_frame_of_a_lead(duration, values):
    """Decisions on a file are those of the rule, dated back to where the lead began."""
    shares_FC = np.array([(value, 1 - value) for value in values], np.float32)
    start = int(shares_FC[:duration].mean(axis=0).argmax())
    rule = Hysteresis(0.1, duration, start)

    online = [rule.update(shares_C) for shares_C in shares_FC]
    offline = decide(np.arange(len(values)), shares_FC, Decision(0.1, duration, 10)).classes_F

    def changes(classes):
        return [int(f) for f in np.flatnonzero(np.diff([start, *classes]))]

    assert [frame - duration + 1 for frame in changes(online)] == changes(offline)
