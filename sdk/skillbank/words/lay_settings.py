"""Lay the settings that are said in words into the steps: `30 epochs`, `no, make that 50`."""

from __future__ import annotations

from skillbank.words.draft import Draft
from skillbank.words.matcher import Match, Said
from skillbank.words.phrasebook import words
from skillbank.words.retractions import Retractions
from skillbank.words.tokens import Kind
from skillbank.words.values import ValueReader

_WAS = words("speech", "was")
_REACH = 5  # words after a correction in which its number stands


class SettingLayer:
    """Gives each setting to the step that has it."""

    def __init__(self, draft: Draft, retractions: Retractions) -> None:
        self._draft, self._retractions = draft, retractions

    def lay(self) -> None:
        """Lay settings: those near a step first, then what is left over, from anywhere."""
        whole = self._draft.reading.whole
        near = [self._draft.groups[step.group] for step in self._draft.steps]
        for spans in ([(group.first, group.end) for group in near], [whole] * len(near)):
            for index, span in enumerate(spans):
                settings = self._draft.steps[index].words
                for said in ValueReader(settings, self._draft.sentence, span).read():
                    self._lay_one(index, said)
        for match in self._retractions.corrections(self._draft.sentence):
            self._lay_corrected(match)

    def _lay_one(self, index: int, said: Said) -> None:
        section, _, key = said.slot.partition(".")
        if section == "overrides":
            if self._is_history(index, said):
                start, end = self._draft.sentence.span(said.first, said.end)
                told = self._draft.sentence.text[start:end]
                self._draft.notes.append(f"{told!r} is told of the past, and left aside.")
                return
            if self._is_assigned(index, key, said):
                return
            if problem := self._draft.steps[index].words.fields[key].problem(said.value):
                self._draft.problems.append(problem)
        self._draft.put(index, said)

    def _is_history(self, index: int, said: Said) -> bool:
        """Whether a value is told of what was: `the old run used 200 epochs. Train ...`."""
        sentence = self._draft.sentence
        if sentence.is_one_utterance(said.first, self._draft.steps[index].verb):
            return False
        start, _ = sentence.utterance(said.first)
        return bool(sentence.words(start, said.first) & _WAS)

    def _is_assigned(self, index: int, key: str, said: Said) -> bool:
        """Whether an assignment gives another value, which beats words.

        Two words that differ contradict each other, unless one takes the other back.
        """
        known = self._draft.steps[index].overrides.get(key)
        origin = self._draft.origin(index, said.slot)
        if known is None or known == said.value or origin is None:
            return False
        if "=" in origin.words:
            return True
        if not self._draft.is_taken_back(origin, said, self._retractions):
            sentence, first = self._draft.sentence, self._draft.token_after(origin)
            verb = self._draft.steps[index].verb
            is_near = [sentence.is_one_utterance(at, verb) for at in (first, said.first)]
            if is_near[0] != is_near[1]:  # "that was with 256. So train with 32"
                return is_near[0]
            both = f"both {known!r} and {said.value!r}"
            self._draft.contradictions.append(f"{key}: {both} are asked for; say which.")
        return False

    def _lay_corrected(self, match: Match[bool]) -> None:
        """`30 epochs, no, make that 50`: a number alone replaces the last one."""
        sentence = self._draft.sentence
        number = next(
            (
                index
                for index in range(match.end, match.end + _REACH)
                if sentence.kind(index) is Kind.NUMBER and not sentence.is_taken(index)
            ),
            None,
        )
        replaced = self._last_number_before(sentence.tokens[match.first].start)
        if number is None or replaced is None:
            return
        index, key = replaced
        value = sentence.tokens[number].value
        self._draft.put(index, Said(f"overrides.{key}", value, match.first, number + 1))
        sentence.take(number, number + 1, "overrides.")

    def _last_number_before(self, place: int) -> tuple[int, str] | None:
        """Step and key of the last number that was said before a place of the text."""
        said = []
        for index, step in enumerate(self._draft.steps):
            for key, value in step.overrides.items():
                origin = self._draft.origin(index, f"overrides.{key}")
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                if is_number and origin is not None and origin.end <= place:
                    said.append((origin.end, index, key))
        return max(said)[1:] if said else None
