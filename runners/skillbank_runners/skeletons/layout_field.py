"""Spec fields that take a layout: one of the names, or the path of a user's YAML file."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, JsonValue, WithJsonSchema

from skillbank_runners.skeletons.layout_files import (
    FILE_ENDINGS,
    is_layout_path,
    layout_names,
    nearest,
)
from skillbank_runners.spec_fields import Text


def _name_or_path(value: str) -> str:
    if value in layout_names() or is_layout_path(value):
        return value
    names = ", ".join(map(repr, layout_names()))
    hint = nearest(value)
    raise ValueError(
        f"expected one of {names}, or the path of a layout file (.yaml){';' if hint else ''}{hint}"
    )


def _name_or_path_or_empty(value: str) -> str:
    return _name_or_path(value) if value else ""


def _schema(types: JsonValue, *others: str) -> WithJsonSchema:
    """JSON Schema of a field that also takes `others`."""
    names = "|".join(map(re.escape, [*layout_names(), *others]))
    endings = "|".join(map(re.escape, FILE_ENDINGS))
    return WithJsonSchema(
        {
            "type": types,
            "examples": list(layout_names()),
            "file_endings": list(FILE_ENDINGS),
            "pattern": f"^({names})$|({endings})$",
        }
    )


LayoutName = Annotated[str, AfterValidator(_name_or_path), _schema("string")]
"""Name of a layout or path of a layout file; whether the file is right is seen when it is read."""

LayoutNameOrEmpty = Annotated[
    Text, AfterValidator(_name_or_path_or_empty), _schema(["string", "null"], "", "???")
]
"""The same, or nothing: null and ??? are read as the empty string."""
