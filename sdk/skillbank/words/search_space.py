"""What a search is to vary: `tune only the learning rate`, `dropout between 0.1 and 0.5`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skillbank.route import SEARCHED_ACTION
from skillbank.words.bank_words import ActionWords, Field
from skillbank.words.matcher import Match, Said, Sentence
from skillbank.words.phrasebook import words as words_of
from skillbank.words.tokens import Kind

_ONLY = words_of("values", "only")
_SEARCHES = words_of("values", "searches")
_BETWEEN_NAMES = words_of("values", "between_names")
_RANGE_BEFORE = words_of("values", "range_before")
_RANGE_OPENS = words_of("values", "range_opens")
_RANGE_JOINS = words_of("values", "range_joins")


def read_searched(words: ActionWords, sentence: Sentence, span: tuple[int, int]) -> list[Said]:
    """The only settings to search, when a sentence names them inside a span."""
    if words.action != SEARCHED_ACTION:
        return []
    for index in range(span[0], min(span[1], len(sentence))):
        if sentence.word(index) not in _ONLY:
            continue
        near = {sentence.stem(index + step) for step in (-2, -1, 1)}
        keys, end = _names_from(words, sentence, index + 1) if near & _SEARCHES else ([], 0)
        if keys:
            sentence.take(index, end, "automl.parameters")
            return [Said("automl.parameters", keys, index, end)]
    return []


def read_ranges(
    words: ActionWords, sentence: Sentence, names: Sequence[Match[list[Field]]]
) -> list[Said]:
    """Where to search, of the settings that are named; all ranges are one setting of the search."""
    if words.action != SEARCHED_ACTION:
        return []
    ranges: dict[str, dict[str, Any]] = {}
    first, end = 0, 0
    for match in names:
        at = match.end
        while sentence.word(at) in _RANGE_BEFORE:
            at += 1
        if _is_range(sentence, at):
            low, high = sentence.tokens[at + 1].value, sentence.tokens[at + 3].value
            ranges[match.meaning[0].key] = {"valid_min": low, "valid_max": high}
            sentence.take(match.first, at + 4, "automl.custom_param_ranges")
            first, end = (first or match.first), at + 4
    return [Said("automl.custom_param_ranges", ranges, first, end)] if ranges else []


def _names_from(words: ActionWords, sentence: Sentence, at: int) -> tuple[list[str], int]:
    """Settings named in a row, and where the row ends."""
    keys: list[str] = []
    end = at
    while at < len(sentence):
        field, after = _name_at(words, sentence, at)
        if field is not None:
            keys.append(field.key)
            end = after
        elif sentence.word(at) not in _BETWEEN_NAMES:
            break
        at = after
    return keys, end


def _name_at(words: ActionWords, sentence: Sentence, at: int) -> tuple[Field | None, int]:
    """The setting that is named here, and where its name ends."""
    if sentence.kind(at) is Kind.KEY and (field := words.find(sentence.tokens[at].text)):
        return field, at + 1
    match = words.names.at(sentence, at)
    return (match.meaning[0], match.end) if match else (None, at + 1)


def _is_range(sentence: Sentence, at: int) -> bool:
    """Whether `between 0.1 and 0.5` stands here."""
    kinds = [sentence.kind(at + 1), sentence.kind(at + 3)]
    if sentence.word(at) not in _RANGE_OPENS or sentence.word(at + 2) not in _RANGE_JOINS:
        return False
    return kinds == [Kind.NUMBER, Kind.NUMBER]
