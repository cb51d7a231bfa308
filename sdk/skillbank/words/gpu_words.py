"""GPUs in a sentence: `two GPUs` is a number of them, `GPU 0 and 1` names them."""

from __future__ import annotations

from skillbank.words.bank_words import ActionWords, Field
from skillbank.words.lexicon import CONNECTORS
from skillbank.words.matcher import Match, Said, Sentence
from skillbank.words.numbers_said import is_replaced, read_list
from skillbank.words.phrasebook import words as words_of
from skillbank.words.tokens import Kind

_ADJECTIVES = words_of("values", "adjectives")
_BEFORE = CONNECTORS | words_of("values", "gpu_before")
_COUNTS = frozenset({"=", ":", "count"})
_REACH = 3  # small words between `GPU` and its number


def read_gpus(
    words: ActionWords, sentence: Sentence, field: Field, match: Match[list[Field]]
) -> Said | None:
    """How many GPUs, or which ones, as far as the action has a setting for it."""
    section = field.key.rpartition(".")[0]
    left = match.first - 1
    while sentence.word(left) in _ADJECTIVES:
        left -= 1
    number = f"{section}.num_gpus"
    if number in words.fields and _is_count(sentence, left):
        count = int(sentence.tokens[left].value)
        return Said(f"overrides.{number}", count, left, match.end)
    at = match.end
    while at - match.end < _REACH and sentence.word(at) in _BEFORE:
        at += 1
    named = None if sentence.is_taken(at) else read_list(sentence, at)
    if named is None or f"{section}.gpu_ids" not in words.fields:
        return None
    values, end = named
    between, spoken = sentence.words(match.end, at), sentence.words(match.first, at)
    if between & _COUNTS and len(values) == 1 and not any("ids" in word for word in spoken):
        return Said(f"overrides.{number}", int(values[0]), match.first, end)
    ids = [int(value) for value in values]
    return Said(f"overrides.{section}.gpu_ids", ids, match.first, end)


def _is_count(sentence: Sentence, at: int) -> bool:
    """Whether a number that is wanted stands here."""
    is_number = sentence.kind(at) is Kind.NUMBER and not sentence.is_taken(at)
    return is_number and not is_replaced(sentence, at)
