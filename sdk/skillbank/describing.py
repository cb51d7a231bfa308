"""What skills do and take, as the documents that every door shows: JSON, and tables made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skillbank.skill import Skill


@dataclass(frozen=True)
class SpecField:
    """One key of a spec.

    Attributes:
        key: Dotted key.
        type: JSON types that it takes, joined by `or`.
        default: Value of the template.
        allowed: Range or options in words; empty when any value of the type will do.
        description: What it does.
        automl: Whether AutoML may search it.
    """

    key: str
    type: str
    default: object
    allowed: str
    description: str
    automl: bool


def list_fields(schema: Mapping[str, Any], prefix: str = "") -> Iterator[SpecField]:
    """Fields of an action's schema, in its own order; sections are walked, not listed."""
    for name, node in schema.get("properties", {}).items():
        key = f"{prefix}{name}"
        if node.get("properties"):
            yield from list_fields(node, f"{key}.")
        else:
            yield SpecField(
                key=key,
                type=_type(node),
                default=node.get("default"),
                allowed=_allowed(node),
                description=node.get("description", ""),
                automl=bool(node.get("automl_enabled")),
            )


def summarize_skill(skill: Skill) -> dict[str, object]:
    """A skill in a list of skills."""
    return {
        "name": skill.name,
        "description": skill.description,
        "actions": built_actions(skill),
        "automl": skill.can_automl(),
        "folder": skill.folder,
    }


def describe_skill(skill: Skill) -> dict[str, object]:
    """A skill with its whole skill_info.yaml."""
    content = skill.info.model_dump(mode="json") if skill.has_info else None
    return {**summarize_skill(skill), "info": content, "notes": skill.notes}


def describe_action(skill: Skill, name: str) -> dict[str, object]:
    """An action with its inputs, outputs, data sources and every key of its spec.

    Raises:
        SkillNotFound: The skill has no such action.
        SkillInvalid: Its schema is not packaged, or cannot be read.
    """
    schema = skill.schema(name)
    action = skill.info.actions[name].model_dump(mode="json")
    sources = skill.info.data_sources.get(name, {})
    return {
        "skill": skill.name,
        "action": name,
        **action,
        "data_sources": {key: source.model_dump(mode="json") for key, source in sources.items()},
        "spec_shorthand_keys": dict(skill.info.spec_shorthand_keys),
        "fields": [asdict(field) for field in list_fields(schema)],
    }


def built_actions(skill: Skill) -> list[str]:
    """Actions that can be run now; none for a skill that only guides its reader."""
    if not skill.has_info:
        return []
    return [name for name, action in skill.info.actions.items() if action.built]


def _type(node: Mapping[str, Any]) -> str:
    kinds = node.get("type", "option" if "enum" in node else "any")
    words = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return " or ".join(words)


def _allowed(node: Mapping[str, Any]) -> str:
    if "enum" in node:
        return "one of " + " | ".join(str(o) for o in node["enum"] if o not in (None, ""))
    if "file_endings" in node:
        names = [*node.get("examples", ()), f"path of a {node['file_endings'][0]} file"]
        return "one of " + " | ".join(map(str, names))
    bounds = (
        ("minimum", ">="),
        ("exclusiveMinimum", ">"),
        ("maximum", "<="),
        ("exclusiveMaximum", "<"),
    )
    return ", ".join(f"{sign} {node[name]}" for name, sign in bounds if name in node)
