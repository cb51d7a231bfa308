"""Whether an action is asked for, or only spoken of: quoted, reported, imagined, forbidden.

A launch that nobody meant is worse than a question too many, so every action that is found has to
pass here. What is looked at is the utterance around it, from one stop to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from skillbank.words.actions import Mention
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind

_OTHERS = words("speech", "others")
_THIRD_PERSON = words("speech", "third_person")
_HARMLESS = words("speech", "harmless")
_TURNS = words("speech", "turns")
_WHOLE = words("speech", "whole")
_ONESELF = words("speech", "oneself")
_DEADLINE = words("speech", "deadline")
_SPANS = words("speech", "spans")
_IMAGINED = words("speech", "hypothesis")
_GOVERNED = words("speech", "governed")
_GOVERNORS = words("speech", "governors")
_CHAINED = words("speech", "chained")
_ARTICLES = frozenset({"the", "a", "my", "our", "your", "its", "der", "die", "das", "dem"})
_NONE = frozenset({"kein", "keine", "keinen"})
_AT = frozenset({"at", "um", "from", "ab", "after", "nach", "gegen", "around"})
_SIGHS = words("speech", "sighs")
_REPORTED = words("speech", "reported")
_BREAKS = words("speech", "breaks")
_DASHES = words("speech", "dashes")
_QUESTION_MARKS = words("speech", "question_marks")
_ADVERBS = frozenset({"also", "then", "just", "already", "often", "always", "usually", "never"})
_CAN = frozenset({"can", "could", "would", "will", "kann", "könnte"})
_CONCLUDES = frozenset({"so", "therefore", "daher", "also", "所以"})
_WANTS = frozenset({"want", "wish", "like", "need"})
_PARTICIPLES = words("actions", "participles")

_QUOTED = re.compile(
    r"```.+?```|<(\w+)>.+?</\1>|\"[^\"\n]{12,}\"|“[^”\n]{12,}”|„[^“\n]{12,}“|«[^»\n]{12,}»"
    r"|(?<!\w)'[^'\n]{12,}'(?!\w)|(?<!`)`[^`\n]{12,}`",
    re.DOTALL,
)
_LINE_OF_A_LOG = re.compile(
    r"\s*(?:\d{4}-\d\d-\d\d|\[\d|\w*Error\b|Traceback|(?:info|debug|warning|error)\b)",
    re.IGNORECASE,
)
_LINE_OF_A_TERMINAL = re.compile(r"\s*(?:\$ |>{1,3} )")
_SPEAKER = re.compile(r"\s*[A-Z][\w .]{0,20}: \S")
_WORD = re.compile(r"\w+")
_FEWEST_WORDS = 2  # around a quotation, or besides a log, that make it one


class Unmeant(StrEnum):
    """Why an action that is spoken of is not asked for."""

    QUOTED = "it is quoted"
    REPORTED = "somebody is reported to have said or done it"
    PAST = "it is told of the past"
    CONDITION = "it depends on a condition, and nothing here waits for one"
    HYPOTHESIS = "it is only imagined"
    LATER = "it is to happen later, and nothing here waits for a time"
    QUESTION = "it is asked about"
    FORBIDDEN = "it is asked not to be done"
    OWN = "the speaker does it"
    TAKEN_BACK = "it is taken back"
    SOMETHING_ELSE = "the words before it ask for something else"


class Speech:
    """Tells what is only spoken of."""

    def __init__(self) -> None:
        def read(section: str) -> Phrases[bool]:
            return Phrases.plain(phrases("speech", section))

        self._condition, self._courtesy = read("condition"), read("courtesy")
        self._hypothesis = read("hypothesis")
        self._reported, self._passed_on = read("reported"), read("passed_on")
        self._past, self._present = read("past"), read("present")
        self._asks, self._asks_for = read("asks"), read("asks_for")
        self._never, self._forbidden = read("never"), read("forbidden")
        self._irony, self._clock, self._day = read("irony"), read("clock"), read("day")
        self._material, self._own, self._off = read("material"), read("own"), read("off")

    @property
    def words(self) -> set[str]:
        """Every stem that says something here: none of them is misspelled."""
        readers = (one for one in vars(self).values() if isinstance(one, Phrases))
        return {word for reader in readers for word in reader.words}

    def why_not(self, sentence: Sentence, mention: Mention) -> Unmeant | None:
        """Why an action is not asked for; None when it is."""
        if self._material.occurs(sentence):
            return Unmeant.FORBIDDEN
        if self._irony.occurs(sentence):
            return Unmeant.HYPOTHESIS
        if _is_quoted(sentence, mention.first):
            return Unmeant.QUOTED
        start, end = sentence.utterance(mention.first)
        checks = (
            (Unmeant.HYPOTHESIS, self._is_imagined),
            (Unmeant.CONDITION, self._is_conditional),
            (Unmeant.LATER, self._is_later),
            (Unmeant.REPORTED, self._is_reported),
            (Unmeant.QUESTION, self._is_question),
            (Unmeant.FORBIDDEN, self._is_forbidden),
            (Unmeant.OWN, self._is_own),
            (Unmeant.PAST, self._is_past),
            (Unmeant.SOMETHING_ELSE, self._is_governed),
            (Unmeant.CONDITION, self._is_waiting),
        )
        for reason, holds in checks:
            if holds(sentence, mention, start, end):
                return reason
        return Unmeant.TAKEN_BACK if self._is_taken_back(sentence, mention) else None

    def is_quoted(self, sentence: Sentence, mention: Mention) -> bool:
        """Tell whether an action stands in a quotation, in code or in a log."""
        return _is_quoted(sentence, mention.first)

    def _is_imagined(self, sentence: Sentence, _: Mention, start: int, end: int) -> bool:
        return any(
            match.end - match.first > 1 or sentence.word(match.first) in _IMAGINED
            for match in self._hypothesis.find(sentence, start, end)
        )

    def _is_conditional(self, sentence: Sentence, _: Mention, start: int, end: int) -> bool:
        polite = list(self._courtesy.find(sentence, start, end))
        return any(
            not any(other.first <= match.first < other.end for other in polite)
            for match in self._condition.find(sentence, start, end)
        )

    def _is_reported(self, sentence: Sentence, mention: Mention, start: int, end: int) -> bool:
        if mention.end - mention.first == 1 and sentence.word(mention.first) in _THIRD_PERSON:
            return True
        if mention.action == "inference":  # "according to the model", "who does what"
            return False
        before = mention.first - 1 - (sentence.word(mention.first - 1) in _ADVERBS)
        if sentence.word(before) in _OTHERS and sentence.word(before - 1) not in _CAN:
            return True
        passed_on = list(self._passed_on.find(sentence, start, end))
        return any(
            _is_said_as_it_stands(sentence, match)
            and not sentence.words(match.end, mention.first) & _CONCLUDES
            and not any(other.first <= match.first < other.end for other in passed_on)
            for match in self._reported.find(sentence, start, end)
        )

    def _is_question(self, sentence: Sentence, mention: Mention, start: int, end: int) -> bool:
        """Whether it is asked about, not for: `would 80 epochs be too many?`."""
        if sentence.text[sentence.tokens[end - 1].start :][:1] not in _QUESTION_MARKS:
            return False
        head = next((i for i in range(start, end) if sentence.word(i) not in _SIGHS), start)
        asks = self._asks.at(sentence, head)
        is_own_question = asks is not None and mention.first < asks.end
        return asks is not None and not is_own_question and not self._asks_for.at(sentence, head)

    def _is_forbidden(self, sentence: Sentence, mention: Mention, start: int, end: int) -> bool:
        if next(self._forbidden.find(sentence, start, end), None):
            return True
        nobody = {"nobody", "niemand"} & sentence.words(start, mention.first)
        if nobody or any(
            sentence.word(index) in _NONE and sentence.points(index + 1)
            for index in range(start, end)
        ):
            return True  # `nobody wants`, `bitte keinen Posenklassifikator`
        return any(
            self._reaches(sentence, match.first, match.end, mention.first)
            for match in self._never.find(sentence, start, mention.first)
        )

    def _reaches(self, sentence: Sentence, first: int, end: int, verb: int) -> bool:
        """Whether a negation reaches as far as a verb."""
        if sentence.word(end) in _HARMLESS or sentence.kind(end) in {Kind.NUMBER, Kind.PATH}:
            return False
        if sentence.word(first) in _WHOLE:
            return True
        between = sentence.words(end, verb)
        commas = [i for i in range(end, verb) if sentence.word(i) in _BREAKS]
        # "do not, whatever happens, train"; "what I do not want, after all, is"
        is_open = bool(commas) and commas[0] <= end + (sentence.word(end) in _WANTS)
        if commas and not is_open:
            return False
        return not between & (_TURNS - {"and", "und"} if is_open else _TURNS)

    def _is_own(self, sentence: Sentence, mention: Mention, start: int, end: int) -> bool:
        if sentence.words(mention.end, end) & _ONESELF:
            return True
        return any(
            mention.first - 1 <= match.end <= mention.first
            for match in self._own.find(sentence, start, mention.first)
        )

    def _is_past(self, sentence: Sentence, mention: Mention, start: int, _: int) -> bool:
        if sentence.word(mention.end) == "了":
            return True
        for match in self._past.find(sentence, start, mention.first):
            if next(self._present.find(sentence, match.end, mention.end), None) is None:
                return True
        return mention.is_implied and any(  # "Jana trained it", not "CenterPose, trained on"
            sentence.word(index) in _PARTICIPLES and sentence.kind(index - 1) is Kind.WORD
            for index in range(start + 1, mention.first)
        )

    def _is_governed(self, sentence: Sentence, mention: Mention, start: int, _: int) -> bool:
        """Whether another verb governs it: `write a script to train`, not `I want to train`."""
        to = mention.first - 1 - (sentence.word(mention.first - 1) in _ADVERBS)
        if sentence.word(to) != "to" or sentence.word(mention.first) not in _GOVERNED:
            return False
        if to - 1 < start or sentence.kind(to - 1) is not Kind.WORD or sentence.is_taken(to - 1):
            return False  # `use spec.yaml to train`, `use ASHA to train`
        passed_on = self._passed_on.find(sentence, start, mention.first)
        if any(match.end in {to, to + 1} for match in passed_on):
            return False
        return sentence.word(to - 1) not in _GOVERNORS

    def _is_waiting(self, sentence: Sentence, mention: Mention, start: int, _: int) -> bool:
        """Whether something else has to come first: `when the GPU is free`, not `when done`."""
        for index in range(start, mention.first):
            is_head = index == start or sentence.word(index - 1) in _BREAKS | _SIGHS
            if is_head and sentence.word(index) in {"when", "once", "after", "sobald", "nach"}:
                noun = index + 1 + (sentence.word(index + 1) in _ARTICLES)
                if sentence.word(noun) not in _CHAINED and sentence.kind(noun) is Kind.WORD:
                    return True
        return False

    def _is_later(self, sentence: Sentence, mention: Mention, start: int, end: int) -> bool:
        """Whether a time is named: `tomorrow`, `at 6 am`, `in two hours`; not `by tomorrow`."""
        for match in self._day.find(sentence, start, end):
            if sentence.word(match.first - 1) not in _DEADLINE:
                return True
        for match in self._clock.find(sentence, start, end):
            number = sentence.kind(match.first - 1) is Kind.NUMBER
            before = sentence.word(match.first - 2)
            is_unit = sentence.word(match.first) in _SPANS
            if number and before == "in" and is_unit and mention.first > match.first:
                return True
            if number and before in _AT and not is_unit:
                return True
        return False

    def _is_taken_back(self, sentence: Sentence, mention: Mention) -> bool:
        """Whether `forget it` is said later, and nothing else asked for."""
        for match in self._off.find(sentence, mention.end):
            _, stop = sentence.utterance(match.first)
            start = match.first
            while start > mention.end and not _is_break(sentence, start - 1):
                start -= 1
            heads = sentence.words(start, match.first)
            rest = range(match.end, len(sentence))
            goes_on = any(_is_detail(sentence, i) for i in rest)
            goes_on = goes_on or any(sentence.is_taken(i) for i in range(match.end, stop))
            if heads <= _SIGHS | {",", ""} and not goes_on:
                return True
        return False


def _is_detail(sentence: Sentence, index: int) -> bool:
    """Whether a token is a path, or a number in digits: `another one` is none."""
    is_number = sentence.kind(index) is Kind.NUMBER and sentence.word(index)[:1].isdigit()
    return is_number or sentence.kind(index) is Kind.PATH


def _is_break(sentence: Sentence, index: int) -> bool:
    """Whether a token separates what is said from what comes next."""
    return sentence.is_stop(index) or sentence.word(index) in _BREAKS | _DASHES


def _is_said_as_it_stands(sentence: Sentence, match: Match[bool]) -> bool:
    """Whether a single word is one of others' saying: not `write the names`, nor `I say`."""
    if match.end - match.first > 1:
        return True
    # What "I say" is meant, and what a model "that says which sport it is" does is no report.
    is_other = sentence.word(match.first - 1) in {"i", "we", "ich", "wir", "that", "which"}
    return sentence.word(match.first) in _REPORTED and not is_other


