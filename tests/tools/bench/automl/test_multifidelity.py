"""The bench of schedulers counts what it says it counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.automl.curves import (
    EPOCHS,
    FAMILIES,
    LR,
    MOMENTUM,
    OPTIMIZER,
    RandomDraw,
    losses,
    optimum,
    rank_correlations,
)
from bench.automl.multifidelity import (
    CONTESTANTS,
    PLAIN,
    RESULTS,
    WANTED_RATIO,
    Contestant,
    Line,
    search_one,
    write_line,
)
from bench.automl.simulator import (
    Bench,
    Incumbent,
    RandomProposer,
    Simulation,
    run_plain_hyperband,
)
from skillbank.automl.domains import Raw
from skillbank.automl.history import TrialState
from skillbank.automl.schedulers import make_scheduler
from skillbank.automl.settings import Algorithm, SearchSettings


def simulate(
    algorithm: str, budget: int = 10**6, num_workers: int = 1, **settings: object
) -> Simulation:
    problem = FAMILIES["takeoff"](3)
    asked = SearchSettings(algorithm=Algorithm(algorithm), max_epochs=EPOCHS, **settings)  # type: ignore[arg-type]
    simulation = Simulation(
        Bench(problem, 3),
        make_scheduler(asked, problem.goal, EPOCHS),
        RandomProposer(problem, 3),
        budget,
        num_workers,
    )
    simulation.run()
    return simulation


def random_points(family: str, num: int) -> list[Mapping[str, Raw]]:
    problem = FAMILIES[family](0)
    draw = RandomDraw(np.random.default_rng(0))
    return [problem.space.suggest(draw) for _ in range(num)]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_early_ranks_say_little_about_the_last_one(family: str) -> None:
    early = rank_correlations(FAMILIES[family](0), num_points=200)

    assert abs(early[1]) < 0.45
    assert early[27] > max(early[1], 0.5)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_no_point_is_better_than_the_optimum(family: str) -> None:
    problem = FAMILIES[family](0)
    best = optimum(problem, num_points=300, num_steps=600)

    assert all(
        np.nanmin(losses(problem, p), initial=9.0) > best for p in random_points(family, 200)
    )


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_point_and_a_seed_always_give_the_same_curve(family: str) -> None:
    point = random_points(family, 1)[0]

    once, again = (FAMILIES[family](5).curve(point) for _ in range(2))

    assert np.array_equal(once, again, equal_nan=True)
    assert not np.array_equal(once, FAMILIES[family](6).curve(point), equal_nan=True)


def test_some_points_diverge_in_the_second_family_alone() -> None:
    shares = {
        family: np.mean([np.isnan(FAMILIES[family](0).curve(p)).any() for p in points])
        for family, points in ((f, random_points(f, 300)) for f in FAMILIES)
    }

    assert shares["crossing"] == 0
    assert 0.02 < shares["takeoff"] < 0.2


def test_momentum_matters_only_with_its_optimizer() -> None:
    points = random_points("takeoff", 50)

    assert all((MOMENTUM.drawn_name in p) == (p[OPTIMIZER.name] == "sgd") for p in points)
    assert all(LR.drawn_name in p for p in points)


def test_every_trained_epoch_is_counted_once_and_a_promotion_trains_only_the_rest() -> None:
    search = simulate("hyperband", max_recommendations=30)

    trained = sum(t.trained_epochs for t in search.history)
    failed = sum(t.state is TrialState.FAILED for t in search.history[1:])
    assert (
        search.bench.spent == trained + failed
    )  # the epoch in which a trial diverges has no value
    assert failed > 0


@pytest.mark.parametrize("algorithm", ["asha", "hyperband", "pbt", "bayesian"])
def test_several_workers_train_trials_of_their_own(algorithm: str) -> None:
    search = simulate(algorithm, num_workers=4, max_recommendations=12)

    assert all(t.state.is_final or t.state is TrialState.PAUSED for t in search.history)
    assert search.bench.spent <= sum(t.epochs for t in search.history)


def test_a_copy_goes_on_where_its_parent_stood() -> None:
    search = simulate("pbt", population_size=5)

    copies = [t for t in search.history if t.parent is not None and t.values]
    assert copies
    assert all(min(t.values) > 10 for t in copies)


def test_the_budget_ends_a_search() -> None:
    assert simulate("random", budget=100).bench.spent == 100


def test_plain_hyperband_trains_each_rung_anew() -> None:
    bench = run_plain_hyperband(Bench(FAMILIES["crossing"](0), 0), budget=405)

    # The first bracket: 81 + 27 * 3 + 9 * 9 + 3 * 27 + 81 epochs, so that the last is a full one.
    assert bench.spent == 405
    assert bench.curves(1, random_points("crossing", 1)[0])[0].shape == (EPOCHS,)


def test_plain_hyperbands_trials_are_its_points_however_often_each_trains_anew() -> None:
    # 81 points of one epoch begin the first bracket of 405 epochs, 34 of three the second of 363,
    # 15 of nine the third of 270.
    budgets = {40: 40, 405: 81, 406: 82, 405 + 34 * 3: 115, 405 + 363 + 15 * 9: 130}
    benches = [Bench(FAMILIES["crossing"](0), 0) for _ in budgets]

    counted = [run_plain_hyperband(b, n).num_trials for b, n in zip(benches, budgets, strict=True)]

    assert counted == list(budgets.values())


def test_every_contestant_tells_its_trials_as_plain_hyperband_does() -> None:
    of_plain, of_random = (
        search_one((contestant, "crossing", 1))
        for contestant in (Contestant(PLAIN, None), Contestant("random", Algorithm.RANDOM))
    )

    assert of_plain.num_trials == 81 + 34 + 15
    assert of_random.num_trials == -(-999 // EPOCHS)


@pytest.mark.parametrize("trains_baseline", [False, True])
def test_a_search_counts_each_point_once_and_the_baseline_never(trains_baseline: bool) -> None:
    problem = FAMILIES["crossing"](0)
    asked = SearchSettings(algorithm=Algorithm.HYPERBAND, max_epochs=EPOCHS, max_recommendations=30)
    search = Simulation(
        Bench(problem, 0),
        make_scheduler(asked, problem.goal, EPOCHS),
        RandomProposer(problem, 0),
        budget=10**6,
        trains_baseline=trains_baseline,
    )

    bench = search.run()

    assert bench.num_trials == len(search.history) - 1 == 30
    assert bench.spent > sum(t.trained_epochs > 0 for t in search.history[1:])


def test_what_would_be_taken_is_the_best_measured_and_its_loss_is_the_true_one() -> None:
    incumbent = Incumbent()
    incumbent.offer(1, measured=0.5, true=0.6)
    incumbent.offer(3, measured=0.7, true=0.1)
    incumbent.offer(4, measured=0.4, true=0.45)

    assert [incumbent.loss_after(n) for n in range(5)] == [float("inf"), 0.6, 0.6, 0.6, 0.45]


def test_contestants_differ_in_name_and_repeat_themselves() -> None:
    # Takes a second or two: two whole searches of 999 epochs.
    names = [c.name for c in CONTESTANTS]
    assert len(set(names)) == len(names)
    assert names[0] == PLAIN

    asha = Contestant("asha, random points", Algorithm.ASHA, "random")
    tracks = [asha.run(FAMILIES["crossing"](1), 1).incumbent.track for _ in range(2)]
    assert tracks[0] == tracks[1]
    assert all(early[0] < late[0] for early, late in pairwise(tracks[0]))


def test_a_line_replaces_the_older_one_of_its_family_and_name(tmp_path: Path) -> None:
    lines = [
        Line("crossing", name, 30, {999: regret}, {999: 1.0}, None, 3.0, 0.1)
        for name, regret in (("asha", 0.5), ("bohb", 0.4), ("asha", 0.3))
    ]

    for line in lines:
        write_line(tmp_path / "found.json", line)

    rows = json.loads((tmp_path / "found.json").read_text("utf-8"))["lines"]
    assert [(row["name"], row["regret"]["999"]) for row in rows] == [("asha", 0.3), ("bohb", 0.4)]


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("name", ["asha", "hyperband", "bohb"])
def test_the_written_figures_reach_what_is_wanted(family: str, name: str) -> None:
    rows = json.loads(RESULTS.read_text("utf-8"))["lines"]
    row = next(r for r in rows if (r["family"], r["name"]) == (family, name))

    assert row["seeds"] >= 30
    assert row["ratio"]["999"] <= WANTED_RATIO
    assert row["reaches_plain_999_after"] <= 600


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_written_figures_have_every_contestant_and_trials_of_each(family: str) -> None:
    rows = json.loads(RESULTS.read_text("utf-8"))["lines"]
    trials = {row["name"]: row["trials"] for row in rows if row["family"] == family}

    assert list(trials) == [c.name for c in CONTESTANTS]
    assert min(trials.values()) > 0
