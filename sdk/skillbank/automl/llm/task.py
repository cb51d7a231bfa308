"""What a search is about, in words, for a model that knows the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skillbank.automl.space import SearchSpace
from skillbank.skill import Skill
from skillbank.spec_keys import action_schema, field_at, find_path

_ACTION = "train"


@dataclass(frozen=True)
class Task:
    """What is trained.

    Attributes:
        skill: Name of the skill.
        description: What it does, in a sentence or two.
        meanings: Dotted spec key -> what the field means.
    """

    skill: str = ""
    description: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict)


def task_of(skill: Skill, space: SearchSpace) -> Task:
    """The task that a skill's own words describe: its description, and those of its fields."""
    schema = action_schema(skill, _ACTION)
    meanings = {}
    for key in dict.fromkeys(parameter.key for parameter in space.parameters):
        path = find_path(schema, key)
        meaning = field_at(schema, path).get("description") if path else None
        if isinstance(meaning, str) and meaning.strip():
            meanings[key] = " ".join(meaning.split())
    return Task(skill.name, " ".join(skill.description.split()), meanings)
