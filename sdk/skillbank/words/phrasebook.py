"""The phrases of the package's `phrases/` folder: text files of sections, one file per reader.

A section begins with `[name]`; its phrases are separated by `|` or line ends. A line that begins
with `# ` says which language follows. Nothing in these files names a skill: a skill brings its own
words in its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def phrases(book: str, section: str) -> tuple[str, ...]:
    """The phrases of a section of `phrases/<book>.txt`, in the order of the file."""
    return _sections(book)[section]


def words(book: str, section: str) -> frozenset[str]:
    """The same as a set, for sections of single words."""
    return frozenset(phrases(book, section))


def tables(book: str, group: str) -> dict[str, tuple[str, ...]]:
    """The sections `[group.name]` of a book by their names, in the order of the file."""
    head = f"{group}."
    return {
        name.removeprefix(head): told
        for name, told in _sections(book).items()
        if name.startswith(head)
    }


@cache
def _sections(book: str) -> Mapping[str, tuple[str, ...]]:
    text = files("skillbank.words").joinpath("phrases", f"{book}.txt").read_text(encoding="utf-8")
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1], [])
        elif not line.startswith("# "):
            current += [phrase.strip() for phrase in line.split("|") if phrase.strip()]
    return {name: tuple(dict.fromkeys(told)) for name, told in sections.items()}
