from __future__ import annotations

from dataclasses import replace

from tests.sdk.automl.schedulers.playing import ACCURACY, BASELINE, Play, scheduler_of

from skillbank.automl.history import Promote, Start, TrialState


def play(num_epochs: int = 30, **settings: object) -> Play:
    return Play(scheduler_of("pbt", num_epochs, **settings))  # type: ignore[arg-type]


def test_the_baseline_comes_first_and_trains_to_the_end() -> None:
    scheduler = scheduler_of("pbt", 30)

    assert scheduler.next_move([]) == Start(30)
    assert scheduler.is_last(BASELINE)


def test_the_worst_fifth_gives_way_to_copies_of_the_best_before_anybody_goes_on() -> None:
    search = play(population_size=10, eval_interval=10)
    for _ in range(10):
        assert search.move() == Start(10)
    for number in range(1, 11):
        search.end(number, float(number))

    assert search.move() == Start(20, parent=1, generation=1)
    assert search.move() == Start(20, parent=2, generation=1)
    assert [search.move() for _ in range(8)] == [Promote(n, 20) for n in range(1, 9)]
    assert search.move() is None
    assert search.scheduler.never_again(search.history) == [9, 10]


def test_a_larger_metric_is_copied_where_the_goal_says_so() -> None:
    search = Play(scheduler_of("pbt", 20, ACCURACY, population_size=2))
    search.run(float)

    assert search.starts[2] == Start(20, parent=2, generation=1)


def test_all_members_train_to_the_end_and_never_beyond() -> None:
    search = play(25, population_size=5, eval_interval=10)

    search.run(float)

    assert {s.epochs for s in search.starts} == {10, 20, 25}
    assert max(t.epochs for t in search.history[1:]) == 25
    assert len(search.in_state(TrialState.COMPLETE)) == 5
    assert len(search.starts) == search.scheduler.max_starts == 7


def test_there_are_at_most_so_many_generations() -> None:
    search = play(100, population_size=5, eval_interval=10, max_generations=3)

    search.run(float)

    assert max(t.generation for t in search.history) == 2
    assert max(t.epochs for t in search.history[1:]) == 30
    assert len(search.in_state(TrialState.COMPLETE)) == 5


def test_an_interval_that_leaves_no_exploit_step_is_cut_in_two() -> None:
    search = play(8, population_size=5, eval_interval=10)

    search.run(float)

    assert {s.epochs for s in search.starts} == {4, 8}


def test_one_epoch_is_one_generation() -> None:
    search = play(1, population_size=3)

    search.run(float)

    assert search.moves == [Start(1)] * 3


def test_the_newest_value_decides_not_the_best_one() -> None:
    search = play(20, population_size=2)
    for _ in range(2):
        search.move()
    search.history[1] = search.history[1].__class__(
        1, {}, TrialState.PAUSED, {5: 0.1, 10: 0.9}, epochs=10
    )
    search.end(2, 0.5)

    assert search.move() == Start(20, parent=2, generation=1)


def test_copies_replace_members_that_failed() -> None:
    search = play(20, population_size=5)

    search.run(lambda number: None if number <= 3 else float(number))

    # Members 4 and 5 are left: both go on, three places are filled with copies of the best one.
    assert search.starts[5:] == [Start(20, parent=4, generation=1)] * 3
    assert [p.number for p in search.promotions] == [4, 5]


def test_a_population_that_failed_altogether_ends_the_search() -> None:
    search = play(30, population_size=4).run(lambda _number: None)

    assert len(search.starts) == 4


def test_a_copy_that_fails_is_replaced_one_generation_later() -> None:
    search = play(30, population_size=5)

    search.run(lambda number: None if number == 6 else float(number))

    assert [s.parent for s in search.starts[5:]] == [1, 1]
    assert len(search.in_state(TrialState.COMPLETE)) == 5


def test_a_population_that_is_never_measured_still_trains_to_the_end() -> None:
    silent = play(30, population_size=5)
    while silent.move() is not None:
        for number in silent.active:
            trial = silent.history[number]
            state = TrialState.COMPLETE if trial.epochs == 30 else TrialState.PAUSED
            silent.history[number] = replace(trial, state=state)

    assert len(silent.in_state(TrialState.COMPLETE)) == 5
