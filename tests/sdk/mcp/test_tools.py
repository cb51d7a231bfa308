"""Every method of the client is a tool or says why not; every argument of a tool is described."""

from __future__ import annotations

import inspect

import pytest

from skillbank.client import Client
from skillbank.mcp.server import describe_tool
from skillbank.mcp.tool import Safety, Tool
from skillbank.mcp.tools import NOT_TOOLS, TOOLS

BY_NAME = {tool.name: tool for tool in TOOLS}


def methods() -> set[str]:
    return {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[:1] != "_"}


def test_every_method_of_the_client_is_a_tool_or_told_why_not() -> None:
    called = {tool.function.__name__ for tool in TOOLS}
    called |= {tool.told_by.__name__ for tool in TOOLS if tool.told_by}
    started = {"submit", "submit_workflow"}  # by `run` and `run_workflow`

    assert methods() - called - started == set(NOT_TOOLS) - called
    assert set(NOT_TOOLS) <= methods()


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_and_each_of_its_arguments_is_described(tool: Tool) -> None:
    shown = describe_tool(tool)

    assert len(shown.description) > 20
    assert "Args:" not in shown.description
    assert "Raises" not in shown.description
    for name, argument in shown.input_schema["properties"].items():
        assert argument["description"].endswith("."), name
    assert "$ref" not in str(shown.input_schema)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_schema_is_valid_and_takes_what_its_tool_takes(tool: Tool) -> None:
    from jsonschema import Draft202012Validator

    schema = tool.arguments.schema()

    Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == tool.arguments.names
    assert schema["additionalProperties"] is False


def test_the_tools_of_plans_take_exactly_what_the_client_takes() -> None:
    asked = list(inspect.signature(Client.create_job).parameters)[1:]
    steps = BY_NAME["plan_workflow"].arguments.schema()["properties"]["request"]["properties"]

    assert BY_NAME["plan"].arguments.names == asked
    assert list(steps["steps"]["items"]["properties"]) == [*asked, "parent"]


def test_what_starts_or_stops_is_never_called_read_only() -> None:
    changing = {tool.name for tool in TOOLS if tool.safety is not Safety.READS}

    assert changing == {
        "run",
        "cancel",
        "resume",
        "sync",
        "run_workflow",
        "cancel_workflow",
        "resume_workflow",
    }
    for tool in TOOLS:
        hints = describe_tool(tool).annotations
        assert hints.read_only_hint is (tool.name not in changing)
        assert hints.destructive_hint is tool.name.startswith("cancel")


def test_all_tools_together_cost_an_agent_few_tokens() -> None:
    listing = [
        describe_tool(tool).model_dump_json(by_alias=True, exclude_none=True) for tool in TOOLS
    ]

    assert sum(map(len, listing)) < 24_000  # about 6,000 tokens
