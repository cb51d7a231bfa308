"""Settings of a search in a sentence: ASHA, 20 trials, two hours, four at a time."""

from __future__ import annotations

from skillbank.words.lexicon import CONNECTORS
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import tables, words
from skillbank.words.tokens import Kind

_ALGORITHMS = tables("searches", "algorithms")
_COUNTED = tables("searches", "counted")
_TIME_S = {"hour": 3600, "h": 3600, "hr": 3600, "hrs": 3600, "stunden": 3600, "stunde": 3600, "std": 3600, "minut": 60, "min": 60,
           "mins": 60, "minuten": 60, "day": 86400, "tag": 86400, "tage": 86400, "小时": 3600, "分钟": 60}  # fmt: skip
_BUDGET = words("searches", "budget")
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
        found += [self._time(sentence, index) for index in range(len(sentence.tokens))]
        found += [self._metric(sentence, match) for match in self._metrics.find(sentence)]
        found += self._singly(sentence)
        said = sorted((one for one in found if one is not None), key=lambda one: one.first)
        for one in said:
            sentence.take(one.first, one.end, one.slot)
        return said

    def _count(self, sentence: Sentence, match: Match[str]) -> Said | None:
        at = match.first - 1
        while (
            sentence.word(at)
            in {
                "trials",
                "at",
                "most",
                "automl",
                "hpo",
                "search",
                "more",
                "different",
                "of",
                "random",
                "models",
                "jobs",
            }
            and match.first - at < 4
        ):
            at -= 1
        for index in (at, self._after(sentence, match.end)):
            if index is None or sentence.kind(index) is not Kind.NUMBER or sentence.is_taken(index):
                continue
            if index > match.first and match.meaning != "max_recommendations":
                continue
            if sentence.word(index - 1) in {"not", "than"} and sentence.word(index - 2) not in {
                "more"
            }:
                continue
            value = sentence.tokens[index].value
            if value == int(value) and value >= 0:
                return Said(
                    f"automl.{match.meaning}",
                    int(value),
                    min(index, match.first),
                    max(index + 1, match.end),
                )
        return None

    def _after(self, sentence: Sentence, at: int) -> int | None:
        start = at
        while at - start < 3 and sentence.word(at) in CONNECTORS:
            at += 1
        return at if at > start else None

    def _singly(self, sentence: Sentence) -> list[Said]:
        """`one trial at a time`, `one after the other`."""
        found = []
        for index in range(len(sentence.tokens) - 3):
            words = [sentence.word(index + step) for step in range(4)]
            if words == ["one", "after", "the", "other"] or words == [
                "one",
                "after",
                "another",
                words[3],
            ]:
                found.append(
                    Said("automl.max_concurrent", 1, index, index + 4 - (words[2] == "another"))
                )
        return found

    def _time(self, sentence: Sentence, index: int) -> Said | None:
        """A span of time that limits something: `at most 2 hours`."""
        if sentence.kind(index) is not Kind.NUMBER and sentence.word(index) not in {"an", "half"}:
            return None
        if sentence.is_taken(index) or sentence.word(index - 1) == "half":
            return None
        value = sentence.tokens[index].value or 1
        at, half = index + 1, 1.0
        if sentence.word(index) == "half":
            half, at = 0.5, at + (sentence.word(at) in {"an", "a"})
        unit = sentence.word(at) + (
            sentence.word(at + 1) if sentence.word(at) in {"小", "分", "个"} else ""
        )
        if unit == "个小":
            unit, at = "小时", at + 1
        unit_s = _TIME_S.get(unit) or _TIME_S.get(sentence.stem(at))
        if not unit_s:
            return None
        end = at + 1 + (unit in {"小时", "分钟"})
        near = {sentence.word(i) for i in (*range(max(0, index - 4), index), *range(end, end + 3))}
        if not near & _BUDGET:
            return None
        return Said("automl.time_budget_s", int(value * half * unit_s), index, end)

    def _metric(self, sentence: Sentence, match: Match[str]) -> Said | None:
        before = {sentence.word(index) for index in range(max(0, match.first - 3), match.first)}
        if not before & _AIMS:
            return None
        first = next(
            i for i in range(max(0, match.first - 3), match.first) if sentence.word(i) in _AIMS
        )
        return Said("automl.metric", match.meaning, first, match.end)
