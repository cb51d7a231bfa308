"""The page about the MCP server lists the tools that agents see."""

from __future__ import annotations

from pathlib import Path

from generate_mcp import mcp_files, tool_table
from skillbank.mcp.tools import TOOLS

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date() -> None:
    for page, text in mcp_files(ROOT).items():
        assert page.read_text(encoding="utf-8") == text, "run 'make generate'"


def test_the_table_has_every_tool_with_what_it_must_be_given_first() -> None:
    rows = tool_table().splitlines()[2:]

    assert [row.split("`")[1] for row in rows] == [tool.name for tool in TOOLS]
    (run,) = (row for row in rows if row.startswith("| `run` |"))
    assert run.startswith("| `run` | starts | **plan_hash** | Start the job of a plan")
