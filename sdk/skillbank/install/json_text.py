"""Change one key of a JSON text and leave every other byte as its owner wrote it.

Loading and dumping would lose comments, number forms and layout. So the text is parsed only to
find where the members of an object begin and end, and the one that changes is spliced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skillbank.errors import RequestInvalid

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_INDENT = re.compile(r"\n([ \t]+)\S")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Member:
    """A member of an object: where its key, and where its value, stands in the text."""

    key: str
    start: int
    value: int
    end: int


@dataclass(frozen=True)
class _Object:
    """An object in the text, from its opening to its closing brace."""

    start: int
    members: tuple[_Member, ...]
    end: int

    def find(self, key: str) -> int | None:
        """Index of the member that counts, the last of its name; None when there is none."""
        found = [index for index, member in enumerate(self.members) if member.key == key]
        return found[-1] if found else None


def parse(text: str, origin: object) -> Any:  # noqa: ANN401 - any JSON value
    """Content of a JSON text, in which there may be comments; an empty text is an empty object.

    Raises:
        RequestInvalid: It is no JSON; the message names file and line.
    """
    try:
        return json.loads(_without_comments(text)) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise RequestInvalid(
            f"{origin}:{error.lineno}: this is not JSON: {error.msg}; nothing was written."
        ) from error
    except (ValueError, RecursionError) as error:  # a number of too many digits, 1000 brackets
        raise RequestInvalid(
            f"{origin}: this JSON cannot be read: {error}; nothing was written."
        ) from error


def put(text: str, path: Sequence[str], value: object) -> str:
    """The text with `value` at `path`; the objects on the way are made where they are missing.

    Args:
        text: JSON that `parse` reads, with objects at every key of the path that is there.
        path: Keys from the outside in, at least one.
        value: What is written there.
    """
    if not text.strip():
        return json.dumps(_nest(path, value), indent=2, ensure_ascii=False) + "\n"
    clean = _without_comments(text)
    at = _skip(clean, 0)
    for depth, key in enumerate(path):
        here = _read_object(clean, at)
        index = here.find(key)
        if index is None:
            return _insert(text, here, key, _nest(path[depth + 1 :], value))
        at = here.members[index].value
    end = here.members[index].end  # type: ignore[index]  # the loop ended with a member
    return text[:at] + _dump(text, value, _indent_at(text, at)) + text[end:]


def drop(text: str, path: Sequence[str]) -> str:
    """The text without the member at `path`, which is there."""
    clean = _without_comments(text)
    at = _skip(clean, 0)
    for key in path[:-1]:
        here = _read_object(clean, at)
        at = here.members[here.find(key) or 0].value
    here = _read_object(clean, at)
    index = here.find(path[-1]) or 0
    member, is_last = here.members[index], index == len(here.members) - 1
    if len(here.members) == 1:
        blank = not text[here.start + 1 : member.start].strip()
        blank = blank and not text[member.end : here.end - 1].strip()
        return (
            _cut(text, here.start + 1, here.end - 1) if blank else _cut_member(text, clean, member)
        )
    if not is_last:
        comma = clean.index(",", member.end)
        return _cut(text, member.start, _skip(text, comma + 1))
    comma = clean.rindex(",", here.members[index - 1].end, member.start)
    return _cut(_cut_member(text, clean, member), comma, comma + 1)


def _insert(text: str, here: _Object, key: str, value: object) -> str:
    """The text with one more member at the end of an object."""
    name = f"{json.dumps(key, ensure_ascii=False)}: "
    if not here.members:
        outer = _indent_at(text, here.start)
        inner = outer + _unit(text)
        comments = text[here.start + 1 : here.end - 1].rstrip()
        break_ = _newline(text)
        member = f"{break_}{inner}{name}{_dump(text, value, inner)}{break_}{outer}"
        return text[: here.start + 1] + comments + member + text[here.end - 1 :]
    last = here.members[-1]
    before = text[: last.start]
    space = before[len(before.rstrip(" \t\r\n")) :]
    if "\n" not in space:  # the object stands on one line
        return (
            f"{text[: last.end]}, {name}{json.dumps(value, ensure_ascii=False)}{text[last.end :]}"
        )
    indent = space.rpartition("\n")[2]
    member = f"{_newline(text)}{indent}{name}{_dump(text, value, indent)}"
    comment = _comment_after(text, last.end, here.end)
    return f"{text[: last.end]},{comment}{member}{text[last.end + len(comment) :]}"


def _comment_after(text: str, start: int, end: int) -> str:
    """What stands behind a member on its line, which is a comment on it; empty for a brace."""
    rest = text[start:end].partition("\n")[0].rstrip()
    return rest if rest.lstrip().startswith("//") else ""


def _cut_member(text: str, clean: str, member: _Member) -> str:
    """The text without a member and the space before it, which stays where it ends a comment."""
    space = len(text[: member.start].rstrip(" \t\r\n"))
    ends_comment = clean[space - 1].isspace() and not _LINE_END.match(text, member.end)
    return _cut(text, member.start if ends_comment else space, member.end)


def _cut(text: str, start: int, end: int) -> str:
    return text[:start] + text[end:]


def _read_object(clean: str, start: int) -> _Object:
    """The members of the object whose opening brace stands at `start`."""
    members = []
    at = _skip(clean, start + 1)
    while clean[at] != "}":
        key, end = _DECODER.raw_decode(clean, at)
        value = _skip(clean, _skip(clean, end) + 1)
        _, end = _DECODER.raw_decode(clean, value)
        members.append(_Member(key, at, value, end))
        at = _skip(clean, end)
        if clean[at] == ",":
            at = _skip(clean, at + 1)
    return _Object(start, tuple(members), at + 1)


def _without_comments(text: str) -> str:
    """The text with a blank for each character of a comment, so that places stay."""

    def blank(match: re.Match[str]) -> str:
        token = match[0]
        return token if token.startswith('"') else re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _nest(path: Sequence[str], value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _dump(text: str, value: object, indent: str) -> str:
    """A value in the layout of the text, whose further lines begin with `indent`."""
    dumped = json.dumps(value, indent=_unit(text), ensure_ascii=False)
    return dumped.replace("\n", _newline(text) + indent)


def _unit(text: str) -> str:
    found = _INDENT.search(text)
    return found[1] if found else "  "


def _indent_at(text: str, at: int) -> str:
    """Space at the beginning of the line in which a place is."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
