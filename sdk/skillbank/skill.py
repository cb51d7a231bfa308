"""One skill folder as typed, immutable values; nothing here runs anything.

Reading is lazy: a bank of many skills costs nothing until one of them is asked for more than its
name, and pydantic is imported with the first `skill_info.yaml`.
"""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillbank.documents import parse_yaml, read_json, read_yaml
from skillbank.errors import SkillInvalid, SkillNotFound, did_you_mean

if TYPE_CHECKING:
    from skillbank.skill_info import SkillInfo

Spec = dict[str, Any]  # a nested experiment spec as YAML holds it; its shape is its schema's


class Skill:
    """A skill folder: SKILL.md, and for a skill that runs jobs its info, schemas and templates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._schemas: dict[str, dict[str, Any]] = {}
        self._schema_notes: dict[str, tuple[str, ...]] = {}

    @property
    def name(self) -> str:
        """The skill's name, which is its folder's."""
        return self.folder.name

    @cached_property
    def front_matter(self) -> dict[str, Any]:
        """The YAML between the two `---` lines at the head of SKILL.md.

        Raises:
            SkillInvalid: There is none, or it is not a mapping.
        """
        path = self.folder / "SKILL.md"
        if not path.is_file():
            raise SkillInvalid(f"{path}: no such file; every skill folder needs a SKILL.md.")
        head, opened, rest = path.read_text(encoding="utf-8").partition("---\n")
        text, closed, _ = rest.partition("\n---")
        if head.strip() or not opened or not closed:
            raise SkillInvalid(f"{path}:1: expected front matter between two '---' lines.")
        matter = parse_yaml("\n" + text, str(path))  # the newline keeps the file's line numbers
        if not isinstance(matter, dict):
            raise SkillInvalid(f"{path}:1: the front matter is no mapping of keys to values.")
        return matter

    @property
    def description(self) -> str:
        """What the skill is for, as its SKILL.md says."""
        return str(self.front_matter.get("description", ""))

    @property
    def has_info(self) -> bool:
        """Tell whether the skill runs jobs of its own; the others only guide their reader."""
        return (self.folder / "references" / "skill_info.yaml").is_file()

    @property
    def info(self) -> SkillInfo:
        """The content of references/skill_info.yaml.

        Raises:
            SkillInvalid: It is missing or breaks the format; every breach is listed.
        """
        return self._info_and_notes[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was translated or left aside while reading the folder; empty for our own skills."""
        if not self.has_info:
            return ()
        packaged = [action for action in self.info.actions if self.has_schema(action)]
        for action in packaged:
            self.schema(action)
        schemas = [note for action in packaged for note in self._schema_notes[action]]
        return (*self._info_and_notes[1], *schemas)

    def has_schema(self, action: str) -> bool:
        """Tell whether the folder packages the schema of `action`."""
        return self._schema_path(action).is_file()

    def has_template(self, action: str) -> bool:
        """Tell whether the folder packages the spec template of `action`."""
        return self._template_path(action).is_file()

    def can_automl(self) -> bool:
        """Tell whether train may be searched: enabled, and schema and template are packaged."""
        packaged = self.has_schema("train") and self.has_template("train")
        return self.has_info and self.info.automl_enabled and packaged

    def schema(self, action: str) -> dict[str, Any]:
        """The schema of `action`'s spec, JSON Schema 2020-12; not to be changed by the caller.

        Raises:
            SkillNotFound: The skill has no such action.
            SkillInvalid: The schema is not packaged, or cannot be read.
        """
        self._require(action)
        if action not in self._schemas:
            from skillbank.dialect import translate_schema

            path = self._schema_path(action)
            schema, notes = translate_schema(read_json(path), path)
            self._schemas[action] = schema
            self._schema_notes[action] = tuple(f"{path.name}: {note}" for note in notes)
        return self._schemas[action]

    def template(self, action: str) -> Spec:
        """A complete spec of `action` holding every default, as a copy of the caller's own.

        A folder without a packaged template falls back to its schema's top-level default.

        Raises:
            SkillNotFound: The skill has no such action.
            SkillInvalid: Neither is packaged, or the template cannot be read.
        """
        self._require(action)
        path = self._template_path(action)
        if not path.is_file() and self.has_schema(action):
            default: Spec = copy.deepcopy(self.schema(action).get("default", {}))
            return default
        template = read_yaml(path)
        if not isinstance(template, dict):
            raise SkillInvalid(f"{path}: expected a mapping of sections, found {template!r}.")
        return template

    @cached_property
    def _info_and_notes(self) -> tuple[SkillInfo, tuple[str, ...]]:
        from skillbank.dialect import read_info

        path = self.folder / "references" / "skill_info.yaml"
        if not path.is_file():
            raise SkillInvalid(
                f"{path}: no such file; {self.name} guides its reader and runs no jobs of its own."
            )
        return read_info(read_yaml(path), path)

    def _require(self, action: str) -> None:
        if action not in self.info.actions:
            raise SkillNotFound(
                f"{self.name} has no action {action!r}; {did_you_mean(action, self.info.actions)}"
            )

    def _schema_path(self, action: str) -> Path:
        return self.folder / "schemas" / f"{action}.schema.json"

    def _template_path(self, action: str) -> Path:
        return self.folder / "references" / f"spec_template_{action}.yaml"
