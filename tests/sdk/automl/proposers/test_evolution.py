"""Differential evolution and PBT: points made from other points."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.sdk.automl.proposers.histories import (
    NUMBERS,
    SPACE,
    START,
    complete,
    given,
    proposer_of,
    rate,
    search,
)

from skillbank.automl.domains import Params
from skillbank.automl.history import Start, TrialState
from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace

CHILD = Start(20, parent=3, generation=1)
FIVE = SearchSpace(
    tuple(Parameter(f"x{i}", 0.5, 0.0, 1.0) for i in range(5)), {f"x{i}": 0.5 for i in range(5)}
)


def spread(values: dict[str, Any]) -> float:
    return sum((value - 0.6) ** 2 for value in values.values())


def children(num_children: int = 40, **settings: Any) -> list[Params]:
    """What `dehb` proposes after the same 20 trials, for different numbers."""
    history = given(20, FIVE, spread)
    proposer = proposer_of("dehb", FIVE, **settings)
    return [proposer.propose(21 + n, START, history).params for n in range(num_children)]


def parents() -> list[Params]:
    """The ten best of these trials."""
    history = sorted(given(20, FIVE, spread), key=lambda trial: trial.values[9])
    return [trial.params for trial in history[:10]]


def num_inherited(child: Params) -> int:
    """Most coordinates that a child has from one parent."""
    return max(
        sum(math.isclose(child[name], parent[name]) for name in child)  # type: ignore[arg-type]
        for parent in parents()
    )


def test_without_crossover_one_quantity_comes_from_the_mutant() -> None:
    assert Counter(map(num_inherited, children(crossover_prob=0.0))) == {4: 40}


def test_with_full_crossover_all_do() -> None:
    assert Counter(map(num_inherited, children(crossover_prob=1.0))) == {0: 40}


def test_a_crossover_in_between_mixes_mutant_and_target() -> None:
    counts = Counter(map(num_inherited, children(crossover_prob=0.5)))

    assert len(counts) >= 3


def test_a_larger_mutation_factor_goes_further_from_the_parents() -> None:
    def distance(child: Params) -> float:
        return min(
            sum((child[name] - parent[name]) ** 2 for name in child)  # type: ignore[operator]
            for parent in parents()
        )

    near, far = (
        sum(map(distance, children(crossover_prob=1.0, mutation_factor=factor)))
        for factor in (0.01, 1.5)
    )

    assert near < 0.01
    assert far > 50 * near


def test_dehb_draws_evenly_until_it_has_parents() -> None:
    history = given(14)
    proposer = proposer_of("dehb")

    origins = [proposer.propose(n, START, history[:n]).origin for n in range(1, 14)]

    assert origins == ["qmc"] * 9 + ["dehb"] * 4


def test_children_of_parents_with_different_conditions_are_whole_points() -> None:
    history = search(proposer_of("dehb", SPACE, crossover_prob=0.9), 40, SPACE, rate)

    born = history[10:]
    assert {trial.params["optim.type"] for trial in born} == {"SGD", "Adam"}
    for trial in born:
        assert ("1-optim.momentum" in trial.params) == (trial.params["optim.type"] == "SGD")


@pytest.mark.parametrize("factor", [1.2, 2.0])
def test_a_copy_varies_its_parents_numbers_by_the_factor(factor: float) -> None:
    history = [complete(n, {"x": 0.3, "y": 0.4}, 0.5) for n in range(10)]
    proposer = proposer_of("pbt", perturbation_factor=factor)

    copies = [proposer.propose(10 + n, CHILD, history).params["x"] for n in range(200)]

    counts = Counter(
        next((kind for kind, x in _moved(factor).items() if math.isclose(x, copy)), "drawn anew")  # type: ignore[arg-type]
        for copy in copies
    )
    assert counts["drawn anew"] == pytest.approx(50, abs=20)
    assert counts["up"] == pytest.approx(75, abs=25)
    assert counts["down"] == pytest.approx(75, abs=25)


def _moved(factor: float) -> dict[str, float]:
    return {"up": 0.3 * factor, "down": 0.3 / factor}


def test_a_copy_keeps_most_choices_and_moves_steps_by_at_least_one() -> None:
    history = given(9, SPACE, rate)
    parent = history[3].params
    proposer = proposer_of("pbt", SPACE)

    copies = [proposer.propose(10 + n, CHILD, history).params for n in range(100)]

    kept = sum(copy["optim.type"] == parent["optim.type"] for copy in copies)
    workers = Counter(copy["data.workers:index"] for copy in copies)
    assert kept > 75
    assert kept < 100
    assert workers[parent["data.workers:index"]] < 50
    assert all(10 <= copy["data.window"] <= 100 for copy in copies)  # type: ignore[operator]
    assert all(copy["data.window"] % 10 == 0 for copy in copies)  # type: ignore[operator]


def test_a_copy_says_whose_it_is() -> None:
    proposal = proposer_of("pbt").propose(10, CHILD, given(9))

    assert (proposal.origin, proposal.reason) == ("pbt", "varies trial 3")


def test_the_first_population_has_no_parents() -> None:
    assert proposer_of("pbt").propose(5, START, given(4)).origin == "qmc"


def test_copies_of_one_parent_differ() -> None:
    history = given(9)
    proposer = proposer_of("pbt")

    for number in range(10, 14):
        copy = proposer.propose(number, CHILD, history)
        trial = complete(number, copy.params, 0.5)
        history.append(replace(trial, state=TrialState.RUNNING, values={}))

    assert len({tuple(trial.params.items()) for trial in history[10:]}) == 4


def test_a_copy_stays_within_bounds() -> None:
    history = [complete(n, {"x": 1.0, "y": 0.0}, 0.5) for n in range(10)]
    proposer = proposer_of("pbt", perturbation_factor=3.0)

    copies = [NUMBERS.values(proposer.propose(10 + n, CHILD, history).params) for n in range(50)]

    assert all(0 <= value <= 1 for copy in copies for value in copy.values())
