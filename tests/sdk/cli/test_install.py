"""The command `install`."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.cli import install as command
from skillbank.install import AGENTS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_each_file_is_told_with_what_became_of_it(cli, project):
    first = cli("install", "--agent", "claude", "--project", project)
    second = cli("install", "--agent", "claude", "--project", project)

    assert first.status == second.status == 0
    assert f"written    {project}/.mcp.json\n" in first.out
    assert f"unchanged  {project}/.claude/skills/skillbank/SKILL.md\n" in second.out
    assert first.out.splitlines()[-1].startswith("next: ")


def test_a_dry_run_tells_people_what_would_be_written(cli, project):
    tried = cli("install", "--agent", "claude", "--project", project, "--dry-run")

    assert f"would be written    {project}/.mcp.json\n" in tried.out
    assert "nothing was written: --dry-run" in tried.out


def test_a_dry_run_says_the_same_and_writes_nothing(cli, project):
    tried = cli("install", "--agent", "codex", "--project", project, "--dry-run", "--json")

    nothing = list(project.iterdir())
    done = cli("install", "--agent", "codex", "--project", project, "--json")

    assert nothing == []
    assert tried.document["changes"] == done.document["changes"]
    assert tried.document["dry_run"]


def test_the_current_folder_is_the_project_when_none_is_named(cli, project, monkeypatch):
    monkeypatch.chdir(project)

    cli("install", "--agent", "claude", "--command", "skillbank")

    assert '"command": "skillbank"' in (project / ".mcp.json").read_text(encoding="utf-8")


def test_removing_what_is_not_there_says_so(cli, project):
    done = cli("install", "--agent", "claude", "--project", project, "--remove")

    assert (done.status, done.out) == (0, "nothing is installed for claude\n")
    assert list(project.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no agent was named; expected one of claude, codex,"),
        (["--agent", "cladue"], "no agent is named 'cladue'; did you mean 'claude'?"),
        (["--agent", "claude", "--user", "--project", "x"], "--user and --project x contradict"),
        (["--agent", "claude", "--project", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_a_wrong_request_is_told(cli, arguments, told):
    done = cli("install", *arguments)

    assert done.status == 2
    assert told in done.err


def test_a_broken_configuration_ends_with_2_and_its_line(cli, project):
    (project / ".mcp.json").write_text('{\n  "a": ?\n}', encoding="utf-8")

    done = cli("install", "--agent", "claude", "--project", project)

    assert done.status == 2
    assert f"error: {project}/.mcp.json:2: this is not JSON" in done.err
    assert "nothing was written" in done.err


def test_help_names_every_agent():
    assert ", ".join(AGENTS) == command._AGENT_NAMES
