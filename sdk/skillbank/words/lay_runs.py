"""Lay where and how jobs are to be run into the steps: a platform, a time limit, retries."""

from __future__ import annotations

from dataclasses import replace

from skillbank.request import AutomlPolicy
from skillbank.words.draft import Draft
from skillbank.words.matcher import Said
from skillbank.words.run_words import seconds_of
from skillbank.words.tokens import Kind


def lay_runs(draft: Draft) -> None:
    """Give every step its platform and the settings of its run.

    Comes after the search, since a time limit may be that of a whole search.
    """
    for said in draft.reading.runs:
        for index in range(len(draft.steps)):
            draft.put(index, _of_search(said) if _limits_search(draft, index, said) else said)
    platforms = draft.reading.platforms
    is_one = len({said.value for said in platforms}) == 1
    for said in platforms:
        for index in range(len(draft.steps)) if is_one else _own_steps(draft, said):
            draft.put(index, said)


def _own_steps(draft: Draft, said: Said) -> list[int]:
    """The steps that are spoken of where a platform is named: `train here, evaluate on slurm`."""
    nearest = draft.steps[draft.order(said.first)[0]].group
    return [index for index, step in enumerate(draft.steps) if step.group == nearest]


def _limits_search(draft: Draft, index: int, said: Said) -> bool:
    """Whether a time limit is said of a search, each trial of which would have it otherwise."""
    step = draft.steps[index]
    is_searched = step.is_training and step.automl_policy is AutomlPolicy.ON
    is_assigned = draft.sentence.kind(said.first) is Kind.ASSIGNMENT
    return said.slot == "resources.time_limit" and is_searched and not is_assigned


def _of_search(said: Said) -> Said:
    return replace(said, slot="automl.time_budget_s", value=seconds_of(said.value))
