"""Which actions a sentence wants, in order: none that is negated, taken back or described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from skillbank.route import SEARCHED_ACTION
from skillbank.words.actions import Mention
from skillbank.words.bank_words import NAME
from skillbank.words.implied import ImpliedActions
from skillbank.words.matcher import Match, Sentence
from skillbank.words.phrasebook import words
from skillbank.words.pointings import choose
from skillbank.words.readers import Readers
from skillbank.words.reading import Reading
from skillbank.words.retractions import is_told
from skillbank.words.skill_choice import SkillChooser
from skillbank.words.speech import Unmeant
from skillbank.words.tokens import Kind

_JOINS = words("wishes", "joins")
_TRAINING = words("wishes", "training")
_ADDS = words("wishes", "adds")
_REPEATS = words("wishes", "repeats")
_LEADS = frozenset(
    {"the", "its", "my", "our", "you", "i", "we", "dem", "der", "du", "ich"}
)  # `after you train`
_PURPOSE = frozenset({"to", "that", "can", "which", "for"})
_NEAR = 4  # words between a training and what is trained: `train a new hand pose estimation`


class Wishes:
    """Finds the actions that a sentence wants."""

    def __init__(self, readers: Readers, chooser: SkillChooser) -> None:
        self._words, self._retractions = readers.words, readers.retractions
        self._implied = ImpliedActions(readers)
        self._chooser = chooser
        self._speech = readers.speech

    def wanted(self, reading: Reading) -> list[Mention]:
        """The actions that are asked for; the reading says why others are not."""
        meant = []
        for mention in self._spoken_of(reading):
            if reason := self._speech.why_not(reading.sentence, mention):
                reading.unmeant = reason
            else:
                meant.append(mention)
        return meant

    def _spoken_of(self, reading: Reading) -> list[Mention]:
        """The actions that remain; the mentions of the reading say which are negated."""
        sentence = reading.sentence
        reading.mentions = self._without_quotations(reading)
        tales = self._retractions.tales(sentence)
        reading.mentions = [
            replace(one, is_negated=one.is_negated or is_told(sentence, tales, one.first))
            for one in self._with_plain_training(reading)
        ]
        negated = {one.action: one.first for one in reading.mentions if one.is_negated}
        positive = [
            one
            for one in reading.mentions
            if not one.is_negated and negated.get(one.action, -1) < one.first
        ]
        if self._is_taken_back(reading, positive):
            reading.mentions = [replace(one, is_negated=True) for one in reading.mentions]
            return []
        if remaining := self._after_corrections(reading, positive):
            described = self._without_descriptions(reading, remaining)
            return _in_order(sentence, _doubled(reading, described))
        if explicit := reading.assigned("action"):
            return [Mention(str(explicit.value), explicit.first, explicit.end)]
        if negated:
            return []
        implied = [replace(one, is_implied=True) for one in self._implied.actions(reading)]
        return _doubled(reading, implied)

    def _without_quotations(self, reading: Reading) -> list[Mention]:
        """The mentions that the speaker makes; the others are not asked for."""
        own = [one for one in reading.mentions if not self._speech.is_quoted(reading.sentence, one)]
        if len(own) < len(reading.mentions):
            reading.unmeant = Unmeant.QUOTED
        return own

    def alternatives(self, reading: Reading, wanted: Sequence[Mention]) -> tuple[str, ...]:
        """Actions between which the sentence does not choose: `evaluate or export`."""
        for before, after in pairwise(wanted):
            between = reading.sentence.words(before.end, after.first)
            is_close = after.first - before.end <= 3
            if between & {"or", "oder", "或"} and is_close and before.action != after.action:
                return (before.action, after.action)
        return ()

    def within_named(self, reading: Reading, wanted: list[Mention]) -> list[Mention]:
        """Leave out what the one named skill cannot do, where it can do the rest.

        `Train 6-DoF pose estimation` names no action of another skill.
        """
        corrected = self._chooser.corrected(reading)
        named = choose(corrected, self._words.skills, reading.whole)
        if not named.is_named:
            return wanted
        own = self._words.skills[named.skills[0]].info.actions
        known = self._words.all_actions
        kept = [one for one in wanted if one.action in own or one.action not in known]
        others = {one.action for one in wanted} - own.keys()
        return kept if kept and others <= self._words.nouns else wanted

    def _is_taken_back(self, reading: Reading, positive: Sequence[Mention]) -> bool:
        """Whether the sentence ends with `forget it`."""
        void = self._retractions.takes_back(reading.sentence)
        if void is None or not reading.mentions:
            return False
        return all(one.first < void.first for one in positive)

    def _with_plain_training(self, reading: Reading) -> list[Mention]:
        """`A plain training on X` says the policy and asks for the training."""
        sentence = reading.sentence
        if any(one.action == SEARCHED_ACTION for one in reading.mentions):
            return reading.mentions
        for said in reading.policies:
            for index in range(said.first, said.end):
                if sentence.word(index) in _TRAINING:
                    is_negated = self._retractions.is_negated(sentence, said.first)
                    mention = Mention(SEARCHED_ACTION, index, index + 1, is_negated)
                    return sorted([*reading.mentions, mention], key=lambda one: one.first)
        return reading.mentions

    def _after_corrections(self, reading: Reading, mentions: list[Mention]) -> list[Mention]:
        """The actions after the last correction that names one: `evaluate - no, export it`."""
        for match in reversed(self._retractions.corrections(reading.sentence)):
            after = [one for one in mentions if one.first >= match.end]
            is_correction = after and any(one.first < match.first for one in mentions)
            if is_correction and not _adds(reading.sentence, match, after[0]):
                return after
        return mentions

    def _without_descriptions(self, reading: Reading, mentions: Sequence[Mention]) -> list[Mention]:
        """In `train a model to predict falls`, `predict` says what the model is for."""
        kept: list[Mention] = []
        for one in mentions:
            trainings = [other for other in kept if other.action == SEARCHED_ACTION]
            if trainings and self._is_described(reading.sentence, trainings[-1], one):
                continue
            if kept and one.action == kept[-1].action and not _is_another(reading, kept[-1], one):
                continue
            kept.append(one)
        return kept

    def _is_described(self, sentence: Sentence, train: Mention, after: Mention) -> bool:
        """Whether an action says what a training is for, or is what is trained."""
        if after.action == "inference" and sentence.words_before(after.first) & _PURPOSE:
            return True
        if after.first - train.end > _NEAR or after.action not in self._words.nouns:
            return False
        plain = {Kind.WORD, Kind.MARK, Kind.NUMBER}
        return all(
            sentence.kind(index) in plain and sentence.word(index) not in _JOINS
            for index in range(train.end, after.first)
        )


def _adds(sentence: Sentence, correction: Match[bool], after: Mention) -> bool:
    """Whether an action after a correction comes on top: `make that 50, then export`."""
    if sentence.word(correction.first) in {"make", "better"}:
        return True
    if any(sentence.kind(i) is Kind.STOP for i in range(correction.end, after.first)):
        return True
    if sentence.words(correction.end, after.first) & _ADDS:
        return True
    return bool(sentence.words(after.end, after.first + 3) & {"also", "too", "auch"})


def _is_another(reading: Reading, before: Mention, after: Mention) -> bool:
    """Whether the same action is wanted a second time, on something else."""
    nearby = reading.sentence.words(max(before.end, after.first - 4), after.first)
    between = any(before.end <= place.first < after.first for place in reading.places)
    later = any(place.first >= after.end for place in reading.places)
    return bool(nearby & _REPEATS) and between and (later or bool(reading.jobs))


def _in_order(sentence: Sentence, mentions: list[Mention]) -> list[Mention]:
    """`Export after training` and `before exporting, train` name the later step first."""
    for index, one in enumerate(mentions):
        before = _before(sentence, one.first)
        joined = sentence.words_before(one.first, 3) & {"and", "then"}
        if index and before & {"after", "nachdem"} and not joined:
            return [one, *mentions[:index], *mentions[index + 1 :]]
        if before & {"before", "bevor"} and index + 1 < len(mentions):
            return [*mentions[:index], mentions[index + 1], one, *mentions[index + 2 :]]
    return mentions


def _before(sentence: Sentence, index: int) -> set[str]:
    """The word before a token, articles and pronouns left aside: that of `after the training`."""
    last = sentence.word(index - 1)
    return {sentence.word(index - 2) if last in _LEADS else last}


def _doubled(reading: Reading, mentions: list[Mention]) -> list[Mention]:
    """`Train a pose classifier on A and CenterPose on B`: one verb, two skills."""
    if len(mentions) != 1 or len(reading.places) < 2:
        return mentions
    verb = mentions[0]
    named = [
        one
        for one in sorted(reading.pointings, key=lambda one: one.first)
        if one.weight >= NAME and (one.first > verb.first or verb.is_implied)
    ]
    for before, after in pairwise(named):
        if before.match.meaning.weights.keys() == after.match.meaning.weights.keys():
            continue
        paths = [place.end - 1 for place in reading.places]
        is_between = any(before.first < path < after.first for path in paths)
        if is_between and any(path > after.first for path in paths):
            head = replace(verb, first=before.first, end=before.first) if verb.is_implied else verb
            return [head, replace(verb, first=after.first, end=after.first)]
    return mentions
