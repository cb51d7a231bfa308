"""Numbers in a row, and numbers that are only named to say that another is wanted."""

from __future__ import annotations

from typing import Any

from skillbank.words.matcher import Sentence
from skillbank.words.phrasebook import words
from skillbank.words.tokens import Kind, Token

_REPLACED = words("values", "replaced")
_JOINS = words("values", "list_joins")


def is_replaced(sentence: Sentence, at: int) -> bool:
    """Tell whether a value is one that is not wanted: `8, not 16`, `30 instead of 10`."""
    before = sentence.word(at - 1)
    if before == "of":
        return sentence.word(at - 2) == "instead"
    return before in _REPLACED


def read_list(sentence: Sentence, at: int) -> tuple[list[Any], int] | None:
    """Numbers in a row, and where the row ends: `10 and 60`, `[10, 60]`, `0,1`."""
    values: list[Any] = []
    last = end = at
    for index in range(at, len(sentence)):
        token = sentence.tokens[index]
        if token.kind is Kind.NUMBER:
            values += _numbers(token)
        elif token.word not in _JOINS or not (values or token.word == "["):
            break
        last = index + 1
        end = last if token.kind is Kind.NUMBER or token.word == "]" else end
    return (values, end) if values else None


def _numbers(token: Token) -> list[Any]:
    """The numbers of a token; what was read as a decimal comma is a list here."""
    if "," not in token.text:
        return [token.value]
    return [int(part) for part in token.text.split(",") if part.isdigit()]
