"""Lay what is assigned by name into the steps: `train.num_epochs=30`, `--data /d`, `automl=off`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from skillbank.errors import did_you_mean
from skillbank.words.answer import ParentRef
from skillbank.words.bank_words import Field
from skillbank.words.draft import Draft
from skillbank.words.jobs import Pointer
from skillbank.words.lay_search import POLICY_KEYS
from skillbank.words.matcher import Said, Sentence
from skillbank.words.phrasebook import words
from skillbank.words.places import Place, Use
from skillbank.words.run_words import KEYS as RUN_KEYS
from skillbank.words.spelling import Spelling

_FOLDERS = words("places", "assigned_folders")
_ROLES = {
    "train": Use.TRAIN,
    "train_data": Use.TRAIN,
    "val": Use.VAL,
    "validation": Use.VAL,
    "val_data": Use.VAL,
    "test": Use.TEST,
    "test_data": Use.TEST,
    "all": Use.PLAIN,
}
_PARENTS = frozenset({"parent", "parent_job_id", "parent_job", "job", "job_id"})
_PARTS = {
    "checkpoint": "checkpoint",
    "base_checkpoint": "base_checkpoint",
    "platform": "platform",
    "spec": "spec",
    "e": "spec",  # as TAO's own launcher calls it
}


class AssignmentLayer:
    """Gives each assignment to the step that has such a setting."""

    def __init__(self, draft: Draft, spelling: Spelling) -> None:
        self._draft, self._spelling = draft, spelling

    def lay(self) -> None:
        """Lay every assignment; data roots and jobs are added to what the words say of them."""
        for said in self._draft.reading.explicit:
            key = said.slot.replace("-", "_")
            if key not in POLICY_KEYS and key not in {"action", "skill"}:
                self._lay_one(key, said)

    def _lay_one(self, key: str, said: Said) -> None:
        reading = self._draft.reading
        if key in _FOLDERS or key in _ROLES:
            reading.places.append(_place(key, said))
        elif key in _PARENTS:
            reading.jobs.append(Pointer(ParentRef(job=str(said.value)), said.first, said.end))
        elif key in {"epoch", "step"} and (index := self._user_of_checkpoint(said)) is not None:
            rule = replace(said, slot="checkpoint", value=f"{key}={said.value}")
            self._draft.put(index, rule)
        elif key in _PARTS:
            index = self._draft.order(said.first)[0]
            self._draft.put(index, replace(said, slot=_PARTS[key], value=str(said.value)))
        elif key in RUN_KEYS and not self._is_of_spec(key):
            self._draft.reading.runs.append(replace(said, slot=f"resources.{key}"))
        elif key == "results":
            self._draft.reading.runs.append(replace(said, slot=key, value=str(said.value)))
        elif self._is_of_search(key):
            slot = f"automl.{key.removeprefix('automl_')}"
            self._draft.put(self._draft.trainings[0], replace(said, slot=slot))
        else:
            self._lay_setting(said)

    def _is_of_spec(self, key: str) -> bool:
        """Whether a step has a setting of that very name."""
        return any(key in step.words.fields for step in self._draft.steps)

    def _user_of_checkpoint(self, said: Said) -> int | None:
        """The step near an assignment that takes another job's checkpoint."""
        order = self._draft.order(said.first)
        return next((i for i in order if self._draft.steps[i].takes_checkpoint), None)

    def _is_of_search(self, key: str) -> bool:
        """Whether a name is that of a search's setting, not of the training's own spec."""
        from skillbank.automl.settings import SearchSettings

        trainings = self._draft.trainings
        if not trainings or key.removeprefix("automl_") not in SearchSettings.model_fields:
            return False
        fields = self._draft.steps[trainings[0]].words.fields
        return key.startswith("automl_") or key not in {name.rpartition(".")[2] for name in fields}

    def _lay_setting(self, said: Said) -> None:
        """Set a key of the first step that has it; name the nearest keys where none has."""
        for index in self._draft.order(said.first):
            own = self._draft.steps[index].words
            field = own.find(said.slot) or own.find(self._respelled(said.slot))
            if field is not None:
                value = _choice(field, said.value)
                if problem := field.problem(value):
                    self._draft.problems.append(problem)
                self._draft.put(index, replace(said, slot=f"overrides.{field.key}", value=value))
                return
        first = self._draft.steps[0].words
        known = [*first.fields, *first.skill.info.spec_shorthand_keys]
        hint = did_you_mean(said.slot, known)
        self._draft.problems.append(f"{said.slot}: no such setting; {hint}")

    def _respelled(self, name: str) -> str:
        """A name of a setting with its words corrected."""
        inner = Sentence.of(name.replace("_", " ").replace(".", " "))
        self._spelling.correct(inner)
        return " ".join(inner.stem(index) for index in range(len(inner)))


def _place(key: str, said: Said) -> Place:
    """A dataset root: `data=/d`, `data=train=/d`, `val=/d`."""
    role, equals, folder = str(said.value).partition("=")
    if equals and role in _ROLES:
        return Place(folder, _ROLES[role], said.first, said.end)
    return Place(str(said.value), _ROLES.get(key, Use.PLAIN), said.first, said.end)


def _choice(field: Field, value: Any) -> Any:  # noqa: ANN401 - whatever YAML can say
    """A value as the field spells it: `adam` is torch.optim.Adam, one number may be a list."""
    if isinstance(value, str):
        for choice in field.choices:
            if value.lower() in {choice.lower(), choice.rpartition(".")[2].lower()}:
                return choice
    if "array" in field.types and isinstance(value, int):
        return [value]
    return value
