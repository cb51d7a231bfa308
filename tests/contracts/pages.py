"""The pages that an agent reads, and the commands that they show it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from skillbank.bank import shipped

SKILL_FOLDERS = sorted(path.parent for path in shipped("skills").glob("*/SKILL.md"))
ROUTER = shipped("plugin") / "skills" / "skillbank"
FOLDERS = [*SKILL_FOLDERS, ROUTER]

DROP_INS = {
    script.name
    for script in distribution("skillbank").entry_points
    if script.group == "console_scripts" and not script.name.startswith("skillbank")
}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True)
class Shown:
    """A command of ours on a page.

    Attributes:
        page: The page, relative to the folder that holds the skill's folder.
        words: Program and arguments; a redirection is left out.
        stdin: Name of the file that is handed to it; empty for none.
        is_block: Whether it stands in a block that is meant to be run as it is.
    """

    page: Path
    words: tuple[str, ...]
    stdin: str = ""
    is_block: bool = True

    def __str__(self) -> str:
        return " ".join(self.words)


def pages_of(folder: Path) -> list[Path]:
    """What a reader of a skill reads: its page, and the pages beside it."""
    return [folder / "SKILL.md", *sorted((folder / "references").glob("*.md"))]


def shown_commands(folder: Path) -> list[Shown]:
    """Every `skillbank ...` of a skill's pages, in blocks and inside sentences."""
    found = []
    for page in pages_of(folder):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(folder.parent)
        for block in (match[2] for match in _FENCE.finditer(text) if match[1] in ("bash", "sh")):
            lines = block.replace("\\\n", " ").splitlines()
            found += [shown for line in lines if (shown := _read(name, line, is_block=True))]
        for match in _INLINE.finditer(_FENCE.sub("", text)):
            code = " ".join(match[1].split())
            if shown := _read(name, code, is_block=False):
                found.append(shown)
    return found


def drop_in_commands(folder: Path) -> set[tuple[str, ...]]:
    """Every command on a skill's pages of the programs that take TAO's own command line."""
    found = set()
    for page in pages_of(folder):
        for match in _INLINE.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
            words = match[1].split()
            if words[0] in DROP_INS and len(words) > 2:
                found.add(tuple(words))
    return found


def _read(page: Path, line: str, *, is_block: bool) -> Shown | None:
    words = shlex.split(line, comments=True)
    if words[:1] != ["skillbank"] or len(words) < 2:
        return None
    stdin = words[words.index("<") + 1] if "<" in words else ""
    ends = [words.index(sign) for sign in ("<", ">", "|") if sign in words]
    return Shown(page, tuple(words[: min(ends, default=len(words))]), stdin, is_block)
