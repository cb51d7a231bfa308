"""The same paths below another folder."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


def rebase(value: Value, old: Path, new: Path) -> Value:
    """A value in which every path of a folder, at any depth, is one of another folder.

    Args:
        value: Text, or mappings and lists of it; anything else stays as it is.
        old: The folder that paths begin with.
        new: The folder that takes its place.
    """
    if isinstance(value, str):
        is_below = value == str(old) or value.startswith(f"{old}/")
        return f"{new}{value[len(str(old)) :]}" if is_below else value  # type: ignore[return-value]
    if isinstance(value, dict):
        return {key: rebase(one, old, new) for key, one in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [rebase(one, old, new) for one in value]  # type: ignore[return-value]
    return value
