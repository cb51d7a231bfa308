"""What a history tells a model."""

from __future__ import annotations

from typing import Any

import pytest

from skillbank.automl.history import Goal, Trial, TrialState
from skillbank.automl.proposers.observations import (
    Observation,
    Standing,
    View,
    num_goals_seen,
    observe,
)

LOSS = Goal("val_loss", minimize=True)
ACCURACY = Goal("val_acc", minimize=False)
LATENCY = Goal("latency_ms", minimize=True)


def trial(number: int, state: TrialState, values: dict[int, float], epochs: int = 27) -> Trial:
    return Trial(number, {"x": number}, state, values, epochs)


def complete(number: int, *losses: float) -> Trial:
    return trial(number, TrialState.COMPLETE, dict(zip((3, 9, 27), losses, strict=True)))


def paused(number: int, loss: float, epochs: int = 3) -> Trial:
    return trial(number, TrialState.PAUSED, {epochs: loss}, epochs)


def told(observations: list[Observation]) -> list[tuple[Any, ...]]:
    return [(each.number, each.standing.name, *each.losses) for each in observations]


def test_a_trial_counts_with_the_best_it_had() -> None:
    history = [complete(0, 0.9, 0.4, 0.6), complete(1, 0.8, 0.7, 0.5)]

    assert told(observe(history, (LOSS,), View(1))) == [(0, "MEASURED", 0.4), (1, "MEASURED", 0.5)]


def test_what_is_maximized_becomes_a_loss() -> None:
    (seen,) = observe([complete(0, 0.2, 0.7, 0.6)], (ACCURACY,), View(1))

    assert seen.losses == (-0.7,)


def test_the_level_is_the_longest_training_that_enough_trials_have_reached() -> None:
    history = [
        complete(0, 0.9, 0.6, 0.1),
        trial(1, TrialState.PAUSED, {3: 0.8, 9: 0.5}, 9),
        trial(2, TrialState.PAUSED, {3: 0.7, 9: 0.65}, 9),
        paused(3, 0.95),
    ]

    assert told(observe(history, (LOSS,), View(3))) == [
        (0, "MEASURED", 0.6),
        (1, "MEASURED", 0.5),
        (2, "MEASURED", 0.65),
        (3, "BEHIND", 0.95),
    ]


def test_with_few_results_the_lowest_rung_compares_all() -> None:
    history = [complete(0, 0.9, 0.6, 0.1), paused(1, 0.8), paused(2, 0.7)]

    assert [each.losses for each in observe(history, (LOSS,), View(5))] == [(0.9,), (0.8,), (0.7,)]


def test_a_view_can_leave_out_what_is_behind() -> None:
    history = [complete(0, 0.9, 0.6, 0.1), complete(1, 0.9, 0.5, 0.2), paused(2, 0.7)]

    seen = observe(history, (LOSS,), View(2, sees_behind=False))

    assert told(seen) == [(0, "MEASURED", 0.1), (1, "MEASURED", 0.2)]


def test_a_promoted_trial_still_counts_at_its_lower_rung_while_it_trains_on() -> None:
    history = [
        *(paused(number, 0.5 + number / 10) for number in range(3)),
        trial(3, TrialState.RUNNING, {3: 0.4, 5: 0.3}, 9),
        trial(4, TrialState.RUNNING, {1: 0.9}, 3),
        trial(5, TrialState.WAITING, {}, 3),
    ]

    seen = observe(history, (LOSS,), View(3))

    assert told(seen)[3:] == [(3, "MEASURED", 0.4), (4, "RUNNING"), (5, "RUNNING")]


def test_a_training_that_ended_early_by_itself_counts_as_complete() -> None:
    history = [complete(0, 0.9, 0.6, 0.5), trial(1, TrialState.COMPLETE, {3: 0.8, 9: 0.7})]

    assert told(observe(history, (LOSS,), View(2)))[1] == (1, "MEASURED", 0.7)


def test_a_trial_that_was_cut_is_behind_and_sets_no_level() -> None:
    history = [complete(0, 0.9, 0.6, 0.5), trial(1, TrialState.PRUNED, {1: 40.0})]

    assert told(observe(history, (LOSS,), View(5))) == [(0, "MEASURED", 0.5), (1, "BEHIND", 40.0)]


@pytest.mark.parametrize("values", [{}, {9: 0.001}])
def test_a_failed_trial_says_nothing(values: dict[int, float]) -> None:
    history = [complete(0, 0.9, 0.6, 0.5), trial(1, TrialState.FAILED, values)]

    assert [each.number for each in observe(history, (LOSS,), View(1))] == [0]


def test_a_trial_that_ended_without_a_value_says_nothing() -> None:
    history = [complete(0, 0.9, 0.6, 0.5), trial(1, TrialState.COMPLETE, {})]

    assert [each.number for each in observe(history, (LOSS,), View(1))] == [0]


def test_an_empty_history_tells_nothing() -> None:
    assert observe([], (LOSS,), View(10)) == []
    assert num_goals_seen([]) == 1


def of_two_goals(number: int, state: TrialState = TrialState.COMPLETE) -> Trial:
    objectives = {"val_acc": 0.9, "latency_ms": 5.0 + number}
    return Trial(number, {"x": number}, state, {27: 0.9}, 27, objectives=objectives)


def test_a_pareto_set_is_learned_from_trials_with_all_their_objectives() -> None:
    history = [
        of_two_goals(0),
        of_two_goals(1),
        trial(2, TrialState.RUNNING, {3: 0.5}),
        trial(3, TrialState.PAUSED, {3: 0.5}, 3),
        of_two_goals(4, TrialState.FAILED),
    ]

    seen = observe(history, (ACCURACY, LATENCY), View(2))

    assert told(seen) == [(0, "MEASURED", -0.9, 5.0), (1, "MEASURED", -0.9, 6.0), (2, "RUNNING")]
    assert num_goals_seen(seen) == 2


def test_until_enough_trials_have_all_objectives_the_first_goal_stands_for_them() -> None:
    seen = observe(
        [of_two_goals(0), trial(1, TrialState.RUNNING, {})], (ACCURACY, LATENCY), View(2)
    )

    assert told(seen) == [(0, "MEASURED", -0.9), (1, "RUNNING")]
    assert num_goals_seen(seen) == 1


def test_standings_are_told_apart() -> None:
    standings = [Observation(0, {}, standing).is_measured for standing in Standing]

    assert standings == [True, False, False]
