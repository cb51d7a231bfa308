"""The command line, the MCP server and Python are one: what each method of the client is asked gets
the same answer, or the same error, through every door.

One world of jobs serves all cases. Its some 40 jobs are real processes, most of which sleep: they
take 15 s to start and stop, all cases together some 15 s more.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal
from tests.parity.doors import Doors, agent_of, plain, shortened
from tests.parity.job_rows import JOB_ROWS
from tests.parity.plan_rows import PLAN_ROWS
from tests.parity.plans import make_plans
from tests.parity.row import Case, Row
from tests.parity.workflow_rows import WORKFLOW_ROWS
from tests.parity.world import World, make_world
from tests.sdk.mcp.conftest import Agent

from skillbank.cli.app import COMMANDS, GROUPS
from skillbank.cli.options import command_name
from skillbank.client import Client
from skillbank.mcp.tools import NOT_TOOLS, TOOLS
from skillbank.plan import JobPlan

ROWS = (*PLAN_ROWS, *JOB_ROWS, *WORKFLOW_ROWS)
ASKED = [(row, case) for row in ROWS for case in row.cases]

# Methods that only Python has, and why.
PYTHON_ONLY = {
    "close": "a command ends, and the server keeps its client",
    "events": "`status` shows the newest",
    "follow": "an iterator; `wait` and `logs -f` show the same to people",
    "follow_workflow": "an iterator; `workflow wait` shows the same to people",
    "plan_of": "`plan` showed it, and it is the job's plan.json",
    "plan_trial": "searches plan their trials",
    "workflow_plan_of": "`workflow plan` showed it, and it is the workflow's plan.json",
}
# Commands that call no method of the client, and why.
COMMANDS_ONLY = {
    "automl review": "trains some steps to measure the time that a search will take",
    "check": "for whoever writes a skill",
    "demo video": "shows a model at work",
    "install": "puts skills where an agent on this machine finds them",
    "mcp": "serves agents",
    "pose": "finds people in a video, with a model of others",
    "pose-stream": "the same, for what a camera shows",
}
ONE_WAY_TO_ASK = {"check_platforms", "skills", "submit", "submit_workflow", "resume_workflow"}
TOOLS_ONLY = {"limits": "only agents have limits"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("parity").resolve()) as made:
        yield made


@pytest.fixture(scope="module")
def connected(world: World) -> Iterator[tuple[BlockingPortal, Agent]]:
    with agent_of(world) as made:
        make_plans(world, *made)
        yield made


@pytest.fixture
def doors(
    world: World,
    connected: tuple[BlockingPortal, Agent],
    capsys: pytest.CaptureFixture[str],
) -> Doors:
    return Doors(world, capsys, *connected)


def _name(asked: tuple[Row, Case]) -> str:
    row, case = asked
    return f"{row.command} {case.words} {case.wrong}".strip()


@pytest.mark.parametrize("asked", ASKED, ids=_name)
def test_every_door_gives_the_same_answer_or_the_same_error(
    asked: tuple[Row, Case], doors: Doors
) -> None:
    row, case = asked

    ours = doors.python(row, case)
    status, printed = doors.command_line(row, case)
    reply = doors.tool(row, case) if case.has_tool else None

    assert _fault(row, ours) == case.wrong, ours
    usual = 2 if case.wrong else 0
    assert status == (usual if case.status is None else case.status)
    expected = plain(ours, doors.world, case)
    assert plain(printed, doors.world, case) == expected
    if reply is not None:
        assert reply.is_error == (_is_error(ours))
        assert plain(reply.document, doors.world, case) == shortened(row, expected)
    if not case.wrong and case.is_new:
        answers = [ours, printed, *([reply.document] if reply else [])]
        left = [row.left(doors.world.client, answer) for answer in answers]
        doors.world.settle()
        assert len({repr(plain(one, doors.world, case)) for one in left}) == 1


@pytest.mark.parametrize(
    "asked", [a for a in ASKED if a[0].method == "plan_job" and not a[1].wrong], ids=_name
)
def test_what_the_command_prints_is_a_plan_that_python_takes(
    asked: tuple[Row, Case], doors: Doors
) -> None:
    _, printed = doors.command_line(*asked)

    assert JobPlan.from_json(json.dumps(printed)).hash == printed["hash"]


def _is_error(document: object) -> bool:
    return isinstance(document, dict) and set(document) == {"error"}


def _fault(row: Row, document: object) -> str:
    if isinstance(document, dict) and "error" in document:
        return str(document["error"]["type"])
    return row.fault(document) if isinstance(document, dict) else ""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.method)
def test_what_no_door_knows_is_refused_by_each_of_them(row: Row, doors: Doors) -> None:
    method = getattr(doors.world.client, row.method)
    needed = [p.name for p in inspect.signature(method).parameters.values() if p.default is p.empty]

    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        method(**dict.fromkeys(needed), nonsense=1)
    status, printed = doors.command_line(row, Case(f"{row.cases[0].words} --nonsense"))
    reply = doors.call(row.tools[0], {"nonsense": 1})

    assert status == 2
    assert printed["error"]["type"] == "UsageError"
    assert "no such option: --nonsense" in printed["error"]["message"].lower()
    assert "nonsense: no such argument" in reply.message


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.method)
def test_every_method_is_asked_rightly_and_wrongly_more_than_once(row: Row) -> None:
    num_wrong = sum(bool(case.wrong) for case in row.cases)

    assert len(row.cases) - num_wrong >= (1 if row.method in ONE_WAY_TO_ASK else 2)
    assert num_wrong >= 2 or row.method == "skills"  # which takes nothing


def test_every_method_of_the_client_has_a_row_or_a_reason() -> None:
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_"}

    assert methods == {row.method for row in ROWS} | set(PYTHON_ONLY)
    assert not {row.method for row in ROWS} & set(PYTHON_ONLY)
    assert len(PYTHON_ONLY) == 7  # a longer list needs to be thought about


def test_every_tool_calls_a_method_or_has_a_reason() -> None:
    called = {tool for row in ROWS for tool in row.tools}

    assert {tool.name for tool in TOOLS} == called | set(TOOLS_ONLY)
    assert set(PYTHON_ONLY) <= set(NOT_TOOLS)


def test_every_command_calls_a_method_or_has_a_reason() -> None:
    called = {" ".join(w for w in row.command.split() if w[0] != "-") for row in ROWS}
    commands = {command_name(function) for function in COMMANDS}
    commands |= {
        f"{group} {command_name(function)}"
        for group, (_, functions) in GROUPS.items()
        for function in functions
    }

    assert commands == called | set(COMMANDS_ONLY)
