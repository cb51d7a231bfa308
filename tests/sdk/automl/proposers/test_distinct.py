"""Looking through all points of a space."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from tests.sdk.automl.proposers.histories import SIX, START, complete, points, proposer_of, search

from skillbank.automl.history import TrialState
from skillbank.automl.parameter import Activation, Parameter
from skillbank.automl.proposers.distinct import all_points
from skillbank.automl.space import SearchSpace

CONDITIONAL = SearchSpace(
    (
        Parameter("kind", "a", options=("a", "b")),
        Parameter("depth", 1, 1, 3, is_int=True, active=Activation("kind", ("a",))),
        Parameter("decay", 0.0, low=0.25, high=0.75, step=0.25, off=0.0, has_off=True),
    ),
    {"kind": "a", "depth": 1, "decay": 0.0},
)
MANY = SearchSpace(
    tuple(Parameter(f"on{i}", default=False, options=(False, True)) for i in range(9)),
    {f"on{i}": False for i in range(9)},
)


def test_all_points_of_a_space_with_conditions_are_each_found_once() -> None:
    found = [tuple(CONDITIONAL.values(params).items()) for params in all_points(CONDITIONAL)]

    assert len(found) == len(set(found)) == (3 + 1) * (3 + 1)


def test_a_continuous_space_is_looked_through_in_steps() -> None:
    line = SearchSpace((Parameter("x", 0.5, 0.0, 1.0),), {"x": 0.5})

    found = [params["x"] for params in islice(all_points(line), 100)]

    assert len(found) == 32
    assert found == sorted(found)


def test_the_last_point_of_many_is_found() -> None:
    every = [complete(number, params, 0.5) for number, params in enumerate(all_points(MANY))]
    missing = every.pop(300)

    proposal = proposer_of("random", MANY).propose(len(every), START, every)

    assert proposal.params == missing.params


def test_a_point_that_failed_is_not_proposed_again_either() -> None:
    history = search(proposer_of("random", SIX), 4, SIX, lambda values: values["size"])
    history[2] = replace(history[2], state=TrialState.FAILED, values={})

    proposal = proposer_of("asha", SIX).propose(5, START, history)

    history.append(complete(5, proposal.params, 0.5))
    assert len(set(points(history, SIX))) == 6


def test_points_that_differ_only_in_what_has_no_effect_are_the_same_point() -> None:
    """Two shares of one whole number: 0.1 and 0.2 both stand for a stop at epoch 5."""
    space = SearchSpace(
        (
            Parameter("start", 4, 4, 4, is_int=True),
            Parameter("stop", 5, 1, 6, is_int=True, above="start"),
        ),
        {"start": 4, "stop": 5},
    )

    history = search(proposer_of("random", space), 1, space, lambda values: values["stop"])

    assert len(set(points(history, space))) == 2
