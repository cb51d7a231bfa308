"""Spec field that takes a layout: one of the names, or the path of a user's YAML file."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from skillbank_runners.skeletons.layout import FILE_ENDINGS, is_layout_path
from skillbank_runners.skeletons.layout_files import layout_names, nearest


def _name_or_path(value: str) -> str:
    if value in layout_names() or is_layout_path(value):
        return value
    names = ", ".join(map(repr, layout_names()))
    hint = nearest(value)
    raise ValueError(
        f"expected one of {names}, or the path of a layout file (.yaml){';' if hint else ''}{hint}"
    )


def _pattern() -> str:
    """Regular expression of what the field takes, as JSON Schema writes it."""
    names = "|".join(map(re.escape, layout_names()))
    endings = "|".join(map(re.escape, FILE_ENDINGS))
    return f"^({names})$|({endings})$"


LayoutName = Annotated[
    str,
    AfterValidator(_name_or_path),
    WithJsonSchema(
        {
            "type": "string",
            "examples": list(layout_names()),
            "file_endings": list(FILE_ENDINGS),
            "pattern": _pattern(),
        }
    ),
]
"""Name of a layout or path of a layout file; whether the file is right is seen when it is read."""