def _is_quoted(sentence: Sentence, index: int) -> bool:
    """Whether a token stands in a quotation, in code or in a log, beside words of the speaker."""
    place = sentence.tokens[min(index, len(sentence) - 1)].start
    return any(start <= place < end for start, end in _not_own(sentence.text))


@lru_cache(maxsize=8)
def _not_own(text: str) -> tuple[tuple[int, int], ...]:
    """Parts of a text that are not the speaker's own; none when the speaker says nothing else."""
    logs = [*_lines(text, _LINE_OF_A_LOG)]
    spans = sorted(
        [*_quotations(text), *_speeches(text), *_lines(text, _LINE_OF_A_TERMINAL), *logs]
    )
    num_words, at = 0, 0
    for start, end in spans:
        num_words += len(_WORD.findall(text[at:start]))
        at = max(at, end)
    num_words += len(_WORD.findall(text[at:]))
    return tuple(spans) if num_words >= _FEWEST_WORDS else tuple(logs)


def _quotations(text: str) -> Iterator[tuple[int, int]]:
    return ((match.start(), match.end()) for match in _QUOTED.finditer(text))


def _lines(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the lines stand that begin as a pattern says."""
    at = 0
    for line in text.splitlines(keepends=True):
        if pattern.match(line):
            yield at, at + len(line)
        at += len(line)


def _speeches(text: str) -> list[tuple[int, int]]:
    """Lines of a conversation of at least two speeches."""
    found = list(_lines(text, _SPEAKER))
    return found if len(found) > 1 else []
