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
_ID = re.compile(r"(?=[a-z-]*\d)[a-z0-9][a-z0-9-]{2,}$", re.IGNORECASE)
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
        for index in range(1, len(sentence.tokens)):
            if sentence.kind(index) is not Kind.NUMBER or sentence.is_taken(index):
                continue
            before, value = sentence.word(index - 1), sentence.tokens[index].value
            if before in {"no", ".", "number", "#", "="}:
                before = sentence.word(index - 2)
            if before in {"epoch", "step", "epoche"} and value == int(value):
                first = index - 1
                after = {"checkpoint", "of"} & {sentence.word(index + 1)}
                rule = "step" if before == "step" else "epoch"
                found.append(
                    Said(
                        "checkpoint",
                        f"{rule}={int(value)}",
                        first,
                        index + 1 + bool(after & {"checkpoint"}),
                    )
                )
        return found

    def read(self, sentence: Sentence) -> list[Pointer]:
        """Jobs in order; their words are taken."""
        found = [self._by_id(sentence, index) for index in range(len(sentence.tokens))]
        pointers = [one for one in found if one is not None]
        for match in self._just.find(sentence):  # its noun may be that of the skill
            pointers.append(Pointer(ParentRef(last="train"), match.first + 1, match.end))
        for one in pointers:
            sentence.take(one.first, one.end, "job")
        pointers += self._recent_jobs(sentence)
        return sorted(pointers, key=lambda one: one.first)

    def _recent_jobs(self, sentence: Sentence) -> list[Pointer]:
        """`the last (pose classification) training`: words of the skill may stand between."""
        found = []
        for match in self._recent.find(sentence):
            if sentence.word(match.first - 1) in {"at", "for", "in", "till", "until"}:
                continue
            noun = self._noun_after(sentence, match.end)
            if noun is None:
                continue
            sentence.take(match.first, match.end, "job")
            sentence.take(noun.first, noun.end, "job")
            found.append(Pointer(ParentRef(last=noun.meaning), match.first, noun.end))
        return found

    def _noun_after(self, sentence: Sentence, first: int) -> Match[str] | None:
        for index in range(first, first + 6):
            if sentence.kind(index) is not Kind.WORD or sentence.word(index) in _ENDS:
                return None
            noun = self._kinds.at(sentence, index)
            if sentence.word(index) in {"trained", "evaluated", "exported", "ran"}:
                return None
            if noun and sentence.word(noun.end) not in {
                "checkpoint",
                "epoch",
                "data",
                "set",
                "version",
                "weights",
                "recognition",
            }:
                longer = (
                    self._noun_after(sentence, noun.end)
                    if noun.end < first + 5 and sentence.word(noun.end) not in _ENDS
                    else None
                )
                return longer or noun
        return None

    def _by_id(self, sentence: Sentence, index: int) -> Pointer | None:
        if sentence.is_taken(index):
            return None
        token = sentence.tokens[index]
        cue = index - 1
        while (
            sentence.word(cue) in {"#", "id", ":", "=", "number", "no", "named", "called"}
            and cue > 0
        ):
            cue -= 1
        cues = {sentence.word(cue), sentence.word(index - 1)}
        first = cue if sentence.word(cue) in _CUES - _WEAK_CUES else index
        while first < index and sentence.word(first - 1) in _KIND_WORDS:
            first -= 1
        if token.kind is Kind.JOB:
            return Pointer(ParentRef(job=token.text), first, index + 1)
        if token.kind not in {Kind.WORD, Kind.NUMBER} or not token.text.isascii():
            return None
        text = self._whole(sentence, index)
        strong = cues & (_CUES - _WEAK_CUES)
        if strong and token.kind is Kind.NUMBER and ("." in text or len(text) < 3 or " " in text):
            return None
        if strong and _ID.match(text) and not _NO_ID.match(text):
            return Pointer(ParentRef(job=text), first, index + text.count("-") + 1)
        if (cues & _WEAK_CUES or "#" in cues) and _HEX.match(text) and not _NO_ID.match(text):
            return Pointer(ParentRef(job=text), first, index + 1)
        return None

    def _whole(self, sentence: Sentence, index: int) -> str:
        """The text of a token with the parts that hyphens join to it."""
        end, last = sentence.tokens[index].end, index
        while sentence.text[end : end + 1] == "-" and last + 1 < len(sentence.tokens):
            last += 1
            end = sentence.tokens[last].end
        return sentence.text[sentence.tokens[index].start : end]
