"""Whether what a skill's words are said to mean is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jsonschema import Draft202012Validator
from referencing import Registry

from skillbank.errors import did_you_mean
from skillbank.skill_info import SkillInfo
from skillbank.spec_keys import Schema, dotted_keys, field_at, find_path

Problem = tuple[str, str]
"""Dotted key of skill_info.yaml, and what is wrong there."""


def vocabulary_problems(info: SkillInfo, schemas: Mapping[str, Schema]) -> Iterator[Problem]:
    """Phrases for what is not there, and phrases that no sentence can hold.

    Args:
        info: Of the skill.
        schemas: Action -> schema, of those that can be used.
    """
    words = info.vocabulary
    for action in words.actions.keys() - info.actions.keys():
        yield (
            f"vocabulary.actions.{action}",
            f"no such action; {did_you_mean(action, info.actions)}",
        )
    every = [*schemas.values()]
    if every:
        yield from _key_problems("vocabulary.keys", words.keys, every)
        yield from _key_problems("vocabulary.values", words.values, every)
        yield from _value_problems(words.values, every)
    for place, told in (("names", words.names), ("hints", words.hints)):
        for phrase in told:
            if phrase != " ".join(phrase.lower().split()):
                yield f"vocabulary.{place}", f"{phrase!r}: expected lower case, single spaces."


def _key_problems(
    place: str, keys: Mapping[str, object], schemas: list[Schema]
) -> Iterator[Problem]:
    for key in keys:
        if not any(find_path(schema, key) for schema in schemas):
            known = {known for schema in schemas for known in dotted_keys(schema)}
            yield place, f"{key}: no such spec key; {did_you_mean(key, known)}"


def _value_problems(
    values: Mapping[str, Mapping[str, object]], schemas: list[Schema]
) -> Iterator[Problem]:
    for key, told in values.items():
        nodes = [field_at(schema, tuple(key.split("."))) for schema in schemas]
        validators = [Draft202012Validator(node, registry=Registry()) for node in nodes if node]
        for value in told:
            if validators and not any(each.is_valid(value) for each in validators):
                yield (
                    "vocabulary.values",
                    f"{key}: {value!r} is not allowed there, say the schemas.",
                )
