"""Answers that are no plan, and where the words of an answer stand."""

from __future__ import annotations

from skillbank.words.answer import Answer, Command, Missing, Origin, Outcome
from skillbank.words.foreign import Foreign
from skillbank.words.matcher import Match, Sentence
from skillbank.words.platforms_said import kind_of
from skillbank.words.readers import Readers


def refuse(
    sentence: Sentence, outcome: Outcome, message: str, candidates: tuple[str, ...] = ()
) -> Answer:
    """An answer that says why nothing can be done, and what to say instead."""
    return Answer(sentence.text, outcome, message=message, candidates=candidates)


def command(sentence: Sentence, asked: Command, span: tuple[int, int]) -> Answer:
    """An answer that is one command, said by the tokens of a span."""
    call = " ".join(("skillbank", asked.name, *asked.arguments))
    return Answer(
        sentence.text,
        Outcome.COMMAND,
        command=asked,
        message=f"This is '{call}'.",
        origins=(origin(sentence, "command", span),),
    )


def ask_which_job(sentence: Sentence, name: str) -> Answer:
    """An answer to a command on a job that is not named."""
    what = (
        f"Which job? Say '{name} JOB', or '{name} the last training'; 'skillbank jobs' lists them."
    )
    missing = (Missing(0, "job", what),)
    return Answer(sentence.text, Outcome.INCOMPLETE, message=what, missing=missing)


def refuse_foreign(
    sentence: Sentence, match: Match[tuple[Foreign, str]], readers: Readers
) -> Answer:
    """An answer to a wish for what is not here, with what there is."""
    start, end = sentence.span(match.first, match.end)
    words, skills = sentence.text[start:end], tuple(readers.words.skills)
    what = match.meaning[0]
    if what is Foreign.PLATFORM:
        there = readers.platforms
        message = f"Jobs cannot run on {words!r} here; the platforms are: {', '.join(there)}."
        if kind := kind_of(match.meaning[1]):
            message += f" 'skillbank platforms {kind}' says what is missing."
    elif what is Foreign.FORMAT:
        there = ()
        message = f"Nothing here writes {words!r}: export writes ONNX."
    else:
        there = skills
        message = (
            f"Nothing here does {words!r}. There is: {', '.join(there)}; "
            "see 'skillbank capabilities'."
        )
    return refuse(sentence, Outcome.UNSUPPORTED, message, there)


def origin(sentence: Sentence, part: str, span: tuple[int, int]) -> Origin:
    """Where the words of a part of the answer stand; a span has one token at least."""
    first, end = span
    start, stop = sentence.span(first, max(end, first + 1))
    return Origin(part, sentence.text[start:stop], start, stop)
