"""What agents read: pages, schemas and templates of skills; reports, plans and logs of jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.errors import RequestInvalid, did_you_mean

MOST_BYTES = 200_000
"""Largest text of a resource."""

_SCHEME = "skillbank://"
_SKILL_PARTS = ("references", "schemas")
_TYPES = {
    ".md": "text/markdown",
    ".json": "application/json",
    ".yaml": "application/yaml",
}
_SPACE = re.compile(r"\s+")
_BLANK = re.compile(r"[ \t\r\f\v]*\n[ \t\r\f\v\n]*")


@dataclass(frozen=True)
class Page:
    """A resource as it is read."""

    uri: str
    mime_type: str
    text: str


@dataclass(frozen=True)
class Listed:
    """A resource as it is listed."""

    uri: str
    name: str
    mime_type: str
    size_bytes: int


TEMPLATES = (
    ("skillbank://skills/{skill}/{+path}", "skill-file", "A file of a skill's folder."),
    ("skillbank://jobs/{job}/report", "job-report", "The text of a job's report."),
    ("skillbank://jobs/{job}/plan", "job-plan", "The plan that a job runs, as JSON."),
    ("skillbank://jobs/{job}/log", "job-log", "The end of what a job printed."),
)
"""URI template, name and description of what is there for every skill and job."""


def list_pages(bank: SkillBank) -> list[Listed]:
    """Every file of every skill that can be read."""
    return [
        Listed(
            f"{_SCHEME}skills/{quote(skill.name)}/{quote(name)}",
            f"{skill.name}/{name}",
            _type_of(path),
            path.stat().st_size,
        )
        for skill in bank
        for name, path in _files_of(skill.folder)
    ]


def read_page(client: Client, uri: str) -> Page:
    """A resource, its text cut at MOST_BYTES with a note that says so.

    Raises:
        RequestInvalid: There is no such resource.
        SkillNotFound: There is no such skill.
        JobNotFound: There is no such job.
        CheckpointNotFound: The job has no report.
    """
    kind, _, rest = uri.removeprefix(_SCHEME).partition("/")
    owner, _, name = rest.partition("/")
    if not uri.startswith(_SCHEME) or kind not in {"skills", "jobs"} or not name:
        raise RequestInvalid(
            f"no resource is named {uri!r}; expected {', '.join(one[0] for one in TEMPLATES)}."
        )
    read = _read_of_skill if kind == "skills" else _read_of_job
    mime_type, text = read(client, unquote(owner), unquote(name))
    return Page(uri, mime_type, _cut(text, keep_end=kind == "jobs" and name == "log"))


def _read_of_skill(client: Client, skill: str, name: str) -> tuple[str, str]:
    """Type and text of a file; only the files that are listed can be named."""
    files = dict(_files_of(client.bank[skill].folder))
    if name not in files:
        raise RequestInvalid(f"{skill} has no file {name!r}; {did_you_mean(name, files)}")
    return _type_of(files[name]), files[name].read_text(encoding="utf-8")


def _read_of_job(client: Client, job_id: str, name: str) -> tuple[str, str]:
    job = client.job(job_id)
    if name == "report":
        return "text/plain", read_html(client.report(job.id).read_text(encoding="utf-8"))
    if name == "plan":
        return "application/json", client.plan_of(job.id).to_json()
    if name == "log":
        return "text/plain", client.logs(job.id)
    hint = did_you_mean(name, ("report", "plan", "log"))
    raise RequestInvalid(f"a job has no resource {name!r}; {hint}")


def _files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of the files of a skill that agents read; links that leave it are not."""
    whole = folder.resolve()
    found = [folder / "SKILL.md"]
    for part in _SKILL_PARTS:
        found += sorted((folder / part).rglob("*"))
    for path in found:
        known = path.suffix in _TYPES and path.is_file()
        if known and path.resolve().is_relative_to(whole):
            yield path.relative_to(folder).as_posix(), path


def _type_of(path: Path) -> str:
    return _TYPES[path.suffix]


def _cut(text: str, *, keep_end: bool) -> str:
    data = text.encode()
    if len(data) <= MOST_BYTES:
        return text
    part = data[-MOST_BYTES:] if keep_end else data[:MOST_BYTES]
    note = f"[{MOST_BYTES:,} of {len(data):,} bytes; the whole is a file on the server's machine]"
    kept = part.decode(errors="ignore")
    return f"{note}\n{kept}" if keep_end else f"{kept}\n{note}"


def read_html(page: str) -> str:
    """What a person reads of an HTML page: cells of a row in a line, no scripts and drawings."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return _BLANK.sub("\n", "".join(reader.parts)).strip() + "\n"


class _Reader(HTMLParser):
    """Collects the text of a page."""

    _SKIPPED = frozenset({"script", "style", "svg", "head"})
    _LINES = frozenset({"p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "section", "pre"})
    _CELLS = frozenset({"td", "th"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._depth += tag in self._SKIPPED
        self.parts.append("\n" if tag in self._LINES or tag == "br" else "")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag in self._SKIPPED
        self.parts.append(" | " if tag in self._CELLS else "\n" if tag in self._LINES else "")

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.parts.append(_SPACE.sub(" ", data))
