"""Paths in a sentence, and what each is for: data, labels, weights, a place for results."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


_ROLES = frozenset({Use.TRAIN, Use.VAL, Use.TEST})
_SAID_AFTER = _ROLES | {Use.LABELS, Use.OUTPUT}
_WRITTEN = frozenset({Use.LABELS, Use.CHECKPOINT})  # "save the labels to" writes them
_TABLES = (".csv", ".tsv", ".txt", ".pkl")
_LABELS = words("places", "labels")
_SAYS_USE = words("places", "says_use")
_TOWARDS = words("places", "towards")
_SMALL = words("places", "small")
_RESUMES = frozenset({"resume", "resuming", "continue", "continuing"})
_REACH = 7  # words before a path that may say what it is for


class PlaceWords:
    """Reads paths with their uses."""

    def __init__(self) -> None:
        self._cues = Phrases(
            (phrase, Use[name.upper()])
            for name, told in tables("places", "cues").items()
            for phrase in told
        )
        self.words = self._cues.words

    def read(self, sentence: Sentence) -> list[Place]:
        """Every path of a sentence."""
        cues = list(self._cues.find(sentence))
        found: list[Place] = []
        for index in sentence.of_kind(Kind.PATH):
            if not sentence.is_taken(index):
                near = [cue for cue in cues if index - _REACH <= cue.first and cue.end <= index]
                found.append(self._place(sentence, index, near, found[-1] if found else None))
        for place in found:
            sentence.take(place.end - 1, place.end, "path")
        return found

    def _place(
        self, sentence: Sentence, index: int, cues: Sequence[Match[Use]], before: Place | None
    ) -> Place:
        """The path at a token, given the cues near it and the path before it."""
        path = str(sentence.tokens[index].value)
        start = _start_of_clause(sentence, index, before)
        use, first = Use.PLAIN, index
        for cue in cues:
            if cue.first < start or not _leads(sentence, cue, index):
                continue
            if use is not Use.OUTPUT or cue.meaning not in _WRITTEN:
                use, first = cue.meaning, cue.first
        if _is_resumed(sentence, start, index):
            use = Use.RESUME
        if use in {Use.BASE, Use.RESUME} and sentence.word(index - 1) in {"on", "auf"}:
            use = Use.PLAIN  # `fine-tune it on /data`
        use = self._use_after(sentence, index) or use
        if use is Use.PLAIN:
            use = _use_in_name(path)
        role = use if use in _ROLES else before.role if before else Use.PLAIN
        return Place(path, use, first, index + 1, role)

    def _use_after(self, sentence: Sentence, index: int) -> Use | None:
        """What the words after a path say it is: `/b as the validation set`."""
        if sentence.word(index + 1) not in _SAYS_USE:
            return None
        has_article = sentence.word(index + 2) in {"the", "my", "our"}
        cue = self._cues.at(sentence, index + 2 + has_article)
        return cue.meaning if cue and cue.meaning in _SAID_AFTER else None


def _start_of_clause(sentence: Sentence, index: int, before: Place | None) -> int:
    """First token that may say what a path is for: a stop, or another path, ends what is before."""
    start = max(before.end if before else 0, index - _REACH)
    for at in range(index - 1, start - 1, -1):
        if sentence.is_stop(at) and sentence.word(at) != ":":
            return at + 1
    return start


def _is_resumed(sentence: Sentence, start: int, index: int) -> bool:
    """`Resume training the classifier from X`, with any words between."""
    is_source = sentence.word(index - 1) in {"from", "von", "aus"}
    return is_source and bool(sentence.words(start, index) & _RESUMES)


def _use_in_name(path: str) -> Use:
    """What the name of a file or folder says by itself."""
    name = path.rstrip("/").rpartition("/")[2].lower()
    if ("label" in name or "annotation" in name) and name.endswith(_TABLES):
        return Use.LABELS
    return Use.TEST if name == "test" else Use.PLAIN


def _leads(sentence: Sentence, cue: Match[Use], index: int) -> bool:
    """Whether only small words stand between what a path is for and the path."""
    is_word = cue.end - cue.first == 1
    if is_word and cue.meaning is Use.LABELS and sentence.word(cue.first) not in _LABELS:
        return False
    between = range(cue.end, index)
    if cue.meaning is Use.OUTPUT:
        leads = not between or bool(sentence.words_before(index) & _TOWARDS)
        return len(between) <= 6 and leads
    if not is_word and len(between) <= 2:
        return all(sentence.kind(at) is Kind.WORD or sentence.word(at) in _SMALL for at in between)
    return all(sentence.word(at) in _SMALL for at in between)
