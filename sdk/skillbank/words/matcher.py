"""Find phrases in a sentence, and remember which words have found their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from skillbank.words.tokens import Kind, Token, stems, tokenize

Meaning = TypeVar("Meaning")


@dataclass(frozen=True)
class Match(Generic[Meaning]):
    """A phrase found: tokens `first` up to, not including, `end`."""

    first: int
    end: int
    meaning: Meaning


@dataclass(frozen=True)
class Said:
    """Something that the sentence says.

    Attributes:
        slot: What it is about: `data.all`, `policy`, `overrides.train.num_epochs`, ...
        value: What it says.
        first: First token of the words.
        end: One past the last.
    """

    slot: str
    value: Any
    first: int
    end: int


class Phrases(Generic[Meaning]):
    """Phrases with their meanings; compared by the stems of their words."""

    def __init__(self, phrases: Iterable[tuple[str, Meaning]] = ()) -> None:
        self._meanings: dict[tuple[str, ...], Meaning] = {}
        self._lengths: dict[str, list[int]] = {}
        for phrase, meaning in phrases:
            self.add(phrase, meaning)

    @classmethod
    def plain(cls, phrases: Iterable[str]) -> Phrases[bool]:
        """Phrases that all mean the same."""
        return Phrases((phrase, True) for phrase in phrases)

    def add(self, phrase: str, meaning: Meaning) -> None:
        """Add a phrase; one that is known keeps its first meaning."""
        key = stems(phrase)
        if not key or key in self._meanings:
            return
        self._meanings[key] = meaning
        lengths = self._lengths.setdefault(key[0], [])
        if len(key) not in lengths:
            lengths.append(len(key))
            lengths.sort(reverse=True)

    @property
    def words(self) -> set[str]:
        """Every stem of every phrase."""
        return {word for key in self._meanings for word in key}

    def at(self, sentence: Sentence, first: int, *, fresh: bool = False) -> Match[Meaning] | None:
        """The longest phrase of words with no meaning yet that begins here.

        Args:
            sentence: Where to look.
            first: Its first token.
            fresh: Whether words that point to a skill are left out, too.
        """
        for length in self._lengths.get(sentence.stem(first), ()):
            end = first + length
            if end > len(sentence.tokens) or any(map(sentence.is_taken, range(first, end))):
                continue
            if fresh and any(map(sentence.points, range(first, end))):
                continue
            key = tuple(sentence.stem(index) for index in range(first, end))
            if key in self._meanings:
                return Match(first, end, self._meanings[key])
        return None

    def find(self, sentence: Sentence, *, fresh: bool = False) -> Iterator[Match[Meaning]]:
        """Every phrase of words with no meaning yet, from left to right, the longest first."""
        first = 0
        while first < len(sentence.tokens):
            match = self.at(sentence, first, fresh=fresh)
            if match:
                yield match
            first = match.end if match else first + 1


@dataclass
class Sentence:
    """A text in tokens, and which of them have found their meaning."""

    text: str
    tokens: list[Token]
    _taken: dict[int, str] = field(default_factory=dict)
    _corrected: dict[int, str] = field(default_factory=dict)
    _pointing: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, text: str) -> Sentence:
        """Cut a text."""
        return cls(text, tokenize(text))

    def stem(self, index: int) -> str:
        """Stem of a token, spelling corrected; empty when it is no word."""
        if not 0 <= index < len(self.tokens):
            return ""
        return self._corrected.get(index) or self.tokens[index].stem

    def word(self, index: int) -> str:
        """Word of a token in lower case; empty beyond the ends."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def kind(self, index: int) -> Kind | None:
        """Kind of a token; None beyond the ends."""
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else None

    def correct(self, index: int, stem: str) -> None:
        """Take a misspelled word for another."""
        self._corrected[index] = stem

    def is_taken(self, index: int) -> bool:
        """Tell whether a token has found its meaning."""
        return index in self._taken

    def take(self, first: int, end: int, meaning: str) -> None:
        """Mark tokens as understood."""
        for index in range(first, end):
            self._taken[index] = meaning

    def point(self, first: int, end: int) -> None:
        """Mark tokens as pointing to a skill; they may still say something else as well."""
        self._pointing.update(range(first, end))

    def points(self, index: int) -> bool:
        """Tell whether a token points to a skill."""
        return index in self._pointing

    def meaning(self, index: int) -> str:
        """What a token was taken for; empty when for nothing yet."""
        return self._taken.get(index, "")

    def free(self) -> Iterator[int]:
        """Tokens with no meaning yet."""
        known = self._taken.keys() | self._pointing
        return (index for index in range(len(self.tokens)) if index not in known)

    def is_word(self, index: int, *words: str) -> bool:
        """Tell whether a token is one of these words as written, or one of these stems."""
        return self.word(index) in words or (bool(self.stem(index)) and self.stem(index) in words)

    def span(self, first: int, end: int) -> tuple[int, int]:
        """Where the words of some tokens stand in the text."""
        return self.tokens[first].start, self.tokens[end - 1].end
