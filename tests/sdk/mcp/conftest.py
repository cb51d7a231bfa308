"""Agents that talk to a server: in this process, over stdio and over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client as Connection
from mcp import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from tests.sdk.toy import FIXTURES, TOY, RecordingPlatform

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.mcp.places import Places
from skillbank.mcp.server import SkillServer
from skillbank.settings import AgentLimits

TOKEN = "a-token-that-only-tests-know"
PLAN = {"skill": TOY, "action": "train", "automl_policy": "off"}
ENVIRONMENT = {"PYTHONPATH": str(FIXTURES), "SKILLBANK_SKILLS": str(FIXTURES / "skills")}


@dataclass(frozen=True)
class Reply:
    """What a tool answered."""

    document: Any
    is_error: bool

    @property
    def message(self) -> str:
        assert self.is_error, self.document
        return str(self.document["error"]["message"])


class Agent:
    """Somebody who calls tools."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def call(self, tool: str, **arguments: Any) -> Reply:
        result = await self.connection.call_tool(tool, arguments)
        (content,) = result.content
        document = json.loads(content.text)
        structure = document if isinstance(document, dict) else {"result": document}
        assert result.structured_content == structure
        return Reply(document, result.is_error)

    async def ask(self, tool: str, **arguments: Any) -> Any:
        reply = await self.call(tool, **arguments)
        assert not reply.is_error, reply.document
        return reply.document

    async def start(self, **asked: Any) -> Any:
        """Plan and run; the job."""
        plan = await self.ask("plan", **{**PLAN, **asked})
        return await self.ask("run", plan_hash=plan["hash"])

    async def tools(self) -> dict[str, Any]:
        return {tool.name: tool for tool in (await self.connection.list_tools()).tools}

    async def read(self, uri: str) -> str:
        (content,) = (await self.connection.read_resource(uri)).contents
        return content.text


Talk = Callable[[Agent], Awaitable[None]]


@dataclass
class House:
    """A client that only writes jobs down, and a server for it."""

    root: Path
    data: Path
    platform: RecordingPlatform
    client: Client
    limits: AgentLimits = field(default_factory=AgentLimits)
    read_only: bool = False
    prefixes: tuple[str, ...] = ()

    def server(self) -> SkillServer:
        places = Places(self.root, (self.data,), self.prefixes)
        return SkillServer(
            self.client, places, self.limits, agent="tester", read_only=self.read_only
        )

    def talk(self, talk: Talk, *, server: SkillServer | None = None, mode: str = "auto") -> None:
        """Let an agent talk to the server."""

        async def main() -> None:
            protocol = (server or self.server()).protocol
            async with Connection(protocol, mode=mode) as connection:
                await talk(Agent(connection))

        anyio.run(main)


@pytest.fixture
def house(tmp_path: Path) -> House:
    platform = RecordingPlatform()
    root, data = tmp_path / "root", tmp_path / "data"
    data.mkdir()
    client = Client(root, bank=SkillBank([FIXTURES / "skills"]), platforms={"local": platform})
    return House(root.resolve(), data.resolve(), platform, client)


def server_line(root: Path, *options: object) -> list[str]:
    """The command line of a server."""
    return [sys.executable, "-m", "skillbank.cli", "--root", str(root), "mcp", *map(str, options)]


@asynccontextmanager
async def over_stdio(
    root: Path, *options: object, folder: Path, mode: str = "auto"
) -> AsyncIterator[Agent]:
    """An agent whose server is a process that it started itself."""
    command, *arguments = server_line(root, *options)
    parameters = StdioServerParameters(command=command, args=arguments, env=ENVIRONMENT, cwd=folder)
    async with Connection(parameters, mode=mode) as connection:
        yield Agent(connection)


@dataclass(frozen=True)
class Server:
    """A server that listens."""

    address: str
    process: subprocess.Popen[str]
    told: str


@contextmanager
def http_server(root: Path, *options: object, folder: Path, **environment: str) -> Iterator[Server]:
    """A server that listens on a free port."""
    line = server_line(root, "--http", "--port", 0, *options)
    whole = {**os.environ, **ENVIRONMENT, **environment}
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=whole, cwd=folder) as server:
        try:
            assert server.stderr is not None
            told = ""
            while (found := re.search(r"http://\S+", told)) is None:
                line = server.stderr.readline()
                assert line, told
                told += line
            yield Server(found[0], server, told)
        finally:
            server.terminate()


@asynccontextmanager
async def over_http(address: str, token: str = TOKEN, mode: str = "auto") -> AsyncIterator[Agent]:
    """An agent that knows a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=90) as web,
        Connection(streamable_http_client(address, http_client=web), mode=mode) as connection,
    ):
        yield Agent(connection)
