"""The MCP server: lists tools and resources, and passes each call to the desk of its agent."""

from __future__ import annotations

import asyncio
import json
import logging
from importlib.metadata import version
from typing import Any

import mcp_types as types
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from skillbank.client import Client
from skillbank.errors import SkillbankError, did_you_mean
from skillbank.mcp.desk import Desk, House
from skillbank.mcp.places import Places
from skillbank.mcp.resources import TEMPLATES, list_pages, read_page
from skillbank.mcp.shown_plans import ShownPlans
from skillbank.mcp.threads import in_idle_thread, in_thread
from skillbank.mcp.tool import Safety, Tool
from skillbank.mcp.tools import TOOLS
from skillbank.result_documents import error_document
from skillbank.settings import AgentLimits

_PAGE = 100  # resources of one page of a listing
_MOST_WAITERS = 64  # calls that wait at once, each in a thread; further ones wait for their turn

_HOW = (
    "Skills train, evaluate, tune and export vision models. Read a skill's page, the resource "
    "skillbank://skills/NAME/SKILL.md, before you use it. `ask` reads a user's own words as steps "
    "for `plan_workflow`. `plan` shows all that a job would do and changes nothing; `run` starts "
    "exactly the plan whose hash it is given, and returns at once; then ask `status`, `logs`, "
    "`wait`, `report`. An answer with a key `cut` was shortened; an error says what was found, "
    "what was expected and what to do next."
)
_HOW_READ_ONLY = " This server is read-only: nothing can be started, stopped or resumed."


class SkillServer:
    """Serves one client's skills and jobs to agents.

    Args:
        client: Does the work.
        places: What requests may name.
        limits: What each agent may start.
        agent: Name of whoever connects without a token of its own.
        read_only: Whether only what changes nothing is offered.
    """

    def __init__(
        self,
        client: Client,
        places: Places,
        limits: AgentLimits,
        *,
        agent: str,
        read_only: bool = False,
    ) -> None:
        self._agent = agent
        self._waiters = asyncio.Semaphore(_MOST_WAITERS)
        self._house = House(client, places, limits, ShownPlans("plan"), ShownPlans("plan_workflow"))
        offered = [tool for tool in TOOLS if tool.safety.is_read_only or not read_only]
        self._tools = {tool.name: tool for tool in offered}
        self.protocol: Server[Any] = Server(
            "skillbank",
            version=version("skillbank"),
            instructions=_HOW + (_HOW_READ_ONLY if read_only else ""),
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )

    async def serve_stdio(self) -> None:
        """Serve one agent on stdin and stdout, until it closes stdin."""
        async with stdio_server() as (incoming, outgoing):
            options = self.protocol.create_initialization_options()
            await self.protocol.run(incoming, outgoing, options)

    async def _list_tools(self, *_: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[describe_tool(tool) for tool in self._tools.values()])

    async def _call_tool(
        self, context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            return _result(self._explain_missing(params.name), is_error=True)
        desk = Desk(self._house, self._agent_of(context))
        given = params.arguments or {}
        if not tool.waits:
            return _result(*await in_thread(tool.call, desk, given))
        async with self._waiters:
            return _result(*await in_idle_thread(tool.call, desk, given))

    async def _list_resources(
        self, _: object, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        start = _read_cursor(params)
        pages = await in_thread(list_pages, self._house.client.bank)
        shown = [
            types.Resource(uri=p.uri, name=p.name, mime_type=p.mime_type, size=p.size_bytes)
            for p in pages[start : start + _PAGE]
        ]
        following = str(start + _PAGE) if start + _PAGE < len(pages) else None
        return types.ListResourcesResult(resources=shown, next_cursor=following)

    async def _list_templates(self, *_: object) -> types.ListResourceTemplatesResult:
        found = [
            types.ResourceTemplate(uri_template=uri, name=name, description=told)
            for uri, name, told in TEMPLATES
        ]
        return types.ListResourceTemplatesResult(resource_templates=found)

    async def _read_resource(
        self, _: object, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        try:
            page = await in_thread(read_page, self._house.client, str(params.uri))
        except (SkillbankError, OSError) as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from error
        content = types.TextResourceContents(uri=page.uri, mime_type=page.mime_type, text=page.text)
        return types.ReadResourceResult(contents=[content])

    def _agent_of(self, context: ServerRequestContext[Any, Any]) -> str:
        """Who calls: the owner of the token, over HTTP; else whom the server was started for."""
        user = None if context.request is None else context.request.scope.get("user")
        return user.access_token.client_id if isinstance(user, AuthenticatedUser) else self._agent

    def _explain_missing(self, name: str) -> dict[str, object]:
        """Why there is no such tool, as an error document."""
        if any(tool.name == name for tool in TOOLS):
            message = (
                f"{name} changes something, and this server is read-only; it offers "
                f"{', '.join(self._tools)}. Its owner can restart it without --read-only."
            )
            return error_document("AccessRefused", message)
        hint = did_you_mean(name, self._tools)
        return error_document("RequestInvalid", f"no tool is named {name!r}; {hint}")


def describe_tool(tool: Tool) -> types.Tool:
    """A tool as agents see it."""
    hints = types.ToolAnnotations(
        read_only_hint=tool.safety is Safety.READS,
        destructive_hint=tool.safety is Safety.STOPS,
        idempotent_hint=tool.safety is not Safety.STARTS,
        open_world_hint=False,
    )
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.arguments.schema(),
        annotations=hints,
    )


def _result(answer: Any, is_error: bool) -> types.CallToolResult:  # noqa: ANN401 - JSON
    """An answer as text, and as structure: protocols before 2026 allow only objects there."""
    structure = answer if isinstance(answer, dict) else {"result": answer}
    text = types.TextContent(text=json.dumps(answer, ensure_ascii=False))
    return types.CallToolResult(content=[text], structured_content=structure, is_error=is_error)


def _read_cursor(params: types.PaginatedRequestParams | None) -> int:
    cursor = None if params is None else params.cursor
    if cursor is None:
        return 0
    if not cursor.isdecimal():
        raise MCPError(types.INVALID_PARAMS, f"cursor: found {cursor!r}, expected one of ours.")
    return int(cursor)


def quiet_logs() -> None:
    """Let the libraries log to stderr what goes wrong, and nothing else."""
    logging.basicConfig(level=logging.WARNING, format="skillbank mcp: %(message)s")
