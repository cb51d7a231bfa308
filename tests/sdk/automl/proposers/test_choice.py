"""Which algorithm and which model a space and a budget get."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.sdk.automl.proposers.histories import NUMBERS, SIX, SPACE, START, proposer_of, search

from skillbank.automl.parameter import Activation, Parameter
from skillbank.automl.proposers import Model, choose_algorithm, choose_model
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.automl.space import SearchSpace


def numbers(count: int) -> SearchSpace:
    return SearchSpace(tuple(Parameter(f"x{i}", 0.5, 0.0, 1.0) for i in range(count)))


CONDITIONAL = SearchSpace(
    (
        Parameter("depth", 2, 1, 9, is_int=True),
        Parameter("rate", 0.1, 0.0, 1.0, active=Activation("depth", (1, 2))),
    )
)


@pytest.mark.parametrize(
    ("space", "recommendations", "model", "words"),
    [
        (NUMBERS, 20, Model.GP, "2 numbers without conditions"),
        (numbers(20), 200, Model.GP, "20 numbers"),
        (numbers(21), 20, Model.TPE, "21 dimensions, more than 20"),
        (NUMBERS, 201, Model.TPE, "201 recommendations are more than 200"),
        (SIX, 20, Model.TPE, "no order"),
        (CONDITIONAL, 20, Model.TPE, "only sometimes"),
        (SPACE, 20, Model.TPE, "only sometimes"),
    ],
)
def test_the_model_follows_from_the_space_and_the_budget(
    space: SearchSpace, recommendations: int, model: Model, words: str
) -> None:
    settings = SearchSettings(max_recommendations=recommendations)

    chosen, reason = choose_model(settings, space)

    assert chosen is model
    assert words in reason


def test_without_torch_tpe_takes_the_place_of_the_gaussian_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # how Python marks what cannot be imported

    chosen, reason = choose_model(SearchSettings(), NUMBERS)

    assert chosen is Model.TPE
    assert "torch" in reason


@pytest.mark.parametrize(("space", "model"), [(NUMBERS, "gp"), (SPACE, "tpe")])
def test_auto_becomes_bayesian_and_says_which_model_and_why(space: SearchSpace, model: str) -> None:
    algorithm, reason = choose_algorithm(SearchSettings(), space)

    assert algorithm is Algorithm.BAYESIAN
    assert f"{model} because" in reason


@pytest.mark.parametrize("algorithm", [a for a in Algorithm if a is not Algorithm.AUTO], ids=str)
def test_what_was_asked_for_is_what_runs(algorithm: Algorithm) -> None:
    chosen, reason = choose_algorithm(SearchSettings(algorithm=algorithm), NUMBERS)

    assert chosen is algorithm
    assert reason.startswith("asked for")


@pytest.mark.parametrize(("recommendations", "origin"), [(20, "gp"), (201, "tpe")])
def test_the_points_come_from_the_model_that_was_chosen(recommendations: int, origin: str) -> None:
    proposer = proposer_of("bayesian", max_recommendations=recommendations)

    history = search(proposer, 11)

    assert proposer.propose(12, START, history).origin == origin


@pytest.mark.parametrize("name", ["bayesian", "bfbo", "auto"])
def test_bfbo_and_auto_propose_what_bayesian_proposes(name: str) -> None:
    usual = proposer_of("bayesian", max_recommendations=201)

    other = proposer_of(name, max_recommendations=201)

    assert search(other, 13) == search(usual, 13)


def test_choosing_an_algorithm_loads_no_optimizer() -> None:
    code = (
        "import sys, skillbank.automl.proposers; "
        "print({'optuna', 'numpy', 'scipy', 'torch'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
