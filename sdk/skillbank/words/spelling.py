"""Misspelled words: epcohs, clasifier, trian."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from skillbank.words.matcher import Sentence
from skillbank.words.tokens import Kind, stem_of

_SHORTEST = 5


class Spelling:
    """Corrects words that nobody knows to known ones that are one slip away.

    A slip is a letter left out, doubled or too many, or two letters swapped; in words of eight
    letters or more a wrong letter, too. Shorter words are taken as they are.
    """

    def __init__(self, known: Iterable[str], good: Iterable[str]) -> None:
        self.good = frozenset(good) | frozenset(known)
        self._near: dict[str, list[str]] = defaultdict(list)
        for word in sorted(set(known)):
            if len(word) >= _SHORTEST - 1 and word.isascii() and word.isalpha():
                for form in _shortened(word):
                    self._near[form].append(word)

    def correct(self, sentence: Sentence) -> None:
        """Correct a sentence's words in place; their text stays as it was written."""
        for index, token in enumerate(sentence.tokens):
            if token.kind is not Kind.WORD or len(token.word) < _SHORTEST:
                continue
            if token.stem in self.good or not token.word.isalpha() or not token.word.isascii():
                continue
            found = self._nearest(token.stem) or self._nearest(stem_of(_undoubled(token.word)))
            if found:
                sentence.correct(index, found)

    def _nearest(self, word: str) -> str | None:
        if word in self.good:
            return word
        near = {
            known
            for form in _shortened(word)
            for known in self._near.get(form, ())
            if known[0] == word[0] and _is_slip(word, known)
        }
        return min(near, key=lambda known: (abs(len(known) - len(word)), known), default=None)


def _shortened(word: str) -> set[str]:
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}


def _undoubled(word: str) -> str:
    return "".join(c for i, c in enumerate(word) if not i or c != word[i - 1])


def _is_slip(word: str, known: str) -> bool:
    if len(word) != len(known):
        return abs(len(word) - len(known)) == 1
    differing = [i for i in range(len(word)) if word[i] != known[i]]
    if len(differing) == 1:
        return len(word) >= 8
    swapped = len(differing) == 2 and differing[1] == differing[0] + 1
    return swapped and word[differing[0]] == known[differing[1]] and word[differing[1]] == known[differing[0]]
