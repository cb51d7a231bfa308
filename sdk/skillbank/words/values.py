"""Settings in a sentence: `30 epochs`, `learning rate of 0.01`, `with Adam`, `no nesterov`."""

from __future__ import annotations

from typing import Any

from skillbank.words.bank_words import ActionWords, Field
from skillbank.words.gpu_words import read_gpus
from skillbank.words.lexicon import CONNECTORS
from skillbank.words.matcher import Match, Said, Sentence
from skillbank.words.numbers_said import is_replaced, read_list
from skillbank.words.phrasebook import words as words_of
from skillbank.words.search_space import read_ranges, read_searched
from skillbank.words.tokens import Kind, Token

_NOT = words_of("values", "not")
_YES = words_of("values", "yes")
_ZERO = words_of("values", "zero")
_AFTER_OFF = words_of("values", "after_off")
_AFTER_ON = words_of("values", "after_on")
_ADJECTIVES = words_of("values", "adjectives")
_REACH = 4  # small words between a name and its value


class ValueReader:
    """Reads the settings of one action from the words that nothing else explains.

    Args:
        words: The action's settings.
        sentence: The sentence; words of settings found are taken.
        span: First token, and one past the last, that may speak of this action.
    """

    def __init__(self, words: ActionWords, sentence: Sentence, span: tuple[int, int]) -> None:
        self._words, self._sentence, self._span = words, sentence, span

    def read(self) -> list[Said]:
        """Every setting said, in order."""
        found = read_searched(self._words, self._sentence, self._span)
        found += read_ranges(self._words, self._sentence, self._names())
        found += self._named() + self._valued()
        return sorted(found, key=lambda said: said.first)

    def _names(self) -> list[Match[list[Field]]]:
        """Names of settings; dotted keys as well."""
        first, end = self._span
        found = [
            match
            for match in self._words.names.find(self._sentence, 0, end)
            if match.first >= first
        ]
        for index in self._sentence.of_kind(Kind.KEY):
            if first <= index < end and not self._sentence.is_taken(index):
                field = self._words.find(str(self._sentence.tokens[index].value))
                found += [Match(index, index + 1, [field])] if field else []
        return sorted(found, key=lambda match: match.first)

    def _named(self) -> list[Said]:
        """Settings that are called by name, with a value beside it."""
        found: list[Said] = []
        for match in self._names():
            if not self._sentence.is_open(match.first, match.end):
                continue
            values = (self._with_value(field, match) for field in match.meaning)
            said = next((one for one in values if one is not None), None)
            if said is not None:
                found.append(said)
                self._sentence.take(said.first, said.end, said.slot)
        return found

    def _valued(self) -> list[Said]:
        """Values that say by themselves which setting they are of: `with Adam`."""
        found: list[Said] = []
        first, end = self._span
        for match in list(self._words.values.find(self._sentence, 0, end)):
            if match.first < first or is_replaced(self._sentence, match.first):
                continue
            named = tuple(map(self._sentence.stem, range(match.first, match.end)))
            if self._words.is_telling(named):
                field, value = match.meaning[0]
                said = Said(f"overrides.{field.key}", value, match.first, match.end)
                found.append(said)
                self._sentence.take(said.first, said.end, said.slot)
        return found

    def _with_value(self, field: Field, match: Match[list[Field]]) -> Said | None:
        """A setting with the value beside its name; the likelier side is looked at first."""
        if field.is_switch:
            return self._switch(field, match)
        if field.key.endswith((".gpu_ids", ".num_gpus")):
            return read_gpus(self._words, self._sentence, field, match)
        if self._is_none(field, match):
            return Said(f"overrides.{field.key}", 0.0, match.first - 1, match.end)
        if field.counts:
            return self._left(field, match) or self._right(field, match)
        return self._right(field, match) or self._left(field, match)

    def _is_none(self, field: Field, match: Match[list[Field]]) -> bool:
        """`No dropout` is a dropout of 0, where 0 is allowed."""
        before = {self._sentence.word(match.first - 1), self._sentence.stem(match.first - 1)}
        if not before & _ZERO or self._sentence.kind(match.end) is Kind.NUMBER:
            return False
        is_number = field.node.get("type") == "number" and "exclusiveMinimum" not in field.node
        return is_number and field.node.get("minimum", 1) <= 0

    def _right(self, field: Field, match: Match[list[Field]]) -> Said | None:
        """`Learning rate of 0.01`."""
        at = match.end
        while at - match.end < _REACH and self._sentence.word(at) in CONNECTORS:
            at += 1
        if field.counts and at == match.end and self._counts_another(at):
            return None
        read = self._value(field, at)
        if read is None:
            return None
        value, end = read
        return Said(f"overrides.{field.key}", value, match.first, end)

    def _counts_another(self, at: int) -> bool:
        """Tell whether a number here belongs to a name after it: `epochs, 8 workers`."""
        if self._sentence.kind(at) is not Kind.NUMBER:
            return False
        after = self._words.names.at(self._sentence, at + 1)
        return after is not None and any(field.counts for field in after.meaning)

    def _left(self, field: Field, match: Match[list[Field]]) -> Said | None:
        """`30 training epochs`, `the Adam optimizer`."""
        at = match.first - 1
        while match.first - at < _REACH and self._is_adjective(at):
            at -= 1
        slot = f"overrides.{field.key}"
        if field.is_number:
            value = self._number(field, at)
            return None if value is None else Said(slot, value, at, match.end)
        for first in (at, at - 1, at - 2):
            choice = self._choice(field, first) if field.choices and first >= 0 else None
            if choice is not None and choice[1] == at + 1:
                return Said(slot, choice[0], first, match.end)
        return None

    def _is_adjective(self, index: int) -> bool:
        return not _ADJECTIVES.isdisjoint({self._sentence.word(index), self._sentence.stem(index)})

    def _value(self, field: Field, at: int) -> tuple[Any, int] | None:
        """The value that stands here, and where it ends."""
        if self._sentence.is_taken(at) or at >= len(self._sentence):
            return None
        if "array" in field.types:
            return read_list(self._sentence, at)
        token = self._sentence.tokens[at]
        if field.is_number and token.kind is Kind.NUMBER:
            number = self._number(field, at)
            return None if number is None else (number, at + 1)
        if field.choices and (choice := self._choice(field, at)):
            return choice
        return (token.word, at + 1) if self._is_name(field, token) else None

    def _number(self, field: Field, at: int) -> int | float | None:
        """The number that stands here, where nothing else has taken it and it is wanted."""
        if self._sentence.kind(at) is not Kind.NUMBER or self._sentence.is_taken(at):
            return None
        value: int | float | None = self._sentence.tokens[at].value
        if value is None or is_replaced(self._sentence, at):
            return None
        is_whole = "integer" in field.types and "number" not in field.types
        return int(value) if is_whole and float(value).is_integer() else value

    def _choice(self, field: Field, at: int) -> tuple[str, int] | None:
        """The choice of a field that is named here, and where its name ends."""
        found = self._words.values.at(self._sentence, at)
        if found is None:
            return None
        values = (value for one, value in found.meaning if one == field)
        value = next(values, None)
        return None if value is None else (value, found.end)

    def _is_name(self, field: Field, token: Token) -> bool:
        """Whether a word is a name of the user's, for a field that takes any."""
        is_joined = self._sentence.text[max(token.start - 1, 0) : token.start] == "-"
        if is_joined or token.kind is not Kind.WORD or not self._takes_any_word(field):
            return False
        return self._words.is_telling((token.stem,))

    def _takes_any_word(self, field: Field) -> bool:
        """Whether a field takes a name of the user's: the skill says what users call it."""
        spoken = self._words.skill.info.vocabulary.keys
        is_free = field.node.get("examples") and not field.node.get("pattern")
        return field.key in spoken and "string" in field.types and bool(is_free)

    def _switch(self, field: Field, match: Match[list[Field]]) -> Said | None:
        """`No nesterov`, `wandb on`."""
        before = self._sentence.words_before(match.first)
        if self._sentence.word(match.first - 1) in {"the", "any", "a"}:
            before = {self._sentence.word(match.first - 2)}
        after = self._sentence.word(match.end)
        if after in CONNECTORS:
            after = self._sentence.word(match.end + 1) or after
        end = match.end + (after in _AFTER_ON | _AFTER_OFF)
        slot = f"overrides.{field.key}"
        if before & _NOT or after in _AFTER_OFF:
            return Said(slot, False, match.first - bool(before & _NOT), end)
        named = tuple(map(self._sentence.stem, range(match.first, match.end)))
        if before & _YES or after in _AFTER_ON or self._words.is_spoken_name(field, named):
            return Said(slot, True, match.first, end)
        return None
