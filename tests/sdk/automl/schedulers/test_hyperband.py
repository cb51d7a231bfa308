from __future__ import annotations

import pytest
from tests.sdk.automl.schedulers.playing import ACCURACY, BASELINE, Play, as_text, scheduler_of

from skillbank.automl.history import Promote, Start, TrialState

BRACKETED = ["hyperband", "hyperband_es", "bohb", "dehb"]


def play(algorithm: str = "hyperband", **settings: object) -> Play:
    return Play(scheduler_of(algorithm, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", BRACKETED)
def test_the_baseline_comes_first_and_trains_to_the_end(algorithm: str) -> None:
    scheduler = scheduler_of(algorithm, max_epochs=9)

    assert scheduler.next_move([]) == Start(9)
    assert scheduler.is_last(BASELINE)


@pytest.mark.parametrize("algorithm", ["hyperband", "hyperband_es"])
def test_a_bracket_promotes_the_best_third_from_rung_to_rung(algorithm: str) -> None:
    search = play(algorithm, max_epochs=9, max_recommendations=17)

    search.run(float)

    assert [(s.epochs, s.bracket) for s in search.starts] == [
        *[(1, 0)] * 9,
        *[(3, 1)] * 5,
        *[(9, 2)] * 3,
    ]
    assert search.promotions == [
        *(Promote(number, 3) for number in (1, 2, 3)),
        Promote(1, 9),
        Promote(10, 9),
    ]


def test_a_larger_metric_is_better_where_the_goal_says_so() -> None:
    search = Play(scheduler_of("hyperband", goal=ACCURACY, max_epochs=3, max_recommendations=3))

    search.run(float)

    # The cycle of 3 + 2 is scaled to 2 + 1: the better of the first two goes on.
    assert search.promotions == [Promote(2, 3)]


def test_the_cap_counts_recommendations_but_no_promotions() -> None:
    search = play(max_epochs=27, max_recommendations=20)

    search.run(float)

    assert len(search.starts) == 20
    assert len(search.promotions) == 6
    assert max(t.epochs for t in search.history[1:]) == 27
    assert len(search.in_state(TrialState.COMPLETE)) == 5


@pytest.mark.parametrize(("max_epochs", "factor"), [(1, 3), (2, 3), (243, 3), (50, 4), (7, 2)])
def test_every_bracket_of_every_size_trains_somebody_to_the_end(
    max_epochs: int, factor: int
) -> None:
    search = play(max_epochs=max_epochs, reduction_factor=factor, max_recommendations=400)

    search.run(lambda number: (number * 7919 % 101) / 101)

    finished = [t for t in search.history[1:] if t.state is TrialState.COMPLETE]
    assert {t.bracket for t in finished} == {t.bracket for t in search.history[1:]}
    assert all(t.epochs == max_epochs for t in finished)


def test_the_first_rung_starts_at_the_epoch_multiplier() -> None:
    search = play(max_epochs=27, epoch_multiplier=3, max_recommendations=20)

    search.run(float)

    assert min(start.epochs for start in search.starts) == 3


def test_the_reduction_factor_says_how_many_go_on() -> None:
    search = play(max_epochs=16, reduction_factor=4, max_recommendations=16 + 6 + 3)

    search.run(float)

    assert [p for p in search.promotions if p.number <= 16] == [
        *(Promote(number, 4) for number in (1, 2, 3, 4)),
        Promote(1, 16),
    ]


def test_while_a_rung_waits_the_next_bracket_starts() -> None:
    search = play(max_epochs=9, max_recommendations=17)
    for _ in range(9):
        search.move()
    for number in range(1, 9):
        search.end(number, 1.0)

    assert search.move() == Start(3, 1, generation=1)
    search.end(9, 0.5)
    assert search.move() == Promote(9, 3)


def test_a_failed_trial_leaves_its_place_in_the_first_rung_empty() -> None:
    search = play(max_epochs=9, max_recommendations=17)

    search.run(lambda number: None if number in {1, 2, 4, 5, 6, 7, 8} else float(number))

    assert [p.number for p in search.promotions[:3]] == [3, 9, 3]


def test_the_next_best_takes_the_place_of_a_promoted_trial_that_fails() -> None:
    search = play(max_epochs=9, max_recommendations=17)
    for _ in range(9):
        search.move()
    for number in range(1, 10):
        search.end(number, float(number))
    search.move()
    search.fail(1)

    assert [search.move() for _ in range(3)] == [Promote(2, 3), Promote(3, 3), Promote(4, 3)]


def test_a_bracket_in_which_everything_fails_does_not_hold_up_the_next() -> None:
    search = play(max_epochs=9, max_recommendations=17)

    search.run(lambda number: None if number <= 9 else float(number))

    assert search.promotions == [Promote(10, 9)]
    assert len(search.starts) == 17


def test_a_pruned_trial_keeps_its_place_and_goes_nowhere() -> None:
    search = play(max_epochs=9, max_recommendations=17)
    for _ in range(9):
        search.move()
    for number in range(1, 10):
        search.end(number, float(number))
    for number in (1, 2, 3):
        assert search.move() == Promote(number, 3)
    search.prune(1)
    for number in (2, 3):
        search.end(number, float(number))

    assert search.move() == Promote(2, 9)


def test_a_trial_that_was_never_measured_stands_behind_all_that_were() -> None:
    search = play(max_epochs=3, max_recommendations=5)
    for _ in range(3):
        search.move()
    for number in (1, 2):
        search.end(number, float("nan"))
    search.end(3, 7.0)

    assert search.move() == Promote(3, 3)


@pytest.mark.parametrize("algorithm", [*BRACKETED, "asha"])
def test_a_search_whose_validations_are_rarer_than_its_rungs_still_trains_to_the_end(
    algorithm: str,
) -> None:
    search = play(algorithm, max_epochs=9, max_recommendations=17).run(lambda _number: float("nan"))

    assert any(t.epochs == 9 for t in search.history[1:])
    assert len(search.promotions) >= 3


def test_a_trial_is_ranked_by_the_best_checkpoint_it_has() -> None:
    search = play(max_epochs=9, epoch_multiplier=3, max_recommendations=5)
    for _ in range(3):
        search.move()
    search.end(1, 0.5)
    search.end(2, 0.4)
    search.history[3] = search.history[3].__class__(3, {}, TrialState.PAUSED, {1: 0.3, 3: 0.9}, 3)

    assert search.move() == Promote(3, 9)


def test_those_left_behind_are_known_when_their_followers_have_arrived() -> None:
    search = play(max_epochs=9, max_recommendations=17)
    for _ in range(9):
        search.move()
    for number in range(1, 10):
        search.end(number, float(number))
    assert search.scheduler.never_again(search.history) == []
    for _ in range(3):
        search.move()
    assert search.scheduler.never_again(search.history) == []
    for number in (1, 2, 3):
        search.end(number, float(number))

    assert search.scheduler.never_again(search.history) == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("algorithm", ["bohb", "dehb"])
@pytest.mark.parametrize(
    ("max_epochs", "brackets"),
    [
        (81, "9 at 9 -> 3 at 27 -> 1 at 81; 5 at 27 -> 1 at 81"),
        (27, "9 at 3 -> 3 at 9 -> 1 at 27; 5 at 9 -> 1 at 27"),
        (2, "14 at 2"),
    ],
)
def test_brackets_that_a_model_leads_have_one_or_two_promotions(
    algorithm: str, max_epochs: int, brackets: str
) -> None:
    search = play(algorithm, max_epochs=max_epochs, max_recommendations=14)

    assert brackets.removeprefix("14 ") in search.scheduler.summary
    assert len(search.run(float).starts) == 14


def test_the_epoch_multiplier_raises_the_first_rung_of_bohb() -> None:
    search = play("bohb", max_epochs=27, epoch_multiplier=9, max_recommendations=3).run(float)

    assert min(start.epochs for start in search.starts) == 9


def test_generations_of_dehb_count_brackets() -> None:
    search = play("dehb", max_epochs=9, max_recommendations=9 + 5 + 9)

    search.run(float)

    assert [s.generation for s in search.starts] == [0] * 9 + [1] * 5 + [2] * 6 + [3] * 3


def test_one_worker_always_gets_the_same_moves_and_a_resumed_search_the_rest_of_them() -> None:
    def value(number: int) -> float:
        return (number * 37 % 11) / 11

    whole = play(max_epochs=27, max_recommendations=20).run(value)
    half = play(max_epochs=27, max_recommendations=20)
    for _ in range(13):
        half.move()
        for number in half.active:
            half.end(number, value(number))

    resumed = Play(half.scheduler, list(half.history), list(half.moves)).run(value)

    assert as_text(resumed) == as_text(whole)


def test_the_summary_says_how_many_train_how_far() -> None:
    assert play(max_epochs=27, max_recommendations=20).scheduler.summary == (
        "20 recommendations in brackets (trials at epochs): 11 at 1 -> 3 at 3 -> 1 at 27; "
        "5 at 3 -> 1 at 27; 2 at 9 -> 1 at 27; 2 at 27"
    )
