"""Turn a function's signature and docstring into what a tool is told and takes.

Types and defaults are the signature's. What an argument means is said by a text in its annotation
(`JobId`), else by the docstring's `Args` or `Attributes`. Nothing is described a second time.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, create_model

from skillbank.errors import SpecInvalid, did_you_mean

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+): ", re.MULTILINE)


@dataclass(frozen=True)
class Bound:
    """A number that this door bounds more tightly than the client does.

    Attributes:
        default: What it is when not given.
        most: Largest value.
        least: Smallest value that the client takes; told here, checked there.
    """

    default: float
    most: float
    least: float = 0


class Arguments:
    """What a tool takes, as a schema and as a check.

    Args:
        function: Its parameters are the arguments, but `self`.
        documented_by: Whose docstrings describe what the function's own does not.
        bounds: Parameter -> tighter bound.
        shapes: Parameter -> JSON Schema of a mapping that it takes.
    """

    def __init__(
        self,
        function: Callable[..., object],
        documented_by: Sequence[object] = (),
        bounds: Mapping[str, Bound] | None = None,
        shapes: Mapping[str, Callable[[], Mapping[str, Any]]] | None = None,
    ) -> None:
        told: dict[str, str] = {}
        for described in (*reversed(documented_by), function):
            told |= describe_arguments(described)
        given = inspect.signature(function).parameters.values()
        parameters = [one for one in given if one.name != "self"]
        self._shapes = dict(shapes or {})
        hints = _hints(function, [one for one in parameters if one.name not in self._shapes])
        hints |= dict.fromkeys(self._shapes, dict[str, Any] | None)
        fields = {
            one.name: _field(one, hints[one.name], told, (bounds or {}).get(one.name))
            for one in parameters
        }
        self._model = _model(fields)

    @property
    def names(self) -> list[str]:
        """Names of the arguments, in the order of the signature."""
        return list(self._model.model_fields)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        schema = self._model.model_json_schema()
        named = schema.pop("$defs", {})
        properties = {
            name: _simplify(one, named) for name, one in schema.pop("properties", {}).items()
        }
        for name, shape in self._shapes.items():
            properties[name] = {**shape(), "type": "object"} | {
                key: part for key, part in properties[name].items() if key == "description"
            }
        rest = {key: part for key, part in schema.items() if key not in {"title", "type"}}
        return {"type": "object", "properties": properties, **rest}

    def read(self, given: Mapping[str, Any], tool: str) -> dict[str, Any]:
        """Arguments as the function takes them.

        Raises:
            SpecInvalid: Some cannot be used; every problem is listed.
        """
        try:
            values = self._model.model_validate(dict(given))
        except ValidationError as error:
            problems = [self._problem(each["type"], each) for each in error.errors()]
            raise SpecInvalid(list(dict.fromkeys(problems)), f"the arguments of {tool}") from error
        return {name: getattr(values, name) for name in self.names}

    def _problem(self, kind: str, error: Mapping[str, Any]) -> str:
        name = str(error["loc"][0]) if error["loc"] else "arguments"
        if kind == "extra_forbidden":
            return f"{name}: no such argument; {did_you_mean(name, self.names)}"
        if kind == "missing":
            told = self._model.model_fields[name].description
            return f"{name}: missing; expected: {told}"
        expected = str(error["msg"])
        expected = f"{expected[:1].lower()}{expected[1:]}".removeprefix("input should be ")
        expected = expected.replace("a valid dictionary", "names with values")
        return f"{name}: found {error['input']!r}, expected {expected}."


def describe_function(function: object) -> str:
    """The docstring without its sections: what is done, for whoever may call it."""
    text = inspect.getdoc(function) or ""
    first = _SECTION.search(text)
    return " ".join(text[: first.start() if first else None].split())


def describe_arguments(function: object) -> dict[str, str]:
    """Parameter or attribute -> what its docstring says about it."""
    parts = _SECTION.split(inspect.getdoc(function) or "")
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    found: dict[str, str] = {}
    for section in ("Attributes", "Args"):
        entries = _ENTRY.split(sections.get(section, ""))
        told = (" ".join(text.split()) for text in entries[2::2])
        found |= dict(zip(entries[1::2], told, strict=True))
    return found


def _simplify(schema: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that needs no definitions, names no null, and says the same thing once.

    What is null may as well be left out; text that has to be one of some words is no free text.
    """
    kept = {k: part for k, part in schema.items() if k not in {"title", "anyOf", "$ref"}}
    if kept.get("default", 0) is None:
        del kept["default"]
    if "$ref" in schema:
        meant = _simplify(named[schema["$ref"].rpartition("/")[2]], named)
        return {**meant, **kept}
    choices = [_simplify(one, named) for one in schema.get("anyOf", ())]
    has_words = any("enum" in one for one in choices)
    choices = [
        one
        for one in choices
        if one.get("type") != "null"
        and one.get("format") != "path"
        and not (has_words and one == {"type": "string"})
    ]
    if len(choices) == 1:
        return {**choices[0], **kept}
    return {**kept, "anyOf": choices} if choices else kept


def _model(fields: Mapping[str, Any]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", protected_namespaces=(), arbitrary_types_allowed=False)
    return create_model("Arguments", __config__=config, **fields)


def _field(
    parameter: inspect.Parameter, hint: object, told: Mapping[str, str], bound: Bound | None
) -> tuple[Any, Any]:
    """Type and pydantic field of one parameter."""
    said = told.get(parameter.name, "")
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        said = next((note for note in notes if isinstance(note, str)), said)
    if bound is not None:
        hint = type(bound.default)
        least: dict[str, JsonValue] = {"minimum": bound.least}
        return hint, Field(
            default=bound.default, le=bound.most, description=said, json_schema_extra=least
        )
    required = parameter.default is inspect.Parameter.empty
    default = ... if required else parameter.default
    return hint, Field(default=default, description=said)


def _hints(
    function: Callable[..., object], parameters: Sequence[inspect.Parameter]
) -> dict[str, object]:
    """Types of the parameters alone: what a function returns may be known to type checkers only."""
    written = {one.name: one.annotation for one in parameters}
    holder = type("Parameters", (), {"__annotations__": written})
    namespace = vars(inspect.getmodule(function))
    return get_type_hints(holder, globalns=namespace, include_extras=True)
