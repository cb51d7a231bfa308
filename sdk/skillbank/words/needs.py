"""What a step needs that was not said."""

from __future__ import annotations

from skillbank.inputs import keys_filled_by
from skillbank.skill_info import OutputKind
from skillbank.words.answer import AskedStep, Missing
from skillbank.words.bank_words import BankWords

_FROM_PARENT = frozenset({"parent_model", "parent_model_or_ptm"})


def missing_inputs(index: int, steps: list[AskedStep], words: BankWords) -> list[Missing]:
    """Inputs of a step that nothing provides; each is named once."""
    step = steps[index]
    if step.spec is not None:
        return []
    skill = words.skills[step.skill]
    action = skill.info.actions[step.action]
    sources = skill.info.data_sources.get(step.action, {})
    filled = keys_filled_by(skill, step.action, _FROM_PARENT)
    found: dict[str, Missing] = {}
    for key, wanted in action.inputs.items():
        given = {key, *wanted.unless} & step.overrides.keys()
        if wanted.optional or given:
            continue
        if key in filled:
            if step.parent is None and step.checkpoint is None:
                what = (
                    f"{step.action} needs a trained model: say 'from job ID', 'from the last "
                    "training', or name a checkpoint file"
                )
                found.setdefault("parent", Missing(index, "parent", what))
        elif key in sources:
            if sources[key].locate(step.data) is None and not _data_from_parent(
                index, steps, words
            ):
                files = ", ".join(dict.fromkeys(source.file for source in sources.values()))
                what = f"{step.action} needs data: say 'on FOLDER' (it holds {files})"
                found.setdefault("data", Missing(index, "data", what))
        else:
            found[key] = Missing(
                index, key, f"{step.action} needs {key}: name the {wanted.type.value}"
            )
    return list(found.values())


def _data_from_parent(index: int, steps: list[AskedStep], words: BankWords) -> bool:
    """Whether the parent's action makes the data set."""
    parent = steps[index].parent
    if parent is None:
        return False
    skill = words.skills[steps[index].skill]
    action = steps[parent.step].action if parent.step is not None else parent.last
    if action is None:  # a job that is only known by its id
        return steps[index].action == "train"
    made = skill.info.actions.get(action)
    return made is not None and any(o.kind is OutputKind.DATASET for o in made.outputs.values())
