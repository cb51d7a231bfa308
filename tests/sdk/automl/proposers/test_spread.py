"""Points that follow from no results."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.sdk.automl.proposers.histories import START, given, proposer_of, search

from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace

WEIGHTED = SearchSpace(
    (
        Parameter("kind", "a", options=("a", "b", "c"), weights=(0.7, 0.3, 0.0)),
        Parameter("x", 0.5, 0.0, 1.0),
    ),
    {"kind": "a", "x": 0.5},
)


@pytest.mark.parametrize("algorithm", ["random", "qmc"])
def test_options_are_drawn_by_their_weights(algorithm: str) -> None:
    history = search(proposer_of(algorithm, WEIGHTED), 200, WEIGHTED, lambda values: values["x"])

    counts = Counter(trial.params["kind"] for trial in history[1:])
    assert set(counts) == {"a", "b"}
    assert counts["a"] / 200 == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("algorithm", ["bayesian", "asha", "bohb", "dehb", "pbt"])
def test_before_anything_is_known_options_are_drawn_by_their_weights(algorithm: str) -> None:
    proposer = proposer_of(algorithm, WEIGHTED)

    drawn = [proposer.propose(number, START, []).params["kind"] for number in range(1, 65)]

    assert Counter(drawn)["a"] == pytest.approx(45, abs=3)
    assert "c" not in drawn


def test_sobol_points_leave_no_corner_empty() -> None:
    history = search(proposer_of("qmc"), 16)

    cells = {(int(t.params["x"] * 4), int(t.params["y"] * 4)) for t in history[1:]}  # type: ignore[operator]
    assert len(cells) == 16


@pytest.mark.parametrize("algorithm", ["random", "qmc", "hyperband", "hyperband_es"])
def test_results_change_nothing_where_nothing_is_learned(algorithm: str) -> None:
    proposer = proposer_of(algorithm)

    informed = proposer.propose(13, START, given(12))

    assert informed == proposer.propose(13, START, given(12, loss=lambda values: values["y"]))


def test_a_trial_gets_its_point_of_the_sequence_whatever_came_before() -> None:
    proposer = proposer_of("qmc")

    in_turn = search(proposer, 12)

    assert proposer.propose(12, START, []).params == in_turn[12].params
