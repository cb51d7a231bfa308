"""The program as a whole: its help, its version, and lines that it cannot read."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from tests.sdk.cli.conftest import SKILL

from skillbank.cli import main

COMMANDS = (
    *("skills", "show", "check", "plan", "run", "jobs", "status", "logs", "wait"),
    *("cancel", "resume", "resolve", "report", "pose", "pose-stream"),
)


def test_no_arguments_show_the_help(capsys):
    assert main([]) == 0
    assert "Usage: skillbank" in capsys.readouterr().out


def test_the_help_names_every_command_with_a_whole_sentence(capsys):
    main(["--help"])

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    named = {line.split()[0]: line for line in lines if line}
    assert set(COMMANDS) <= set(named)
    assert all(named[command].endswith(".") for command in COMMANDS)
    assert not any(named[command].endswith("...") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_json_and_root_and_explains_itself(command, capsys):
    assert main([command, "--help"]) == 0

    help_text = capsys.readouterr().out
    assert "--json" in help_text
    assert "--root FOLDER" in help_text


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("skillbank 0.")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["skils"], "no such command 'skils'; did you mean 'skills'? See 'skillbank --help'."),
        (["train"], "no such command 'train'. See 'skillbank --help'."),
        (["jobs", "--limt", "3"], "no such option: --limt; did you mean '--limit'?"),
        (["jobs", "--limit", "many"], "invalid value for '--limit'"),
        (["jobs", "--limit", "0"], "limit: found 0, expected 1 or more."),
        (["status"], "missing argument 'JOB'. See 'skillbank status --help'."),
        (["plan", "some-skill"], "missing argument 'ACTION'"),
        (["skills", "more"], "got unexpected extra argument"),
        (["run", "a", "b", "--set"], "--set"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_the_next_step(line, told, capsys):
    status = main(line)

    output = capsys.readouterr()
    assert status == 2
    assert output.err.startswith("error: ")
    assert told in output.err
    assert output.out == ""
    assert output.err.count("\n") == 1


def test_with_json_an_unreadable_line_is_also_a_document(cli):
    done = cli("jobs", "--limt", "3", "--json")

    assert done.status == 2
    assert done.document["error"]["type"] == "UsageError"
    assert done.document["error"]["message"] in done.err


def test_a_closed_pipe_ends_a_command_quietly():
    command = [sys.executable, "-m", "skillbank.cli", "skills"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)

    assert done.returncode == 141
    assert done.stderr == b""


def test_a_root_that_cannot_be_written_is_told_without_a_traceback(cli, root, dataset):
    root.mkdir()
    (root / "jobs").touch()

    done = cli("run", SKILL, "train", "--data", dataset, "--automl", "off", "--json")

    assert done.status == 2
    assert done.err.startswith(f"error: {root / 'jobs'}: File exists")
    assert done.document["error"]["type"] == "OSError"


def test_a_folder_whose_name_is_no_text_is_refused_and_shown(tmp_path):
    line = [sys.executable, "-m", "skillbank.cli", "check", "--json"]
    name = os.fsencode(tmp_path) + b"/\xff"
    done = subprocess.run([*line, name], capture_output=True, check=False)

    assert done.returncode == 2
    assert json.loads(done.stdout)["folder"] == os.fsdecode(name)
    assert b"\\udcff cannot be checked" in done.stderr
