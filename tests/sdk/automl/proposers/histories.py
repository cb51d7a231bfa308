"""Histories of searches that were never run, and spaces of one kind each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tests.sdk.automl.tuned import GOAL, SPACE  # noqa: F401 - SPACE is for the tests here

from skillbank.automl.history import Goal, Proposer, Start, Trial, TrialState
from skillbank.automl.parameter import Parameter
from skillbank.automl.proposers import make_proposer
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.automl.space import SearchSpace

START = Start(9)
SAME_AS_BAYESIAN = {Algorithm.AUTO, Algorithm.BFBO}  # test_choice.py shows it
EVERY_ALGORITHM = [a for a in Algorithm if not a.needs_endpoint and a not in SAME_AS_BAYESIAN]
Loss = Callable[[dict[str, Any]], float]

NUMBERS = SearchSpace(
    (Parameter("x", 0.1, 0.0, 1.0), Parameter("y", 0.9, 0.0, 1.0)), {"x": 0.1, "y": 0.9}
)
"""Two numbers; the space on which every algorithm can show what it has learned."""

SIX = SearchSpace(
    (Parameter("kind", "a", options=("a", "b")), Parameter("size", 1, options=(1, 2, 4))),
    {"kind": "a", "size": 1},
)
"""Six points in all."""


def bowl(values: dict[str, Any]) -> float:
    """Least at x = 0.7, y = 0.3."""
    return (values["x"] - 0.7) ** 2 + (values["y"] - 0.3) ** 2


def rate(values: dict[str, Any]) -> float:
    """Least at a learning rate of 0.01."""
    return abs(math.log10(values["optim.lr"]) + 2)


def proposer_of(
    algorithm: Algorithm | str,
    space: SearchSpace = NUMBERS,
    goals: Sequence[Goal] = (GOAL,),
    **settings: Any,
) -> Proposer:
    """The proposer of an algorithm."""
    return make_proposer(SearchSettings(algorithm=algorithm, **settings), space, goals)


def complete(number: int, params: Any, loss: float) -> Trial:
    """A trial that trained to the end."""
    return Trial(number, params, TrialState.COMPLETE, {9: loss}, 9)


def search(
    proposer: Proposer, num_trials: int, space: SearchSpace = NUMBERS, loss: Loss = bowl
) -> list[Trial]:
    """The history of a search by one worker: the baseline and `num_trials` recommendations."""
    points = space.defaults()
    history = [complete(0, points, loss(space.values(points)))]
    for number in range(1, num_trials + 1):
        points = dict(proposer.propose(number, START, history).params)
        history.append(complete(number, points, loss(space.values(points))))
    return history


def given(
    num_trials: int, space: SearchSpace = NUMBERS, loss: Loss = bowl, seed: int = 5
) -> list[Trial]:
    """The history of a search whose points were drawn at random."""
    return search(proposer_of("random", space, seed=seed), num_trials, space, loss)


def points(history: Sequence[Trial], space: SearchSpace) -> list[tuple[tuple[str, Any], ...]]:
    """What each trial's spec would get."""
    return [tuple(sorted(space.values(trial.params).items())) for trial in history]
