"""Cut a sentence into tokens that know where they stand: words, numbers, paths, assignments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid
from skillbank.words.numerals import NUMERALS, join_numerals, read_number
from skillbank.words.phrasebook import words as words_of
from skillbank.words.stemming import stem_of
from skillbank.words.token_patterns import CJK, FILE_ENDINGS, TOKEN


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    NUMBER = auto()
    PATH = auto()
    ASSIGNMENT = auto()  # key=value, or an option of the command line with its value
    KEY = auto()  # a dotted spec key
    JOB = auto()  # the whole id of a job, such as train-2k4m9qpx
    STOP = auto()  # ends a sentence
    COMMA = auto()
    MARK = auto()  # any other punctuation


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `text[start:end]` is where it stands.

    Attributes:
        kind: What it is.
        text: As it was written.
        start: First character.
        end: One past the last.
        stem: Word without its ending, in lower case; what phrases are compared by.
        value: Of a number its value, of a path the path, of an assignment the value.
        key: Of an assignment, its key.
    """

    kind: Kind
    text: str
    start: int
    end: int
    stem: str = ""
    value: Any = None
    key: str = ""

    @property
    def word(self) -> str:
        """The word as written, in lower case."""
        return self.text.lower()

    @property
    def is_boundary(self) -> bool:
        """Tell whether a phrase ends here at the latest."""
        return self.kind in {Kind.STOP, Kind.COMMA}


_PLAIN_WORDS = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*$")
_PARTS = re.compile(r"(?:(?!\+[A-Za-z]{2})[^-_])+")
_WITH_UNIT = re.compile(rf"(\d+(?:\.\d+)?)((?![{CJK}])[^\W\d]+)$")
_WHOLE = re.compile(r"(?:\d+d|\d+dof|\d+dbp|i3d|x3d|c3d)$", re.IGNORECASE)
_FILE = re.compile(rf"\.(?:{FILE_ENDINGS})$")
_UNITS = words_of("tokens", "units")
_ABBREVIATIONS = frozenset({"e.g", "i.e", "etc", "vs", "z.b", "d.h", "bzw", "resp", "approx", "ca"})


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, in order; every token's place is that in the text as given."""
    tokens: list[Token] = []
    for match in TOKEN.finditer(text):
        name = str(match.lastgroup).rstrip("0123456789")
        if match.group() == "-" and text[match.start() - 1 : match.start()].isalnum():
            continue  # the hyphen of 6-DoF
        tokens.extend(_READERS[name](match.group(), match.start()))
    return join_numerals(_without_abbreviation_stops(tokens), _numeral)


def stems(phrase: str) -> tuple[str, ...]:
    """What a phrase is compared by: the stems of its words."""
    if _PLAIN_WORDS.match(phrase):  # what nearly every phrase is: nothing to cut but at spaces
        plain = phrase.lower().split()
        if NUMERALS.isdisjoint(plain):
            return tuple(map(stem_of, plain))
    return tuple(token.stem for token in tokenize(phrase) if token.stem)


def _of_kind(kind: Kind) -> Callable[[str, int], list[Token]]:
    """A reader of tokens that are only told apart by their kind."""
    return lambda text, start: [Token(kind, text, start, start + len(text))]


def _read_path(text: str, start: int) -> list[Token]:
    kept = text.rstrip(".,:")
    return [Token(Kind.PATH, kept, start, start + len(kept), value=kept)]


def _read_number(text: str, start: int) -> list[Token]:
    """A number; digits too long for one are a word."""
    value = read_number(text)
    kind = Kind.WORD if value is None else Kind.NUMBER
    return [Token(kind, text, start, start + len(text), stem=text.lower(), value=value)]


def _read_ending(text: str, start: int) -> list[Token]:
    """`.mp4`, said of files."""
    return [Token(Kind.WORD, text, start, start + len(text), stem=stem_of(text[1:]))]


def _read_short(text: str, start: int) -> list[Token]:
    """`w/` and `w/o`."""
    stem = "with" if text == "w/" else "without"
    return [Token(Kind.WORD, text, start, start + len(text), stem=stem)]


