"""What holds of every algorithm's proposals, whatever they are."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sdk.automl.proposers.histories import (
    EVERY_ALGORITHM,
    NUMBERS,
    SIX,
    SPACE,
    START,
    bowl,
    given,
    points,
    proposer_of,
    rate,
    search,
)

from skillbank.automl.domains import ChoiceDomain, Domain, Raw
from skillbank.automl.history import Goal, Trial, TrialState
from skillbank.automl.settings import Algorithm

ROOT = Path(__file__).resolve().parents[4]
_ASK_ELSEWHERE = """
import json, sys
sys.path.insert(0, {root!r})
from tests.sdk.automl.proposers.test_every_proposer import one_of_each
print(json.dumps(one_of_each()))
"""


def one_of_each() -> list[dict[str, Raw]]:
    """A proposal of every algorithm, and of the Gaussian process."""
    asked = [(algorithm, SPACE, rate) for algorithm in EVERY_ALGORITHM]
    asked.append((Algorithm.BAYESIAN, NUMBERS, bowl))
    return [
        dict(proposer_of(algorithm, space).propose(13, START, given(12, space, loss)).params)
        for algorithm, space, loss in asked
    ]


def is_inside(domain: Domain, raw: Raw) -> bool:
    if isinstance(domain, ChoiceDomain):
        return raw in domain.options
    return isinstance(raw, int | float) and domain.low <= raw <= domain.high


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_proposals_lie_in_their_domains_and_have_what_is_active(algorithm: Algorithm) -> None:
    domains = SPACE.domains()

    history = search(proposer_of(algorithm, SPACE), 25, SPACE, rate)

    for trial in history:
        assert all(is_inside(domains[name], raw) for name, raw in trial.params.items())
        assert ("1-optim.momentum" in trial.params) == (trial.params["optim.type"] == "SGD")
        assert ("optim.decay" in trial.params) == trial.params["optim.decay:on"]


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_the_same_history_gives_the_same_proposal(algorithm: Algorithm) -> None:
    history = given(12, SPACE, rate)

    one = proposer_of(algorithm, SPACE).propose(13, START, history)
    busy = proposer_of(algorithm, SPACE)
    busy.propose(7, START, history[:7])

    assert busy.propose(13, START, history) == one


def test_another_process_proposes_the_same() -> None:
    """Starts Python, which takes seconds; strings hash differently there, and nothing else may."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK_ELSEWHERE.format(root=str(ROOT))],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "1"},
    )

    assert json.loads(done.stdout) == one_of_each()


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
@pytest.mark.parametrize("num_trials", [0, 12])
def test_another_seed_gives_another_proposal(algorithm: Algorithm, num_trials: int) -> None:
    # 201: with TPE, since the best point that a Gaussian process knows needs no chance.
    history = given(num_trials)

    one, other = (
        proposer_of(algorithm, seed=seed, max_recommendations=201).propose(
            num_trials + 1, START, history
        )
        for seed in (1, 2)
    )

    assert one.params != other.params


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_what_a_failed_trial_measured_changes_no_proposal(algorithm: Algorithm) -> None:
    history = given(14)
    failed = [
        replace(trial, state=TrialState.FAILED, values=values)
        for trial, values in ((history[3], {}), (history[9], {}))
    ]
    superb = [replace(trial, values={1: -1000.0}) for trial in failed]

    without, with_values = (
        [*history[:3], third, *history[4:9], ninth, *history[10:]]
        for third, ninth in (failed, superb)
    )

    proposer = proposer_of(algorithm)
    assert proposer.propose(15, START, without) == proposer.propose(15, START, with_values)


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_when_every_trial_failed_points_are_still_proposed(algorithm: Algorithm) -> None:
    history = [replace(trial, state=TrialState.FAILED, values={}) for trial in given(12)]

    proposal = proposer_of(algorithm).propose(13, START, history)

    assert set(proposal.params) == {"x", "y"}


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_no_point_is_proposed_twice_while_there_are_others(algorithm: Algorithm) -> None:
    history = search(proposer_of(algorithm, SIX), 5, SIX, lambda values: values["size"])

    assert len(set(points(history, SIX))) == 6


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_when_all_points_were_tried_the_repetition_is_told(algorithm: Algorithm) -> None:
    proposer = proposer_of(algorithm, SIX)
    history = search(proposer, 5, SIX, lambda values: values["size"])

    assert "tried before" in proposer.propose(6, START, history).reason


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_trials_that_train_at_the_same_time_differ_and_spread(algorithm: Algorithm) -> None:
    proposer = proposer_of(algorithm)
    history = given(12)
    for number in range(13, 17):
        proposal = proposer.propose(number, START, history)
        history.append(Trial(number, proposal.params, TrialState.RUNNING, {}, 9))

    together = [history[number].params for number in range(13, 17)]
    gaps = [
        abs(one["x"] - other["x"]) + abs(one["y"] - other["y"])
        for i, one in enumerate(together)
        for other in together[:i]
    ]

    assert min(gaps) > 1e-4
    assert max(gaps) > 0.02


@pytest.mark.parametrize(
    ("algorithm", "num_seeds", "num_trials"),
    [
        ("bayesian", 1, 16),
        ("asha", 3, 30),
        ("bohb", 3, 30),
        ("dehb", 3, 30),
        ("cmaes", 3, 40),
        ("nsga2", 3, 40),
    ],
)
def test_what_learns_ends_nearer_than_random_points(
    algorithm: str, num_seeds: int, num_trials: int
) -> None:
    """Seconds: a proposal of a Gaussian process takes a tenth, and the others are asked often."""
    seeds = range(num_seeds)
    found = [search(proposer_of(algorithm, seed=seed), num_trials) for seed in seeds]
    drawn = [search(proposer_of("random", seed=seed), num_trials) for seed in seeds]

    # The mean of the last six points tells what was learned; the best of all would tell luck.
    assert late(found) < 0.8 * late(drawn)


def late(histories: list[list[Trial]]) -> float:
    return sum(trial.values[9] for history in histories for trial in history[-6:])


@pytest.mark.parametrize("algorithm", ["bayesian", "asha", "bohb", "dehb", "cmaes", "nsga2"])
def test_a_metric_to_be_maximized_is_searched_as_well(algorithm: str) -> None:
    upwards = Goal("val_acc", minimize=False)
    history = given(14)
    mirrored = [replace(t, values={at: -v for at, v in t.values.items()}) for t in history]

    down = proposer_of(algorithm).propose(15, START, history)
    up = proposer_of(algorithm, goals=(upwards,)).propose(15, START, mirrored)

    assert down == up


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM, ids=str)
def test_a_space_of_one_number_can_be_searched(algorithm: Algorithm) -> None:
    line = type(NUMBERS)(NUMBERS.parameters[:1], {"x": 0.1})

    history = search(proposer_of(algorithm, line), 14, line, lambda values: abs(values["x"] - 0.5))

    assert len(set(points(history, line))) == 15
