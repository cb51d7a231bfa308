"""Numbers as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.words.numerals import read_number
from skillbank.words.tokens import Kind, tokenize


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30", 30),
        ("-5", -5),
        (".01", 0.01),
        ("0,01", 0.01),
        ("1,000", 1000),
        ("1,000,000", 1000000),
        ("50%", 0.5),
        ("1e-2", 0.01),
        ("10^-3", 0.001),
        ("2 x 10^-4", 0.0002),
        ("2 \u00d7 10^3", 2000.0),
        ("\u22125", -5),
        ("words", None),
        ("1e999", None),
        ("10^999", None),
        ("9" * 5000, None),
    ],
)
def test_a_number_in_digits_has_its_value(text: str, value: float | None) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("thirty", 30),
        ("twenty five", 25),
        ("twenty-five", 25),
        ("two hundred", 200),
        ("one hundred and fifty", 150),
        ("a hundred", 100),
        ("two dozen", 24),
        ("dreißig", 30),
        ("fünf", 5),
        ("三十", 30),
        ("两百", 200),
        ("一百二十", 120),
    ],
)
def test_a_number_in_words_is_one_token(words: str, value: int) -> None:
    (token,) = tokenize(words)

    assert (token.kind, token.value) == (Kind.NUMBER, value)


@given(st.integers(-(10**9), 10**9))
def test_digits_are_read_as_they_are_written(value: int) -> None:
    assert read_number(str(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_decimals_are_read_as_they_are_written(value: float) -> None:
    assert read_number(repr(value)) == value
