"""How a job is to be run, in a sentence: its time limit, retries, partition, cores and memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, tables, words
from skillbank.words.searches import unit_of_time
from skillbank.words.tokens import Kind

KEYS = frozenset(
    {
        *("time_limit", "retries", "retry_wait", "priority", "cpus", "memory", "upload_excludes"),
        *("max_parallel", "partition", "account", "qos", "gpu_type", "constraint", "nodelist"),
        *("exclude", "reservation", "walltime", "namespace"),
    }
)
"""Settings of a run that can be assigned: `partition=gpu`; a key of the action's spec wins."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT])i?B?", re.IGNORECASE)
_UNITS = {"gb": "G", "gib": "G", "g": "G", "mb": "M", "mib": "M", "tb": "T", "tib": "T"}
_UNITS_S = {"d": 86400, "h": 3600, "m": 60}
_TIMES = {"once": 1, "twice": 2, "thrice": 3, "einmal": 1, "zweimal": 2, "dreimal": 3}
_OF, _NO_NAME = words("runs", "of"), words("runs", "no_name")
_MARGINS = frozenset({"most", "to", "max", "maximum", "it", "up", "at", "that", "this", "them"})
_TIMES_WORDS = words("runs", "times")
_REACH = 3  # small words between a setting and its value


class RunWords:
    """Reads what a sentence says about how its jobs are run."""

    def __init__(self) -> None:
        self._limits = Phrases.plain(phrases("runs", "time_limit"))
        self._retries = Phrases.plain(phrases("runs", "retry"))
        self._cores = Phrases.plain(phrases("runs", "cores"))
        self._memory = Phrases.plain(phrases("runs", "memory"))
        named = tables("runs", "named").items()
        self._named = Phrases((phrase, key) for key, told in named for phrase in told)
        self.words = self._limits.words | self._retries.words | self._named.words

    def read(self, sentence: Sentence) -> list[Said]:
        """Every setting of a run, in order; their words are taken."""
        found = [*self._read(sentence)]
        for said in found:
            sentence.take(said.first, said.end, said.slot)
        return sorted(found, key=lambda said: said.first)

    def _read(self, sentence: Sentence) -> Iterator[Said]:
        readers = (
            (self._limits, _time_limit),
            (self._retries, _retries),
            (self._cores, _cores),
            (self._memory, _memory),
        )
        said = [read(sentence, match) for table, read in readers for match in table.find(sentence)]
        said += [_named(sentence, match) for match in self._named.find(sentence)]
        yield from (one for one in said if one is not None)


def seconds_of(time_limit: str) -> int:
    """Seconds of a time limit that was read from words."""
    return int(float(time_limit[:-1]) * _UNITS_S[time_limit[-1]])


def _time_limit(sentence: Sentence, match: Match[bool]) -> Said | None:
    """`A time limit of 4 hours`, `a 90 minute time limit`."""
    at = _after(sentence, match.end, _OF)
    if found := _span_of_time(sentence, at):
        value, end = found
        return Said("resources.time_limit", value, match.first, end)
    for back in (2, 3):
        found = _span_of_time(sentence, match.first - back)
        if found and found[1] == match.first:
            return Said("resources.time_limit", found[0], match.first - back, match.end)
    return None


def _span_of_time(sentence: Sentence, at: int) -> tuple[str, int] | None:
    """A span of time as run settings take it, and where it ends: `4 hours` is `4h`."""
    if sentence.kind(at) is not Kind.NUMBER or sentence.is_taken(at):
        return None
    found = unit_of_time(sentence, at + 1)
    if found is None:
        return None
    unit_s, end = found
    unit = next(name for name, seconds in _UNITS_S.items() if seconds == unit_s)
    return f"{sentence.tokens[at].value:g}{unit}", end


def _retries(sentence: Sentence, match: Match[bool]) -> Said | None:
    """`Retry twice`, `retry it up to 3 times`, `with 2 retries`."""
    at = _after(sentence, match.end, _MARGINS)
    count = _TIMES.get(sentence.word(at), _count(sentence, at))
    is_times = sentence.word(at) in _TIMES or sentence.word(at + 1) in _TIMES_WORDS
    if count is not None and is_times:
        end = at + 1 if sentence.word(at) in _TIMES else at + 2
        return Said("resources.retries", count, match.first, end)
    before = match.first - 1
    if sentence.word(before) in {"no", "without"}:
        return Said("resources.retries", 0, before, match.end)
    count = _count(sentence, before)
    return None if count is None else Said("resources.retries", count, before, match.end)


def _cores(sentence: Sentence, match: Match[bool]) -> Said | None:
    """`8 CPU cores`."""
    if sentence.word(match.end - 1).rstrip("e") in {"cpu", "core"}:
        return None  # one CPU is where it runs, not how many
    count = _count(sentence, match.first - 1)
    return Said("resources.cpus", count, match.first - 1, match.end) if count else None


def _memory(sentence: Sentence, match: Match[bool]) -> Said | None:
    """`32 GB of memory`, `16G RAM`."""
    before = match.first - 1 - (sentence.word(match.first - 1) == "of")
    if joined := _SIZE.fullmatch(sentence.word(before)):
        return Said("resources.memory", f"{joined[1]}{joined[2].upper()}", before, match.end)
    unit, count = _UNITS.get(sentence.word(before)), _count(sentence, before - 1)
    if unit is None or count is None:
        return None
    return Said("resources.memory", f"{count}{unit}", before - 1, match.end)


def _named(sentence: Sentence, match: Match[str]) -> Said | None:
    """`In partition a100`, `the a100 partition`, `with priority 10`."""
    key, at = match.meaning, _after(sentence, match.end, _OF)
    if key == "priority":
        value = _count(sentence, at)
        return None if value is None else Said("resources.priority", value, match.first, at + 1)
    if _is_name(sentence, at):
        name, end = _name(sentence, at)
        return Said(f"resources.{key}", name, match.first, end)
    first = match.first - 1
    while first > 0 and _is_joined(sentence, first):
        first -= 1
    if first >= 0 and _is_name(sentence, first) and sentence.word(first - 1) == "the":
        return Said(f"resources.{key}", _name(sentence, first)[0], first, match.end)
    return None


def _name(sentence: Sentence, at: int) -> tuple[str, int]:
    """A name with all parts that hyphens or underscores join, and where it ends."""
    end = at + 1
    while end < len(sentence) and _is_joined(sentence, end):
        end += 1
    start, stop = sentence.span(at, end)
    return sentence.text[start:stop], end


def _is_joined(sentence: Sentence, at: int) -> bool:
    between = sentence.text[sentence.tokens[at - 1].end : sentence.tokens[at].start]
    return between in {"-", "_"}


def _is_name(sentence: Sentence, at: int) -> bool:
    is_word = sentence.kind(at) in {Kind.WORD, Kind.KEY} and not sentence.is_taken(at)
    return is_word and sentence.word(at) not in _NO_NAME


def _after(sentence: Sentence, at: int, small: frozenset[str]) -> int:
    """The token after a few small words."""
    end = at
    while end - at < _REACH and sentence.word(end) in small:
        end += 1
    return end


def _count(sentence: Sentence, at: int) -> int | None:
    if sentence.kind(at) is not Kind.NUMBER or sentence.is_taken(at):
        return None
    value = sentence.tokens[at].value
    return int(value) if value == int(value) and value >= 0 else None
