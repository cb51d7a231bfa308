"""Keep the values of secrets out of what a job leaves behind.

A TAO spec file may hold its key in plain text; the job may use it, and no record repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import JsonValue

HIDDEN = "(hidden)"

_SECRET = re.compile(r"(^|[._-])(key|secret|token|password)$", re.IGNORECASE)
_REFERENCES = ("env:", "file:")
_SHORT_OPTION = "-k"  # TAO's launcher: sets encryption_key


def is_secret(key: str) -> bool:
    """Tell whether a spec key, dotted or not, or an option such as `--key` holds a secret."""
    return _SECRET.search(key) is not None


def hide_in_spec(value: JsonValue, key: str = "") -> JsonValue:
    """The same settings, with secrets in plain text replaced; references to secrets stay."""
    if isinstance(value, dict):
        return {name: hide_in_spec(inner, name) for name, inner in value.items()}
    is_plain = isinstance(value, str) and value and not value.startswith(_REFERENCES)
    return HIDDEN if is_plain and is_secret(key) else value


def hide_in_command(words: Sequence[str]) -> list[str]:
    """The words of a command, without the secrets of its overrides and options."""
    return [_hide_word(word, before) for before, word in zip(["", *words], words, strict=False)]


def _hide_word(word: str, before: str) -> str:
    if before == _SHORT_OPTION or (before.startswith("--") and is_secret(before)):
        return HIDDEN
    if word.startswith(_SHORT_OPTION) and len(word) > len(_SHORT_OPTION):
        return f"{_SHORT_OPTION}{HIDDEN}"
    key, sign, _ = word.partition("=")
    return f"{key}={HIDDEN}" if sign and is_secret(key) else word
