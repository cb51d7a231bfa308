"""Wishes that nothing here fulfils: other networks and tasks, other platforms, no action at all."""

from __future__ import annotations

from skillbank.request import LOCAL
from skillbank.words import replies
from skillbank.words.answer import Answer, Command, Outcome
from skillbank.words.foreign import Foreign
from skillbank.words.matcher import Match, Said
from skillbank.words.phrasebook import words
from skillbank.words.platforms_said import Several, is_cluster, is_declined
from skillbank.words.pointings import choose
from skillbank.words.readers import Readers
from skillbank.words.reading import Reading
from skillbank.words.speech import Unmeant
from skillbank.words.unknown import unknown_words

_REQUEST = words("wishes", "request")
_NOT = words("wishes", "no_network")
_OBJECT_CUE = words("wishes", "object_cue")
_SOURCE_CUE = words("wishes", "source_cue")
_SOURCE_NOUN = words("wishes", "source_noun")

_Found = Match[tuple[Foreign, str]]


class Refusals:
    """Says why a sentence is no plan."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._words, self._platforms = readers.words, readers.platforms

    def foreign(self, reading: Reading, *, has_action: bool) -> Answer | None:
        """A refusal of what is not here; None when everything that is asked for may be."""
        if refusal := self._platform(reading):
            return refusal
        for match in reading.foreign:
            what, phrase = match.meaning
            before = reading.sentence.words_before(match.first)
            if before & _NOT and what is not Foreign.NETWORK:
                continue
            if what is Foreign.TIME:
                return _time(reading, phrase)
            if what is Foreign.PLATFORM:
                if refusal := self._elsewhere(reading, match):
                    return refusal
            elif not self._is_aside(reading, match, has_action=has_action):
                return replies.refuse_foreign(reading.sentence, match, self._readers)
        return None

    def without_action(self, reading: Reading) -> Answer:
        """An answer to a sentence that names no action."""
        sentence = reading.sentence
        if reading.unmeant is not None:
            message = (
                f"Nothing is done, because {reading.unmeant}. Ask for it in a sentence of its own."
            )
            waits = reading.unmeant in {Unmeant.CONDITION, Unmeant.LATER}
            outcome = Outcome.UNSUPPORTED if waits else Outcome.NOTHING
            return replies.refuse(sentence, outcome, message)
        is_negated = any(one.is_negated for one in reading.mentions)
        if is_negated or self._readers.retractions.tells(sentence):
            message = "This asks for something not to be done; nothing is done."
            return replies.refuse(sentence, Outcome.NOTHING, message)
        choice = choose(reading.pointings, self._words.skills, reading.whole)
        if self._readers.controls.informal(sentence):
            return _knowledge(reading, choice.skills)
        unknown = unknown_words(reading, self._readers.spelling)
        if not choice.skills and reading.places and unknown:
            message = f"Nothing here is known to do {unknown[0]!r}; see 'skillbank capabilities'."
            skills = tuple(self._words.skills)
            return replies.refuse(sentence, Outcome.UNSUPPORTED, message, skills)
        if choice.skills or reading.places or reading.jobs or reading.policies:
            return self._which_action(reading, choice.skills)
        return self._nothing(reading, unknown)

    def unknown_action(self, reading: Reading, action: str) -> Answer:
        """A refusal of an action that no skill has."""
        actions = tuple(sorted(self._words.all_actions))
        message = f"No skill can {action}; the actions are: {', '.join(actions)}."
        return replies.refuse(reading.sentence, Outcome.UNSUPPORTED, message, actions)

    def _platform(self, reading: Reading) -> Answer | None:
        """A refusal of `platform=NAME` where there is no such platform."""
        for said in reading.explicit:
            if said.slot == "platform" and said.value not in self._platforms:
                there = ", ".join(self._platforms)
                message = f"no platform is named {said.value!r}; the platforms are: {there}."
                refused = Outcome.UNSUPPORTED
                return replies.refuse(reading.sentence, refused, message, self._platforms)
        return None

    def _elsewhere(self, reading: Reading, match: _Found) -> Answer | None:
        """A refusal of a platform that is not here; one that is, is noted."""
        sentence, phrase = reading.sentence, match.meaning[1]
        if is_declined(sentence, match.first):
            return None
        if is_cluster(phrase) and any(said.value != LOCAL for said in reading.platforms):
            return None  # "our slurm cluster"
        name = self._readers.platform_names.resolve(phrase)
        if isinstance(name, Several):
            message = f"One of the platforms {', '.join(name.names)}; say which."
            return replies.refuse(sentence, Outcome.AMBIGUOUS, message, name.names)
        if name is None:
            return replies.refuse_foreign(sentence, match, self._readers)
        reading.platforms.append(Said("platform", name, match.first, match.end))
        return None

    def _is_aside(self, reading: Reading, match: _Found, *, has_action: bool) -> bool:
        """Whether something foreign is spoken of, but not asked for."""
        sentence, what = reading.sentence, match.meaning[0]
        if what not in {Foreign.TASK, Foreign.NETWORK}:
            return False
        if not (has_action or reading.places or sentence.words() & _REQUEST):
            return True
        named = choose(reading.pointings, self._words.skills, reading.whole)
        if named.is_named and not sentence.words_before(match.first) & _OBJECT_CUE:
            return True
        return what is Foreign.NETWORK and _is_source(reading, match)

    def _which_action(self, reading: Reading, skills: tuple[str, ...]) -> Answer:
        """The question what is to be done."""
        actions = tuple(sorted(self._words.all_actions))
        if len(skills) == 1:
            actions = tuple(self._words.skills[skills[0]].info.actions)
        message = f"What is to be done is not said; one of: {', '.join(actions)}."
        return replies.refuse(reading.sentence, Outcome.AMBIGUOUS, message, actions)

    def _nothing(self, reading: Reading, unknown: list[str]) -> Answer:
        """An answer to chatter, and to a wish for what nothing here knows."""
        asks = bool(reading.sentence.words() & _REQUEST)
        told = f" ({unknown[0]!r} is not known here)" if unknown else ""
        message = f"Nothing is asked for that can be done here{told}; see 'skillbank capabilities'."
        outcome = Outcome.UNSUPPORTED if unknown and asks else Outcome.NOTHING
        skills = tuple(self._words.skills) if unknown else ()
        return replies.refuse(reading.sentence, outcome, message, skills)


def _is_source(reading: Reading, match: _Found) -> bool:
    """`YOLO keypoints` are data, not a network to train."""
    sentence = reading.sentence
    after = {sentence.stem(match.end), sentence.stem(match.end + 1)}
    return bool(after & _SOURCE_NOUN) or sentence.word(match.first - 1) in _SOURCE_CUE


def _time(reading: Reading, phrase: str) -> Answer:
    message = (
        f"Nothing here waits for a time or a condition ({phrase!r}); ask when it is to be done."
    )
    return replies.refuse(reading.sentence, Outcome.UNSUPPORTED, message)


def _knowledge(reading: Reading, skills: tuple[str, ...]) -> Answer:
    """An answer to a question that asks for knowledge."""
    if len(skills) == 1:
        return replies.command(reading.sentence, Command("show", skills), reading.whole)
    message = (
        "This is a question that no command answers; see 'skillbank capabilities' and "
        "'skillbank show SKILL'."
    )
    return replies.refuse(reading.sentence, Outcome.NOTHING, message)
