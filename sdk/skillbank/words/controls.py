"""Requests that are one command: resume a job, show its log, say what there is."""

from __future__ import annotations

from skillbank.words.answer import Command, ParentRef
from skillbank.words.jobs import Pointer
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, tables, words

_OF_JOBS = tables("controls", "of_jobs")
_OF_ALL = tables("controls", "of_all")
_HOW_TO = phrases("controls", "how_to")
_INFORMAL = phrases("controls", "informal")
_THINGS = words("controls", "things")


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
            if match.first <= 3 and not self._is_taken_before(sentence, match.first):
                return match
        asks = sentence.text.rstrip().endswith(("?", "\uff1f"))
        if asks and sentence.word(0) in {
            "is",
            "are",
            "does",
            "do",
            "did",
            "will",
            "was",
            "has",
            "have",
            "ist",
            "sind",
        }:
            return Match(0, 1, True)
        return None

    def _is_taken_before(self, sentence: Sentence, first: int) -> bool:
        return any(sentence.is_taken(index) for index in range(first))

    def about_job(
        self, sentence: Sentence, pointers: list[Pointer], checkpoint: str | None
    ) -> tuple[Command, Match[str]] | None:
        """`Resume job 7f3a2c`, `how far is the last training?`."""
        found = [m for m in self._of_jobs.find(sentence) if not _is_told(sentence, m)]
        if not found:
            return None
        order = list(_OF_JOBS)
        best = min(
            found,
            key=lambda m: (
                m.meaning == "status" and len(found) > 1,
                m.meaning == "resolve",
                m.first,
                order.index(m.meaning),
            ),
        )
        if pointers:
            target = _target(pointers[0].ref)
        elif {
            sentence.stem(i) for i in range(len(sentence.tokens))
        } & _THINGS or best.meaning == "logs":
            target = "last:train" if self._speaks_of_training(sentence) else "last"
        elif self._is_alone(sentence, best):
            target = ""
        else:
            return None
        extra = (
            (checkpoint,)
            if best.meaning == "resolve" and checkpoint and checkpoint != "best"
            else ()
        )
        return Command(best.meaning, (target, *extra)), best

    def _is_alone(self, sentence: Sentence, match: Match[str]) -> bool:
        """Whether nothing but the command is said."""
        rest = {
            sentence.word(i)
            for i in range(len(sentence.tokens))
            if not match.first <= i < match.end
        }
        return rest <= {
            "please",
            ".",
            "!",
            "?",
            "now",
            "the",
            "show",
            "me",
            "skillbank",
            "pls",
            "bitte",
            "请",
        }

    def _speaks_of_training(self, sentence: Sentence) -> bool:
        words = {sentence.word(i) for i in range(len(sentence.tokens))}
        return bool(words & {"training", "train", "trainings", "trainingslauf", "练"})


def _is_told(sentence: Sentence, match: Match[str]) -> bool:
    """Whether a verb tells what happened: `it stopped`, `was killed`."""
    return match.meaning in {"cancel", "resume"} and sentence.word(match.first).endswith("ed")


def _target(ref: ParentRef) -> str:
    if ref.job:
        return ref.job
    return "last" if ref.last in {None, "job"} else f"last:{ref.last}"
