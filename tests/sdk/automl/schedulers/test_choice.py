from __future__ import annotations

import pytest
from tests.sdk.automl.schedulers.playing import BASELINE, Play, scheduler_of

from skillbank.automl.history import Start, TrialState
from skillbank.automl.schedulers import full_epochs
from skillbank.automl.settings import Algorithm, SearchSettings

FULL = ["bayesian", "bfbo", "random", "qmc", "cmaes", "nsga2", "llm", "hybrid", "auto"]


@pytest.mark.parametrize("algorithm", FULL)
def test_every_recommendation_trains_all_epochs_until_they_are_used_up(algorithm: str) -> None:
    search = Play(scheduler_of(algorithm, 30, max_recommendations=4))

    search.run(lambda number: None if number == 2 else float(number))

    assert search.moves == [Start(30)] * 4
    assert search.in_state(TrialState.COMPLETE) == [1, 3, 4]
    assert search.scheduler.is_last(BASELINE)
    assert search.scheduler.next_move([]) == Start(30)
    assert search.scheduler.never_again(search.history) == []


def test_twenty_recommendations_are_made_unless_told_otherwise() -> None:
    assert scheduler_of("bayesian").max_starts == 20


def test_autoresearch_counts_experiments() -> None:
    search = Play(scheduler_of("autoresearch", max_experiments=6, max_recommendations=2))

    search.run(float)

    assert len(search.starts) == search.scheduler.max_starts == 6


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_max_epochs_is_the_longest_training(algorithm: Algorithm) -> None:
    scheduler = scheduler_of(algorithm.value, 30, max_epochs=12)

    assert scheduler.full_epochs == 12
    assert scheduler.next_move([]) == Start(12)


@pytest.mark.parametrize(
    ("algorithm", "epochs"),
    [("hyperband", 27), ("asha", 27), ("dehb", 27), ("bayesian", 50), ("pbt", 50), ("auto", 50)],
)
def test_without_max_epochs_the_hyperband_family_takes_27(algorithm: str, epochs: int) -> None:
    assert full_epochs(SearchSettings(algorithm=Algorithm(algorithm)), 50) == epochs


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_baseline_is_no_recommendation(algorithm: Algorithm) -> None:
    scheduler = scheduler_of(algorithm.value, 9)

    assert scheduler.next_move([BASELINE]) is not None
    assert str(scheduler.full_epochs) in scheduler.summary