def _read_sign(text: str, start: int) -> list[Token]:
    """A Chinese or Japanese sign: words are not cut, phrases are made of signs."""
    return [Token(Kind.WORD, text, start, start + len(text), stem=text)]


def _read_job(text: str, start: int) -> list[Token]:
    return [Token(Kind.JOB, text, start, start + len(text), value=text)]


def _read_key(text: str, start: int) -> list[Token]:
    return [Token(Kind.KEY, text, start, start + len(text), stem=text.lower(), value=text)]


def _read_quoted(text: str, start: int) -> list[Token]:
    """What stands between quotes: a path if it looks like one, else the words of it."""
    inner = text[1:-1]
    is_file = bool(_FILE.search(inner))
    is_whole = inner.startswith(("/", "~", ".", "s3:")) or " " not in inner.strip()
    if is_file or (is_whole and ("/" in inner or "\\" in inner)):
        return [Token(Kind.PATH, inner, start + 1, start + 1 + len(inner), value=inner)]
    return [
        replace(token, start=token.start + start + 1, end=token.end + start + 1)
        for token in tokenize(inner)
    ]


def _read_assignment(text: str, start: int) -> list[Token]:
    """`key=value`, `--key value`; the value is read as YAML, or as a number in words."""
    named = re.sub(r"^--(?:automl-)?set\s+", "", text)
    key, value = re.split(r"\s*[:=]=?\s*|\s+(?=\S+$)", named.lstrip("-"), maxsplit=1)
    if value[:1] not in "[{\"'":
        value = value.rstrip(".!?):")
    try:
        read = parse_yaml(value, text, error=RequestInvalid)
    except RequestInvalid:
        read = value
    if isinstance(read, str):
        as_number = _value_in_words(read)
        read = read if as_number is None else as_number
    end = text.rfind(value) + len(value)
    key = key.replace(" ", "_")
    return [Token(Kind.ASSIGNMENT, text[:end], start, start + end, value=read, key=key)]


def _value_in_words(text: str) -> int | float | None:
    """The value of a number in digits or words, None when the text is none."""
    if not re.fullmatch(r"[\w.,%+-]+", text) or "_" in text:
        return None
    tokens = tokenize(text)
    return tokens[0].value if len(tokens) == 1 and tokens[0].kind is Kind.NUMBER else None


def _read_words(text: str, start: int) -> list[Token]:
    """The words of a run of letters: `fine-tune` and `num_epochs` are two, `30epochs` too."""
    found = []
    for part in _PARTS.finditer(text):
        word, at = part.group(), start + part.start()
        unit = _WITH_UNIT.match(word)
        if unit and unit.group(2).lower() in _UNITS and not _WHOLE.match(word):
            found += _read_number(unit.group(1), at)
            word, at = unit.group(2), at + unit.end(1)
        found.append(Token(Kind.WORD, word, at, at + len(word), stem=stem_of(word)))
    return found


def _numeral(text: str, start: int, end: int, value: float) -> Token:
    """A number in words."""
    return Token(Kind.NUMBER, text, start, end, stem=text.lower(), value=value)


def _without_abbreviation_stops(tokens: list[Token]) -> list[Token]:
    """Leave out stops that only end an abbreviation, such as that of `e.g.`."""
    kept: list[Token] = []
    for token in tokens:
        if token.text == "." and kept and kept[-1].word in _ABBREVIATIONS:
            continue
        kept.append(token)
    return kept


_READERS: dict[str, Callable[[str, int], list[Token]]] = {
    "quoted": _read_quoted,
    "uri": _read_path,
    "path": _read_path,
    "option": _read_assignment,
    "assignment": _read_assignment,
    "number": _read_number,
    "ending": _read_ending,
    "short": _read_short,
    "cjk": _read_sign,
    "job": _read_job,
    "key": _read_key,
    "word": _read_words,
    "stop": _of_kind(Kind.STOP),
    "comma": _of_kind(Kind.COMMA),
    "mark": _of_kind(Kind.MARK),
}
"""What makes tokens of each group of the pattern: text and place -> tokens."""
