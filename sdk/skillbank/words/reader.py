"""Read a sentence: find everything it says, and put it together into an answer."""

from __future__ import annotations

from collections.abc import Collection

from skillbank.bank import SkillBank
from skillbank.request import LOCAL
from skillbank.words import replies
from skillbank.words.answer import Answer, Outcome, ParentRef
from skillbank.words.assembly import assemble
from skillbank.words.draft import Draft
from skillbank.words.matcher import Sentence
from skillbank.words.pointings import point
from skillbank.words.questions import Questions
from skillbank.words.readers import Readers
from skillbank.words.reading import Collector, Reading, SkillOf
from skillbank.words.refusals import Refusals
from skillbank.words.skill_choice import SkillChooser
from skillbank.words.wishes import Wishes

MAX_STEPS = 32
"""Steps of one plan; a text that asks for more is no request, but a file given by mistake."""


class SentenceReader:
    """Reads sentences over one bank.

    Args:
        bank: Skills that can be asked for.
        platforms: Names of the platforms that jobs can run on.
    """

    def __init__(self, bank: SkillBank, platforms: Collection[str] = (LOCAL,)) -> None:
        self._readers = Readers.of(bank, platforms)
        self._collector = Collector(self._readers)
        self._questions = Questions(self._readers)
        self._refusals = Refusals(self._readers)
        self._chooser = SkillChooser(self._readers)
        self._wishes = Wishes(self._readers, self._chooser)

    def read(self, text: str, skill_of: SkillOf | None = None) -> Answer:
        """What a sentence asks for; the same sentence always gives the same answer.

        Args:
            text: The sentence, or several.
            skill_of: Tells the skill of a job that the sentence points to, None when it does not
                know; used where the words name no skill.
        """
        sentence = Sentence.of(text)
        self._readers.spelling.correct(sentence)
        reading = self._collector.collect(sentence, skill_of or _knows_no_job)
        return self._questions.answer(reading) or self._plan(reading)

    def _plan(self, reading: Reading) -> Answer:
        """The steps that a sentence asks for, or why there are none."""
        sentence, words = reading.sentence, self._readers.words
        reading.pointings += point(sentence, words)
        reading.mentions = self._readers.actions.mentions(sentence)
        reading.foreign = list(self._readers.foreign.find(sentence))
        wanted = self._wishes.wanted(reading)
        if refusal := self._refusals.foreign(reading, has_action=bool(wanted)):
            return refusal
        if not wanted:
            return self._refusals.without_action(reading)
        if either := self._wishes.alternatives(reading, wanted):
            message = f"One of: {', '.join(either)}; say which."
            return replies.refuse(sentence, Outcome.AMBIGUOUS, message, either)
        groups = self._readers.actions.groups(sentence, self._wishes.within_named(reading, wanted))
        for mention in (one for group in groups for one in group.actions):
            if not words.skills_with(mention.action):
                return self._refusals.unknown_action(reading, mention.action)
        if (num_steps := sum(len(group.actions) for group in groups)) > MAX_STEPS:
            message = f"{num_steps} steps are asked for; ask for {MAX_STEPS} at most at once."
            return replies.refuse(sentence, Outcome.UNSUPPORTED, message)
        skills = self._chooser.skills(reading, groups)
        if isinstance(skills, Answer):
            return skills
        return assemble(Draft(reading, groups, skills, words), self._readers)


def _knows_no_job(_: ParentRef) -> None:
    """The skill of a job where no jobs are known."""
