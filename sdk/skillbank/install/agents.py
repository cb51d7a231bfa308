"""Where each agent looks for skills and MCP servers; docs/agents.md says how that was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Entry = dict[str, object]

SERVER = "skillbank"
"""Name of our MCP server in every configuration."""


@dataclass(frozen=True)
class Place:
    """Where one agent keeps things, relative to a project or to the user's home.

    Attributes:
        skills: Folder of skill folders.
        config: File with the MCP servers; its suffix says whether it is JSON or TOML.
        servers: Key of the table of servers in it.
        entry: What the table holds for a server that one command line starts.
    """

    skills: str
    config: str
    servers: str
    entry: Callable[[Sequence[str]], Entry]


@dataclass(frozen=True)
class Agent:
    """One agent program.

    Attributes:
        title: What its makers call it.
        project: Its places in a project.
        user: Its places in the user's home.
    """

    title: str
    project: Place
    user: Place


def _plain(command: Sequence[str]) -> Entry:
    return {"command": command[0], "args": list(command[1:])}


def _stdio(command: Sequence[str]) -> Entry:
    return {"type": "stdio", **_plain(command)}


def _copilot(command: Sequence[str]) -> Entry:
    return {"type": "local", **_plain(command), "tools": ["*"]}


def _opencode(command: Sequence[str]) -> Entry:
    return {"type": "local", "command": list(command), "enabled": True}


# Nearly all agents read this folder of a project, and half of them the one in the home: a second
# copy in a folder of their own would be a conflict to Gemini CLI.
_SHARED = ".agents/skills"

AGENTS: Mapping[str, Agent] = {
    "claude": Agent(
        "Claude Code",
        Place(".claude/skills", ".mcp.json", "mcpServers", _plain),
        Place(".claude/skills", ".claude.json", "mcpServers", _plain),
    ),
    "codex": Agent(
        "Codex",
        Place(_SHARED, ".codex/config.toml", "mcp_servers", _plain),
        Place(_SHARED, ".codex/config.toml", "mcp_servers", _plain),
    ),
    "gemini": Agent(
        "Gemini CLI",
        Place(_SHARED, ".gemini/settings.json", "mcpServers", _plain),
        Place(_SHARED, ".gemini/settings.json", "mcpServers", _plain),
    ),
    "cursor": Agent(
        "Cursor",
        Place(_SHARED, ".cursor/mcp.json", "mcpServers", _plain),
        Place(".cursor/skills", ".cursor/mcp.json", "mcpServers", _plain),
    ),
    "copilot": Agent(
        "GitHub Copilot",
        Place(_SHARED, ".vscode/mcp.json", "servers", _stdio),
        Place(".copilot/skills", ".copilot/mcp-config.json", "mcpServers", _copilot),
    ),
    "opencode": Agent(
        "opencode",
        Place(_SHARED, "opencode.json", "mcp", _opencode),
        Place(_SHARED, ".config/opencode/opencode.json", "mcp", _opencode),
    ),
}
"""Agents by the name that `skillbank install --agent` takes."""
