"""The command `check`: what breaks the format, one line per finding, with its place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, WRONG_REQUEST, print_error, print_json, print_text

if TYPE_CHECKING:
    from skillbank.skill_check import BankReport


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Options):
    """What `check` takes."""

    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A skill folder, or a tree of them."),
    ]


def check(options: CheckOptions) -> int:
    """Check skill folders against the format."""
    from skillbank.skill_check import check_bank

    found = check_bank(options.folder)
    problems = found.report.problems
    if options.as_json:
        print_json(_document(options.folder, found))
    else:
        for note in found.report.notes:
            print_text(f"note: {note}")
        if not problems:
            what = "a valid skill folder" if found.is_one else f"{found.num_skills} valid skills"
            print(f"{options.folder}: {what}")
    if problems:
        fault = "breaks the skill format" if found.num_skills else "cannot be checked"
        lines = (f"  - {problem}" for problem in problems)
        print_error("\n".join([f"{options.folder} {fault}:", *lines, found.count()]))
    return WRONG_REQUEST if problems else DONE


def _document(folder: Path, found: BankReport) -> dict[str, object]:
    return {
        "folder": folder,
        "skills": found.num_skills,
        "broken": found.num_broken,
        "problems": found.report.problems,
        "notes": found.report.notes,
        "findings": [asdict(finding) for finding in found.report.findings],
    }
