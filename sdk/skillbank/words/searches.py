"""Settings of a search in a sentence: ASHA, 20 trials, two hours, four at a time."""

from __future__ import annotations

from skillbank.words.lexicon import CONNECTORS
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, tables, words
from skillbank.words.tokens import Kind

_ALGORITHMS = tables("searches", "algorithms")
_COUNTED = tables("searches", "counted")
_TIME_S = {
    **dict.fromkeys(("hour", "h", "hr", "hrs", "stunden", "stunde", "std", "小时", "个小时"), 3600),
    **dict.fromkeys(("minut", "min", "mins", "minuten", "分钟"), 60),
    **dict.fromkeys(("day", "tag", "tage"), 86400),
}
"""What spans of time are called, by stems -> seconds."""

_COUNTED_BETWEEN = words("searches", "counted_between")
_REACH = 3  # words before a metric, or between a count and what is counted
_BUDGET = words("searches", "budget")
_BUDGET_SIGNS = phrases("searches", "budget_signs")
_METRICS = tables("searches", "metrics")
_AIMS = words("searches", "aims")


class SearchWords:
    """Reads what a sentence says about how to search."""

    def __init__(self) -> None:
        self._algorithms = Phrases((p, a) for a, table in _ALGORITHMS.items() for p in table)
        self._counted = Phrases((p, key) for key, table in _COUNTED.items() for p in table)
        self._metrics = Phrases((p, m) for m, table in _METRICS.items() for p in table)
        self.words = self._algorithms.words | self._counted.words

    def read(self, sentence: Sentence) -> list[Said]:
        """Every setting of a search, in order; their words are taken."""
        found = [self._count(sentence, match) for match in self._counted.find(sentence)]
        found += [
            Said("automl.algorithm", match.meaning, match.first, match.end)
            for match in self._algorithms.find(sentence)
            if sentence.word(match.first - 1) not in {"not", "no", "without"}
        ]
        found += [_time(sentence, index) for index in range(len(sentence.tokens))]
        found += [self._metric(sentence, match) for match in self._metrics.find(sentence)]
        found += _singly(sentence)
        said = sorted((one for one in found if one is not None), key=lambda one: one.first)
        for one in said:
            sentence.take(one.first, one.end, one.slot)
        return said

    def _count(self, sentence: Sentence, match: Match[str]) -> Said | None:
        """`20 trials`; of trials also `trials: 20`."""
        before = match.first - 1
        while match.first - before <= _REACH and sentence.word(before) in _COUNTED_BETWEEN:
            before -= 1
        places = [before]
        if match.meaning == "max_recommendations":
            after = _after_connectors(sentence, match.end)
            places += [] if after == match.end else [after]
        index = next((place for place in places if _is_count(sentence, place)), None)
        if index is None:
            return None
        value = int(sentence.tokens[index].value)
        first, end = min(index, match.first), max(index + 1, match.end)
        return Said(f"automl.{match.meaning}", value, first, end)

    def _metric(self, sentence: Sentence, match: Match[str]) -> Said | None:
        """`Maximize the validation accuracy`."""
        before = range(max(0, match.first - _REACH), match.first)
        first = next((index for index in before if sentence.word(index) in _AIMS), None)
        if first is None:
            return None
        return Said("automl.metric", match.meaning, first, match.end)


def _after_connectors(sentence: Sentence, start: int) -> int:
    """The token after a few small words."""
    at = start
    while at - start < _REACH and sentence.word(at) in CONNECTORS:
        at += 1
    return at


def _is_count(sentence: Sentence, index: int) -> bool:
    """Whether a count that is wanted stands here: not that of `not 20 trials`."""
    if sentence.kind(index) is not Kind.NUMBER or sentence.is_taken(index):
        return False
    is_other = sentence.word(index - 1) in {"not", "than"} and sentence.word(index - 2) != "more"
    value = sentence.tokens[index].value
    return not is_other and value >= 0 and value == int(value)


def _singly(sentence: Sentence) -> list[Said]:
    """`One after the other`: one trial at a time."""
    found = []
    for index in sentence.of_kind(Kind.NUMBER):
        for phrase in (["one", "after", "the", "other"], ["one", "after", "another"]):
            end = index + len(phrase)
            if [sentence.word(at) for at in range(index, end)] == phrase:
                found.append(Said("automl.max_concurrent", 1, index, end))
    return found


def _time(sentence: Sentence, index: int) -> Said | None:
    """A span of time that limits something: `at most 2 hours`, `half an hour`."""
    is_half = sentence.word(index) == "half"
    is_amount = is_half or sentence.kind(index) is Kind.NUMBER or sentence.word(index) == "an"
    if not is_amount or sentence.is_taken(index) or sentence.word(index - 1) == "half":
        return None
    amount = 0.5 if is_half else sentence.tokens[index].value or 1
    at = index + 1 + (is_half and sentence.word(index + 1) in {"an", "a"})
    found = unit_of_time(sentence, at)
    if found is None:
        return None
    unit_s, end = found
    near = sentence.words(index - 4, index) | sentence.words(end, end + 3)
    before = "".join(sentence.word(at) for at in range(index - 4, index))
    if not near & _BUDGET and not any(sign in before for sign in _BUDGET_SIGNS):
        return None
    return Said("automl.time_budget_s", int(amount * unit_s), index, end)


def unit_of_time(sentence: Sentence, at: int) -> tuple[int, int] | None:
    """Seconds of the unit of time that begins here, and where it ends; signs are joined."""
    for length in (3, 2):
        signs = "".join(sentence.word(index) for index in range(at, at + length))
        if not signs.isascii() and signs in _TIME_S:
            return _TIME_S[signs], at + length
    unit_s = _TIME_S.get(sentence.word(at)) or _TIME_S.get(sentence.stem(at))
    return None if unit_s is None else (unit_s, at + 1)
