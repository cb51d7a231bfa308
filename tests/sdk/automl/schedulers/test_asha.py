from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sdk.automl.schedulers.playing import BASELINE, Play, scheduler_of

from skillbank.automl.history import Promote, Start, Trial, TrialState


def play(**settings: object) -> Play:
    return Play(scheduler_of("asha", **settings))  # type: ignore[arg-type]


def test_the_baseline_comes_first_and_trains_to_the_end() -> None:
    scheduler = scheduler_of("asha", max_epochs=27)

    assert scheduler.next_move([]) == Start(27)
    assert scheduler.is_last(BASELINE)


@pytest.mark.parametrize(
    ("max_epochs", "factor", "multiplier", "rungs"),
    [
        (81, 3, 1, "9, 27, 81"),
        (27, 3, 1, "3, 9, 27"),
        (27, 3, 5, "9, 27"),
        (27, 3, 30, "27"),
        (10, 3, 1, "1, 3, 10"),
        (16, 2, 1, "4, 8, 16"),
        (2, 3, 1, "2"),
        (1, 3, 1, "1"),
    ],
)
def test_two_promotions_lead_to_the_top(
    max_epochs: int, factor: int, multiplier: int, rungs: str
) -> None:
    scheduler = scheduler_of(
        "asha", max_epochs=max_epochs, reduction_factor=factor, epoch_multiplier=multiplier
    )

    assert f"paused after {rungs} epochs" in scheduler.summary


def test_auto_with_a_budget_of_epochs_promotes_and_without_trains_to_the_end() -> None:
    assert "paused" in scheduler_of("auto", max_epochs=27).summary
    assert scheduler_of("auto", num_epochs=30).summary == "20 recommendations of 30 epochs each"


def test_a_rung_promotes_only_when_it_has_enough_results() -> None:
    search = play(max_epochs=27, min_top_configs=5, max_recommendations=100)
    for number in range(1, 5):
        assert search.move() == Start(3)
        search.end(number, float(number))

    assert search.move() == Start(3)
    search.end(5, 0.5)
    assert search.move() == Promote(5, 9)


def test_fewer_results_suffice_where_the_setting_says_so() -> None:
    search = play(max_epochs=27, min_top_configs=3, max_recommendations=100)
    for number in range(1, 4):
        search.move()
        search.end(number, float(number))

    assert search.move() == Promote(1, 9)


@pytest.mark.parametrize("num_trials", [1, 2, 3, 5, 20, 60])
def test_somebody_always_reaches_the_top(num_trials: int) -> None:
    search = play(max_epochs=27, max_recommendations=num_trials, min_top_configs=5)

    search.run(float)

    assert len(search.starts) == num_trials
    assert 1 in search.in_state(TrialState.COMPLETE)
    assert len(search.in_state(TrialState.COMPLETE)) <= max(1, num_trials // 9 + 1)


def test_max_trials_replaces_the_number_of_recommendations() -> None:
    search = play(max_epochs=27, max_trials=7).run(float)

    assert len(search.starts) == 7
    assert search.scheduler.max_starts == 7


def test_a_free_worker_gets_a_new_trial_while_a_rung_is_incomplete() -> None:
    search = play(max_epochs=27, max_recommendations=20)

    assert [search.move() for _ in range(4)] == [Start(3)] * 4


def test_the_highest_rung_is_served_first() -> None:
    search = play(max_epochs=9, min_top_configs=3, max_recommendations=100)
    for number in range(1, 13):
        search.history.append(Trial(number, {}, TrialState.PAUSED, {1: float(number)}, 1))
    for number in range(1, 4):
        search.history[number] = replace(search.history[number], epochs=3, values={1: 0.1, 3: 0.1})

    assert [search.move() for _ in range(3)] == [Promote(1, 9), Promote(4, 3), Start(1)]


def test_a_failed_trial_is_not_promoted_and_its_follower_is_replaced() -> None:
    search = play(max_epochs=9, max_recommendations=6, min_top_configs=6)
    for _ in range(6):
        search.move()
    search.fail(1)
    for number in range(2, 7):
        search.end(number, float(number))

    assert search.move() == Promote(2, 3)
    search.fail(2)
    assert search.move() == Promote(3, 3)


def test_a_pruned_trial_counts_as_a_result_and_goes_nowhere() -> None:
    search = play(max_epochs=9, max_recommendations=100, min_top_configs=3)
    for _ in range(3):
        search.move()
    search.prune(1)
    search.end(2, 2.0)
    search.end(3, 1.0)

    assert search.move() == Promote(3, 3)


def test_when_the_cap_is_reached_the_rungs_are_finished_from_below() -> None:
    search = play(max_epochs=9, max_recommendations=4, min_top_configs=5)
    for _ in range(4):
        search.move()
    search.end(1, 1.0)
    search.end(2, 2.0)
    search.end(3, 3.0)
    assert search.move() is None

    search.end(4, 4.0)

    assert search.move() == Promote(1, 3)
    assert search.move() is None
    search.end(1, 0.5)
    assert search.move() == Promote(1, 9)


def test_those_far_behind_are_known_while_the_search_goes_on() -> None:
    search = play(max_epochs=9, max_recommendations=9)
    for _ in range(9):
        search.move()
    for number in range(1, 10):
        search.end(number, float(number))

    assert search.scheduler.never_again(search.history) == [7, 8, 9]


def test_those_far_behind_stay_there_when_all_better_ones_fail() -> None:
    search = play(max_epochs=9, max_recommendations=9)
    for _ in range(9):
        search.move()
    for number in range(1, 10):
        search.end(number, float(number))

    while isinstance(search.move(), Promote):
        search.fail(search.active[0])

    assert [p.number for p in search.promotions] == [1, 2, 3, 4, 5, 6]
    assert search.scheduler.never_again(search.history) == [7, 8, 9]
