"""Check a tree of skill folders, however deep and in whatever state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skillbank.errors import SkillInvalid
from skillbank.skill import Skill
from skillbank.skill_check.files import Unreadable, read_text
from skillbank.skill_check.findings import CheckReport, Finding, no_folder
from skillbank.skill_check.folder import INFO, check_folder

PAGE = "SKILL.md"
_SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"})
_PARTS = frozenset({PAGE, "assets", "evals", "references", "schemas", "scripts"})  # of one skill
_LISTING = 8000  # characters that agents keep for the names and descriptions of all skills


@dataclass(frozen=True)
class BankReport:
    """What the check of a bank found.

    Attributes:
        num_skills: Folders that were checked as skills.
        num_broken: Those of them with a breach.
        report: All findings, those about the bank as a whole last.
    """

    num_skills: int
    num_broken: int
    report: CheckReport

    @property
    def is_one(self) -> bool:
        """Tell whether one skill was checked."""
        return self.num_skills == 1

    def count(self) -> str:
        """How much was found where, in a sentence."""
        problems, notes = len(self.report.problems), len(self.report.notes)
        parts = [_number(problems, "problem"), *([_number(notes, "note")] if notes else [])]
        where = f"; {self.num_broken} of {_number(self.num_skills, 'skill')} to be mended"
        return f"found {' and '.join(parts)}{where if self.num_skills else ''}."


def check_bank(folder: Path) -> BankReport:
    """Check a skill folder, or every skill folder below a folder; nothing is changed.

    Whatever the folders hold, this ends with a report.
    """
    if not folder.is_dir():
        return BankReport(0, 0, CheckReport((Finding(folder, no_folder(folder)),)))
    findings: list[Finding] = []
    skills: list[Path] = []
    num_broken = 0
    for found in _walk(folder):
        if isinstance(found, Finding):
            findings.append(found)
            continue
        skills.append(found)
        report = check_folder(found)
        findings += report.findings
        num_broken += bool(report.problems)
    if not skills and not findings:
        message = f"found no skill; expected a folder with a {PAGE}, or folders of them."
        findings.append(Finding(folder, message))
    findings += _bank_findings(folder, skills)
    return BankReport(len(skills), num_broken, CheckReport(tuple(findings)))


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _walk(root: Path) -> Iterator[Path | Finding]:
    """Skill folders below a folder, and what could not be looked into."""
    errors: list[OSError] = []
    seen: set[Path] = set()
    for name, folders, files in os.walk(root, onerror=errors.append, followlinks=True):
        here = Path(name)
        if _is_known(here, seen):  # a link to a folder above, or to one that came before
            folders.clear()
            continue
        folders[:] = sorted(set(folders) - _SKIPPED)
        if PAGE in files or PAGE in folders or _looks_like_skill(here):
            folders[:] = [name for name in folders if name not in _PARTS]
            yield here
        else:
            yield from _misnamed(here, files)
    for error in errors:
        yield Finding(Path(str(error.filename)), f"cannot be read: {error.strerror}.")


def _is_known(folder: Path, seen: set[Path]) -> bool:
    try:
        real = folder.resolve()
    except (OSError, RuntimeError):  # a circle of links
        return True
    is_known = real in seen
    seen.add(real)
    return is_known


def _looks_like_skill(folder: Path) -> bool:
    """Tell whether a folder holds what only a skill has, though its page is missing."""
    try:
        return (folder / INFO).is_file() or any((folder / "schemas").glob("*.schema.json"))
    except OSError:
        return False


def _misnamed(folder: Path, files: list[str]) -> Iterator[Finding]:
    for name in files:
        if name.lower() == PAGE.lower():
            yield Finding(folder / name, f"found {name!r}, expected the name {PAGE!r}.")


def _bank_findings(root: Path, skills: list[Path]) -> Iterator[Finding]:
    """What no folder shows by itself: names that are taken, and a listing that is too long."""
    taken: dict[str, Path] = {}
    for folder in skills:
        name = folder.resolve().name
        if name in taken:
            yield Finding(folder, f"a skill of this name is already at {taken[name]}.")
        taken.setdefault(name, folder)
    listing = sum(map(_listing_length, skills))
    if listing > _LISTING:
        message = (
            f"names and descriptions of {len(skills)} skills take {listing:,} characters; agents "
            f"list about {_LISTING:,}, and leave out the rest."
        )
        yield Finding(root, message, is_note=True)


def _listing_length(folder: Path) -> int:
    """Characters of a skill's name and description; 0 where its page cannot be read."""
    skill = Skill(folder.resolve())
    try:
        read_text(skill.folder / PAGE)  # refuses what would take minutes
        return len(skill.name) + len(skill.description)
    except (SkillInvalid, Unreadable):
        return 0
