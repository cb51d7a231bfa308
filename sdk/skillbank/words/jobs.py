"""Jobs and checkpoints that a sentence points to: job 7f3a2c, the last training, epoch 7."""

from __future__ import annotations

import re
from dataclasses import dataclass

from skillbank.words.answer import ParentRef
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, tables, words
from skillbank.words.tokens import Kind

_CUES = words("jobs", "cues")
_WEAK_CUES = words("jobs", "weak_cues")
_STRONG_CUES = _CUES - _WEAK_CUES
_MARKED_CUES = _WEAK_CUES | {"#"}
_ID_CUES = _CUES | _MARKED_CUES
_BEFORE_ID = words("jobs", "before_id")
_NOT_RECENT = words("jobs", "not_recent")
_OTHER_NOUNS = words("jobs", "other_nouns")
_TOLD = words("jobs", "told")
_REACH = 5  # words between `the last` and its noun
_ID = re.compile(r"(?=[a-z-]*\d)[a-z0-9][a-z0-9-]{2,}$", re.IGNORECASE)
_DIGEST = re.compile(r"(?=.*\d.*\d)(?=.*[a-f])[0-9a-f]{6,12}$")  # no word looks so
_HEX = re.compile(r"(?=.*\d)(?=.*[a-z])[0-9a-z]{4,12}$", re.IGNORECASE)
_NO_ID = re.compile(
    r"\d+(d|k|m|s|h|p|fps|ms|gb|mb|hz|dof|x\d+|e\d+)$|[a-z]+\d{1,2}$|(v\d+)$", re.IGNORECASE
)
_RECENT = phrases("jobs", "recent")
_KINDS = tables("jobs", "kinds")
_ENDS = words("jobs", "ends")
_KIND_WORDS = words("jobs", "kind_words")
_JUST = phrases("jobs", "just")
_RULES = tables("jobs", "rules")


@dataclass(frozen=True)
class Pointer:
    """A job that the words point to."""

    ref: ParentRef
    first: int
    end: int


class JobWords:
    """Reads jobs and checkpoints."""

    def __init__(self) -> None:
        self._just = Phrases.plain(_JUST)
        self._recent = Phrases.plain(_RECENT)
        self._kinds = Phrases((p, a) for a, table in _KINDS.items() for p in table)
        self._rules = Phrases((p, rule) for rule, table in _RULES.items() for p in table)
        self.words = self._just.words | self._rules.words | self._kinds.words | self._recent.words

    def read_checkpoints(self, sentence: Sentence) -> list[Said]:
        """Which checkpoints are asked for: best, latest, epoch=N, step=N."""
        found = [Said("checkpoint", m.meaning, m.first, m.end) for m in self._rules.find(sentence)]
        for index in sentence.of_kind(Kind.NUMBER):
            if index and not sentence.is_taken(index):
                found += _numbered_checkpoint(sentence, index)
        return found

    def read(self, sentence: Sentence) -> list[Pointer]:
        """Jobs in order; their words are taken."""
        found = [_by_id(sentence, index) for index in range(len(sentence))]
        pointers = [one for one in found if one is not None]
        for match in self._just.find(sentence):  # its noun may be that of the skill
            pointers.append(Pointer(ParentRef(last="train"), match.first + 1, match.end))
        for one in pointers:
            sentence.take(one.first, one.end, "job")
        pointers += self._recent_jobs(sentence)
        return sorted(pointers, key=lambda one: one.first)

    def _recent_jobs(self, sentence: Sentence) -> list[Pointer]:
        """`The last (pose classification) training`: words of the skill may stand between."""
        found = []
        for match in self._recent.find(sentence):
            if sentence.word(match.first - 1) in _NOT_RECENT:
                continue
            noun = self._last_noun(sentence, match.end)
            if noun is not None:
                sentence.take(match.first, match.end, "job")
                sentence.take(noun.first, noun.end, "job")
                found.append(Pointer(ParentRef(last=noun.meaning), match.first, noun.end))
        return found

    def _last_noun(self, sentence: Sentence, first: int) -> Match[str] | None:
        """The noun for a job that ends a run of words: `model` in `training model`."""
        last = None
        while noun := self._next_noun(sentence, first):
            last = noun
            if noun.end >= first + _REACH or sentence.word(noun.end) in _ENDS:
                break
            first = noun.end
        return last

    def _next_noun(self, sentence: Sentence, first: int) -> Match[str] | None:
        """The next noun for a job, before anything ends the run of words."""
        for index in range(first, first + _REACH + 1):
            word = sentence.word(index)
            if sentence.kind(index) is not Kind.WORD or word in _ENDS or word in _TOLD:
                return None
            noun = self._kinds.at(sentence, index)
            if noun and sentence.word(noun.end) not in _OTHER_NOUNS:
                return noun
        return None


def _numbered_checkpoint(sentence: Sentence, index: int) -> list[Said]:
    """`Epoch 7`, `step no. 400`: the checkpoint of a number, if that is what it counts."""
    before, value = sentence.word(index - 1), sentence.tokens[index].value
    if before in {"no", ".", "number", "#", "="}:
        before = sentence.word(index - 2)
    if before not in {"epoch", "step", "epoche"} or value != int(value):
        return []
    rule = "step" if before == "step" else "epoch"
    end = index + 1 + (sentence.word(index + 1) == "checkpoint")
    return [Said("checkpoint", f"{rule}={int(value)}", index - 1, end)]


def _by_id(sentence: Sentence, index: int) -> Pointer | None:
    """The job whose id begins at a token: `job 7f3a2c`, `train-2k4m9qpx`."""
    token = sentence.tokens[index]
    if sentence.is_taken(index) or token.kind not in {Kind.WORD, Kind.NUMBER, Kind.JOB}:
        return None
    cue, first = _cue_before(sentence, index)
    if token.kind is Kind.JOB:
        return Pointer(ParentRef(job=token.text), first, index + 1)
    cues = {sentence.word(cue), sentence.word(index - 1)}
    if not token.text.isascii() or not (cues & _ID_CUES or _DIGEST.match(token.text)):
        return None
    text = _with_hyphens(sentence, index)
    if _NO_ID.match(text):
        return None
    if cues & _STRONG_CUES:
        if token.kind is Kind.NUMBER and ("." in text or len(text) < 3 or " " in text):
            return None
        if _ID.match(text):
            return Pointer(ParentRef(job=text), first, index + text.count("-") + 1)
    if (cues & _MARKED_CUES and _HEX.match(text)) or _DIGEST.match(text):
        return Pointer(ParentRef(job=text), first, index + 1)
    return None


def _cue_before(sentence: Sentence, index: int) -> tuple[int, int]:
    """The token that may say that an id follows, and where the words for the job begin."""
    cue = index - 1
    while sentence.word(cue) in _BEFORE_ID and cue > 0:
        cue -= 1
    first = cue if sentence.word(cue) in _STRONG_CUES else index
    while first < index and sentence.word(first - 1) in _KIND_WORDS:
        first -= 1
    return cue, first


def _with_hyphens(sentence: Sentence, index: int) -> str:
    """The text of a token with the parts that hyphens join to it."""
    end, last = sentence.tokens[index].end, index
    while sentence.text[end : end + 1] == "-" and last + 1 < len(sentence):
        last += 1
        end = sentence.tokens[last].end
    return sentence.text[sentence.tokens[index].start : end]
