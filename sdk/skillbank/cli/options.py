"""Options of commands as frozen dataclasses, and how a function of one becomes a command.

A command is a function with one parameter, a subclass of `Options`; typer sees one option per
field. What a command raises on purpose is printed here, once for all of them.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from skillbank.cli.output import JOB_FAILED, WRONG_REQUEST, print_error, print_json
from skillbank.errors import JobUnfinished, SkillbankError
from skillbank.result_documents import describe_error

if TYPE_CHECKING:
    from skillbank.client import Client

INTERRUPTED = 130  # 128 + SIGINT, as shells count
PIPE_CLOSED = 141  # 128 + SIGPIPE


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command takes."""

    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False
    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder of jobs [$SKILLBANK_HOME or ~/.skillbank]."),
    ] = None

    def client(self) -> Client:
        """The client that does what this command asks."""
        from skillbank.client import Client

        return Client(self.root)


OptionsT = TypeVar("OptionsT", bound=Options)
JobId = Annotated[
    str, typer.Argument(metavar="JOB", help="Id of a job, its beginning, or its results URI.")
]


def add_command(app: typer.Typer, function: Callable[[OptionsT], int]) -> None:
    """Make `function` a command of `app`: its docstring is the help, its exit status the result."""
    (parameter,) = inspect.signature(function, eval_str=True).parameters.values()
    options_class: type[OptionsT] = parameter.annotation

    def command(context: typer.Context, **values: Any) -> int:  # noqa: ANN401 - one per field, checked by typer
        options = options_class(**values)
        return _run(function, replace(options, root=options.root or context.obj))

    command.__doc__ = function.__doc__
    command.__signature__ = _signature(options_class)  # type: ignore[attr-defined]  # typer reads it
    app.command(command_name(function))(command)


def command_name(function: Callable[[OptionsT], int]) -> str:
    """What the user types: `list_jobs` is `skillbank jobs`, `pose_stream` is `pose-stream`."""
    return function.__name__.removeprefix("list_").replace("_", "-")


def _signature(options_class: type[Options]) -> inspect.Signature:
    """One keyword parameter per field, those of every command last."""
    hints = get_type_hints(options_class, include_extras=True)
    shared = {field.name for field in fields(Options)}
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(field.name, kind, default=_default(field), annotation=hints[field.name])
        for field in sorted(fields(options_class), key=lambda field: field.name in shared)
    ]
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    return inspect.Signature([context, *parameters])


def _default(field: Field[object]) -> object:
    return inspect.Parameter.empty if field.default is MISSING else field.default


def _run(function: Callable[[OptionsT], int], options: OptionsT) -> int:
    try:
        status = function(options)
        sys.stdout.flush()
    except SkillbankError as error:
        _tell(describe_error(error), as_json=options.as_json)
        return JOB_FAILED if isinstance(error, JobUnfinished) else WRONG_REQUEST
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        _tell(describe_error(error), as_json=options.as_json)
        return WRONG_REQUEST
    return status


def _tell(found: Mapping[str, Any], *, as_json: bool) -> None:
    print_error(found["error"]["message"])
    if as_json:
        print_json(found)
