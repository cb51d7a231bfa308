"""What people ask for that no bank of vision training does, so that it is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind

_BEFORE_VERBS = words("foreign", "before_verbs")


class Foreign(Enum):
    """What is not here; the value names its phrases. The first kind that has a phrase counts."""

    DEED = "deeds"
    PLATFORM = "platforms"
    FORMAT = "formats"
    TIME = "times"
    TASK = "tasks"
    NETWORK = "networks"


class ForeignWords:
    """Finds what is not here."""

    def __init__(self) -> None:
        self._phrases = Phrases(
            (phrase, (what, phrase))
            for what in Foreign
            for phrase in phrases("foreign", what.value)
        )
        self.words = self._phrases.words

    def find(self, sentence: Sentence) -> Iterator[Match[tuple[Foreign, str]]]:
        """Everything foreign: its kind, and the phrase for it.

        A single word counts only as it stands here: `recorded` is no `record`.
        """
        for match in self._phrases.find(sentence, fresh=True):
            if match.end - match.first > 1 or _counts_alone(sentence, match):
                yield match


def _counts_alone(sentence: Sentence, match: Match[tuple[Foreign, str]]) -> bool:
    """Whether one word says it; `daily exercises` are no schedule."""
    what, phrase = match.meaning
    word = sentence.word(match.first)
    if not phrase.isascii():
        return True
    if what is Foreign.TIME:
        return word == phrase and sentence.kind(match.end) is not Kind.WORD
    is_counted = what is Foreign.TASK and sentence.kind(match.first - 1) is Kind.NUMBER
    if is_counted or word.endswith("ed"):  # `ten segments` are no segmentation
        return False
    return what is not Foreign.DEED or _heads_a_clause(sentence, match.first)


def _heads_a_clause(sentence: Sentence, index: int) -> bool:
    """Whether a verb stands where an imperative does."""
    before = sentence.word(index - 1)
    return index == 0 or sentence.kind(index - 1) is not Kind.WORD or before in _BEFORE_VERBS
