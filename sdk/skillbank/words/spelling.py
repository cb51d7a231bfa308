"""Misspelled words: epcohs, clasifier, trian.

A slip is one of Damerau's four (F. Damerau, "A technique for computer detection and correction of
spelling errors", 1964): a letter too many, left out, wrong, or swapped with its neighbour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property

from skillbank.words.matcher import Sentence
from skillbank.words.stemming import stem_of
from skillbank.words.tokens import Kind, Token

_SHORTEST = 5  # shorter words are taken as they are: too many others are one slip away
_SHORTEST_REPLACED = 8  # from here on a wrong letter counts as a slip, too


class Spelling:
    """Corrects words that nobody knows to known ones that are one slip away.

    Args:
        known: Stems that a word may be corrected to.
        good: Further stems that are no misspelling of another.
        rare: Makes still more of them; asked for when a word is none of the others.
    """

    def __init__(
        self,
        known: Iterable[str],
        good: Iterable[str],
        rare: Callable[[], AbstractSet[str]] = frozenset,
    ) -> None:
        self._known = frozenset(known)
        self._good = frozenset(good) | self._known
        self._make_rare = rare

    def knows(self, stem: str) -> bool:
        """Tell whether a stem is one of a word that somebody knows."""
        return stem in self._good or stem in self._rare

    def correct(self, sentence: Sentence) -> None:
        """Correct a sentence's words in place; their text stays as it was written."""
        for index, token in enumerate(sentence.tokens):
            if not self._is_unknown(token):
                continue
            found = self._nearest(token.stem) or self._nearest(stem_of(_undoubled(token.word)))
            if found:
                sentence.correct(index, found)

    def _is_unknown(self, token: Token) -> bool:
        if token.kind is not Kind.WORD or len(token.word) < _SHORTEST:
            return False
        if not token.word.isalpha() or not token.word.isascii():
            return False
        return not self.knows(token.stem)

    def _nearest(self, word: str) -> str | None:
        if self.knows(word):
            return word
        near = {
            known
            for form in _shortened(word)
            for known in self._near.get(form, ())
            if known[0] == word[0] and _is_slip(word, known)
        }
        return min(near, key=lambda known: (abs(len(known) - len(word)), known), default=None)

    @cached_property
    def _rare(self) -> AbstractSet[str]:
        return self._make_rare()

    @cached_property
    def _near(self) -> Mapping[str, list[str]]:
        """Known words by what is left of them without one letter."""
        near: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._known):
            if len(word) >= _SHORTEST - 1 and word.isascii() and word.isalpha():
                for form in _shortened(word):
                    near[form].append(word)
        return near


def _shortened(word: str) -> set[str]:
    """A word, and what is left of it without one letter."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _undoubled(word: str) -> str:
    """A word with each letter that is written twice written once."""
    return "".join(c for i, c in enumerate(word) if not i or c != word[i - 1])


def _is_slip(word: str, known: str) -> bool:
    """Whether two words that are equal without one letter each are one slip apart."""
    if len(word) != len(known):
        return abs(len(word) - len(known)) == 1
    differing = [i for i in range(len(word)) if word[i] != known[i]]
    if len(differing) == 1:
        return len(word) >= _SHORTEST_REPLACED
    if len(differing) != 2 or differing[1] != differing[0] + 1:
        return False
    first, second = differing
    return word[first] == known[second] and word[second] == known[first]
