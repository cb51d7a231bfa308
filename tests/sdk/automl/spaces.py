"""Search spaces of skills that were made up for one test."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fixtures.foreign_bank import Field, write_skill

from skillbank.automl.domains import Domain, Raw
from skillbank.automl.parameter import Parameter
from skillbank.automl.settings import read_search_settings
from skillbank.automl.space import SearchSpace
from skillbank.automl.space_reading import search_space
from skillbank.skill import Skill
from skillbank.spec_check import value_problems
from skillbank.spec_keys import set_value

ANCHOR = {"train.anchor": {"type": "bool", "default": True, "search": True}}
"""A field that can always be searched, so that no space is empty."""


def skill_of(folder: Path, fields: Mapping[str, Field]) -> Skill:
    """A skill whose training has these fields; those are searched that do not say otherwise."""
    searched = {key: {"search": True, **field} for key, field in fields.items()}
    return Skill(write_skill(folder / "tao-train-one", "one", {**searched, **ANCHOR}))


def space_of(
    folder: Path,
    fields: Mapping[str, Field],
    overrides: Mapping[str, Any] | None = None,
    **settings: Any,
) -> SearchSpace:
    """The space of a made-up skill, without the anchor."""
    skill = skill_of(folder, fields)
    whole = search_space(skill, overrides=overrides, settings=read_search_settings(settings))
    kept = tuple(p for p in whole.parameters if p.key not in ANCHOR)
    return SearchSpace(kept, whole.base, whole.fixed)


def parameter_of(folder: Path, field: Field, value: Any = None, **settings: Any) -> Parameter:
    """The only parameter of a field named `train.x`; `value` is what the user sets it to."""
    overrides = {} if value is None else {"train.x": value}
    (parameter,) = space_of(folder, {"train.x": field}, overrides, **settings).parameters
    return parameter


def reason_of(space: SearchSpace, key: str = "train.x") -> str:
    """Why a field stays fixed."""
    (reason,) = [each.reason for each in space.fixed if each.key == key]
    return reason


def problems_of(skill: Skill, space: SearchSpace, params: Mapping[str, Raw]) -> list[str]:
    """What the schema and its conditions find wrong with the spec of a point."""
    spec: dict[str, Any] = copy.deepcopy(dict(space.base))
    for key, value in space.values(params).items():
        set_value(spec, key, value)
    return value_problems(skill, "train", spec)


class Always:
    """Draws what it was told for some names, and the least of every other domain."""

    def __init__(self, **drawn: Raw) -> None:
        self._drawn = drawn

    def __call__(self, name: str, domain: Domain) -> Raw:
        least = domain.options[0] if hasattr(domain, "options") else domain.low
        return self._drawn.get(name, least)
