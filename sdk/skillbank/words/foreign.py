"""What people ask for that no bank of vision training does, so that it is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind


class Foreign(Enum):
    """What is not here."""

    NETWORK = "network"
    TASK = "task"
    DEED = "deed"
    PLATFORM = "platform"
    FORMAT = "format"
    TIME = "time"


_NETWORKS = phrases("foreign", "networks")
_TASKS = phrases("foreign", "tasks")
_DEEDS = phrases("foreign", "deeds")
_PLATFORMS = phrases("foreign", "platforms")

_FORMATS = phrases("foreign", "formats")
_TIMES = phrases("foreign", "times")

_BEFORE_VERBS = words("foreign", "before_verbs")

FOREIGN = Phrases[tuple[Foreign, str]](
    (phrase, (what, phrase))
    for what, table in (
        (Foreign.DEED, _DEEDS),
        (Foreign.PLATFORM, _PLATFORMS),
        (Foreign.FORMAT, _FORMATS),
        (Foreign.TIME, _TIMES),
        (Foreign.TASK, _TASKS),
        (Foreign.NETWORK, _NETWORKS),
    )
    for phrase in table
)


def find_foreign(sentence: Sentence) -> Iterator[Match[tuple[Foreign, str]]]:
    """Everything foreign; a single word counts only as it stands here: `recorded` is no `record`."""
    for match in FOREIGN.find(sentence, fresh=True):
        if match.end - match.first > 1 or _counts_alone(sentence, match):
            yield match


def _counts_alone(sentence: Sentence, match: Match[tuple[Foreign, str]]) -> bool:
    """Whether one word says it: `recorded` is no `record`, `daily exercises` are no schedule."""
    what, phrase = match.meaning
    word = sentence.word(match.first)
    if not phrase.isascii():
        return True
    if what is Foreign.TIME:
        return word == phrase and sentence.kind(match.end) is not Kind.WORD
    if word.endswith("ed"):
        return False
    return what is not Foreign.DEED or _heads_a_clause(sentence, match.first)


def _heads_a_clause(sentence: Sentence, index: int) -> bool:
    """Whether a verb stands where an imperative does."""
    before = sentence.word(index - 1)
    return index == 0 or sentence.kind(index - 1) is not Kind.WORD or before in _BEFORE_VERBS
