"""Settings of a search."""

from __future__ import annotations

import pytest

from skillbank.words.matcher import Sentence
from skillbank.words.searches import SearchWords

WORDS = SearchWords()


@pytest.mark.parametrize(
    ("text", "setting", "value"),
    [
        ("20 trials", "max_recommendations", 20),
        ("trials: 20", "max_recommendations", 20),
        ("not more than 20 trials", "max_recommendations", 20),
        ("20个试验", "max_recommendations", 20),
        ("4 at a time", "max_concurrent", 4),
        ("one after the other", "max_concurrent", 1),
        ("one after another", "max_concurrent", 1),
        ("with ASHA", "algorithm", "asha"),
        ("Bayesian optimization", "algorithm", "bayesian"),
        ("at most 2 hours", "time_budget_s", 7200),
        ("for half an hour", "time_budget_s", 1800),
        ("最多2小时", "time_budget_s", 7200),
        ("höchstens 90 Minuten", "time_budget_s", 5400),
        ("maximize the validation accuracy", "metric", "val_acc"),
        ("5 epochs per trial", "max_epochs", 5),
    ],
)
def test_a_setting_of_a_search_is_read(text: str, setting: str, value: object) -> None:
    (said,) = WORDS.read(Sentence.of(text))

    assert (said.slot, said.value) == (f"automl.{setting}", value)


@pytest.mark.parametrize(
    "text", ["not 20 trials", "a clip of 2 hours", "20 epochs", "without ASHA"]
)
def test_other_words_are_no_setting_of_a_search(text: str) -> None:
    assert WORDS.read(Sentence.of(text)) == []
