"""Build a spec: template, spec file, shorthand keys, data sources, overrides, in that order."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from skillbank.coercion import coerce
from skillbank.data_sources import find_data
from skillbank.errors import did_you_mean
from skillbank.skill import Skill, Spec
from skillbank.spec_keys import (
    MISSING,
    Path,
    Schema,
    action_schema,
    dotted_keys,
    field_at,
    find_path,
    get_value,
    is_empty,
    is_section,
    leaves,
    plain,
    set_value,
    types_of,
)


@dataclass
class SpecDraft:
    """A spec under construction, with what there is to say about it.

    Attributes:
        skill: The skill.
        action: The action whose spec it is.
        schema: The action's schema.
        template: The action's template, unchanged.
        spec: The spec as far as it is built.
        origins: Dotted key -> where its value came from, for values that are not the template's.
        given: Dotted key -> origin, for every value that the caller gave, even the template's.
        notes: What the user should know.
        problems: What makes the spec unusable, one sentence each.
    """

    skill: Skill
    action: str
    schema: Schema
    template: Spec
    spec: Spec
    origins: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, skill: Skill, action: str) -> SpecDraft:
        """A draft that is still the template."""
        template = plain(skill.template(action))
        return cls(skill, action, action_schema(skill, action), template, copy.deepcopy(template))

    @property
    def secret_keys(self) -> frozenset[str]:
        """Keys that hold a secret: those that the inference function `key` fills."""
        params = self.skill.info.spec_params.get(self.action, {})
        return frozenset(key for key, function in params.items() if function == "key")

    def value(self, key: str) -> Any:  # noqa: ANN401 - what the schema allows
        """Value at a dotted key, None when absent."""
        return get_value(self.spec, find_path(self.schema, key) or key)

    def set(self, key: str, value: object, origin: str) -> None:
        """Set a key that the schema has, and remember where the value came from."""
        path = find_path(self.schema, key) or tuple(key.split("."))
        set_value(self.spec, path, value)
        self.origins.pop(key, None)
        if value != get_value(self.template, path):
            self.origins[key] = origin

    def give(self, key: str, value: object, origin: str) -> None:
        """Set a key to what the caller gave."""
        self.set(key, value, origin)
        self.given[key] = origin


@dataclass(frozen=True)
class _Setting:
    """One value of a spec file or of the overrides, under the dotted key that is meant."""

    key: str
    value: Any
    name: str  # as the caller wrote it

    @property
    def is_shorthand(self) -> bool:
        return self.name != self.key


def build_spec(
    skill: Skill,
    action: str,
    *,
    spec: Mapping[str, Any] | None = None,
    data: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> SpecDraft:
    """Lay the caller's values over the template of an action.

    Args:
        skill: The skill.
        action: One of its actions.
        spec: Content of a spec file: nested, dotted or shorthand keys. Sections that only other
            actions of the skill know are left out, with a note.
        data: Dataset role -> root folder, local or `s3://`.
        overrides: Dotted or shorthand key -> value.

    Returns:
        A draft; its `problems` tell every unknown key, conflict and missing data file. Values
        are checked later, by `check_spec`.

    Raises:
        SkillNotFound: The skill has no such action.
    """
    draft = SpecDraft.of(skill, action)
    from_file = _settings(draft, _without_foreign(draft, spec or {}), "the spec file")
    given = _settings(draft, overrides or {}, "the overrides")
    for setting in (s for s in from_file if not s.is_shorthand):
        _lay(draft, setting, "spec file", optional=True)
    for setting in (s for s in from_file if s.is_shorthand):
        _lay(draft, setting, f"shorthand {setting.name}", optional=True)
    _lay_data(draft, data or {})
    for setting in given:
        _lay(draft, setting, f"shorthand {setting.name}" if setting.is_shorthand else "override")
    return draft


def _lay(draft: SpecDraft, setting: _Setting, origin: str, *, optional: bool = False) -> None:
    """Set one value; in a spec file an empty one means: not given."""
    path = find_path(draft.schema, setting.key)
    node = field_at(draft.schema, path) if path else {}
    nullable = "null" in types_of(node)
    value = None if nullable and setting.value == MISSING else setting.value
    if is_empty(value) and is_empty(draft.value(setting.key)):
        return
    if optional and not nullable and value in (None, MISSING):
        return
    if is_section(node):
        draft.problems.append(_not_a_section(setting, node))
    else:
        draft.give(setting.key, value, origin)


def _lay_data(draft: SpecDraft, roots: Mapping[str, str]) -> None:
    files, problems = find_data(draft.skill, draft.action, roots)
    draft.problems += problems
    for file in files:
        if file.problem:
            draft.problems.append(file.problem)
        elif file.value:
            draft.give(file.key, file.value, f"data source {file.role}")


def _settings(draft: SpecDraft, values: Mapping[str, Any], where: str) -> list[_Setting]:
    """Every value set, under its dotted key; unknown keys and contradictions become problems."""
    settings: dict[str, _Setting] = {}
    for setting in _read(draft, values):
        first = settings.setdefault(setting.key, setting)
        if first is not setting and first.value != setting.value:
            both = f"{first.name} = {first.value!r} and {setting.name} = {setting.value!r}"
            told = "two values" if setting.key in draft.secret_keys else both
            draft.problems.append(f"{setting.key}: {where} set it twice: {told}; remove one.")
    return list(settings.values())


def _read(draft: SpecDraft, values: Mapping[str, Any]) -> Iterator[_Setting]:
    shorthands = draft.skill.info.spec_shorthand_keys
    for name, value in leaves(values, draft.schema):
        key = name if find_path(draft.schema, name) else shorthands.get(name, name)
        path = find_path(draft.schema, key)
        if path:
            yield _Setting(key, coerce(value, field_at(draft.schema, path)), name)
        elif key != name:
            draft.problems.append(
                f"{name}: stands for {key}, which {draft.action} of {draft.skill.name} does not "
                "have; leave it out."
            )
        elif value is not None:
            draft.problems.append(_unknown_key(draft, name, shorthands))


def _unknown_key(draft: SpecDraft, name: str, shorthands: Mapping[str, str]) -> str:
    owners = _owners(draft, name)
    if owners:
        whose = ", ".join(owners)
        return f"{name}: {draft.action} has no such key; it belongs to {whose}. Leave it out."
    known = [*dotted_keys(draft.schema), *shorthands]
    return f"{name}: no such key; {did_you_mean(name, known)}"


def _without_foreign(draft: SpecDraft, values: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's values without those that only other actions of the skill know."""
    kept: dict[str, Any] = {}
    dropped: dict[str, None] = {}
    for name, value in leaves(values, draft.schema):
        is_own = name in draft.skill.info.spec_shorthand_keys or find_path(draft.schema, name)
        if not is_own and _owners(draft, name):
            dropped[_dropped_section(draft.schema, name)] = None
        else:
            kept[name] = value
    if dropped:
        draft.notes.append(
            f"the spec file also holds what {draft.action} does not use, which was left out: "
            f"{', '.join(dropped)}."
        )
    return kept


def _dropped_section(schema: Schema, name: str) -> str:
    """The largest part of a key that the schema does not have."""
    parts: Path = ()
    for part in name.split("."):
        parts = (*parts, part)
        if not find_path(schema, ".".join(parts)):
            break
    return ".".join(parts)


def _owners(draft: SpecDraft, name: str) -> list[str]:
    """Other actions of the skill whose spec has this key."""
    return [
        action
        for action in draft.skill.info.actions
        if action != draft.action
        and draft.skill.has_schema(action)
        and find_path(draft.skill.schema(action), name)
    ]


def _not_a_section(setting: _Setting, node: Schema) -> str:
    inside = ", ".join(list(node["properties"])[:6])
    return (
        f"{setting.name}: {setting.value!r} was given for a section; expected its keys, such as "
        f"{inside}."
    )
