"""What a sentence takes back, forbids, or only speaks of: corrections, negations, tales."""

from __future__ import annotations

from collections.abc import Sequence

from skillbank.words.lexicon import CORRECTIONS, NOT_ACTION
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind

_PARTICIPLES = words("actions", "participles")
_SUBJECTS = words("actions", "subjects")
_NOW = words("actions", "now")
_FAREWELL = words("actions", "farewell")
_FILL = words("actions", "fill")
_NO = frozenset({"no", "nein", "不"})
_LONGEST_NOT = 4  # words in the longest negation


class Retractions:
    """Finds words that turn the meaning of others around."""

    def __init__(self) -> None:
        self._not = Phrases.plain(NOT_ACTION)
        self._corrections = Phrases.plain(CORRECTIONS)
        self._void = Phrases.plain(phrases("actions", "void"))
        self._nothing = Phrases.plain(phrases("actions", "nothing"))
        self._unreal = Phrases.plain(phrases("actions", "unreal"))

    def corrections(self, sentence: Sentence) -> list[Match[bool]]:
        """Words that take back what stands before them: `sorry`, `make that`, `no, `."""
        found = list(self._corrections.find(sentence))
        for index in sentence.positions_of(_NO):
            is_end = sentence.kind(index + 1) is Kind.COMMA or sentence.word(index + 1) == ":"
            is_short = sentence.word(index) in _NO and is_end
            if is_short and not sentence.is_taken(index):
                found.append(Match(index, index + 1, True))
        return sorted(found, key=lambda match: match.first)

    def is_corrected(self, sentence: Sentence, first: int, end: int) -> bool:
        """Tell whether words between two mentions of a thing take the first one back."""
        if any(first - 3 <= match.first <= end for match in self.corrections(sentence)):
            return True
        return any(
            sentence.word(index) in {"no", "nein"} and sentence.kind(index + 1) is Kind.COMMA
            for index in range(first, end)
        )

    def takes_back(self, sentence: Sentence) -> Match[bool] | None:
        """The last words that take everything back: `forget it`, `better not`."""
        voids = list(self._void.find(sentence))
        covered = {index for match in voids for index in range(match.first, match.end)}
        goes_on = (
            index
            for index in range(len(sentence) - 1, -1, -1)
            if index not in covered and _says_something(sentence, index)
        )
        last = next(goes_on, -1)
        return next((match for match in voids if match.end > last), None)

    def forbids(self, sentence: Sentence) -> bool:
        """Tell whether nothing at all is to be run: `stop, don't run anything`."""
        return self._nothing.occurs(sentence)

    def tells(self, sentence: Sentence) -> bool:
        """Tell whether the sentence speaks of what was, or might be: `yesterday I trained`."""
        return self._unreal.occurs(sentence) or any(
            sentence.word(index) in _PARTICIPLES and sentence.word(index - 1) in _SUBJECTS
            for index in range(1, len(sentence))
        )

    def tales(self, sentence: Sentence) -> list[Match[bool]]:
        """Words that say that what follows is only thought or told of: `last week I`."""
        return list(self._unreal.find(sentence))

    def is_negated(self, sentence: Sentence, first: int) -> bool:
        """Tell whether the action that begins at a token is asked not to be done."""
        at = first
        while at > 0 and sentence.word(at - 1) in _FILL and first - at < _LONGEST_NOT:
            at -= 1
        for length in range(_LONGEST_NOT, 0, -1):
            for end in dict.fromkeys((at, first)):
                start = end - length
                match = self._not.at(sentence, start) if start >= 0 else None
                if match and match.end == end:
                    is_other = sentence.word(start) in {"before", "stop"}
                    return sentence.word(end) != "only" and not is_other
        return sentence.word(first + 1) in {"nothing", "nichts", "nobody"}


def is_told(sentence: Sentence, tales: Sequence[Match[bool]], first: int) -> bool:
    """Tell whether an action that begins at a token is only thought or told of."""
    return any(
        match.end <= first
        and not any(map(sentence.is_stop, range(match.first, first)))
        # `last time ..., so now` comes to the present
        and not sentence.words(match.end, first) & _NOW
        for match in tales
    )


def _says_something(sentence: Sentence, index: int) -> bool:
    """Whether a token says more than `please` or `for now`."""
    kind = sentence.kind(index)
    if kind is Kind.WORD:
        return sentence.word(index) not in _FAREWELL
    return kind in {Kind.NUMBER, Kind.PATH}
