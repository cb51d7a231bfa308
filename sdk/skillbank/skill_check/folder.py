"""Check one skill folder: its pages, its info, schemas, templates and manifest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from skillbank.conditions import conditions
from skillbank.errors import SkillInvalid, did_you_mean
from skillbank.inference import read_function
from skillbank.skill import Skill
from skillbank.skill_check.files import (
    Unreadable,
    bare_numbers,
    line_of,
    read_bytes,
    read_schema,
    read_text,
    read_yaml,
)
from skillbank.skill_check.findings import CheckReport, Finding, no_folder
from skillbank.skill_check.page import page_findings
from skillbank.skill_check.vocabulary import vocabulary_problems
from skillbank.skill_info import SpecParam
from skillbank.spec_keys import MISSING, Schema, dotted_keys, find_path

INFO = Path("references", "skill_info.yaml")
MANIFEST = Path("schemas", "manifest.json")
_INDEX = re.compile(r"\[\d+\]")
# What reading foreign content raises beside our own errors: a schema may hold a broken pattern, a
# reference to nowhere, a number where a mapping belongs, and all of it a thousand levels deep.
_FOREIGN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    Unresolvable,
    ValueError,
    re.error,
)


def check_folder(folder: Path) -> CheckReport:
    """Check one skill folder; nothing in it is run, and nothing is changed."""
    if not folder.is_dir():
        return CheckReport((Finding(folder, no_folder(folder)),))
    return CheckReport(tuple(_Check(folder).run()))


class _Check:
    """The check of one folder, step by step; a step that fails is told and ends itself only.

    Attributes:
        shown: The folder as the user named it.
    """

    def __init__(self, folder: Path) -> None:
        self.shown = folder
        self.skill = Skill(folder.resolve())
        self.schemas: dict[str, Schema] = {}

    def run(self) -> list[Finding]:
        """Everything that is found."""
        found = self._gather(Path("SKILL.md"), page_findings(self.skill, self.shown))
        broken = self._gather(INFO, self._info_findings()) if self._is_there(INFO) else []
        if broken or not self._is_there(INFO):
            return found + broken + self._unlisted_schemas()
        found += self._gather(INFO, self._name_findings())
        for action in self.skill.info.actions:
            schema = Path("schemas", f"{action}.schema.json")
            template = Path("references", f"spec_template_{action}.yaml")
            found += self._gather(schema, self._schema_findings(action, schema))
            found += self._gather(template, self._template_findings(action, template))
        found += self._gather(INFO, self._key_findings())
        found += self._gather(INFO, self._vocabulary_findings())
        found += self._gather(MANIFEST, self._manifest_findings())
        return found + self._gather(INFO, self._notes())

    def _unlisted_schemas(self) -> list[Finding]:
        """Schemas of a skill whose actions are not known: whether they are JSON."""
        found = []
        for path in sorted((self.skill.folder / "schemas").glob("*.schema.json")):
            file = path.relative_to(self.skill.folder)
            found += self._gather(file, self._json_findings(file))
        return found

    def _gather(self, file: Path, findings: Iterator[Finding]) -> list[Finding]:
        """The findings, and the error that ended the search for them early if there was one."""
        found: list[Finding] = []
        try:
            found.extend(findings)
        except Unreadable as error:
            found.append(self._at(file, error.message, error.line))
        except SkillInvalid as error:
            found.extend(self._told(file, error))
        except _FOREIGN as error:
            kind = type(error).__name__
            message = f"cannot be checked further: {kind}: {str(error)[:200]}"
            found.append(self._at(file, message))
        return found

    def _told(self, file: Path, error: SkillInvalid) -> Iterator[Finding]:
        """An error of the SDK as findings: one for each breach that it lists, with its line."""
        text = str(error).removeprefix(f"{self.skill.folder / file}")
        place = re.match(r":(\d+)?:? ?(.*)", text, re.DOTALL)
        line, message = (place[1], place[2]) if place else (None, text)
        if not error.problems:
            yield self._at(file, message, int(line) if line else None)
        for problem in error.problems:
            yield self._at(file, problem, self._line(file, problem.partition(": ")[0]))

    def _at(
        self, file: Path, message: str, line: int | None = None, *, is_note: bool = False
    ) -> Finding:
        return Finding(self.shown / file, message, line, is_note)

    def _line(self, file: Path, key: str) -> int | None:
        """Line of a dotted key of a YAML file that can be parsed."""
        place = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
        return line_of(read_text(self.skill.folder / file), place)

    def _is_there(self, file: Path) -> bool:
        """Tell whether there is anything of that name, be it a link to nowhere."""
        path = self.skill.folder / file
        return path.is_symlink() or path.exists()

    def _info_findings(self) -> Iterator[Finding]:
        """Whether skill_info.yaml can be read at all: the error that reading it raises."""
        read_yaml(self.skill.folder / INFO)
        _ = self.skill.info
        yield from ()

    def _name_findings(self) -> Iterator[Finding]:
        """Names inside skill_info.yaml that must agree with others in it, or with the SDK's."""
        info = self.skill.info
        if info.name != self.skill.name:
            message = f"name: found {info.name!r}, expected the folder's {self.skill.name!r}."
            yield self._at(INFO, message, self._line(INFO, "name"))
        for section in ("data_sources", "spec_params"):
            for action in getattr(info, section).keys() - info.actions.keys():
                hint = did_you_mean(action, info.actions)
                yield self._info(f"{section}.{action}", f"no such action; {hint}")
        for name, action in info.actions.items():
            for parent in set(action.parents or ()) - info.actions.keys():
                hint = did_you_mean(parent, info.actions)
                yield self._info(f"actions.{name}.parents", f"{parent!r} is no action; {hint}")
        for action, params in info.spec_params.items():
            yield from self._function_findings(action, params)

    def _info(self, key: str, message: str) -> Finding:
        """A finding about a dotted key of skill_info.yaml."""
        return self._at(INFO, f"{key}: {message}", self._line(INFO, key))

    def _function_findings(self, action: str, params: Mapping[str, SpecParam]) -> Iterator[Finding]:
        for key, param in params.items():
            if isinstance(param, str):
                try:
                    read_function(self.skill.name, key, param)
                except SkillInvalid as error:
                    yield self._info(f"spec_params.{action}", str(error))

    def _json_findings(self, file: Path) -> Iterator[Finding]:
        """What keeps a file from being JSON, and numbers that JSON does not have."""
        path = self.skill.folder / file
        read_schema(path)
        bare = bare_numbers(path)
        if bare is not None:
            line, count, first = bare
            more = f" (and {count - 1} more)" if count > 1 else ""
            message = f"{first} is no JSON{more}; read as if there were no bound."
            yield self._at(file, message, line, is_note=True)

    def _schema_findings(self, action: str, file: Path) -> Iterator[Finding]:
        """The schema of one action; one that can be used is kept."""
        yield from self._json_findings(file)
        schema = self.skill.schema(action)
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            place = ".".join(map(str, error.absolute_path)) or "(top)"
            message = f"{place}: {error.message[:300]}; expected JSON Schema 2020-12."
            yield self._at(file, message)
            return
        self.schemas[action] = schema
        list(conditions(self.skill.name, schema))  # raises at one that cannot be read

    def _template_findings(self, action: str, file: Path) -> Iterator[Finding]:
        if not self._is_there(file):
            message = "no such file; every action packages one ('make generate')."
            yield self._at(file, message)
            return
        read_yaml(self.skill.folder / file)
        template = self.skill.template(action)
        schema = self.schemas.get(action)
        if schema is None:
            return
        # An empty registry: a foreign schema shall not make anybody fetch what it refers to.
        validator = Draft202012Validator(schema, registry=Registry())
        for error in validator.iter_errors(template):
            if error.instance != MISSING:
                place = ".".join(map(str, error.absolute_path)) or "(top)"
                message = f"{place}: {error.message[:300]}, says {action}.schema.json."
                yield self._at(file, message, self._line(file, place))

    def _key_findings(self) -> Iterator[Finding]:
        """Dotted keys in skill_info.yaml that no schema has."""
        info = self.skill.info
        every = [*self.schemas.values()]
        for action, schema in self.schemas.items():
            sections = {
                f"actions.{action}.inputs": info.actions[action].inputs,
                f"data_sources.{action}": info.data_sources.get(action, {}),
                f"spec_params.{action}": info.spec_params.get(action, {}),
            }
            for place, keys in sections.items():
                for key in keys:
                    yield from self._key_finding(place, key, [schema])
            for key, wanted in info.actions[action].inputs.items():
                for other in wanted.unless:
                    place = f"actions.{action}.inputs.{key}.unless"
                    yield from self._key_finding(place, other, [schema])
        for short, key in info.spec_shorthand_keys.items():
            yield from self._key_finding(f"spec_shorthand_keys.{short}", key, every)
        for key in info.carry_forward:
            yield from self._key_finding("carry_forward", key, every)

    def _key_finding(self, place: str, key: str, schemas: list[Schema]) -> Iterator[Finding]:
        in_list = _INDEX.split(key)[0]  # TAO names an entry of a list: sources[0].image_dir
        if schemas and not any(find_path(schema, in_list) for schema in schemas):
            known = {known for schema in schemas for known in dotted_keys(schema)}
            message = f"{place}: {key}: no such spec key; {did_you_mean(key, known)}"
            yield self._at(INFO, message, self._line(INFO, place))

    def _vocabulary_findings(self) -> Iterator[Finding]:
        for key, message in vocabulary_problems(self.skill.info, self.schemas):
            yield self._info(key, message)

    def _manifest_findings(self) -> Iterator[Finding]:
        """Files that differ from what the manifest says; a folder may have no manifest."""
        if not self._is_there(MANIFEST):
            message = "no such file; what was changed by hand since it was generated is not seen."
            yield self._at(MANIFEST, message, is_note=True)
            return
        manifest = read_schema(self.skill.folder / MANIFEST)
        files = manifest.get("files") if isinstance(manifest, dict) else None
        if not isinstance(files, dict):
            message = f"files: expected a mapping of paths to digests, found {files!r:.80}."
            yield self._at(MANIFEST, message)
            return
        for name, digest in files.items():
            yield from self._digest_findings(name, digest)

    def _digest_findings(self, name: str, digest: object) -> Iterator[Finding]:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            yield self._at(MANIFEST, f"files.{name}: expected a file of the folder.")
            return
        try:
            content = read_bytes(self.skill.folder / path)
        except Unreadable as error:
            message = f"listed in manifest.json, and cannot be read: {error.message}"
            if not self._is_there(path):
                message = "listed in manifest.json, and not there; run 'make generate'."
            yield self._at(path, message)
            return
        if hashlib.sha256(content).hexdigest() != digest:
            yield self._at(path, "changed since manifest.json was written; run 'make generate'.")

    def _notes(self) -> Iterator[Finding]:
        """What the readers translated or left aside, of folders in another dialect."""
        if self.schemas.keys() < {a for a in self.skill.info.actions if self.skill.has_schema(a)}:
            return  # a schema is broken, and reading it again would raise the same again
        for note in self.skill.notes:
            file, _, message = note.partition(": ")
            if file.endswith(".schema.json"):
                yield self._at(Path("schemas", file), message, is_note=True)
                continue
            message = message if file == INFO.name else note
            line = self._line(INFO, message.partition(": ")[0])
            yield self._at(INFO, message, line, is_note=True)
