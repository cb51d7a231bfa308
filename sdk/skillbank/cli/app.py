"""The program `skillbank`: its commands by name, and what it says to a line it cannot read.

Importing this costs typer and the standard library; a command imports the rest when it runs.
"""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from skillbank.cli import (
    ask,
    automl,
    automl_result,
    automl_review,
    capabilities,
    check,
    demo,
    install,
    jobs,
    mcp,
    planning,
    platforms,
    preflight,
    results,
    skills,
    video,
    workflow,
)
from skillbank.cli.options import add_command
from skillbank.cli.output import WRONG_REQUEST, print_error, print_json
from skillbank.result_documents import error_document

COMMANDS = (
    capabilities.capabilities,
    skills.list_skills,
    skills.show,
    check.check,
    install.install,
    ask.ask,
    planning.plan,
    platforms.list_platforms,
    preflight.preflight,
    planning.run,
    jobs.list_jobs,
    jobs.status,
    jobs.logs,
    jobs.wait,
    jobs.cancel,
    jobs.resume,
    jobs.sync,
    results.resolve,
    results.report,
    *mcp.COMMANDS,
    *video.COMMANDS,
)

GROUPS = {
    "automl": (
        "Look into the search for better settings.",
        (*automl.COMMANDS, *automl_review.COMMANDS, *automl_result.COMMANDS),
    ),
    "demo": ("See what it can do, on your own files.", demo.COMMANDS),
    "workflow": ("Run several actions that build on one another as one.", workflow.COMMANDS),
}
"""Commands of more than one word, by their first."""

_EPILOG = (
    "Exit status: 0 done, 1 the job failed, was cancelled or lost, 2 the request was wrong. "
    "Start with 'skillbank capabilities'."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be no valid text
        sys.stdout.reconfigure(errors="backslashreplace")
    command = typer.main.get_command(_app())
    try:
        status = command.main(arguments or ["--help"], "skillbank", standalone_mode=False)
    except typer.TyperException as error:
        message = _explain(error, arguments)
        print_error(message)
        if "--json" in arguments:
            print_json(error_document("UsageError", message))
        return WRONG_REQUEST
    return int(status or 0)


def _app() -> typer.Typer:
    app = typer.Typer(
        help="Train, evaluate and export vision models by skill.",
        epilog=_EPILOG,
        add_completion=False,
        rich_markup_mode=None,  # plain help: rich would double the time of --help
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for function in COMMANDS:
        add_command(app, function)
    for name, (told, functions) in GROUPS.items():
        group = typer.Typer(help=told, rich_markup_mode=None)
        group.callback(invoke_without_command=True)(_group)
        for member in functions:
            add_command(group, member)
        app.add_typer(group, name=name)
    return app


def _group(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"skillbank {version('skillbank')}")
        raise typer.Exit


def _root(
    context: typer.Context,
    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of jobs [$SKILLBANK_HOME or ~/.skillbank]."),
    ] = None,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    context.obj = root


def _explain(error: typer.TyperException, arguments: Sequence[str]) -> str:
    """Say what the command line got wrong, in the words of the house, with the next step."""
    near = getattr(error, "possibilities", None)
    message = (error.message if near else error.format_message()).rstrip(".?")
    head, colon, rest = message.partition(": ")
    message = f"{head[:1].lower()}{head[1:]}{_value_given(error, arguments)}{colon}"
    message += f"{rest[:1].lower()}{rest[1:]}".replace("input should be", "expected")
    message = message.replace(". Did you mean", "; did you mean")
    if near:
        message += f"; did you mean {' or '.join(map(repr, sorted(near)))}"
    end = "?" if "did you mean" in message else "."
    path = getattr(getattr(error, "ctx", None), "command_path", "skillbank")
    return f"{message}{end} See '{path} --help'."


def _value_given(error: typer.TyperException, arguments: Sequence[str]) -> str:
    """The value that an option was given, where one is to blame."""
    options = getattr(getattr(error, "param", None), "opts", ())
    given = itertools.pairwise(arguments)
    return next((f" {value!r}" for option, value in given if option in options), "")
