"""TPE, the Gaussian process and the settings that shape them."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Sequence
from dataclasses import replace

import optuna
import pytest
from tests.sdk.automl.proposers.histories import (
    GOAL,
    NUMBERS,
    SPACE,
    START,
    bowl,
    given,
    proposer_of,
    rate,
)

from skillbank.automl.history import Goal, Proposal, Proposer, Trial, TrialState

TWO_GOALS = (GOAL, Goal("latency_ms", minimize=True))


def mean_loss(proposer: Proposer, history: Sequence[Trial], numbers: range) -> float:
    """What the proposals for these trials would reach, each made from the same history."""
    proposals = (proposer.propose(number, START, history) for number in numbers)
    return statistics.mean(bowl(NUMBERS.values(each.params)) for each in proposals)


def test_more_candidates_follow_the_model_more_closely() -> None:
    history = given(30)

    few, many = (
        mean_loss(proposer_of("bohb", kde_samples=count), history, range(31, 71))
        for count in (1, 64)
    )

    assert many < 0.8 * few


def test_a_smaller_share_of_good_trials_makes_proposals_bolder() -> None:
    history = given(30)

    bold, timid = (
        mean_loss(proposer_of("bohb", top_n_percent=share), history, range(31, 71))
        for share in (10, 90)
    )

    assert bold < 0.8 * timid


@pytest.mark.parametrize("least", [3, 10, 14])
def test_bohb_uses_its_model_once_it_has_so_many_results(least: int) -> None:
    proposer = proposer_of("bohb", min_points_in_model=least)
    history = given(16)

    origins = [proposer.propose(n, START, history[:n]).origin for n in range(1, 17)]

    assert origins == ["qmc"] * (least - 1) + ["tpe"] * (17 - least)


def test_bohb_at_its_default_settings_uses_its_model_within_twenty_recommendations() -> None:
    history = [
        replace(t, state=TrialState.PAUSED, values={1: t.values[9]}, epochs=1) for t in given(15)
    ]

    assert proposer_of("bohb").propose(16, START, history).origin == "tpe"


@pytest.mark.parametrize("algorithm", ["asha", "bohb"])
def test_the_model_looks_at_the_longest_training_that_enough_trials_reached(algorithm: str) -> None:
    """After one epoch the upper right looks best; after nine it is the lower left."""
    promoted = [
        replace(t, state=TrialState.PAUSED, values={1: 2 - _height(t), 9: _height(t) - 4})
        for t in given(24)
    ]
    early = [
        replace(t, number=25 + i, state=TrialState.PAUSED, values={1: 2 - _height(t)}, epochs=1)
        for i, t in enumerate(given(12, seed=6))
    ]
    proposer = proposer_of(algorithm)

    found = [proposer.propose(n, START, [*promoted, *early]) for n in range(40, 60)]

    assert statistics.mean(map(_height, found)) < 0.85


def _height(trial: Trial | Proposal) -> float:
    return float(trial.params["x"]) + float(trial.params["y"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("algorithm", "origins"), [("bayesian", ("random", "gp")), ("asha", ("qmc", "tpe"))]
)
def test_after_the_first_batch_the_model_chooses(algorithm: str, origins: tuple[str, str]) -> None:
    proposer = proposer_of(algorithm)
    history = given(12)

    found = tuple(proposer.propose(n, START, history[:n]).origin for n in (9, 10))

    assert found == origins


def test_failed_trials_do_not_use_up_the_first_batch() -> None:
    history = [
        replace(t, state=TrialState.FAILED, values={}) if t.number % 2 else t for t in given(12)
    ]

    assert proposer_of("asha").propose(13, START, history).origin == "qmc"


def test_trials_that_train_for_long_do_not_hold_the_model_up() -> None:
    history = [
        replace(t, state=TrialState.RUNNING, values={}) if t.number > 5 else t for t in given(11)
    ]

    assert proposer_of("asha").propose(12, START, history).origin == "tpe"


def test_no_model_learns_from_a_single_result() -> None:
    running = [replace(t, state=TrialState.RUNNING, values={}) for t in given(11)[1:]]

    assert proposer_of("asha").propose(12, START, [*given(0), *running]).origin == "qmc"


def test_tpe_keeps_away_from_where_trials_train_now() -> None:
    history = given(24)
    spot = {"x": 0.7, "y": 0.3}
    busy = [Trial(25 + i, spot, TrialState.RUNNING, {}, 9) for i in range(12)]
    proposer = proposer_of("asha")

    def distance(trials: list[Trial]) -> float:
        return mean_loss(proposer, trials, range(40, 60))

    assert distance([*history, *busy]) > 1.5 * distance(history)


def test_the_gaussian_process_hears_of_trials_that_were_stopped() -> None:
    """Loss falls with x up to 0.6; every training beyond diverged and was cut."""
    measured = [
        replace(t, params={"x": x / 10, "y": 0.5}, values={9: -x / 10})
        for x, t in enumerate(given(6))
    ]
    cut = [
        Trial(7 + i, {"x": 0.7 + i / 10, "y": 0.5}, TrialState.PRUNED, {1: 50.0}, 9)
        for i in range(4)
    ]

    proposal = proposer_of("bayesian").propose(11, START, [*measured, *cut])

    assert proposal.origin == "gp"
    assert float(proposal.params["x"]) < 0.75  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ["asha", "nsga2", "bayesian"])
def test_a_pareto_set_is_searched_along_its_front(algorithm: str) -> None:
    """The front is y = 0. Fast is right, accurate is left: one goal alone would go to one side."""
    history = [_with_two_objectives(t) for t in given(30)]
    proposer = proposer_of(algorithm, goals=TWO_GOALS)
    numbers = range(31, 33 if algorithm == "bayesian" else 51)

    found = [proposer.propose(number, START, history).params for number in numbers]

    heights = [float(params["y"]) for params in found]  # type: ignore[arg-type]
    assert statistics.mean(heights) < 0.35


def _with_two_objectives(trial: Trial) -> Trial:
    x, y = (float(trial.params[name]) for name in "xy")  # type: ignore[arg-type]
    objectives = {"val_loss": x + y, "latency_ms": 1 - x + y}
    return replace(trial, objectives=objectives, values={9: x + y})


def test_a_second_goal_changes_what_is_proposed() -> None:
    history = [_with_two_objectives(t) for t in given(30)]

    single = proposer_of("asha").propose(31, START, history)

    assert proposer_of("asha", goals=TWO_GOALS).propose(31, START, history).params != single.params


@pytest.mark.parametrize("algorithm", ["asha", "bohb", "cmaes", "nsga2"])
def test_optuna_says_nothing_and_its_own_settings_stay(
    algorithm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verbosity = optuna.logging.get_verbosity()

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        proposer_of(algorithm, SPACE).propose(13, START, given(12, SPACE, rate))

    assert [str(each.message) for each in told] == []
    assert capsys.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity
