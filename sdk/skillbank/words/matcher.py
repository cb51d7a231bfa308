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

    def of(self, phrase: str) -> Meaning | None:
        """The meaning of a phrase by itself; None when there is no such phrase."""
        return self._meanings.get(stems(phrase))

    def at(self, sentence: Sentence, first: int, *, fresh: bool = False) -> Match[Meaning] | None:
        """The longest phrase of words with no meaning yet that begins here.

        Args:
            sentence: Where to look.
            first: Its first token.
            fresh: Whether words that point to a skill are left out, too.
        """
        for length in self._lengths.get(sentence.stem(first), ()):
            end = first + length
            if end > len(sentence.tokens) or not sentence.is_open(first, end, fresh=fresh):
                continue
            key = tuple(map(sentence.stem, range(first, end)))
            if key in self._meanings:
                return Match(first, end, self._meanings[key])
        return None

    def find(
        self, sentence: Sentence, start: int = 0, end: int | None = None, *, fresh: bool = False
    ) -> Iterator[Match[Meaning]]:
        """Every phrase of words with no meaning yet, from left to right, the longest first.

        Args:
            sentence: Where to look.
            start: First token that a phrase may begin at.
            end: One past the last token that a phrase may begin at; None: the sentence's end.
            fresh: Whether words that point to a skill are left out, too.
        """
        reached = start
        for first in sentence.positions_of(self._lengths):
            if first < reached:
                continue
            if end is not None and first >= end:
                return
            match = self.at(sentence, first, fresh=fresh)
            if match:
                yield match
                reached = match.end

    def occurs(self, sentence: Sentence) -> bool:
        """Tell whether any phrase stands in a sentence, of words with no meaning yet."""
        return next(self.find(sentence), None) is not None


@dataclass
class Sentence:
    """A text in tokens, and which of them have found their meaning."""

    text: str
    tokens: list[Token]
    _taken: dict[int, str] = field(default_factory=dict)
    _pointing: set[int] = field(default_factory=set)
    _stems: list[str] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)
    _positions: dict[int, tuple[Iterable[str], list[int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Sentence:
        """Cut a text."""
        return cls(text, tokenize(text))

    def __post_init__(self) -> None:
        self._stems = [token.stem for token in self.tokens]
        self._words = [token.word for token in self.tokens]

    def __len__(self) -> int:
        return len(self.tokens)

    def stem(self, index: int) -> str:
        """Stem of a token, spelling corrected; empty when it is no word, or beyond the ends."""
        return self._stems[index] if 0 <= index < len(self._stems) else ""

    def word(self, index: int) -> str:
        """Word of a token in lower case; empty beyond the ends."""
        return self._words[index] if 0 <= index < len(self._words) else ""

    def kind(self, index: int) -> Kind | None:
        """Kind of a token; None beyond the ends."""
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else None

    def is_stop(self, index: int) -> bool:
        """Tell whether a token ends a sentence."""
        return self.kind(index) is Kind.STOP

    def utterance(self, index: int) -> tuple[int, int]:
        """First token of the utterance around a token, and one past the stop that ends it."""
        start = end = index
        while start > 0 and not self.is_stop(start - 1):
            start -= 1
        while end < len(self) and not self.is_stop(end):
            end += 1
        return start, min(end + 1, len(self))

    def is_one_utterance(self, one: int, other: int) -> bool:
        """Tell whether no stop stands between two tokens."""
        return not any(map(self.is_stop, range(min(one, other), max(one, other))))

    def words(self, first: int = 0, end: int | None = None) -> set[str]:
        """The words of some tokens, whatever of them lies inside the sentence."""
        return set(self._words[max(first, 0) : None if end is None else max(end, 0)])

    def words_before(self, index: int, count: int = 2) -> set[str]:
        """The words of the tokens before one; an empty word stands for what is not there."""
        return {self.word(index - step) for step in range(1, count + 1)}

    def of_kind(self, kind: Kind) -> list[int]:
        """Tokens of a kind, in order."""
        return [index for index, token in enumerate(self.tokens) if token.kind is kind]

    def positions_of(self, heads: Iterable[str]) -> list[int]:
        """Tokens whose stem is one of `heads`, in order; looked up once for each `heads`."""
        known = self._positions.get(id(heads))
        if known is None:  # the entry keeps `heads` alive, so that its id stays its own
            found = [index for index, stem in enumerate(self._stems) if stem in heads]
            known = self._positions[id(heads)] = (heads, found)
        return known[1]

    def correct(self, index: int, stem: str) -> None:
        """Take a misspelled word for another."""
        self._stems[index] = stem
        self._positions.clear()

    def is_taken(self, index: int) -> bool:
        """Tell whether a token has found its meaning."""
        return index in self._taken

    def is_open(self, first: int, end: int, *, fresh: bool = False) -> bool:
        """Tell whether no token of a run has a meaning yet, or (fresh) points to a skill."""
        run = range(first, end)
        if not self._taken.keys().isdisjoint(run):
            return False
        return not fresh or self._pointing.isdisjoint(run)

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

    def span(self, first: int, end: int) -> tuple[int, int]:
        """Where the words of some tokens stand in the text."""
        return self.tokens[first].start, self.tokens[end - 1].end
