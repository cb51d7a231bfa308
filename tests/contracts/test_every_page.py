"""Commands that skills and their references show are commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from skillbank.bank import SkillBank
from skillbank.cli import main
from skillbank.cli.app import GROUPS
from skillbank.skill import Skill

SKILLS = list(SkillBank())
PLACEHOLDERS = ("POSES.json", "LABELS.csv", "VIDEO.mp4")
_FENCE = re.compile(r"```bash\n(.*?)```", re.DOTALL)


def commands(skill: Skill) -> list[list[str]]:
    """Arguments of every `skillbank ...` line in the pages of a skill."""
    pages = [skill.folder / "SKILL.md", *sorted((skill.folder / "references").glob("*.md"))]
    blocks = [block for page in pages for block in _FENCE.findall(page.read_text("utf-8"))]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    split = [shlex.split(line, comments=True) for line in lines]
    return [words[1:] for words in split if words[:1] == ["skillbank"]]


SHOWN = [
    pytest.param(arguments, id=" ".join(arguments))
    for skill in SKILLS
    for arguments in commands(skill)
]
TRAINED = [
    pytest.param(arguments, id=" ".join(arguments))
    for skill in SKILLS
    for arguments in commands(skill)
    if arguments[0] in ("run", "plan") and "JOB" not in arguments
]


@pytest.mark.parametrize("arguments", SHOWN)
def test_a_command_that_a_page_shows_exists_with_its_options(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([*arguments[: 2 if arguments[0] in GROUPS else 1], "--help"])

    known = set(re.findall(r"--?[a-z][\w-]*", capsys.readouterr().out))
    assert status == 0
    assert {word for word in arguments if word.startswith("-")} <= known


@pytest.mark.parametrize("arguments", TRAINED)
def test_a_job_without_a_parent_that_a_page_shows_can_be_planned(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in re.findall(r"env:(\w+)", " ".join(arguments)):
        monkeypatch.setenv(name, "secret")
    skill = SkillBank()[arguments[1]]  # which need not be the skill of the page
    for sources in skill.info.data_sources.values():
        for source in sources.values():
            (tmp_path / source.file).touch()
    for name in PLACEHOLDERS:
        (tmp_path / name).touch()
    words = [_filled_in(word, tmp_path) for word in arguments[1:]]

    status = main(["plan", *words, "--root", str(tmp_path / "jobs")])

    assert status == 0, capsys.readouterr().err


def _filled_in(word: str, folder: Path) -> str:
    """A word of a command, with files and folders of the test's own for what the user puts in."""
    for name in PLACEHOLDERS:
        word = word.replace(name, str(folder / name))
    return word.replace("FOLDER", str(folder))


def test_the_pages_show_the_commands_that_matter() -> None:
    shown = {case.values[0][0] for case in SHOWN}

    assert shown >= {"run", "plan", "status", "logs", "resolve", "report", "resume"}
