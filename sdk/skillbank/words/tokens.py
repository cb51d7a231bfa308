"""Cut a sentence into tokens that know where they stand: words, numbers, paths, assignments."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from typing import Any

from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid
from skillbank.words.numerals import NUMERALS, join_numerals, read_number


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


FILE_ENDINGS = (
    "npy|npz|pkl|pickle|json|jsonl|csv|tsv|txt|pth|pt|ckpt|tlt|hdf5|h5|onnx|engine|trt|plan|yaml|yml"
    "|mp4|avi|mov|mkv|webm|m4v|bvh|skeleton|zip|tar|tar\\.gz|tgz|mat|c3d|jpg|jpeg|png"
)
_OPTIONS = (
    "automl-policy|automl|data|parent|checkpoint|base-checkpoint|platform|spec|e|root|skill|action"
)
_VALUE = r"\"[^\"\n]*\"|'[^'\n]*'|\[[^\]\n]*\]|\{[^}\n]*\}|[^\s,;，；。]+(?:,(?=\d)[^\s,;]+)*"
_JOBS = "train|evaluate|inference|export|pose|dataset-convert|automl|search|workflow|job|run"
_FOLDERS = (
    "data|datasets?|runs|results|out|output|clips|videos|models|weights|checkpoints|exp|experiments"
    "|home|tmp|mnt"
)
_NAME = r"[A-Za-z0-9_.+-]"  # of a file or folder, as far as it needs no quotes
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PATTERNS = (
    (
        "quoted",
        r"\"[^\"\n]{1,300}\"|`[^`\n]{1,300}`|“[^”\n]{1,300}”|«[^»\n]{1,300}»|(?<!\w)'[^'\n]{1,300}'(?!\w)",
    ),
    ("uri", r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,;，；。\"')\]]+"),
    ("option", rf"--?(?:{_OPTIONS})(?:\s*=\s*|\s+)(?:{_VALUE})"),
    (
        "assignment",
        r"\b(?:auto[_-]?ml(?:[ _-]policy|[ _-]enabled)?|hpo)\s*:\s*(?:on|off|auto|true|false|yes|no)\b",
    ),
    ("assignment", rf"(?:--(?:automl-)?set\s+)?[A-Za-z_][\w.\-]*\s*:?=\s*(?:{_VALUE})"),
    ("path", rf"(?<![A-Za-z0-9_/])(?:~|\.{{1,2}})?/[^\s,;:!?\"'`)\]，。；：！？、{_CJK}]+"),
    ("path", r"\b[A-Za-z]:\\[^\s,;\"'`)]+"),
    ("path", rf"(?<!{_NAME})(?:{_NAME}+/)*[*A-Za-z0-9_.+-]+\.(?:{FILE_ENDINGS})(?![A-Za-z0-9_/])"),
    ("path", rf"(?<!{_NAME}){_NAME}+(?:/{_NAME}+){{2,}}/?"),
    ("ending", rf"(?<=\s)\.(?:{FILE_ENDINGS})\b"),
    ("path", rf"(?<!{_NAME})(?:{_FOLDERS})/[\w.+*/-]*\w/?"),
    ("job", rf"\b(?:{_JOBS})-(?=[a-z]*\d)[a-z0-9]{{4,}}\b"),
    ("number", r"(?<![\w.])(?:\d+(?:\.\d+)?\s?[x×*]\s?)?10\^[-−]?\d+"),
    (
        "number",
        r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+[.,]\d+|\d+|\.\d+)(?:[eE][-+−]?\d+)?(?![\w]|[.,]\d)%?",
    ),
    ("short", r"\bw/o?(?![A-Za-z0-9])"),
    ("cjk", rf"[{_CJK}]"),
    ("key", r"(?!e\.g|i\.e|z\.b|d\.h)[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"),
    ("word", rf"(?:(?![{_CJK}])\w)+(?:[-.+'’](?:(?![{_CJK}])\w)+)*"),
    ("stop", r"[.!?;。！？；\n]+"),
    ("comma", r"[,，、]"),
    ("mark", r"[^\s]"),
)
_TOKEN = re.compile("|".join(f"(?P<{name}{i}>{p})" for i, (name, p) in enumerate(_PATTERNS)))
_PLAIN_WORDS = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*$")
_PARTS = re.compile(r"(?:(?!\+[A-Za-z]{2})[^-_])+")
_PREFIX = re.compile(rf"(\d+(?:\.\d+)?)((?![{_CJK}])[^\W\d]+)$")
_WHOLE = re.compile(r"(?:\d+d|\d+dof|\d+dbp|i3d|x3d|c3d)$", re.IGNORECASE)
_UNITS = frozenset(
    "epoch epochs ep eps epochen gpu gpus h hr hrs hour hours std m min mins minute minutes s sec secs "
    "seconds d days day k x trial trials class classes frame frames fps joint joints worker workers "
    "batch steps step people percent usd eur".split()
)
_IRREGULAR = {
    "gpus": "gpu",
    "cpus": "cpu",
    "indices": "index",
    "boxes": "box",
    "vertices": "vertex",
}
_ABBREVIATIONS = frozenset({"e.g", "i.e", "etc", "vs", "z.b", "d.h", "bzw", "resp", "approx", "ca"})


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, in order; every token's place is that in the text as given."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        name = str(match.lastgroup).rstrip("0123456789")
        if match.group() == "-" and text[match.start() - 1 : match.start()].isalnum():
            continue  # the hyphen of 6-DoF
        tokens.extend(_read(name, match.group(), match.start(), match.end()))
    return join_numerals(_without_abbreviation_stops(tokens), _number)


@cache
def stem_of(word: str) -> str:
    """A word without its ending, so that forms of it compare equal; British as American."""
    word = unicodedata.normalize("NFKC", word).lower().replace("’", "'").removesuffix("'s")
    if not word.isascii() or not word.isalpha() or len(word) < 4:
        return word
    word = _IRREGULAR.get(word, word)
    spelled = re.sub(r"is(e|es|ed|er|ing|ation|ations)$", r"iz\1", word)
    spelled = (
        spelled.replace("colour", "color")
        .replace("centre", "center")
        .replace("behaviour", "behavior")
    )
    return str(_stemmer().stemWord(spelled))


def stems(phrase: str) -> tuple[str, ...]:
    """What a phrase is compared by: the stems of its words."""
    if _PLAIN_WORDS.match(phrase):  # what nearly every phrase is: nothing to cut but at spaces
        plain = phrase.lower().split()
        if NUMERALS.isdisjoint(plain):
            return tuple(map(stem_of, plain))
    return tuple(token.stem for token in tokenize(phrase) if token.stem)


@cache
def _stemmer() -> Any:  # noqa: ANN401 - the library is untyped
    import snowballstemmer

    return snowballstemmer.stemmer("english")


def _read(name: str, text: str, start: int, end: int) -> list[Token]:
    if name == "quoted":
        return _read_quoted(text, start, end)
    if name in {"uri", "path"}:
        kept = text.rstrip(".,:")
        return [Token(Kind.PATH, kept, start, start + len(kept), value=kept)]
    if name in {"option", "assignment"}:
        return [_assignment(text, start)]
    if name == "number":
        return [Token(Kind.NUMBER, text, start, end, stem=text.lower(), value=read_number(text))]
    if name == "ending":
        return [Token(Kind.WORD, text, start, end, stem=stem_of(text[1:]))]
    if name == "short":
        return [Token(Kind.WORD, text, start, end, stem="with" if text == "w/" else "without")]
    if name == "cjk":
        return [Token(Kind.WORD, text, start, end, stem=text)]
    if name == "job":
        return [Token(Kind.JOB, text, start, end, value=text)]
    if name == "key":
        return [Token(Kind.KEY, text, start, end, stem=text.lower(), value=text)]
    if name == "word":
        return _words(text, start)
    kinds = {"stop": Kind.STOP, "comma": Kind.COMMA, "mark": Kind.MARK}
    return [Token(kinds[name], text, start, end)]


def _read_quoted(text: str, start: int, end: int) -> list[Token]:
    """What stands between quotes: a path if it looks like one, else the words of it."""
    inner = text[1:-1]
    is_path = inner.startswith(("/", "~", ".", "s3:")) or " " not in inner.strip()
    is_path = is_path or bool(re.search(rf"\.(?:{FILE_ENDINGS})$", inner))
    if is_path and ("/" in inner or "\\" in inner or re.search(rf"\.(?:{FILE_ENDINGS})$", inner)):
        return [Token(Kind.PATH, inner, start + 1, end - 1, value=inner)]
    return [
        replace(token, start=token.start + start + 1, end=token.end + start + 1)
        for token in tokenize(inner)
    ]


def _assignment(text: str, start: int) -> Token:
    named = re.sub(r"^--(?:automl-)?set\s+", "", text)
    key, value = re.split(r"\s*[:=]=?\s*|\s+(?=\S+$)", named.lstrip("-"), maxsplit=1)
    key = key.replace(" ", "_")
    if value[:1] not in "[{\"'":
        value = value.rstrip(".!?):")
    try:
        read = parse_yaml(value, text, error=RequestInvalid)
    except RequestInvalid:
        read = value
    if isinstance(read, str):
        as_number = _value_in_words(read)
        read = read if as_number is None else as_number
    end = start + text.rfind(value) + len(value)
    return Token(Kind.ASSIGNMENT, text[: end - start], start, end, value=read, key=key)


def _value_in_words(text: str) -> int | float | None:
    """The value of a number in digits or words, None when the text is none."""
    if not re.fullmatch(r"[\w.,%+-]+", text) or "_" in text:
        return None
    tokens = tokenize(text)
    return tokens[0].value if len(tokens) == 1 and tokens[0].kind is Kind.NUMBER else None


def _words(text: str, start: int) -> list[Token]:
    """The words of a run of letters: `fine-tune` and `num_epochs` are two, `30epochs` too."""
    found = []
    for part in _PARTS.finditer(text):
        word, at = part.group(), start + part.start()
        unit = _PREFIX.match(word)
        if unit and unit.group(2).lower() in _UNITS and not _WHOLE.match(word):
            cut = at + unit.end(1)
            found.append(_number(unit.group(1), at, cut))
            word, at = unit.group(2), cut
        found.append(Token(Kind.WORD, word, at, at + len(word), stem=stem_of(word)))
    return found


def _number(text: str, start: int, end: int, value: float | None = None) -> Token:
    value = read_number(text) if value is None else value
    return Token(Kind.NUMBER, text, start, end, stem=text.lower(), value=value)


def _without_abbreviation_stops(tokens: list[Token]) -> list[Token]:
    """Leave out stops that only end an abbreviation, such as that of `e.g.`."""
    kept: list[Token] = []
    for token in tokens:
        if token.text == "." and kept and kept[-1].word in _ABBREVIATIONS:
            continue
        kept.append(token)
    return kept
