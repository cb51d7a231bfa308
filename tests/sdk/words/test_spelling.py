"""Misspelled words are taken for the nearest known one."""

from __future__ import annotations

import pytest

from skillbank.words.matcher import Sentence
from skillbank.words.spelling import Spelling

KNOWN = ["epoch", "evalu", "classifi", "skeleton", "hyperband"]


def corrected(text: str, good: tuple[str, ...] = ()) -> str:
    sentence = Sentence.of(text)
    Spelling(KNOWN, good).correct(sentence)
    return sentence.stem(0)


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("epcoh", "epoch"), ("epochh", "epoch"), ("skelton", "skeleton"), ("hyperbend", "hyperband")],
)
def test_a_word_one_slip_away_is_corrected(slip: str, meant: str) -> None:
    assert corrected(slip) == meant


@pytest.mark.parametrize("word", ["epack", "poch", "ep", "epochen"])
def test_a_word_further_away_is_left_alone(word: str) -> None:
    assert corrected(word) == Sentence.of(word).stem(0)


def test_a_wrong_letter_is_no_slip_in_a_short_word() -> None:
    assert corrected("epich") == "epich"


def test_a_word_that_somebody_knows_is_no_slip() -> None:
    assert corrected("epochh", good=("epochh",)) == "epochh"


def test_rare_words_are_asked_for_only_where_a_word_is_unknown() -> None:
    asked = []
    spelling = Spelling(KNOWN, (), lambda: asked.append(1) or {"epochh"})

    spelling.correct(Sentence.of("epoch"))
    before = len(asked)
    spelling.correct(Sentence.of("epochh"))

    assert (before, len(asked)) == (0, 1)
