"""docs/cli.md says what the commands say."""

from __future__ import annotations

import pytest

import cli_page
from skillbank.cli import main
from skillbank.cli.app import COMMANDS, GROUPS


@pytest.fixture(autouse=True)
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def test_the_page_is_up_to_date():
    page = cli_page.PAGE.read_text(encoding="utf-8")

    assert page == cli_page.render(), "run 'python tools/cli_page.py'"


def test_the_page_shows_the_help_of_every_command(capsys):
    page = cli_page.render()
    main(["resolve", "--help"])

    assert capsys.readouterr().out.strip() in page
    num_commands = len(COMMANDS) + sum(len(functions) for _, functions in GROUPS.values())
    assert page.count("## `skillbank") == 1 + num_commands
