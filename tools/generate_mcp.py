"""The table of tools in docs/mcp.md, made of the tools that agents see."""

from __future__ import annotations

from pathlib import Path

from generate_pages import fill_blocks, table
from generate_skills import Files
from skillbank.mcp.tool import Tool
from skillbank.mcp.tools import NOT_TOOLS, TOOLS


def mcp_files(root: Path) -> Files:
    """The page about the MCP server with its tables made anew."""
    page = root / "docs" / "mcp.md"
    tables = {"tools": tool_table(), "not_tools": no_tool_table()}
    return {page: fill_blocks(page.read_text(encoding="utf-8"), tables, page)}


def tool_table() -> str:
    """Name, what it does to the world, arguments and description of every tool."""
    rows = ((f"`{t.name}`", t.safety.value, _arguments(t), t.description) for t in TOOLS)
    return table(("Tool", "It", "Takes", "What it is told to do"), rows)


def no_tool_table() -> str:
    """Methods of the client that are no tools, and why."""
    return table(("Method", "Instead"), ((f"`{name}`", why) for name, why in NOT_TOOLS.items()))


def _arguments(tool: Tool) -> str:
    """Arguments of a tool, those that must be given first and in bold."""
    schema = tool.arguments.schema()
    required = schema.get("required", ())
    names = sorted(schema["properties"], key=lambda name: name not in required)
    return ", ".join(f"**{name}**" if name in required else name for name in names)
