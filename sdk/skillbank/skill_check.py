"""Check a skill folder against the format: everything that a reader of it relies on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from skillbank.conditions import conditions
from skillbank.documents import read_json
from skillbank.errors import SkillInvalid, did_you_mean
from skillbank.inference import read_function
from skillbank.skill import Skill
from skillbank.skill_info import SpecParam
from skillbank.spec_keys import MISSING, Schema, dotted_keys, find_path

_FRONT_MATTER = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")
_INDEX = re.compile(r"\[\d+\]")
_MAX_LINES = 500
_MAX_TOKENS = 5000
_CHARACTERS_PER_TOKEN = 4  # of English prose


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        problems: Breaches of the format; empty for a valid folder.
        notes: What was read as something else, or left aside, on the way.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def check_folder(folder: Path) -> CheckReport:
    """Check one skill folder; nothing in it is run, and nothing is changed."""
    if not folder.is_dir():
        return CheckReport((f"{folder}: no such folder.",))
    skill = Skill(folder.resolve())
    problems = _gather(_page_problems(skill))
    if not skill.has_info:
        return CheckReport(tuple(problems))
    broken = _gather(_info_problems(skill))
    if not broken:
        problems += _gather(_name_problems(skill))
        schemas: dict[str, Schema] = {}
        for action in skill.info.actions:
            broken += _gather(_schema_problems(skill, action, schemas))
            problems += _gather(_template_problems(skill, action, schemas.get(action)))
        problems += _gather(_key_problems(skill, schemas))
        problems += _gather(_manifest_problems(skill))
    return CheckReport((*problems, *broken), () if broken else skill.notes)


def _gather(problems: Iterator[str]) -> list[str]:
    """The problems found, and the one that ended the search early if there was one."""
    found: list[str] = []
    try:
        found.extend(problems)
    except SkillInvalid as error:
        found.append(str(error))
    return found


def _page_problems(skill: Skill) -> Iterator[str]:
    """SKILL.md against the Agent Skills standard."""
    path = skill.folder / "SKILL.md"
    matter = skill.front_matter
    for key in matter.keys() - set(_FRONT_MATTER):
        yield f"{path}: {key}: no key of the front matter; {did_you_mean(key, _FRONT_MATTER)}"
    name, description = matter.get("name"), matter.get("description")
    if name != skill.name or not _NAME.fullmatch(str(name)) or len(str(name)) > 64:
        yield (
            f"{path}: name: found {name!r}, expected the folder's name {skill.name!r} in at most "
            "64 lower-case letters, digits and single hyphens."
        )
    if not isinstance(description, str) or not 1 <= len(description.strip()) <= 1024:
        yield f"{path}: description: expected 1 to 1024 characters, found {description!r}."
    body = path.read_text(encoding="utf-8").split("\n---", 1)[1]
    tokens = len(body) // _CHARACTERS_PER_TOKEN
    if body.count("\n") >= _MAX_LINES or tokens >= _MAX_TOKENS:
        yield (
            f"{path}: found {body.count(chr(10))} lines and about {tokens} tokens, expected fewer "
            f"than {_MAX_LINES} and {_MAX_TOKENS}; move details to references/."
        )
    yield from _link_problems(skill, body)


def _link_problems(skill: Skill, body: str) -> Iterator[str]:
    for link in _LINK.findall(body):
        target = skill.folder / link
        if not target.exists():
            yield f"{skill.folder / 'SKILL.md'}: links to {link!r}, which is not there."
        elif target.resolve().parent.parent != skill.folder and target.parent != skill.folder:
            yield (
                f"{skill.folder / 'SKILL.md'}: links to {link!r}; expected a file of the folder, "
                "at most one level down."
            )


def _info_problems(skill: Skill) -> Iterator[str]:
    """Whether skill_info.yaml can be read at all: the error that reading it raises."""
    _ = skill.info
    yield from ()


def _name_problems(skill: Skill) -> Iterator[str]:
    """Names inside skill_info.yaml that must agree with others in it, or with the SDK's."""
    info = skill.info
    if info.name != skill.name:
        yield f"skill_info.yaml: name: found {info.name!r}, expected the folder's {skill.name!r}."
    for section in ("data_sources", "spec_params"):
        for action in getattr(info, section).keys() - info.actions.keys():
            hint = did_you_mean(action, info.actions)
            yield f"skill_info.yaml: {section}.{action}: no such action; {hint}"
    for name, action in info.actions.items():
        for parent in set(action.parents or ()) - info.actions.keys():
            hint = did_you_mean(parent, info.actions)
            yield f"skill_info.yaml: actions.{name}.parents: {parent!r} is no action; {hint}"
    for params in info.spec_params.values():
        yield from _function_problems(skill.name, params)


