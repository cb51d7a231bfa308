from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.automl.schedulers.brackets import Bracket, Geometry, plan_brackets, share_out


def as_pairs(brackets: tuple[Bracket, ...]) -> list[list[tuple[int, int]]]:
    return [[(rung.size, rung.epochs) for rung in bracket] for bracket in brackets]


def cycle_size(geometry: Geometry) -> int:
    return sum(geometry.start_size(depth) for depth in range(geometry.depth + 1))


def test_a_cycle_has_the_brackets_of_the_paper() -> None:
    geometry = Geometry(81, 3)

    # Table 1 of arXiv:1603.06560; its n of brackets 3 and 1 are floored there, by the code ceiled.
    assert as_pairs(plan_brackets(geometry, cycle_size(geometry))) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


@pytest.mark.parametrize(
    ("max_epochs", "factor", "first", "depth"),
    [
        (1, 3, 1, 0),
        (2, 3, 1, 0),
        (3, 3, 1, 1),
        (26, 3, 1, 2),
        (27, 3, 1, 3),
        (81, 3, 9, 2),
        (125, 5, 1, 3),
        (243, 3, 1, 5),
        (242, 3, 1, 4),
        (1000, 10, 1, 3),
        (1024, 2, 1, 10),
        (1023, 2, 1, 9),
        (5, 3, 10, 0),
    ],
)
def test_no_bracket_is_lost_to_rounding(
    max_epochs: int, factor: int, first: int, depth: int
) -> None:
    geometry = Geometry(max_epochs, factor, first)

    assert geometry.depth == depth
    assert len(plan_brackets(geometry, cycle_size(geometry))) == depth + 1


@given(st.integers(1, 2000), st.integers(2, 10), st.integers(1, 30))
def test_sizes_follow_the_formula_in_whole_numbers(R: int, eta: int, first: int) -> None:
    geometry = Geometry(R, eta, first)

    assert first * eta**geometry.depth <= R or geometry.depth == 0
    assert first * eta ** (geometry.depth + 1) > R
    for depth in range(geometry.depth + 1):
        share = Fraction(geometry.depth + 1, depth + 1)
        assert geometry.start_size(depth) == ceil(share * eta**depth)


@given(st.integers(1, 500), st.integers(2, 6), st.integers(1, 9), st.integers(1, 300))
def test_brackets_use_up_the_recommendations_and_always_reach_the_top(
    R: int, eta: int, first: int, num_trials: int
) -> None:
    brackets = plan_brackets(Geometry(R, eta, first), num_trials)

    assert sum(bracket[0].size for bracket in brackets) == num_trials
    for bracket in brackets:
        epochs = [rung.epochs for rung in bracket]
        sizes = [rung.size for rung in bracket]
        assert epochs[-1] == R
        assert epochs == sorted(set(epochs))
        assert epochs[0] >= min(first, R)
        assert sizes == sorted(set(sizes), reverse=True)
        assert sizes[-1] >= 1


def test_twenty_recommendations_are_shared_out_among_all_brackets() -> None:
    assert as_pairs(plan_brackets(Geometry(27, 3), 20)) == [
        [(11, 1), (3, 3), (1, 27)],
        [(5, 3), (1, 27)],
        [(2, 9), (1, 27)],
        [(2, 27)],
    ]


def test_more_recommendations_than_a_cycle_has_begin_another_one() -> None:
    geometry = Geometry(9, 3)
    whole = plan_brackets(geometry, cycle_size(geometry))

    brackets = plan_brackets(geometry, 2 * cycle_size(geometry) + 3)

    assert brackets[: 2 * len(whole)] == (*whole, *whole)
    assert sum(bracket[0].size for bracket in brackets[2 * len(whole) :]) == 3


def test_a_rung_from_which_everybody_goes_on_is_left_out() -> None:
    assert as_pairs((Geometry(27, 3).bracket(3, 1),)) == [[(1, 27)]]


@given(st.integers(0, 200), st.lists(st.integers(1, 99), min_size=1, max_size=8))
def test_shares_are_whole_and_differ_from_the_exact_ones_by_less_than_one(
    total: int, weights: list[int]
) -> None:
    shares = share_out(total, weights)

    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) < 1
