"""Tokens know where they stand, and what they are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.words.tokens import Kind, stems, tokenize

KINDS = [
    ("30", Kind.NUMBER, 30),
    ("0,01", Kind.NUMBER, 0.01),
    ("1e-2", Kind.NUMBER, 0.01),
    ("/data/gym", Kind.PATH, "/data/gym"),
    ("./runs/best.pth", Kind.PATH, "./runs/best.pth"),
    ("s3://bucket/data", Kind.PATH, "s3://bucket/data"),
    (r"C:\data\gym", Kind.PATH, r"C:\data\gym"),
    ("labels.csv", Kind.PATH, "labels.csv"),
    ("train.num_epochs", Kind.KEY, "train.num_epochs"),
    ("train-2k4m9qpx", Kind.JOB, "train-2k4m9qpx"),
    ("train-njdmmtjg", Kind.JOB, "train-njdmmtjg"),  # ids are drawn, and some have no digit
    ("train.num_epochs=30", Kind.ASSIGNMENT, 30),
    ("--data /data/gym", Kind.ASSIGNMENT, "/data/gym"),
    ("epochs=thirty", Kind.ASSIGNMENT, 30),
    ("。", Kind.STOP, None),
]


@pytest.mark.parametrize(("text", "kind", "value"), KINDS)
def test_a_token_is_told_by_its_form(text: str, kind: Kind, value: object) -> None:
    (token,) = tokenize(text)

    assert (token.kind, token.value) == (kind, value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fine-tune", ["fine", "tune"]),
        ("num_epochs", ["num", "epochs"]),
        ("30epochs", ["30", "epochs"]),
        ("训练30轮", ["训", "练", "30", "轮"]),
        ("用2张卡", ["用", "2", "张", "卡"]),
        ("6-DoF", ["6", "DoF"]),
        ("e.g. this", ["e.g", "this"]),
    ],
)
def test_words_are_cut_where_people_join_them(text: str, words: list[str]) -> None:
    assert [token.text for token in tokenize(text)] == words


@pytest.mark.parametrize("quote", ['"{}"', "'{}'", "`{}`", "“{}”"])
def test_a_quoted_path_keeps_its_spaces(quote: str) -> None:
    (token,) = tokenize(quote.format("/my data/gym"))

    assert (token.kind, token.value) == (Kind.PATH, "/my data/gym")


def test_a_number_between_chinese_signs_is_a_number() -> None:
    assert [token.value for token in tokenize("训练30轮")] == [None, None, 30, None]


def test_quoted_words_stand_where_they_were_written() -> None:
    text = 'please "train it" now'

    assert [text[one.start : one.end] for one in tokenize(text)] == [
        "please",
        "train",
        "it",
        "now",
    ]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("training", "trains"),
        ("optimisation", "optimization"),
        ("Boxes", "box"),
        ("colour", "color"),
        ("the model\u2019s", "the model's"),
    ],
)
def test_forms_of_a_word_compare_equal(left: str, right: str) -> None:
    assert stems(left) == stems(right)


@given(st.text())
def test_a_token_stands_where_it_says(text: str) -> None:
    for token in tokenize(text):
        assert 0 <= token.start < token.end <= len(text)
        if token.kind is not Kind.NUMBER:  # numbers in words are joined by one space
            assert text[token.start : token.end].startswith(token.text.split(" ")[0])


@given(st.text())
def test_tokens_stand_in_order(text: str) -> None:
    tokens = tokenize(text)

    assert all(before.end <= after.start for before, after in pairwise(tokens))


@given(st.lists(st.sampled_from(["train", "a", "model", "On", "thirty", "one", "gpus"])))
def test_a_phrase_of_plain_words_has_the_stems_of_its_tokens(words: list[str]) -> None:
    phrase = " ".join(words)

    assert stems(phrase) == tuple(token.stem for token in tokenize(phrase) if token.stem)
