"""The skill of each group of actions, or the question which one is meant."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from skillbank.errors import did_you_mean
from skillbank.words import replies
from skillbank.words.actions import Group
from skillbank.words.answer import Answer, Outcome
from skillbank.words.bank_words import NAME
from skillbank.words.phrasebook import words
from skillbank.words.pointings import Choice, Pointing, choose
from skillbank.words.readers import Readers
from skillbank.words.reading import Reading
from skillbank.words.unknown import unknown_words

_EITHER = words("wishes", "either")


class SkillChooser:
    """Chooses skills for actions."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._words = readers.words

    def skills(self, reading: Reading, groups: Sequence[Group]) -> list[str] | Answer:
        """The skill of each group; an answer where the words do not tell it."""
        found: list[str] = []
        pointings = self.corrected(reading)
        for group in groups:
            skill = self._skill(reading, group, pointings, found)
            if isinstance(skill, Answer):
                return skill
            found.append(skill)
        return found

    def corrected(self, reading: Reading) -> list[Pointing]:
        """What points to a skill; what was said before a correction that names one is gone."""
        for match in reversed(self._readers.retractions.corrections(reading.sentence)):
            after = [one for one in reading.pointings if one.first >= match.end]
            if choose(after, self._words.skills, reading.whole).is_named:
                return after
        return reading.pointings

    def _skill(
        self,
        reading: Reading,
        group: Group,
        pointings: Sequence[Pointing],
        before: Sequence[str],
    ) -> str | Answer:
        """The skill of a group, given those of the groups before it."""
        names = self._skills_that_can(group)
        if explicit := reading.assigned("skill"):
            return self._explicit(reading, str(explicit.value), names)
        if either := self._either(reading, names):
            return self._which(reading, Choice(either, NAME), names)
        named = choose(pointings, self._words.skills, (group.first, group.end))
        if named.is_named and named.skills[0] not in names:
            return self._lacks_action(reading, named.skills[0], group)
        span = (group.first, group.end)
        choice = _choice(pointings, names, span, reading.whole)
        if len(choice.skills) == 1:
            return choice.skills[0]
        known = _skill_of_job(reading)
        if known is not None and known in names:
            return known
        if not choice.skills and before and before[-1] in names:
            return before[-1]
        if not choice.skills and len(names) == 1:
            return names[0]
        return self._which(reading, choice, names)

    def _skills_that_can(self, group: Group) -> list[str]:
        """Names of the skills that have every action of a group."""
        able = [set(self._words.skills_with(one.action)) for one in group.actions]
        return [name for name in self._words.skills if all(name in skills for skills in able)]

    def _explicit(self, reading: Reading, name: str, names: Sequence[str]) -> str | Answer:
        """`skill=NAME`."""
        if name in names:
            return name
        message = f"no skill is named {name!r}; {did_you_mean(name, self._words.skills)}"
        return replies.refuse(reading.sentence, Outcome.UNSUPPORTED, message)

    def _lacks_action(self, reading: Reading, skill: str, group: Group) -> Answer:
        own = tuple(self._words.skills[skill].info.actions)
        asked = ", ".join(one.action for one in group.actions if one.action not in own)
        message = f"{skill} has no action {asked}; it has: {', '.join(own)}."
        return replies.refuse(reading.sentence, Outcome.UNSUPPORTED, message, own)

    def _either(self, reading: Reading, names: Sequence[str]) -> tuple[str, ...]:
        """Skills between which the sentence itself does not choose: `either A or B`."""
        telling = [one for one in reading.pointings if one.weight >= NAME / 2]
        for before, after in pairwise(telling):
            between = reading.sentence.words(before.match.end, after.first)
            skills = {before.skill, after.skill}
            if between & _EITHER and len(skills) == 2 and skills <= set(names):
                return tuple(name for name in names if name in skills)
        return ()

    def _which(self, reading: Reading, choice: Choice, names: Sequence[str]) -> Answer:
        """The question which skill is meant, or that nothing is known of what is wanted."""
        unknown = unknown_words(reading, self._readers.spelling)
        if not choice.skills and unknown:
            message = (
                f"Nothing here is known to be for {unknown[0]!r}. There is: {', '.join(names)}; "
                "see 'skillbank capabilities'."
            )
            return replies.refuse(reading.sentence, Outcome.UNSUPPORTED, message, tuple(names))
        candidates = choice.skills or tuple(names)
        message = (
            f"More than one skill fits: {', '.join(candidates)}. Say what the data are (skeletons, "
            "video clips, photos of objects, ...), or name the skill."
        )
        return replies.refuse(reading.sentence, Outcome.AMBIGUOUS, message, candidates)


def _skill_of_job(reading: Reading) -> str | None:
    """The skill of the first job that is spoken of."""
    known = (reading.skill_of(pointer.ref) for pointer in reading.jobs)
    return next((skill for skill in known if skill), None)


def _choice(
    pointings: Sequence[Pointing],
    names: Sequence[str],
    near: tuple[int, int],
    whole: tuple[int, int],
) -> Choice:
    """What the words around a group say; those of the whole sentence where they say more."""
    choice = choose(pointings, names, near)
    if choice.is_named:
        return choice
    everywhere = choose(pointings, names, whole)
    return everywhere if everywhere.score > choice.score or not choice.skills else choice
