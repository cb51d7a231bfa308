"""Read the search space of a skill's training from its packaged schema.

For our own schemas, which declare a search range on every field, and for TAO's, where it follows
from what is known of such fields. Every field that cannot be searched is told with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from skillbank.automl.custom_ranges import SETTING, range_problems
from skillbank.automl.field_reading import read_field
from skillbank.automl.limits import NotSearchable
from skillbank.automl.parameter import Parameter
from skillbank.automl.ranges import is_batch_size
from skillbank.automl.search_field import SearchField
from skillbank.automl.settings import Range, SearchSettings
from skillbank.automl.settling import settle
from skillbank.automl.space import SearchSpace, Unsearchable
from skillbank.conditions import Condition, conditions
from skillbank.errors import RequestInvalid, SpecInvalid, did_you_mean
from skillbank.skill import Skill, Spec
from skillbank.spec import build_spec
from skillbank.spec_check import value_problems
from skillbank.spec_keys import Schema, dotted_keys, field_at, find_path, get_value

ACTION = "train"
NO_SUCH_KEY = "the schema has no such key"
_NEVER_SEARCHED = {
    "num_epochs": "the search sets it itself: see max_epochs",
    "seed": "the same point under another seed is no better point",
    "num_gpus": "it belongs to the machine",
    "num_nodes": "it belongs to the machine",
    "num_classes": "it belongs to the data",
    "input_channels": "it belongs to the data",
    "checkpoint_interval": "it says how often training reports, not how it trains",
    "validation_interval": "it says how often training reports, not how it trains",
}
"""Last part of a key -> why no value of it is better than another."""


def search_space(
    skill: Skill,
    *,
    spec: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    settings: SearchSettings | None = None,
) -> SearchSpace:
    """The space of a search that was asked for; no data need be there yet.

    Args:
        skill: The skill whose training is searched.
        spec: Content of a spec file, as `build_spec` takes it.
        overrides: Dotted or shorthand key -> value.
        settings: Settings of the search.

    Raises:
        RequestInvalid: The skill cannot be searched.
        SpecInvalid: The spec or the settings cannot be used, or nothing is left to search; every
            problem is listed.
    """
    _require_searchable(skill)
    draft = build_spec(skill, ACTION, spec=spec, overrides=overrides)
    problems = draft.problems or value_problems(skill, ACTION, draft.spec)
    if problems:
        raise SpecInvalid(problems, f"the spec of {skill.name} {ACTION}")
    return read_space(skill, draft.spec, settings or SearchSettings())


def read_space(skill: Skill, base: Spec, settings: SearchSettings) -> SearchSpace:
    """The space of a search over a complete spec.

    Raises:
        SpecInvalid: The settings name what cannot be searched, or nothing is left to search.
    """
    reading = _Reading.of(skill, base, settings)
    candidates = reading.candidates()
    reasons = {key: reason for key in candidates if (reason := reading.refusal(key))}
    fields = {key: reading.field(key) for key in candidates if key not in reasons}
    found, unfit = _read_fields(fields)
    parameters, left_out = settle(found, reading.conditions, base)
    reasons |= unfit | left_out
    lint = tuple(
        Unsearchable(key, reasons[key], was_asked_for=True) for key in candidates if key in reasons
    )
    problems = reading.problems(fields, lint)
    if not parameters and not problems:
        problems = _nothing_left(skill, lint)
    if problems:
        raise SpecInvalid(problems, f"the search space of {skill.name}")
    return SearchSpace(tuple(parameters), base, lint)


def _read_fields(
    fields: Mapping[str, SearchField],
) -> tuple[dict[str, tuple[Parameter, ...]], dict[str, str]]:
    """Parameters of the fields that have some, and why the others have none."""
    found: dict[str, tuple[Parameter, ...]] = {}
    reasons: dict[str, str] = {}
    for key, field in fields.items():
        try:
            found[key] = read_field(field)
        except NotSearchable as error:
            reasons[key] = str(error)
    return found, reasons


@dataclass(frozen=True)
class _Reading:
    """What a space is read from."""

    skill: Skill
    schema: Schema
    base: Spec
    settings: SearchSettings
    conditions: Mapping[str, Condition]
    ranges: Mapping[str, Range]  # by dotted key

    @classmethod
    def of(cls, skill: Skill, base: Spec, settings: SearchSettings) -> _Reading:
        schema = skill.schema(ACTION)
        by_key = {condition.key: condition for condition in conditions(skill.name, schema)}
        names = skill.info.spec_shorthand_keys
        ranges = {
            _full_key(key, schema, names): each
            for key, each in settings.custom_param_ranges.items()
        }
        return cls(skill, schema, base, settings, by_key, ranges)

    def full_key(self, name: str) -> str:
        """The dotted key that a name stands for."""
        return _full_key(name, self.schema, self.skill.info.spec_shorthand_keys)

    def candidates(self) -> list[str]:
        """Keys that the user names or else the skill recommends, each once."""
        recommended = self.schema.get("automl_default_parameters", ())
        names = self.settings.parameters or recommended
        return list(dict.fromkeys(self.full_key(str(name)) for name in names))

    def refusal(self, key: str) -> str | None:
        """Why a key is never searched, whatever its field is like; None when it may be."""
        path = find_path(self.schema, key)
        if path is None:
            return NO_SUCH_KEY
        enabled = field_at(self.schema, path).get("automl_enabled")
        disabled = set(self.schema.get("automl_disabled_parameters", ()))
        if key in disabled or str(enabled).lower() == "false":
            return "the skill excludes it from every search"
        return _NEVER_SEARCHED.get(path[-1])

    def field(self, key: str) -> SearchField:
        """What there is to know about the field of a key."""
        node = field_at(self.schema, find_path(self.schema, key) or ())
        condition = self.conditions.get(key)
        return SearchField(
            key,
            node,
            get_value(self.base, find_path(self.schema, key) or key),
            condition.terms if condition else (),
            self.ranges.get(key),
            self._most_samples() if is_batch_size(key) else None,
        )

    def problems(
        self, fields: Mapping[str, SearchField], lint: Iterable[Unsearchable]
    ) -> list[str]:
        """What the settings ask for and cannot get; each field is told once."""
        told = [*self._unknown_names(), *self._idle_ranges()]
        wrong = {key: list(_range_problems(field)) for key, field in fields.items()}
        told += [f"automl.{problem}" for problems in wrong.values() for problem in problems]
        for each in lint:
            if each.reason == NO_SUCH_KEY or wrong.get(each.key):
                continue  # told already
            setting = "parameters" if self.settings.parameters else SETTING
            if self.settings.parameters or each.key in self.ranges:
                told.append(f"automl.{setting}: {each.key} cannot be searched: {each.reason}.")
        return list(dict.fromkeys(told))

    def _unknown_names(self) -> Iterator[str]:
        known = [*dotted_keys(self.schema), *self.skill.info.spec_shorthand_keys]
        named = {"parameters": self.settings.parameters, SETTING: self.settings.custom_param_ranges}
        for setting, names in named.items():
            for name in names:
                if find_path(self.schema, self.full_key(name)) is None:
                    yield f"automl.{setting}: {name}: no such key; {did_you_mean(name, known)}"

    def _idle_ranges(self) -> Iterator[str]:
        tried = self.candidates()
        for key in self.ranges:
            if key not in tried and find_path(self.schema, key) is not None:
                yield (
                    f"automl.{SETTING}: {key} is not searched; name it in parameters, with the "
                    f"others that are wanted: {', '.join([*tried, key])}."
                )

    def _most_samples(self) -> int | None:
        """Samples that one GPU can get at most, were all of them one step."""
        samples = self.settings.train_sample_count
        gpus = get_value(self.base, "train.num_gpus")
        share = gpus if isinstance(gpus, int) and gpus > 1 else 1
        return None if samples is None else max(samples // share, 1)


def _full_key(name: str, schema: Schema, shorthands: Mapping[str, str]) -> str:
    return name if find_path(schema, name) else shorthands.get(name, name)


def _range_problems(field: SearchField) -> list[str]:
    try:
        return list(range_problems(field))
    except NotSearchable:
        return []  # told as the field's reason


def _nothing_left(skill: Skill, lint: Iterable[Unsearchable]) -> list[str]:
    told = [f"{each.key} cannot be searched: {each.reason}." for each in lint]
    schema = skill.schema(ACTION)
    others = [
        key
        for key in dotted_keys(schema)
        if field_at(schema, tuple(key.split("."))).get("automl_enabled") is True
        and key not in {each.key for each in lint}
    ]
    hint = f", such as {', '.join(others[:6])}" if others else ""
    return [
        *(told or ["the skill recommends no parameter for a search."]),
        "nothing is left to search: train directly with --automl off, or name parameters with "
        f"--automl-set parameters=[KEY, ...]{hint}.",
    ]


def _require_searchable(skill: Skill) -> None:
    if not skill.has_info:
        raise RequestInvalid(
            f"{skill.name} guides its reader and trains nothing, so nothing of it can be searched; "
            "name a skill with a train action: 'skillbank skills' lists them."
        )
    info = skill.info
    if not info.automl_enabled:
        reason = "it does not enable AutoML"
    elif not skill.has_schema(ACTION) or not skill.has_template(ACTION):
        reason = f"the schema or the spec template of {ACTION} is not packaged"
    else:
        return
    raise RequestInvalid(
        f"{skill.name} cannot be searched: {reason}. Train it directly with --automl off."
    )
