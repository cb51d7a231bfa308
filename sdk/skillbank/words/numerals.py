"""Numbers as people write them: 1e-2, .01, 0,01, 1,000, thirty, dreißig, 三十."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skillbank.words.tokens import Token

_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+$")
_POWER = re.compile(r"(?:(\d+(?:\.\d+)?)\s?[x\u00d7*]\s?)?10\^(-?\d+)$")
_LONGEST = 40  # characters of a number
_SHAPE = re.compile(r"-?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?%?$")

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
    "single": 1, "couple": 2, "pair": 2, "dozen": 12,
    "eins": 1, "eine": 1, "einer": 1, "einen": 1, "einem": 1, "zwei": 2, "drei": 3, "vier": 4,
    "fünf": 5, "fuenf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "elf": 11,
    "zwölf": 12, "zwoelf": 12, "fünfzehn": 15,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60,
    "seventy": 70, "eighty": 80, "ninety": 90, "zwanzig": 20, "dreißig": 30, "dreissig": 30,
    "vierzig": 40, "fünfzig": 50, "fuenfzig": 50, "sechzig": 60, "siebzig": 70, "achtzig": 80,
    "neunzig": 90,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1000, "hundert": 100, "tausend": 1000}
_CHINESE = {
    "零": 0, "\u3007": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7,
    "八": 8, "九": 9,
}  # fmt: skip
_CHINESE_SCALES = {"十": 10, "百": 100, "千": 1000}
NUMERALS = frozenset({*_UNITS, *_TENS, *_SCALES})
"""Words in letters that are numbers, or part of one."""


def read_number(text: str) -> int | float | None:
    """The value of a number in digits; None when the text is none, or is beyond any setting.

    A comma before exactly three digits groups thousands, otherwise it is a decimal comma. A
    percent sign divides by 100.
    """
    plain = text.strip().replace("\u2212", "-")
    if len(plain) > _LONGEST:
        return None
    if power := _POWER.match(plain):
        return _finite(f"{power.group(1) or 1}e{power.group(2)}")
    if not _SHAPE.match(plain) and not _THOUSANDS.match(plain):
        return None
    is_percent = plain.endswith("%")
    digits = plain.rstrip("%")
    digits = digits.replace(",", "" if _THOUSANDS.match(digits) else ".")
    if is_percent:
        value = _finite(digits)
        return None if value is None else value / 100
    return int(digits) if re.fullmatch(r"-?\d+", digits) else _finite(digits)


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def join_numerals(
    tokens: Sequence[Token], make: Callable[[str, int, int, float], Token]
) -> list[Token]:
    """Tokens with runs of number words, and numbers with a scale (`2 hundred`), made numbers.

    Args:
        tokens: What the text was cut into.
        make: Makes a number of text, start, end and value.
    """
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        length, value = _numeral(tokens, at)
        if length:
            first, last = tokens[at], tokens[at + length - 1]
            words = " ".join(token.text for token in tokens[at : at + length])
            joined.append(make(words, first.start, last.end, value))
            at += length
        else:
            joined.append(tokens[at])
            at += 1
    return joined


def _numeral(tokens: Sequence[Token], at: int) -> tuple[int, float]:
    """How many tokens from here are one number in words, and its value."""
    words = [token.word for token in tokens[at : at + 6]]
    if words[0] in _CHINESE or words[0] in _CHINESE_SCALES:
        return _chinese(words)
    if words[0] in {"a", "an", "ein"} and words[1:2] and words[1] in {*_SCALES, "dozen"}:
        length, value = _western(["one", *words[1:]])
        return length, value
    return _western(words)


def _western(words: Sequence[str]) -> tuple[int, float]:
    total, current, length = 0, 0, 0
    for index, word in enumerate(words):
        if word in _UNITS and current % 10 == 0 and not (index and 0 < current < 20):
            current += _UNITS[word]
        elif word in _TENS and current % 100 == 0:
            current += _TENS[word]
        elif word in _SCALES and 0 < current < 100:
            current *= _SCALES[word]
        elif word == "dozen" and 0 < current < 10:
            current *= 12
        elif (
            word == "and"
            and current >= 100
            and words[index + 1 :]
            and words[index + 1] in {**_UNITS, **_TENS}
        ):
            continue
        else:
            break
        length = index + 1
    return length, total + current


def _chinese(words: Sequence[str]) -> tuple[int, float]:
    total, digit, length = 0, 0, 0
    for word in words:
        if word in _CHINESE:
            digit = _CHINESE[word]
        elif word in _CHINESE_SCALES:
            total += (digit or 1) * _CHINESE_SCALES[word]
            digit = 0
        else:
            break
        length += 1
    return length, total + digit
