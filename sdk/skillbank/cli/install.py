"""The command `install`: skills and the MCP server for an agent, in a project or for a user."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, print_json
from skillbank.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skillbank.install import Change, Installer

# Written out here, so that --help loads nothing; a test compares it with the agents there are.
_AGENT_NAMES = "claude, codex, gemini, cursor, copilot, opencode"


@dataclass(frozen=True, kw_only=True)
class InstallOptions(Options):
    """What `install` takes."""

    agent: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"One of {_AGENT_NAMES}. Repeat it for several."),
    ] = None
    project: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The project that gets them [the current folder]."),
    ] = None
    user: Annotated[bool, typer.Option("--user", help="For all your projects, in your home.")] = (
        False
    )
    every_skill: Annotated[
        bool,
        typer.Option("--all", help="Every skill of the bank, not only the one that finds them."),
    ] = False
    command: Annotated[
        str | None,
        typer.Option(
            metavar="PROGRAM", help="How the agent starts skillbank [this installation's path]."
        ),
    ] = None
    remove: Annotated[
        bool, typer.Option("--remove", help="Take away again what was installed.")
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite, or remove, also what you changed.")
    ] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say it only; write nothing.")] = False


def install(options: InstallOptions) -> int:
    """Give an agent the skills and the MCP server."""
    from skillbank.install import Installer

    agents = _agents(options)
    if options.user and options.project is not None:
        raise RequestInvalid(
            f"--user and --project {options.project} contradict each other; give one of them."
        )
    base = None if options.user else options.project or Path()
    installer = Installer(base, force=options.force)
    if options.remove:
        changes = installer.remove(agents)
    else:
        command = [options.command] if options.command else []
        changes = installer.install(agents, every_skill=options.every_skill, command=command)
    if not options.dry_run:
        installer.apply(changes)
    if options.as_json:
        print_json(_document(installer, changes, options))
    else:
        _show(changes, agents, options)
    return DONE


def _agents(options: InstallOptions) -> list[str]:
    if not options.agent:
        raise RequestInvalid(
            f"no agent was named; expected one of {_AGENT_NAMES}, such as 'skillbank install "
            "--agent claude'."
        )
    return list(dict.fromkeys(options.agent))


def _document(
    installer: Installer, changes: Sequence[Change], options: InstallOptions
) -> dict[str, object]:
    files = [{"path": c.path, "outcome": c.outcome, "note": c.note} for c in changes]
    return {"base": installer.base, "dry_run": options.dry_run, "changes": files}


def _show(changes: Sequence[Change], agents: Sequence[str], options: InstallOptions) -> None:
    for change in changes:
        note = f"  ({change.note})" if change.note else ""
        would = "would be " if options.dry_run and change.changes_file else ""
        print(f"{would}{change.outcome:9}  {change.path}{note}")
    if not changes:
        print(f"nothing is installed for {' and '.join(agents)}")
    elif options.dry_run:
        print("\nnothing was written: --dry-run")
    elif not options.remove:
        print("\nnext: start the agent there anew, and ask it what skillbank can train")
