"""Metric and direction of a search."""

from __future__ import annotations

import pytest

from skillbank.automl.goals import read_goals
from skillbank.automl.history import Goal
from skillbank.automl.settings import read_search_settings
from skillbank.errors import RequestInvalid


def goals(**settings: object) -> tuple[Goal, ...]:
    return read_goals(read_search_settings(settings), "val_loss", "minimize")


def test_the_skills_own_metric_is_the_default() -> None:
    assert goals() == (Goal("val_loss", minimize=True),)


def test_the_skills_own_direction_beats_the_name_of_its_metric() -> None:
    settings = read_search_settings({"metric": "odd_loss"})

    assert read_goals(settings, "odd_loss", "maximize") == (Goal("odd_loss", minimize=False),)


@pytest.mark.parametrize(
    ("metric", "minimize"),
    [
        ("val_acc", False),
        ("mAP50", False),
        ("train_loss", True),
        ("latency_ms", True),
        ("num_parameters", True),
        ("word error rate", True),
        ("WER", True),
        ("checkpoint_bytes", True),
        ("val_3DIoU", False),
    ],
)
def test_a_direction_is_guessed_from_the_metrics_name(metric: str, *, minimize: bool) -> None:
    assert goals(metric=metric) == (Goal(metric, minimize=minimize),)


def test_an_explicit_direction_wins() -> None:
    assert goals(metric="val_loss", direction="maximize") == (Goal("val_loss", minimize=False),)


def test_several_metrics_give_several_goals_in_their_order() -> None:
    assert goals(metric="val_acc, latency_ms") == (
        Goal("val_acc", minimize=False),
        Goal("latency_ms", minimize=True),
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"direction": "up"}, "'up' is no direction"),
        ({"direction": "minimise please"}, "is no direction; did you mean 'minimise'"),
        ({"metric": "a, b", "direction": "minimize"}, "1 directions for 2 metrics"),
        ({"metric": "a, a"}, "names a metric twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, str], told: str) -> None:
    with pytest.raises(RequestInvalid, match=told):
        goals(**settings)
