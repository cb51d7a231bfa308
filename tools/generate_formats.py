"""JSON Schemas of the project's own formats, from the classes that read and write them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from generate_skills import Files, as_json
from skillbank.automl import result
from skillbank.job import FailureKind, Job
from skillbank.plan import JobPlan
from skillbank.skill_info import SkillInfo
from skillbank_runners.api import Artefact, Status
from skillbank_runners.schema import DRAFT

_Schema = dict[str, Any]


def format_files(folder: Path) -> Files:
    """Schemas of everything that is written for programs: skill_info.yaml, plan.json, ..."""
    schemas = {
        "skill_info": SkillInfo.model_json_schema(),
        "plan": _plan(),
        "job": record_schema(Job),
        "status_line": _status_line(),
        "artefacts": _artefacts(),
        "search_result": search_result(),
    }
    return {
        folder / f"{name}.schema.json": as_json({"$schema": DRAFT, **schema})
        for name, schema in schemas.items()
    }


def record_schema(kind: type) -> _Schema:
    """Schema of a dataclass as JSON: every key is written, and described by the docstring.

    Raises:
        SystemExit: The docstring does not describe an attribute.
    """
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    _describe(schema, kind)
    return schema


def search_result() -> _Schema:
    """Schema of search.json.

    Raises:
        SystemExit: A docstring does not describe an attribute.
    """
    schema = result.SearchResult.model_json_schema(mode="serialization")
    _describe(schema, result.SearchResult)
    for name, part in schema["$defs"].items():
        if "properties" in part:
            _describe(part, getattr(result, name))
    return schema


def result_rows() -> list[tuple[str, str]]:
    """Dotted key and meaning of everything in search.json."""
    schema = search_result()
    return list(_rows(schema, schema["$defs"], ""))


def _rows(schema: _Schema, parts: _Schema, prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in schema["properties"].items():
        named = [parts[name] for name in re.findall(r"#/\$defs/(\w+)", str(field))]
        words = [f"`{word}`" for part in named for word in part.get("enum", ())]
        meaning = [
            field["description"].replace("None", "null"),
            *([", ".join(words)] * bool(words)),
        ]
        yield f"`{prefix}{name}`", " ".join(meaning)
        many = "[]" if field.get("type") == "array" else ""
        for part in named:
            if "properties" in part:
                yield from _rows(part, parts, f"{prefix}{name}{many}.")


def _describe(schema: _Schema, kind: type) -> None:
    """Require every key, and describe schema and keys by the docstring of the class.

    Raises:
        SystemExit: The docstring leaves one out.
    """
    said = _attributes(inspect.getdoc(kind) or "")
    schema["description"] = (inspect.getdoc(kind) or "").partition("\n")[0]
    for name, field in schema["properties"].items():
        if name in said:
            field["description"] = said[name]
        elif "description" not in field:
            raise SystemExit(f"{kind.__name__}.{name}: describe it under 'Attributes:'")
    schema["required"] = list(schema["properties"])


def _attributes(docstring: str) -> dict[str, str]:
    """Name -> description from the Attributes section of a Google style docstring."""
    section = docstring.partition("Attributes:\n")[2].split("\n\n")[0]
    entries = re.split(r"^    (?=\w+: )", section, flags=re.MULTILINE)
    pairs = (entry.partition(": ") for entry in entries if entry.strip())
    return {name: " ".join(text.split()) for name, _, text in pairs}


def _plan() -> _Schema:
    schema = record_schema(JobPlan)
    schema["properties"]["hash"] = {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "SHA-256 over everything else; a plan whose hash does not fit is refused.",
    }
    schema["required"].append("hash")
    return {**schema, "additionalProperties": False}


def _artefacts() -> _Schema:
    entry = record_schema(Artefact)
    return {
        "title": "Artefacts",
        "description": "results/artefacts.json: the files that a job left, oldest first.",
        "type": "object",
        "$defs": entry.pop("$defs"),
        "properties": {"artefacts": {"type": "array", "items": entry}},
        "required": ["artefacts"],
        "additionalProperties": False,
    }


def _status_line() -> _Schema:
    """One line of results/status.json; further keys of an action's own are allowed."""
    number: _Schema = {"type": ["number", "null"]}
    fields: dict[str, tuple[_Schema, str]] = {
        "date": ({"type": "string"}, "Day, month/day/year, in local time."),
        "time": ({"type": "string"}, "Time of day, hh:mm:ss."),
        "status": ({"enum": [status.value for status in Status]}, "State of the action."),
        "verbosity": ({"enum": ["INFO", "ERROR"]}, "ERROR for the line of a failure."),
        "message": ({"type": "string"}, "One sentence for a person; for a failure, all of it."),
        "kpi": (
            {"type": "object", "additionalProperties": number},
            "Metrics that hold from this line on; null where one is not finite.",
        ),
        "epoch": ({"type": "integer", "minimum": 0}, "Epoch under way, zero-indexed."),
        "max_epoch": ({"type": "integer", "minimum": 0}, "Number of epochs."),
        "step": ({"type": "integer", "minimum": 0}, "Steps done within the epoch."),
        "max_step": ({"type": "integer", "minimum": 0}, "Steps per epoch."),
        "eta": ({"type": ["string", "number", "null"]}, "Time left."),
        "time_per_epoch": ({"type": ["string", "number", "null"]}, "Time that an epoch takes."),
        "paused": ({"type": "boolean"}, "True in the line of a training that paused as asked."),
        "failure": (
            {"enum": [kind.value for kind in FailureKind]},
            "Kind of the failure, where the action knows it; only with FAILURE.",
        ),
    }
    return {
        "title": "StatusLine",
        "description": "One line of results/status.json, which is JSON lines.",
        "type": "object",
        "properties": {name: {**s, "description": text} for name, (s, text) in fields.items()},
        "required": ["date", "time", "status", "verbosity", "message"],
    }
