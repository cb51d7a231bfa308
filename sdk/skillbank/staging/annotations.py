"""Which files an annotation file names, so that only those need to come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SEPARATORS = re.compile(r"[\s,;]+")
_QUOTES = "\"' \t"


def listed_files(path: Path) -> frozenset[str] | None:
    """Names that a JSON, JSON lines, CSV or line file holds: every end of every path in it.

    `images/a.png` gives `images/a.png`, `a.png` and `a`, so that files beside a picture that share
    its name count as well. What is no path is among them and does no harm.

    Returns:
        None where the file cannot be read as text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    found: set[str] = set()
    for one in _texts_in(path, text):
        parts = [part for part in one.replace("\\", "/").split("/") if part not in {"", "."}]
        found.update("/".join(parts[index:]) for index in range(len(parts)))
        if parts:
            found.add(parts[-1].partition(".")[0])
    return frozenset(found - {""})


def _texts_in(path: Path, text: str) -> Iterator[str]:
    if path.suffix.lower() == ".json":
        try:
            yield from _strings(json.loads(text))
        except ValueError:
            pass
        else:
            return
    for line in text.splitlines():
        if line.startswith(("{", "[")):
            try:
                yield from _strings(json.loads(line))
                continue
            except ValueError:
                pass
        yield line.strip(_QUOTES)
        for cell in (*line.split(","), *_SEPARATORS.split(line)):
            yield cell.strip(_QUOTES)


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield name
            yield from _strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child)
