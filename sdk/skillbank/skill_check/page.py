"""SKILL.md and the pages beside it: the Agent Skills standard, and links that lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from skillbank.errors import did_you_mean
from skillbank.skill import Skill
from skillbank.skill_check.files import Unreadable, read_text
from skillbank.skill_check.findings import Finding
from skillbank.skill_check.tokens import count_tokens

_FRONT_MATTER = ("name", "description", "license", "compatibility", "metadata", "allowed-tools")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")
_MAX_NAME = 64
_MAX_DESCRIPTION = 1024
_MAX_COMPATIBILITY = 500
_MAX_LINES = 500
_MAX_TOKENS = 5000


def page_findings(skill: Skill, shown: Path) -> Iterator[Finding]:
    """What is wrong with the pages of a skill; `shown` is its folder as the user named it."""
    path = shown / "SKILL.md"
    try:
        text = read_text(skill.folder / "SKILL.md")
    except Unreadable as error:
        yield Finding(path, error.message, error.line)
        return
    matter = skill.front_matter
    for key, message in _matter_problems(skill.name, matter):
        yield Finding(path, f"{key}: {message}", _line(text, key))
    body = text.split("\n---", 1)[1]
    tokens = count_tokens(body)
    if body.count("\n") >= _MAX_LINES or tokens >= _MAX_TOKENS:
        message = (
            f"found {body.count(chr(10))} lines and about {tokens} tokens, expected fewer than "
            f"{_MAX_LINES} and {_MAX_TOKENS}; move details to references/."
        )
        yield Finding(path, message)
    yield from _link_findings(skill.folder, Path("SKILL.md"), text, shown)
    for page in sorted((skill.folder / "references").glob("*.md")):
        yield from _reference_findings(skill.folder, page.relative_to(skill.folder), shown)


def _matter_problems(name: str, matter: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """Keys of the front matter and what is wrong with each."""
    for key in sorted(map(str, matter.keys() - set(_FRONT_MATTER))):
        yield key, f"no key of the front matter; {did_you_mean(key, _FRONT_MATTER)}"
    found = matter.get("name")
    if found != name or not _NAME.fullmatch(str(found)) or len(str(found)) > _MAX_NAME:
        yield (
            "name",
            f"found {found!r:.80}, expected the folder's name {name!r} in at most {_MAX_NAME} "
            "lower-case letters, digits and single hyphens.",
        )
    told = matter.get("description")
    if not isinstance(told, str) or not 1 <= len(told.strip()) <= _MAX_DESCRIPTION:
        size = f"{len(told)} characters" if isinstance(told, str) and told else f"{told!r:.80}"
        yield "description", f"expected 1 to {_MAX_DESCRIPTION} characters, found {size}."
    needs = matter.get("compatibility", "x")
    if not isinstance(needs, str) or not 1 <= len(needs) <= _MAX_COMPATIBILITY:
        yield (
            "compatibility",
            f"expected 1 to {_MAX_COMPATIBILITY} characters, found {str(needs)!r:.80}.",
        )


def _reference_findings(folder: Path, page: Path, shown: Path) -> Iterator[Finding]:
    try:
        text = read_text(folder / page)
    except Unreadable as error:
        yield Finding(shown / page, error.message, error.line)
        return
    yield from _link_findings(folder, page, text, shown)


def _link_findings(folder: Path, page: Path, text: str, shown: Path) -> Iterator[Finding]:
    for match in _LINK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        target = (folder / page).parent / unquote(match[1])
        if not _exists(target):
            message = f"links to {match[1]!r}, which is not there."
            yield Finding(shown / page, message, line)
        elif not _is_near(target, folder):
            message = (
                f"links to {match[1]!r}; expected a file of the folder, at most one level down."
            )
            yield Finding(shown / page, message, line)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False


def _is_near(path: Path, folder: Path) -> bool:
    """Tell whether a file lies in the folder, or in a folder right below it."""
    try:
        parent = path.resolve().parent
    except (OSError, RuntimeError):  # a circle of links
        return False
    return folder in (parent, parent.parent)


def _line(text: str, key: str) -> int:
    """Line of a key of the front matter; its first line when the key is not there."""
    for number, line in enumerate(text.split("\n---", 1)[0].splitlines(), 1):
        if line.startswith(f"{key}:"):
            return number
    return 1
