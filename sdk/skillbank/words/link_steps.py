"""Link the steps of a sentence: parents, and what a step takes over from the ones before it."""

from __future__ import annotations

from skillbank.words.answer import ParentRef
from skillbank.words.draft import Draft

_TUNES = frozenset({"fine", "finetune", "finetuning", "微", "feintunen", "nachtrainieren"})


def link_steps(draft: Draft) -> None:
    """Give each step its parent and its data, where the sentence leaves them to be understood."""
    for index in range(len(draft.steps)):
        if _goes_on_training(draft, index):
            draft.problems.append(
                "A training that starts from the weights of an earlier step is no step of one "
                "plan: train first, then ask to fine-tune from that job."
            )
        _link_parent(draft, index)
        _inherit_data(draft, index)


def _link_parent(draft: Draft, index: int) -> None:
    """The last step before it that can be a parent, else the parent of the step before it."""
    step = draft.steps[index]
    if step.parent is not None or "/" in (step.checkpoint or ""):
        return
    earlier = [
        before
        for before, other in enumerate(draft.steps[:index])
        if other.skill == step.skill and (step.parents is None or other.action in step.parents)
    ]
    if earlier and not (step.is_training and draft.has_own_data(index)):
        step.parent = ParentRef(step=earlier[-1])
    elif index and step.parents != () and step.takes_checkpoint:
        before = draft.steps[index - 1]
        if before.skill == step.skill and before.takes_checkpoint:
            step.parent = before.parent
            step.checkpoint = step.checkpoint or before.checkpoint


def _goes_on_training(draft: Draft, index: int) -> bool:
    """Whether a training is to start from an earlier one: `train on A, then fine-tune on B`."""
    step = draft.steps[index]
    earlier = any(one.is_training and one.skill == step.skill for one in draft.steps[:index])
    is_tuned = draft.sentence.word(step.verb) in _TUNES
    return step.is_training and earlier and is_tuned and step.base_checkpoint is None


def _inherit_data(draft: Draft, index: int) -> None:
    """The dataset root of the parent, or of a step before it with the same parent."""
    step = draft.steps[index]
    if draft.has_own_data(index) or not step.takes_data or _has_other_input(draft, index):
        return
    sources = []
    if step.parent is not None:
        sources += [] if step.parent.step is None else [step.parent.step]
        sources += [i for i in range(index) if draft.steps[i].parent == step.parent]
    root = next((draft.steps[source].data for source in sources if draft.steps[source].data), None)
    if root is not None:
        step.data = dict(root)


def _has_other_input(draft: Draft, index: int) -> bool:
    """Whether a file is given in place of an input that the dataset root would fill."""
    step = draft.steps[index]
    inputs = step.words.skill.info.actions[step.action].inputs
    return any(other in step.overrides for one in inputs.values() for other in one.unless)
