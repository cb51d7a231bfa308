"""Settings in a sentence: `30 epochs`, `learning rate of 0.01`, `with Adam`, `no nesterov`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skillbank.route import SEARCHED_ACTION
from skillbank.words.bank_words import ActionWords, Field
from skillbank.words.lexicon import CONNECTORS
from skillbank.words.matcher import Match, Said, Sentence
from skillbank.words.phrasebook import words
from skillbank.words.tokens import Kind, Token, stems

_NOT = words("values", "not")
_YES = words("values", "yes")
_AFTER_OFF = words("values", "after_off")
_AFTER_ON = words("values", "after_on")
_ADJECTIVES = words("values", "adjectives")
_SEARCHES = words("values", "searches")
_REPLACED = words("values", "replaced")


class ValueReader:
    """Reads the settings of one action from the words that nothing else explains.

    Args:
        words: The action's settings.
        sentence: The sentence; words of settings found are taken.
        span: First token, and one past the last, that may speak of this action.
    """

    def __init__(self, words: ActionWords, sentence: Sentence, span: tuple[int, int]) -> None:
        self._words, self._sentence = words, sentence
        self._first, self._end = span

    def read(self) -> list[Said]:
        """Every setting said, in order."""
        found = self._searched() + self._ranges() + self._named() + self._valued()
        return sorted(found, key=lambda said: said.first)

    def _named(self) -> list[Said]:
        """Settings that are called by name, with a value beside it."""
        found: list[Said] = []
        for match in self._matches():
            for field in match.meaning:
                said = self._with_value(field, match)
                if said:
                    found.append(said)
                    self._sentence.take(said.first, said.end, said.slot)
                    break
        return found

    def _searched(self) -> list[Said]:
        """The only settings to search: `tune only learning rate and dropout`."""
        if self._words.action != SEARCHED_ACTION:
            return []
        for index in range(self._first, min(self._end, len(self._sentence.tokens))):
            if self._sentence.word(index) not in {"only", "just", "nur", "只"}:
                continue
            near = {
                self._sentence.stem(index - 1),
                self._sentence.stem(index - 2),
                self._sentence.stem(index + 1),
            }
            if not near & _SEARCHES:
                continue
            keys, end = self._names_from(index + 1)
            if keys:
                self._sentence.take(index, end, "automl.parameters")
                return [Said("automl.parameters", keys, index, end)]
        return []

    def _names_from(self, at: int) -> tuple[list[str], int]:
        """Settings named in a row, and where the row ends."""
        keys: list[str] = []
        end = at
        while at < len(self._sentence.tokens):
            match = self._words.names.at(self._sentence, at)
            if self._sentence.kind(at) is Kind.KEY and (
                field := self._words.find(
                    self._sentence.text[slice(*self._sentence.span(at, at + 1))]
                )
            ):
                match = Match(at, at + 1, [field])
            if match:
                keys.append(match.meaning[0].key)
                at = end = match.end
            elif self._sentence.word(at) in {
                "the",
                "and",
                ",",
                "over",
                "for",
                "tune",
                "search",
                "vary",
                "und",
                "&",
                "optimize",
                "optimise",
                "search",
                "和",
            }:
                at += 1
            else:
                break
        return keys, end

    def _ranges(self) -> list[Said]:
        """Where to search: `learning rate between 0.001 and 0.1`."""
        if self._words.action != SEARCHED_ACTION:
            return []
        ranges: dict[str, dict[str, Any]] = {}
        first, end = 0, 0
        for match in self._matches():
            at = match.end
            while self._sentence.word(at) in {
                "in",
                "the",
                "range",
                "is",
                "of",
                "anywhere",
                "somewhere",
                ":",
            }:
                at += 1
            low, joint, high = (
                self._sentence.tokens[i] if i < len(self._sentence.tokens) else None
                for i in (at + 1, at + 2, at + 3)
            )
            if self._sentence.word(at) not in {"between", "from", "zwischen", "von"} or not (
                low and joint and high
            ):
                continue
            if (
                low.kind is Kind.NUMBER
                and high.kind is Kind.NUMBER
                and joint.word in {"and", "to", "und", "bis", "-"}
            ):
                ranges[match.meaning[0].key] = {"valid_min": low.value, "valid_max": high.value}
                self._sentence.take(match.first, at + 4, "automl.custom_param_ranges")
                first, end = (first or match.first), at + 4
        return [Said("automl.custom_param_ranges", ranges, first, end)] if ranges else []

    def _matches(self) -> list[Match[list[Field]]]:
        """Names of settings; dotted keys as well."""
        found = [m for m in self._words.names.find(self._sentence) if self._is_inside(m.first)]
        for index in range(self._first, min(self._end, len(self._sentence.tokens))):
            if self._sentence.kind(index) is Kind.KEY and not self._sentence.is_taken(index):
                field = self._words.find(str(self._sentence.tokens[index].value))
                if field:
                    found.append(Match(index, index + 1, [field]))
        return sorted(found, key=lambda match: match.first)

    def _is_inside(self, index: int) -> bool:
        return self._first <= index < self._end

    def _with_value(self, field: Field, match: Match[list[Field]]) -> Said | None:
        if any(self._sentence.is_taken(index) for index in range(match.first, match.end)):
            return None
        if field.is_switch:
            return self._switch(field, match)
        if field.key.endswith(".gpu_ids") or field.key.endswith(".num_gpus"):
            return self._gpus(field, match)
        if (none := self._none(field, match)) is not None:
            return none
        sides = ("left", "right") if field.counts else ("right", "left")
        for side in sides:
            said = self._right(field, match) if side == "right" else self._left(field, match)
            if said:
                return said
        return None

    def _none(self, field: Field, match: Match[list[Field]]) -> Said | None:
        """`No dropout` is a dropout of 0, where 0 is allowed."""
        if (
            self._sentence.word(match.first - 1) not in {"no", "without", "zero", "ohne"}
            and self._sentence.stem(match.first - 1) != "without"
        ):
            return None
        if (
            field.node.get("type") != "number"
            or field.node.get("minimum", 1) > 0
            or field.node.get("exclusiveMinimum") is not None
        ):
            return None
        if self._sentence.kind(match.end) is Kind.NUMBER:
            return None
        return Said(f"overrides.{field.key}", 0.0, match.first - 1, match.end)

    def _right(self, field: Field, match: Match[list[Field]]) -> Said | None:
        at = match.end
        while at - match.end < 4 and self._sentence.word(at) in CONNECTORS:
            at += 1
        if (
            field.counts
            and at == match.end
            and self._sentence.kind(at) is Kind.NUMBER
            and self._counts_another(at)
        ):
            return None
        read = self._value(field, at)
        if read is None:
            return None
        value, end = read
        return Said(f"overrides.{field.key}", value, match.first, end)

    def _counts_another(self, at: int) -> bool:
        """Tell whether the number here belongs to a name after it: `epochs, 8 workers`."""
        after = self._words.names.at(self._sentence, at + 1)
        return after is not None and any(field.counts for field in after.meaning)

    def _left(self, field: Field, match: Match[list[Field]]) -> Said | None:
        at = match.first - 1
        while match.first - at < 4 and (
            self._sentence.word(at) in _ADJECTIVES or self._sentence.stem(at) in _ADJECTIVES
        ):
            at -= 1
        if (
            field.is_number
            and self._sentence.kind(at) is Kind.NUMBER
            and not self._sentence.is_taken(at)
        ):
            value = self._number(field, self._sentence.tokens[at])
            if value is not None and not self._is_replaced(at):
                return Said(f"overrides.{field.key}", value, at, match.end)
        if field.choices and not field.is_number:
            for first in (at, at - 1, at - 2):
                value = self._choice_ending(field, first, at + 1)
                if value:
                    return Said(f"overrides.{field.key}", value, first, match.end)
        return None

    def _choice_ending(self, field: Field, first: int, end: int) -> str | None:
        if first < 0 or (found := self._words.values.at(self._sentence, first)) is None:
            return None
        if found.end != end:
            return None
        return next((value for one, value in found.meaning if one == field), None)

    def _value(self, field: Field, at: int) -> tuple[Any, int] | None:
        """The value that stands here, and where it ends."""
        if self._sentence.is_taken(at) or at >= len(self._sentence.tokens):
            return None
        if "array" in field.types:
            return self._list(at)
        token = self._sentence.tokens[at]
        if field.is_number and token.kind is Kind.NUMBER:
            value = self._number(field, token)
            return None if value is None or self._is_replaced(at) else (value, at + 1)
        if field.choices and (found := self._words.values.at(self._sentence, at)):
            for one, value in found.meaning:
                if one == field:
                    return value, found.end
        is_joined = self._sentence.text[token.start - 1 : token.start] == "-"
        if (
            not is_joined
            and self._takes_any_word(field)
            and token.kind is Kind.WORD
            and self._words.is_telling((token.stem,))
        ):
            return token.word, at + 1
        return None

    def _takes_any_word(self, field: Field) -> bool:
        """Whether a field takes a name of the user's: the skill says what users call it."""
        spoken = self._words.skill.info.vocabulary.keys
        is_free = field.node.get("examples") and not field.node.get("pattern")
        return field.key in spoken and "string" in field.types and bool(is_free)

    def _list(self, at: int) -> tuple[list[Any], int] | None:
        """Numbers in a row: `10 and 60`, `[10, 60]`, `0,1`."""
        values: list[Any] = []
        end = at
        while end < len(self._sentence.tokens):
            token = self._sentence.tokens[end]
            if token.kind is Kind.NUMBER:
                values += (
                    [int(part) for part in token.text.split(",")]
                    if "," in token.text
                    else [token.value]
                )
            elif token.word not in {"[", "]", ",", "and", "&", "und", "和", "、"} or not (
                values or token.word == "["
            ):
                break
            end += 1
        while (
            end > at
            and self._sentence.tokens[end - 1].kind is not Kind.NUMBER
            and self._sentence.word(end - 1) != "]"
        ):
            end -= 1
        return (values, end) if values else None

    def _number(self, field: Field, token: Token) -> int | float | None:
        value = token.value
        if value is None:
            return None
        if "integer" in field.types and "number" not in field.types and float(value).is_integer():
            return int(value)
        return value  # type: ignore[no-any-return]

    def _is_replaced(self, at: int) -> bool:
        """Tell whether a value is one that is not wanted: `8, not 16`, `30 instead of 10`."""
        before = self._sentence.word(at - 1)
        if before == "of":
            return self._sentence.word(at - 2) == "instead"
        return before in _REPLACED

    def _switch(self, field: Field, match: Match[list[Field]]) -> Said | None:
        before = [self._sentence.word(match.first - 1), self._sentence.word(match.first - 2)]
        if before[0] in {"the", "any", "a"}:
            before = before[1:]
        after = self._sentence.word(match.end)
        if after in CONNECTORS:
            after = self._sentence.word(match.end + 1) or after
        end = match.end + (after in _AFTER_ON | _AFTER_OFF)
        if after in _AFTER_OFF or set(before) & _NOT:
            return Said(
                f"overrides.{field.key}", False, match.first - bool(set(before) & _NOT), end
            )
        spoken = self._words.skill.info.vocabulary.keys.get(field.key, ())
        told = any(
            stems(p) == tuple(self._sentence.stem(i) for i in range(match.first, match.end))
            for p in spoken
        )
        if told or after in _AFTER_ON or set(before) & _YES:
            return Said(f"overrides.{field.key}", True, match.first, end)
        return None

    def _gpus(self, field: Field, match: Match[list[Field]]) -> Said | None:
        """`two GPUs` is a number of them, `GPU 0 and 1` names them."""
        section = field.key.rpartition(".")[0]
        left = match.first - 1
        while self._sentence.word(left) in _ADJECTIVES:
            left -= 1
        if (
            self._sentence.kind(left) is Kind.NUMBER
            and not self._sentence.is_taken(left)
            and not self._is_replaced(left)
        ):
            value = self._sentence.tokens[left].value
            if f"{section}.num_gpus" in self._words.fields:
                return Said(f"overrides.{section}.num_gpus", int(value), left, match.end)
        at = match.end
        while at - match.end < 3 and self._sentence.word(at) in CONNECTORS | {
            "ids",
            "id",
            "number",
            "no",
            "s",
            "#",
        }:
            at += 1
        named = (
            self._list(at)
            if at < len(self._sentence.tokens) and not self._sentence.is_taken(at)
            else None
        )
        if named is None or f"{section}.gpu_ids" not in self._words.fields:
            return None
        values, end = named
        if (
            any(self._sentence.word(i) in {"=", ":", "count"} for i in range(match.end, at))
            and len(values) == 1
            and "ids" not in " ".join(self._sentence.word(i) for i in range(match.first, at))
        ):
            return Said(f"overrides.{section}.num_gpus", int(values[0]), match.first, end)
        return Said(f"overrides.{section}.gpu_ids", [int(v) for v in values], match.first, end)

    def _valued(self) -> list[Said]:
        """Values that say by themselves which setting they are of: `with Adam`."""
        found: list[Said] = []
        for match in list(self._words.values.find(self._sentence)):
            if not self._is_inside(match.first) or self._is_replaced(match.first):
                continue
            meanings = list(self._unsaid(match.meaning, found))
            named = tuple(self._sentence.stem(index) for index in range(match.first, match.end))
            if not meanings or not self._words.is_telling(named):
                continue
            field, value = meanings[0]
            found.append(Said(f"overrides.{field.key}", value, match.first, match.end))
            self._sentence.take(match.first, match.end, f"overrides.{field.key}")
        return found

    def _unsaid(
        self, meanings: Iterable[tuple[Field, str]], found: list[Said]
    ) -> Iterable[tuple[Field, str]]:
        said = {one.slot for one in found}
        return (one for one in meanings if f"overrides.{one[0].key}" not in said or len(said) >= 0)
