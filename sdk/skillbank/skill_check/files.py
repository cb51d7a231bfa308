"""Read files that may be anything: huge, broken, in another encoding, no files at all."""

from __future__ import annotations

import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from skillbank.documents import parse_yaml, read_json
from skillbank.errors import SkillInvalid

MAX_BYTES = 4_000_000
"""Larger files are not read; the largest schema of TAO's bank has 0.3 MB."""
_MAX_VALUES = 200_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one that documents.py reads with
_STRING_OR_NUMBER = re.compile(r'"(?:\\.|[^"\\])*"|-?\bInfinity\b|\bNaN\b')


class Unreadable(Exception):
    """A file that cannot be used.

    Attributes:
        message: What was found, and what was expected.
        line: Where; None for the whole file.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read_bytes(path: Path) -> bytes:
    """Content of a file of reasonable size.

    Raises:
        Unreadable: There is none, it is no regular file, it is too large, or may not be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would never end
            raise Unreadable(f"expected a file, found {_kind(found.st_mode)}.")
        if found.st_size > MAX_BYTES:
            raise Unreadable(
                f"found {found.st_size:,} bytes, expected at most {MAX_BYTES:,}; it was not read."
            )
        return path.read_bytes()
    except FileNotFoundError:
        what = "a link to nowhere" if path.is_symlink() else "no such file"
        raise Unreadable(f"{what}; expected a file.") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in a name
        why = getattr(error, "strerror", None) or str(error)
        raise Unreadable(f"cannot be read: {why}; expected a file.") from None


def read_text(path: Path) -> str:
    """Content of a text file, with plain line ends.

    Raises:
        Unreadable: It cannot be read, or is not UTF-8.
    """
    content = read_bytes(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("found UTF-16, expected UTF-8.", 1)
    if content.startswith(b"\xef\xbb\xbf"):
        raise Unreadable("found a byte order mark, expected UTF-8 without one.", 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            f"found the byte 0x{content[error.start]:02x}, which is not UTF-8.", line
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - any YAML value
    """Content of a YAML file that a reader can walk through.

    Raises:
        Unreadable: It cannot be read, is no YAML, or its aliases repeat without end.
    """
    text = read_text(path)
    try:
        content = parse_yaml(text, "")
    except SkillInvalid as error:
        raise _located(error, "") from None
    if _count_values(content, {}) > _MAX_VALUES:
        raise Unreadable(
            f"found aliases that unfold to more than {_MAX_VALUES:,} values, expected fewer."
        )
    return content


def read_schema(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Content of a JSON file.

    Raises:
        Unreadable: It cannot be read, or is no JSON; bare Infinity and NaN are let through.
    """
    read_text(path)
    try:
        return read_json(path)
    except SkillInvalid as error:
        raise _located(error, str(path)) from None


def bare_numbers(path: Path) -> tuple[int, int, str] | None:
    """Line, number and first of the bare Infinity and NaN in a JSON file; None without one."""
    text = read_text(path)
    found = [match for match in _STRING_OR_NUMBER.finditer(text) if not match[0].startswith('"')]
    if not found:
        return None
    return text.count("\n", 0, found[0].start()) + 1, len(found), found[0][0]


def line_of(text: str, place: tuple[str | int, ...]) -> int | None:
    """Line of a YAML text in which the deepest key of `place` that is there stands."""
    node = _compose(text)
    line = None
    for key in place:
        node, line = _child(node, key, line)
    return line


@lru_cache(maxsize=4)  # the findings of one file come one after the other
def _compose(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, which know their lines; None for a text that is no YAML."""
    try:
        node: yaml.Node | None = yaml.compose(text, _LOADER)
    except (yaml.YAMLError, RecursionError):
        return None
    return node


def _child(
    node: yaml.Node | None, key: str | int, line: int | None
) -> tuple[yaml.Node | None, int | None]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return value, name.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key].start_mark.line + 1
    return None, line


def _located(error: SkillInvalid, origin: str) -> Unreadable:
    """The error of a reader, `ORIGIN:LINE: message`, in two parts."""
    found = re.match(r":(\d+): (.*)", str(error).removeprefix(origin), re.DOTALL)
    if found is None:
        return Unreadable(str(error).removeprefix(origin).lstrip(": "))
    return Unreadable(found[2], int(found[1]))


def _count_values(value: object, known: dict[int, int]) -> int:
    """How many values a reader meets that enters every alias anew; beyond measure in a circle."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = _MAX_VALUES + 1  # until it is counted: then it holds itself
        children = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count_values(child, known) for child in children)
    return known[id(value)]


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
