"""Lay jobs and checkpoints into the steps that build on them: `job 7f3a2c`, `the last training`."""

from __future__ import annotations

from skillbank.words.answer import ParentRef
from skillbank.words.draft import Draft
from skillbank.words.jobs import Pointer
from skillbank.words.matcher import Said, Sentence
from skillbank.words.retractions import Retractions

_BASE_CUES = frozenset({"from", "of", "on", "with", "using", "by", "von", "aus", "mit"})


def lay_jobs(draft: Draft, retractions: Retractions) -> None:
    """Give each job to the nearest step that can have it as a parent; ids before `the last`."""
    for pointer in sorted(draft.reading.jobs, key=lambda one: one.ref.job is None):
        for index in draft.order(pointer.first):
            if not _takes(draft, index, pointer, retractions):
                continue
            ref = pointer.ref
            if ref.last == "job":
                parents = draft.steps[index].parents
                ref = ParentRef(last=parents[0] if parents else "train")
            draft.put(index, Said("parent", ref, pointer.first, pointer.end))
            break


def lay_checkpoints(draft: Draft) -> None:
    """Give each rule for a checkpoint (`best`, `epoch=7`) to the nearest step that uses one."""
    for said in draft.reading.checkpoints:
        users = [i for i in draft.order(said.first) if draft.steps[i].takes_checkpoint]
        is_setting = draft.sentence.meaning(said.end - 1).startswith("overrides.")
        if users and not is_setting:
            draft.put(users[0], said)


def _takes(draft: Draft, index: int, pointer: Pointer, retractions: Retractions) -> bool:
    """Whether a job can be the parent of a step."""
    step, last = draft.steps[index], pointer.ref.last
    if step.parents == ():
        return False
    if step.parent is not None:
        first = draft.reading.jobs[0].end
        if not retractions.is_corrected(draft.sentence, first, pointer.first):
            return False
    if step.is_training:
        return last not in {"train", "job"} or _is_base(draft.sentence, pointer)
    return not last or step.parents is None or last in (*step.parents, "job")


def _is_base(sentence: Sentence, pointer: Pointer) -> bool:
    """Whether a training builds on a job: `from the last training`, not `the last one failed`."""
    return bool(sentence.words_before(pointer.first) & _BASE_CUES)
