"""Whatever a method takes, every door takes it too, and says what it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from tests.parity.row import Row
from tests.parity.test_every_method import PYTHON_ONLY, ROWS

from skillbank.cli.app import COMMANDS, GROUPS
from skillbank.cli.options import Options, command_name
from skillbank.client import Client
from skillbank.mcp.signatures import describe_arguments, describe_function
from skillbank.mcp.tools import TOOLS
from skillbank.request import JobRequest

BY_NAME = {tool.name: tool for tool in TOOLS}
FUNCTIONS = {command_name(function): function for function in COMMANDS} | {
    f"{group} {command_name(function)}": function
    for group, (_, functions) in GROUPS.items()
    for function in functions
}
# Their docstrings say that their arguments are those of another.
DOCUMENTED_BY = {"create_job": JobRequest, "create_workflow": Client.plan_workflow}
# What only the command line takes: how it shows things, how long it stays, and a short form of one
# of the resources.
OF_THE_COMMAND_LINE = {
    "plan": {"max_parallel"},
    "run": {"detach", "max_parallel"},
    "workflow run": {"detach"},
    "ask": {"run", "detach"},
    "logs": {"follow"},
    "report": {"open_it"},
    "resolve": {"explain"},
    "resume": {"detach"},
    "workflow resume": {"detach"},
}


def parameters(method: str) -> dict[str, inspect.Parameter]:
    """What a method takes; `plan_job` takes as one request what `create_job` takes singly."""
    asked = "create_job" if method == "plan_job" else method
    found = dict(inspect.signature(getattr(Client, asked)).parameters)
    del found["self"]
    return found


def command_of(row: Row) -> str:
    return " ".join(word for word in row.command.split() if not word.startswith("-"))


def options_of(command: str) -> dict[str, str]:
    """Option or argument of a command -> its help."""
    (parameter,) = inspect.signature(FUNCTIONS[command], eval_str=True).parameters.values()
    hints = get_type_hints(parameter.annotation, include_extras=True)
    return {each.name: get_args(hints[each.name])[1].help for each in fields(parameter.annotation)}


@pytest.mark.parametrize("method", [row.method for row in ROWS] + list(PYTHON_ONLY))
def test_python_documents_every_argument_of_a_method(method: str) -> None:
    function = getattr(Client, method)
    told = describe_arguments(function) | describe_arguments(DOCUMENTED_BY.get(method))
    hints = inspect.get_annotations(function)

    assert len(describe_function(function)) > 15
    for name in list(inspect.signature(function).parameters)[1:]:
        assert told.get(name) or _is_explained(function, hints[name]), name


def _is_explained(function: Callable[..., object], written: str) -> bool:
    """Tell whether a type says what it is for: JobId."""
    hint = vars(inspect.getmodule(function)).get(written)
    return get_origin(hint) is Annotated and isinstance(get_args(hint)[1], str)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.method)
def test_the_tool_takes_and_describes_every_argument_of_a_method(row: Row) -> None:
    schema: dict[str, Any] = BY_NAME[row.tools[0]].arguments.schema()["properties"]
    wanted = set(parameters(row.method))
    if row.method.startswith("submit"):
        wanted = {"plan_hash"}

    assert set(schema) == wanted
    assert all(len(argument["description"]) > 8 for argument in schema.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.method)
def test_the_command_takes_and_describes_every_argument_of_a_method(row: Row) -> None:
    options = options_of(command_of(row))

    for name in parameters(row.method):
        assert len(options[row.names.get(name, name)]) > 8, name


def test_a_command_takes_nothing_that_its_method_does_not_but_how_to_show_it() -> None:
    shared = {field.name for field in fields(Options)}
    taken: dict[str, set[str]] = {}
    for row in ROWS:
        known = {row.names.get(name, name) for name in parameters(row.method)}
        taken.setdefault(command_of(row), set(shared)).update(known)
    whole_request = set(options_of("plan"))  # which `preflight` takes in place of a mapping
    taken["preflight"] |= whole_request

    further = {command: set(options_of(command)) - known for command, known in taken.items()}

    assert {command: more for command, more in further.items() if more} == OF_THE_COMMAND_LINE


@pytest.mark.parametrize("command", FUNCTIONS)
def test_every_option_of_every_command_has_a_help(command: str) -> None:
    assert all(options_of(command).values())
    assert len(inspect.getdoc(FUNCTIONS[command]) or "") > 10
