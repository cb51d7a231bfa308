"""Put what was found in a sentence together into steps, and say whether they can be run."""

from __future__ import annotations

from dataclasses import replace

from skillbank.words.answer import Answer, Outcome
from skillbank.words.draft import Draft
from skillbank.words.lay_assignments import AssignmentLayer
from skillbank.words.lay_parents import lay_checkpoints, lay_jobs
from skillbank.words.lay_paths import lay_paths
from skillbank.words.lay_runs import lay_runs
from skillbank.words.lay_search import SearchLayer
from skillbank.words.lay_settings import SettingLayer
from skillbank.words.link_steps import link_steps
from skillbank.words.needs import missing_inputs
from skillbank.words.readers import Readers


def assemble(draft: Draft, readers: Readers) -> Answer:
    """The answer to a sentence whose actions and skills are known.

    Assignments come first, since they beat words; paths and settings take their words before
    jobs, checkpoints and the search do; what was not said is taken over at the end.
    """
    AssignmentLayer(draft, readers.spelling).lay()
    lay_paths(draft, readers.retractions)
    SettingLayer(draft, readers.retractions).lay()
    lay_jobs(draft, readers.retractions)
    lay_checkpoints(draft)
    SearchLayer(draft, readers.retractions).lay()
    lay_runs(draft)
    link_steps(draft)
    return _judge(draft, readers)


def _judge(draft: Draft, readers: Readers) -> Answer:
    """The first thing that is wrong with the steps, in the order in which the user can mend it."""
    steps = [step.finished() for step in draft.steps]
    told = Answer(
        draft.sentence.text,
        Outcome.PLAN,
        steps=tuple(steps),
        origins=draft.origins,
        notes=tuple(draft.notes),
    )
    if draft.contradictions:
        message = " ".join(draft.contradictions)
        return replace(told, outcome=Outcome.CONTRADICTORY, message=message)
    if draft.problems:
        return replace(told, outcome=Outcome.UNSUPPORTED, message=" ".join(draft.problems))
    missing = [
        one for index in range(len(steps)) for one in missing_inputs(index, steps, readers.words)
    ]
    if missing:
        lacking = "; ".join(dict.fromkeys(one.what for one in missing))
        message = f"Something is missing: {lacking}."
        return replace(told, outcome=Outcome.INCOMPLETE, message=message, missing=tuple(missing))
    understood = ", then ".join(f"{step.action} with {step.skill}" for step in steps)
    return replace(told, message=f"Understood: {understood}.")
