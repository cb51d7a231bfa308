"""Requests that are one command, or ask for knowledge: resume a job, say what there is."""

from __future__ import annotations

from skillbank.words import replies
from skillbank.words.actions import Mention
from skillbank.words.answer import Answer, Command, Outcome, ParentRef
from skillbank.words.foreign import Foreign
from skillbank.words.jobs import Pointer
from skillbank.words.matcher import Match
from skillbank.words.phrasebook import words
from skillbank.words.platforms_said import asks_about, is_cluster, kind_of
from skillbank.words.pointings import choose, point
from skillbank.words.readers import Readers
from skillbank.words.reading import Reading
from skillbank.words.retractions import is_told

_NOT_DEED = words("questions", "not_deed")
_NOT_COMMAND = words("questions", "not_command")
_NAMES_OF_JOBS = words("questions", "names_of_jobs")
_ACTING = frozenset({"resume", "cancel"})
_JOB_KEYS = ("job", "job_id", "id")


class Questions:
    """Answers what is no plan of steps."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def answer(self, reading: Reading) -> Answer | None:
        """The command that a sentence asks for, or a refusal; None when it asks for steps."""
        sentence, controls = reading.sentence, self._readers.controls
        if refusal := self._refused_deed(reading):
            return refusal
        if asked := self._about_platform(reading):
            return asked
        found = controls.about_everything(sentence)
        if found and not reading.places and not reading.jobs:
            return self._about_everything(reading, *found)
        how_to = controls.how_to(sentence)
        if how_to is None:
            return self._about_job(reading)
        if reading.jobs or self._asks_for_action(reading, how_to):
            return None
        return self._how_to(reading, how_to)

    def _about_platform(self, reading: Reading) -> Answer | None:
        """`Is slurm supported?`: the checks of a platform, whether it is set up or not."""
        sentence = reading.sentence
        if reading.places or reading.jobs:
            return None
        for match in self._readers.foreign.find(sentence):
            what, phrase = match.meaning
            if what is not Foreign.PLATFORM or not asks_about(sentence, match):
                continue
            name = self._readers.platform_names.resolve(phrase)
            name = name if isinstance(name, str) else kind_of(phrase)
            if name is not None:
                asked = Command("platforms", (name,))
                return replies.command(sentence, asked, (match.first, match.end))
            if is_cluster(phrase):
                return replies.command(sentence, Command("platforms"), (match.first, match.end))
        return None

    def _refused_deed(self, reading: Reading) -> Answer | None:
        """A refusal of what no bank does: delete files, write TFLite."""
        refused = {Foreign.DEED, Foreign.FORMAT}
        found = self._readers.foreign.find(reading.sentence)
        deed = next((match for match in found if match.meaning[0] in refused), None)
        if deed is None or reading.sentence.words_before(deed.first) & _NOT_DEED:
            return None
        return replies.refuse_foreign(reading.sentence, deed, self._readers)

    def _asks_for_action(self, reading: Reading, match: Match[bool]) -> bool:
        """Whether a question asks for something to be done: `what does each person do?`."""
        longer = self._readers.words.action_phrases.at(reading.sentence, match.first)
        return longer is not None and longer.end > match.end

    def _about_everything(self, reading: Reading, asked: Command, match: Match[str]) -> Answer:
        sentence = reading.sentence
        found = self._readers.foreign.find(sentence)
        foreign = next((one for one in found if one.meaning[0] is not Foreign.DEED), None)
        if foreign and not point(sentence, self._readers.words):
            return replies.refuse_foreign(sentence, foreign, self._readers)
        return replies.command(sentence, asked, (match.first, match.end))

    def _how_to(self, reading: Reading, match: Match[bool]) -> Answer:
        """`How do I train CenterPose?` shows the skill."""
        sentence, words = reading.sentence, self._readers.words
        pointings = [*reading.pointings, *point(sentence, words)]
        choice = choose(pointings, words.skills, reading.whole)
        found = self._readers.foreign.find(sentence)
        foreign = next((one for one in found if one.meaning[0] is not Foreign.PLATFORM), None)
        if foreign and not choice.is_named:
            return replies.refuse_foreign(sentence, foreign, self._readers)
        span = match.first, match.end
        if len(choice.skills) == 1:
            return replies.command(sentence, Command("show", choice.skills), span)
        if not choice.skills and not words.action_phrases.occurs(sentence):
            message = "This is a question that no command answers; see 'skillbank capabilities'."
            return replies.refuse(sentence, Outcome.NOTHING, message)
        return replies.command(sentence, Command("capabilities"), span)

    def _about_job(self, reading: Reading) -> Answer | None:
        """`Resume job 7f3a2c`, as far as nothing else is asked for."""
        sentence = reading.sentence
        reading.jobs += [
            Pointer(ParentRef(job=str(said.value)), said.first, said.end)
            for said in reading.explicit
            if said.slot in _JOB_KEYS
        ]
        checkpoint = reading.checkpoints[-1].value if reading.checkpoints else None
        found = self._readers.controls.about_job(sentence, reading.jobs, checkpoint)
        if found is None or any(not place.is_weights for place in reading.places):
            return None
        asked, match = found
        if asked.arguments == ("",):
            return replies.ask_which_job(sentence, asked.name)
        if self._says_more(reading, asked, match):
            return None
        if not reading.jobs and self._readers.retractions.forbids(sentence):
            return replies.refuse(sentence, Outcome.NOTHING, "This asks for nothing to be done.")
        is_vague = not reading.jobs and asked.name not in _ACTING
        if is_vague and self._readers.retractions.tales(sentence):
            return None
        if asked.name in _ACTING and (reason := self._why_not(reading, asked, match)):
            return replies.refuse(sentence, Outcome.NOTHING, reason)
        return replies.command(sentence, asked, (match.first, match.end))

    def _why_not(self, reading: Reading, asked: Command, match: Match[str]) -> str | None:
        """Why a command that would touch a job is not given; None when it is."""
        sentence = reading.sentence
        mention = Mention(asked.name, match.first, match.end)
        if reason := self._readers.speech.why_not(sentence, mention):
            return f"Nothing is done, because {reason}. Ask for it in a sentence of its own."
        if is_told(sentence, self._readers.retractions.tales(sentence), match.first):
            return "This is only spoken of; nothing is done."
        if sentence.words_before(match.first) & _NOT_COMMAND:
            return f"This asks not to {asked.name}; nothing is done."
        return None

    def _says_more(self, reading: Reading, asked: Command, match: Match[str]) -> bool:
        """Whether something else is asked for than the command on a job."""
        if asked.name != "resolve" and reading.places:
            return True
        if any(said.slot.startswith("automl") for said in reading.search):
            return True
        if any(said.slot not in _JOB_KEYS for said in reading.explicit):
            return True
        spoken: set[str] = set()
        for action in self._readers.words.action_phrases.find(reading.sentence):
            if action.first != match.first:
                spoken |= reading.sentence.words(action.first, action.end)
        return bool(spoken - _NAMES_OF_JOBS)
