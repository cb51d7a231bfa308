"""The three doors, each asked the way its users do, and what their answers are compared by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client as Connection
from tests.parity.row import Case, Row
from tests.parity.world import World
from tests.sdk.mcp.conftest import Agent, Reply

from skillbank.cli import main
from skillbank.client import Client
from skillbank.errors import SkillbankError
from skillbank.mcp.bounds import fit
from skillbank.mcp.places import Places
from skillbank.mcp.server import SkillServer
from skillbank.mcp.tools import TOOLS
from skillbank.settings import AgentLimits

_BY_NAME = {tool.name: tool for tool in TOOLS}
_ID = re.compile(r"\b(?:train|evaluate|inference|export|workflow)-[0-9a-z]{8,16}\b")
_TIMES = {"created_at", "started_at", "ended_at"}
_GOING = {"PENDING", "QUEUED", "RUNNING", "WAITING"}
_MEASURED = re.compile(r"[\d.]+ [kMGT]B (?=(?:of memory )?are free)")
_HASH = re.compile(r"hash [0-9a-f]{12}\b")


@dataclass(frozen=True)
class Doors:
    """Asks a case through each door; every answer is a document in JSON's own types."""

    world: World
    capsys: pytest.CaptureFixture[str]
    portal: BlockingPortal
    agent: Agent

    def python(self, row: Row, case: Case) -> Any:
        """What the method of the client returns or raises."""
        client, given = self.world.client, self.world.fill_in(case.given, "python")
        try:
            found = row.ask(client, given) if row.ask else getattr(client, row.method)(**given)
            document = row.document(client, given, found)
        except SkillbankError as error:
            document = {"error": _error(error)}
        return json.loads(json.dumps(document, default=str))

    def command_line(self, row: Row, case: Case) -> tuple[int, Any]:
        """Exit status and document of the command; its error stands on stderr too."""
        words = [self.world.fill_in(word, "command line") for word in case.words.split()]
        self.capsys.readouterr()
        root = str(self.world.client.root)
        status = main(["--root", root, *row.command.split(), *words, "--json"])
        told = self.capsys.readouterr()
        document = json.loads(told.out)
        if "error" in document and row.method != "ask":
            assert f"error: {document['error']['message']}\n" in told.err
        return status, document

    def tool(self, row: Row, case: Case) -> Reply:
        """What the tool answers over the protocol; a plan is shown before it is run."""
        first, *then = row.tools
        reply = self.call(first, self.world.fill_in(case.given, "tool"))
        for tool in then:
            if not reply.is_error:
                reply = self.call(tool, {"plan_hash": reply.document["hash"]})
        return reply

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """Call a tool by its name."""
        return self.portal.call(lambda: self.agent.call(tool, **arguments))


@contextmanager
def agent_of(world: World) -> Iterator[tuple[BlockingPortal, Agent]]:
    """An agent that talks to a server of the same root, through the official library."""
    places = Places(world.client.root, (world.folder,))
    limits = AgentLimits(running=1000, jobs_per_day=1000)
    server = SkillServer(Client(world.client.root), places, limits, agent="tester")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Connection(server.protocol)) as connection,
    ):
        yield portal, Agent(connection)


def _error(error: SkillbankError) -> dict[str, Any]:
    problems = list(getattr(error, "problems", ()))
    return {"type": type(error).__name__, "message": str(error), "problems": problems}


def shortened(row: Row, document: Any) -> Any:
    """A document as an agent gets it: what is too long for one is cut."""
    return fit(document, _BY_NAME[row.tools[-1]].more)


def plain(document: Any, world: World, case: Case) -> Any:
    """A document without what differs from call to call, and nothing else.

    Ids that the call made become NEW-1, NEW-2 and so on, hashes of plans that hold such ids go,
    as do times; what was started is going, however far it came. The command's workflow is a file,
    whose name stands before its problems. Free memory changes all the time.
    """
    text = json.dumps(document)
    for name in _files_of(case, world):
        text = text.replace(f" {name}", "").replace(f"{name}: ", "")
    text = _MEASURED.sub("SOME ", text)
    if case.is_new:
        known = {v for v in world.shared.values() if isinstance(v, str)}
        text = _HASH.sub("hash", _name_new(text, known))
    return _without_moments(json.loads(text), is_new=case.is_new)


def _files_of(case: Case, world: World) -> Iterable[str]:
    asked = str(case.given.get("request", ""))
    name = asked.removeprefix("$IN_")
    return [world.shared[name]] if name in world.shared else []


def _name_new(text: str, known: set[str]) -> str:
    numbers = count(1)
    names: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        if found[0] in known:
            return found[0]
        return names.setdefault(found[0], f"NEW-{next(numbers)}")

    return _ID.sub(name, text)


def _without_moments(part: Any, *, is_new: bool) -> Any:
    if isinstance(part, list):
        return [_without_moments(one, is_new=is_new) for one in part]
    if not isinstance(part, dict):
        return part
    going = is_new and part.get("state") in _GOING
    hidden = {"available_bytes"}
    hidden |= {"hash", *_TIMES} if is_new else set()
    hidden |= {"state", "job_id", "attempt", "detail"} if going and "index" in part else set()
    kept = {k: _without_moments(v, is_new=is_new) for k, v in part.items() if k not in hidden}
    return {**kept, "state": "GOING"} if going else kept
