"""What an agent lists before it knows any request: short, and the same wherever it comes from."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from hatch_build import PACKAGED
from skillbank.bank import SkillBank, shipped
from skillbank.cli import main
from skillbank.install import Installer

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "plugin"
MAX_CHARACTERS = 4_000
"""Half of what agents keep for the skills of all plugins together."""

MANIFESTS = (".claude-plugin/plugin.json", ".codex-plugin/plugin.json")
MARKETPLACES = (".claude-plugin/marketplace.json", ".agents/plugins/marketplace.json")
every_manifest = pytest.mark.parametrize("name", MANIFESTS)
every_marketplace = pytest.mark.parametrize("name", MARKETPLACES)

SHOWN = [
    line
    for page in (ROOT / "AGENTS.md", ROOT / "docs/agents.md")
    for line in re.findall(r"^    (skillbank .+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def listing(folder: Path) -> dict[str, str]:
    """Name and description of every skill that an agent finds below a folder."""
    return {skill.name: " ".join(skill.description.split()) for skill in SkillBank([folder])}


def length(listed: dict[str, str]) -> int:
    return sum(len(name) + len(description) for name, description in listed.items())


def test_the_plugin_lists_one_skill() -> None:
    pages = [path.relative_to(PLUGIN) for path in PLUGIN.rglob("SKILL.md")]

    assert pages == [Path("skills/skillbank/SKILL.md")]
    assert length(listing(PLUGIN / "skills")) <= MAX_CHARACTERS


def test_all_skills_of_the_bank_fit_into_a_listing() -> None:
    listed = listing(ROOT / "skills")

    assert length(listed) <= MAX_CHARACTERS, {name: len(text) for name, text in listed.items()}


def test_the_bank_and_the_one_that_finds_its_skills_fit_into_a_listing(tmp_path: Path) -> None:
    installer = Installer(tmp_path)
    installer.apply(installer.install(["claude"], every_skill=True))

    listed = listing(tmp_path / ".claude/skills")

    assert {"skillbank", "tao-train-pose-classification"} <= listed.keys()
    assert length(listed) <= MAX_CHARACTERS


def test_the_one_skill_calls_the_commands_that_find_the_others() -> None:
    page = (PLUGIN / "skills/skillbank/SKILL.md").read_text(encoding="utf-8")

    for command in ("skillbank capabilities", "skillbank ask", "skillbank show"):
        assert command in page


@every_manifest
def test_a_manifest_says_what_the_package_says(name: str) -> None:
    manifest = read(PLUGIN / name)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert (manifest["name"], manifest["version"]) == (project["name"], project["version"])
    assert re.fullmatch(r"[a-z0-9-]+", manifest["name"])
    assert 0 < len(manifest["description"]) <= 200


@every_manifest
def test_the_paths_of_a_manifest_lead_into_the_plugin(name: str) -> None:
    manifest = read(PLUGIN / name)
    paths = [manifest[key] for key in ("skills", "mcpServers") if key in manifest]

    assert all(path.startswith("./") and (PLUGIN / path).exists() for path in paths)
    # What is not named is found by its name: both agents look for these two.
    assert (PLUGIN / "skills").is_dir()
    assert (PLUGIN / ".mcp.json").is_file()


@every_marketplace
def test_a_marketplace_offers_the_plugin_of_this_checkout(name: str) -> None:
    marketplace = read(ROOT / name)
    (offered,) = marketplace["plugins"]
    source = offered["source"] if isinstance(offered["source"], str) else offered["source"]["path"]

    assert marketplace["name"] == offered["name"] == "skillbank"
    assert (ROOT / source).resolve() == PLUGIN


def test_the_plugin_holds_nothing_that_is_large_or_leads_out_of_it() -> None:
    """Agents copy a plugin's folder whole, and links out of it would break."""
    files = [path for path in PLUGIN.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 50_000
    assert not any(path.is_symlink() for path in PLUGIN.rglob("*"))


def test_a_wheel_carries_the_skill_that_is_installed() -> None:
    assert PACKAGED["plugin/skills"] == "skillbank/plugin/skills"
    assert shipped("plugin") / "skills" == (ROOT / "plugin/skills")


def test_the_program_of_the_checkout_is_where_make_puts_it() -> None:
    server = read(ROOT / ".mcp.json")["mcpServers"]["skillbank"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert "VENV := .venv\n" in makefile
    assert server == {"command": ".venv/bin/skillbank", "args": ["mcp"]}


# 2 s: a server starts, and the official client asks it for its tools.
@pytest.mark.parametrize("file", [ROOT / ".mcp.json", PLUGIN / ".mcp.json"], ids=["root", "plugin"])
def test_what_the_configuration_starts_is_an_mcp_server(file: Path, tmp_path: Path) -> None:
    server = read(file)["mcpServers"]["skillbank"]
    program = Path(sys.executable).with_name(Path(server["command"]).name)
    arguments = [*server["args"], "--root", str(tmp_path)]

    tools = anyio.run(list_tools, StdioServerParameters(command=str(program), args=arguments))

    assert tools


async def list_tools(server: StdioServerParameters) -> list[str]:
    async with (
        stdio_client(server) as (read_stream, write_stream),
        ClientSession(read_stream, write_stream) as session,
    ):
        await session.initialize()
        return [tool.name for tool in (await session.list_tools()).tools]


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_of_the_pages_for_agents_exists_with_its_options(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(line, comments=True)[1:]

    status = main([words[0], "--help"])

    known = set(re.findall(r"--?[a-z][\w-]*", capsys.readouterr().out))
    assert status == 0
    assert {word for word in words if word.startswith("-")} <= known


def test_the_page_for_agents_is_short_and_names_what_there_is() -> None:
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:docs|tests|skills|sdk|runners|tools)/[\w./-]*\w)`", text)

    assert len(text) < 3_000
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