def _function_problems(skill: str, params: Mapping[str, SpecParam]) -> Iterator[str]:
    for key, param in params.items():
        if isinstance(param, str):
            try:
                read_function(skill, key, param)
            except SkillInvalid as error:
                yield f"skill_info.yaml: spec_params: {error}"


def _schema_problems(skill: Skill, action: str, read: dict[str, Schema]) -> Iterator[str]:
    """The schema of one action; one that can be used is added to `read`."""
    schema = skill.schema(action)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path)) or "(top)"
        yield f"{action}.schema.json: {place}: {error.message}; expected JSON Schema 2020-12."
        return
    read[action] = schema
    list(conditions(skill.name, schema))  # raises at one that cannot be read


def _template_problems(skill: Skill, action: str, schema: Schema | None) -> Iterator[str]:
    name = f"spec_template_{action}.yaml"
    if not skill.has_template(action):
        yield f"references/{name}: no such file; every action packages one ('make generate')."
        return
    template = skill.template(action)
    if schema is None:
        return
    for error in Draft202012Validator(schema).iter_errors(template):
        if error.instance != MISSING:
            place = ".".join(map(str, error.absolute_path)) or "(top)"
            yield f"{name}: {place}: {error.message}, says {action}.schema.json."


def _key_problems(skill: Skill, schemas: Mapping[str, Schema]) -> Iterator[str]:
    """Dotted keys in skill_info.yaml that no schema has."""
    info = skill.info
    for action, schema in schemas.items():
        sections = {
            f"actions.{action}.inputs": info.actions[action].inputs,
            f"data_sources.{action}": info.data_sources.get(action, {}),
            f"spec_params.{action}": info.spec_params.get(action, {}),
        }
        for place, keys in sections.items():
            for key in keys:
                yield from _key_problem(place, key, [schema])
        for key, wanted in info.actions[action].inputs.items():
            for other in wanted.unless:
                yield from _key_problem(f"actions.{action}.inputs.{key}.unless", other, [schema])
    for short, key in info.spec_shorthand_keys.items():
        yield from _key_problem(f"spec_shorthand_keys.{short}", key, [*schemas.values()])
    for key in info.carry_forward:
        yield from _key_problem("carry_forward", key, [*schemas.values()])


def _key_problem(place: str, key: str, schemas: list[Schema]) -> Iterator[str]:
    in_list = _INDEX.split(key)[0]  # TAO names an entry of a list: sources[0].image_dir
    if schemas and not any(find_path(schema, in_list) for schema in schemas):
        known = {known for schema in schemas for known in dotted_keys(schema)}
        yield f"skill_info.yaml: {place}: {key}: no such spec key; {did_you_mean(key, known)}"


def _manifest_problems(skill: Skill) -> Iterator[str]:
    """Files that differ from what schemas/manifest.json says; a folder may have no manifest."""
    path = skill.folder / "schemas" / "manifest.json"
    if not path.is_file():
        return
    manifest = read_json(path)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict):
        yield f"{path}: files: expected a mapping of paths to digests, found {files!r}."
        return
    for name, digest in files.items():
        file = skill.folder / name
        if not file.is_file():
            yield f"{name}: listed in manifest.json, and not there; run 'make generate'."
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            yield f"{name}: changed since manifest.json was written; run 'make generate'."
