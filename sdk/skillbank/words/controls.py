"""Requests that are one command: resume a job, show its log, say what there is."""

from __future__ import annotations

from collections.abc import Sequence

from skillbank.words.answer import Command, ParentRef
from skillbank.words.jobs import Pointer
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, tables, words

_OF_JOBS = tables("controls", "of_jobs")
_OF_ALL = tables("controls", "of_all")
_HOW_TO = phrases("controls", "how_to")
_INFORMAL = phrases("controls", "informal")
_THINGS = words("controls", "things")
_ASKS = words("questions", "asks")
_ALONE = words("questions", "alone")
_TRAININGS = words("questions", "trainings")


class ControlWords:
    """Reads requests that are one command."""

    def __init__(self) -> None:
        self._of_jobs = Phrases((p, name) for name, t in _OF_JOBS.items() for p in t)
        self._of_all = Phrases((p, name) for name, t in _OF_ALL.items() for p in t)
        self._how_to = Phrases.plain(_HOW_TO)
        self._informal = Phrases.plain(_INFORMAL)
        self.words = self._of_jobs.words | self._of_all.words | self._how_to.words

    def about_everything(self, sentence: Sentence) -> tuple[Command, Match[str]] | None:
        """`What can you do?`, `list my jobs`."""
        for match in self._of_all.find(sentence):
            return Command(match.meaning), match
        return None

    def how_to(self, sentence: Sentence) -> Match[bool] | None:
        """A question of how something is done, at the head of a sentence."""
        for match in self._how_to.find(sentence):
            if match.first <= 4 or sentence.tokens[match.first - 1].is_boundary:
                return match
        return None

    def informal(self, sentence: Sentence) -> Match[bool] | None:
        """A question that asks for knowledge."""
        for match in self._informal.find(sentence):
            if match.first <= 3 and sentence.is_open(0, match.first):
                return match
        is_question = sentence.text.rstrip().endswith(("?", "\uff1f"))
        if is_question and sentence.word(0) in _ASKS:
            return Match(0, 1, True)
        return None

    def about_job(
        self, sentence: Sentence, pointers: Sequence[Pointer], checkpoint: str | None
    ) -> tuple[Command, Match[str]] | None:
        """`Resume job 7f3a2c`, `how far is the last training?`."""
        found = [m for m in self._of_jobs.find(sentence) if not _is_told(sentence, m)]
        if not found:
            return None
        match = min(found, key=lambda one: _rank(one, is_only=len(found) == 1))
        job = _job(sentence, match, pointers)
        if job is None:
            return None
        takes_rule = match.meaning == "resolve" and checkpoint not in {None, "best"}
        rule = (str(checkpoint),) if takes_rule else ()
        return Command(match.meaning, (job, *rule)), match


def _rank(match: Match[str], *, is_only: bool) -> tuple[bool, bool, int, int]:
    """What makes a command likelier than another: `how is` and `checkpoint` say least."""
    is_vague = match.meaning == "status" and not is_only
    order = list(_OF_JOBS).index(match.meaning)
    return is_vague, match.meaning == "resolve", match.first, order


def _job(sentence: Sentence, match: Match[str], pointers: Sequence[Pointer]) -> str | None:
    """The job that a command is about; empty when it is not said, None when it is about none."""
    if pointers:
        return _target(pointers[0].ref)
    stems = {sentence.stem(index) for index in range(len(sentence))}
    if stems & _THINGS or match.meaning == "logs":
        return "last:train" if sentence.words() & _TRAININGS else "last"
    rest = sentence.words(0, match.first) | sentence.words(match.end)
    return "" if rest <= _ALONE else None


def _is_told(sentence: Sentence, match: Match[str]) -> bool:
    """Whether a verb tells what happened: `it stopped`, `was killed`."""
    return match.meaning in {"cancel", "resume"} and sentence.word(match.first).endswith("ed")


def _target(ref: ParentRef) -> str:
    if ref.job:
        return ref.job
    return "last" if ref.last in {None, "job"} else f"last:{ref.last}"
