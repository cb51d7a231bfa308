"""How much training a search will ask for."""

from __future__ import annotations

import pytest

from skillbank.automl.forecast import forecast
from skillbank.automl.history import Goal
from skillbank.automl.schedulers import TrialScheduler, make_scheduler
from skillbank.automl.settings import Algorithm, SearchSettings

LOSS = Goal("val_loss", minimize=True)


def scheduler(algorithm: Algorithm, **settings: int) -> TrialScheduler:
    made = SearchSettings(algorithm=algorithm, **settings)
    return make_scheduler(made, LOSS, 27)


def test_full_trainings_take_all_epochs_each() -> None:
    expected = forecast(scheduler(Algorithm.RANDOM, max_recommendations=5), 27, 1)

    assert (expected.recommendations, expected.epochs, expected.starts) == (5, 6 * 27, 6)


def test_promotion_takes_a_fraction_of_that() -> None:
    full = forecast(scheduler(Algorithm.RANDOM), 27, 1)
    asha = forecast(scheduler(Algorithm.ASHA), 27, 1)

    assert asha.recommendations == full.recommendations == 20
    assert asha.epochs < full.epochs / 2
    assert asha.starts > full.starts


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm_comes_to_an_end(algorithm: Algorithm) -> None:
    expected = forecast(scheduler(algorithm), 27, 4)

    assert expected.recommendations > 0
    assert expected.epochs >= 27


def test_places_share_the_work_and_the_baseline_is_the_least() -> None:
    settings = scheduler(Algorithm.RANDOM, max_recommendations=7)
    one, four, hundred = (forecast(settings, 27, places) for places in (1, 4, 100))

    assert one.seconds(10.0, 2.0) == pytest.approx(8 * 27 * 10 + 8 * 2)
    assert four.seconds(10.0, 2.0) == pytest.approx(one.seconds(10.0, 2.0) / 4)
    assert hundred.rounds_epochs == 27
