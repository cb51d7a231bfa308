"""Which skill a sentence is about: phrases that point to one are weighed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skillbank.words.bank_words import NAME, BankWords, Evidence
from skillbank.words.matcher import Match, Sentence
from skillbank.words.phrasebook import words as words_of

_NOT = words_of("skill_choice", "not")


@dataclass(frozen=True)
class Pointing:
    """A phrase that points to skills."""

    match: Match[Evidence]

    @property
    def first(self) -> int:
        """First token of the phrase."""
        return self.match.first

    @property
    def weight(self) -> float:
        """How much it says of the skill that it says most of."""
        return max(self.match.meaning.weights.values())

    @property
    def skill(self) -> str:
        """The skill that it says most of."""
        weights = self.match.meaning.weights
        return max(weights, key=lambda name: weights[name])


@dataclass(frozen=True)
class Choice:
    """What the phrases of a span say.

    Attributes:
        skills: The skill; several when they fit alike; none when nothing points to one.
        score: How much points to it.
    """

    skills: tuple[str, ...]
    score: float = 0.0

    @property
    def is_named(self) -> bool:
        """Tell whether one skill is named, not only hinted at."""
        return len(self.skills) == 1 and self.score >= NAME


def point(sentence: Sentence, words: BankWords) -> list[Pointing]:
    """Every phrase that points to a skill; its words are marked as pointing."""
    found = []
    for match in words.evidence.find(sentence):
        sentence.point(match.first, match.end)
        if not _is_excluded(sentence, match.first):
            found.append(Pointing(match))
    return found


def choose(pointings: Iterable[Pointing], allowed: Iterable[str], span: tuple[int, int]) -> Choice:
    """The skill among `allowed` that the phrases that begin inside a span point to."""
    scores = dict.fromkeys(allowed, 0.0)
    for pointing in pointings:
        if span[0] <= pointing.first < span[1]:
            for skill, weight in pointing.match.meaning.weights.items():
                if skill in scores:
                    scores[skill] += weight
    best = max(scores.values(), default=0.0)
    if best == 0:
        return Choice(())
    near = tuple(skill for skill, score in scores.items() if score > best / 2)
    return Choice(near, best)


def _is_excluded(sentence: Sentence, first: int) -> bool:
    """Whether a phrase names what is not meant: `not the pose one`, `instead of CenterPose`."""
    if sentence.word(first - 2) == "why":
        return False
    before = sentence.word(first - 1)
    if before in {"a", "an", "the"}:
        before = sentence.word(first - 2)
    if before == "of":
        return sentence.word(first - 2) == "instead"
    return before in _NOT
