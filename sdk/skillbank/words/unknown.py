"""Words that nothing explains, where they might say what is wanted."""

from __future__ import annotations

from skillbank.words.phrasebook import words
from skillbank.words.reading import Reading
from skillbank.words.spelling import Spelling
from skillbank.words.tokens import Kind

_OBJECT_END = words("wishes", "object_end")


def unknown_words(reading: Reading, spelling: Spelling) -> list[str]:
    """Words of three letters or more that stand before what is worked on, as they are written."""
    sentence = reading.sentence
    end = _end_of_object(reading)
    return [
        sentence.tokens[index].text
        for index in sentence.free()
        if index < end
        and sentence.kind(index) is Kind.WORD
        and len(sentence.word(index)) > 2
        and sentence.word(index).isalpha()
        and not spelling.knows(sentence.stem(index))
    ]


def _end_of_object(reading: Reading) -> int:
    """Where what is wanted ends, and what it is to be done on begins."""
    start = max((one.end for one in reading.mentions), default=0)
    after = range(start + 1, len(reading.sentence))
    ends = (index for index in after if reading.sentence.word(index) in _OBJECT_END)
    return next(ends, len(reading.sentence))
