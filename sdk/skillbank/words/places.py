"""Paths in a sentence, and what each is for: data, labels, weights, a place for results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import tables, words
from skillbank.words.token_patterns import FILE_ENDINGS
from skillbank.words.tokens import Kind


class Use(Enum):
    """What the words around a path say it is for."""

    PLAIN = auto()
    TRAIN = auto()
    VAL = auto()
    TEST = auto()
    LABELS = auto()
    OUTPUT = auto()
    CHECKPOINT = auto()
    BASE = auto()
    RESUME = auto()
    SPEC = auto()
    LAYOUT = auto()
    ROOT = auto()


@dataclass(frozen=True)
class Place:
    """A path, where it stands and what for."""

    path: str
    use: Use
    first: int
    end: int
    role: Use = Use.PLAIN  # the dataset role that was spoken of last

    @property
    def ending(self) -> str:
        """Ending of the file in lower case, empty for a folder."""
        name = self.path.rstrip("/").rpartition("/")[2]
        found = re.search(rf"\.({FILE_ENDINGS})$", name, re.IGNORECASE)
        return found.group(1).lower() if found and not self.path.endswith("/") else ""

    @property
    def is_video(self) -> bool:
        """Tell whether it is a video by its ending."""
        return self.ending in {"mp4", "avi", "mov", "mkv", "webm", "m4v"}

    @property
    def is_weights(self) -> bool:
        """Tell whether it is a checkpoint by its ending."""
        return self.ending in {"pth", "pt", "ckpt", "tlt", "hdf5", "h5"}

    @property
    def is_spec(self) -> bool:
        """Tell whether it is a spec file by its ending."""
        return self.ending in {"yaml", "yml"}


_CUES = {Use[name.upper()]: told for name, told in tables("places", "cues").items()}
_TOWARDS = words("places", "towards")
_SMALL = words("places", "small")
_REACH = 7  # words before a path that may say what it is for


class PlaceWords:
    """Reads paths with their uses."""

    def __init__(self) -> None:
        self._cues = Phrases((phrase, use) for use, table in _CUES.items() for phrase in table)
        self.words = self._cues.words

    def read(self, sentence: Sentence) -> list[Place]:
        """Every path of a sentence."""
        found: list[Place] = []
        for index in range(len(sentence.tokens)):
            if sentence.kind(index) is Kind.PATH and not sentence.is_taken(index):
                found.append(self._place(sentence, index, found[-1] if found else None))
        for place in found:
            sentence.take(place.end - 1, place.end, "path")
        return found

    def _place(self, sentence: Sentence, index: int, before: Place | None) -> Place:
        path = str(sentence.tokens[index].value)
        start = max(before.end if before else 0, index - _REACH)
        for at in range(index - 1, start - 1, -1):
            if sentence.kind(at) is Kind.STOP and sentence.word(at) not in {":"}:
                start = at + 1
                break
        use, first = Use.PLAIN, index
        for match in self._cues.find(sentence):
            if match.first < start or match.end > index or not self._leads(sentence, match, index):
                continue
            if use is Use.OUTPUT and match.meaning in {Use.LABELS, Use.PLAIN, Use.CHECKPOINT}:
                continue  # "save the labels to" writes them
            use, first = match.meaning, match.first
        after = self._cues.at(
            sentence,
            index
            + 1
            + (sentence.word(index + 1) in {"as", "for", "is", "are", "holds", "has", "的"}),
        )
        joined = sentence.word(index + 1) in {"as", "for", "is", "are", "holds", "has"}
        if joined and sentence.word(index + 2) in {"the", "my", "our"}:
            after = self._cues.at(sentence, index + 3)
        if (
            joined
            and after
            and after.meaning in {Use.TRAIN, Use.VAL, Use.TEST, Use.LABELS, Use.OUTPUT}
        ):
            use = after.meaning
        named = path.rstrip("/").rpartition("/")[2].lower()
        if (
            use is Use.PLAIN
            and ("label" in named or "annotation" in named)
            and re.search(r"\.(csv|tsv|txt|pkl)$", named)
        ):
            use = Use.LABELS
        if use is Use.PLAIN and named == "test":
            use = Use.TEST
        roles = (Use.TRAIN, Use.VAL, Use.TEST)
        role = use if use in roles else before.role if before else Use.PLAIN
        return Place(path, use, first, index + 1, role)

    def _leads(self, sentence: Sentence, match: Match[Use], index: int) -> bool:
        """Whether only small words stand between what a path is for and the path."""
        if match.end - match.first == 1 and match.meaning is Use.LABELS:
            if sentence.word(match.first) not in {
                "labels",
                "label",
                "annotations",
                "标签",
                "标注",
                "the",
            }:
                return False
        if match.meaning is Use.OUTPUT:
            between = range(match.end, index)
            last = {sentence.word(index - 1), sentence.word(index - 2)}
            return len(between) <= 6 and (not between or bool(last & _TOWARDS))
        return all(
            sentence.word(at) in _SMALL
            or sentence.kind(at) is Kind.WORD
            and match.end - match.first > 1
            and len(range(match.end, index)) <= 2
            for at in range(match.end, index)
        )
