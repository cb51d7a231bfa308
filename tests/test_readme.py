"""What the README shows works: its commands can be planned, its links lead somewhere."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.pages import shown_commands

from skillbank import Client, Job, JobPlan
from skillbank.cli import main
from skillbank.cli.app import GROUPS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
README = PAGES[0].read_text(encoding="utf-8")
SHOWN = [
    shlex.split(line)[1:]
    for line in re.findall(r"^    (skillbank .+)$", README, re.MULTILINE)
    if "#" not in line
]


@pytest.mark.parametrize("arguments", SHOWN, ids=" ".join)
def test_a_command_of_the_readme_exists_with_its_options(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([*arguments[: 2 if arguments[0] in GROUPS else 1], "--help"])

    known = set(re.findall(r"--?[a-z][\w-]*", capsys.readouterr().out))
    assert status == 0
    assert {word for word in arguments if word.startswith("-")} <= known


def test_the_trainings_of_the_readme_can_be_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    here = [words for words in SHOWN if "--platform" not in words and "JOB" not in words]
    trainings = [words for words in here if words[0] in ("run", "plan")]

    statuses = [main(["plan", *words[1:], "--root", str(tmp_path)]) for words in trainings]

    assert statuses == [0, 0, 0, 0], capsys.readouterr().err


def test_what_runs_elsewhere_is_shown_as_on_the_page_of_its_platform() -> None:
    """Commands of those pages are planned by tests/contracts/test_page_commands.py."""
    elsewhere = [words for words in SHOWN if "--platform" in words]

    assert len(elsewhere) == 3
    for words in elsewhere:
        folder = ROOT / f"skills/tao-run-on-{words[words.index('--platform') + 1]}"
        assert words in [[*shown.words[1:]] for shown in shown_commands(folder)]


def test_the_request_of_the_readmes_program_can_be_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (create,) = re.findall(r"client\.create_job\((.*?)\n\)", program, re.DOTALL)
    given: dict[str, Any] = {}

    class Recorder(Client):
        def submit(self, plan: JobPlan) -> Job:
            given["plan"] = plan
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eval(f"client.create_job({create})", {"client": Recorder(tmp_path)})  # the README's own

    data = given["plan"].spec["dataset"]["train_dataset"]["data_path"]
    assert data == str(ROOT / "examples/cmu_mocap/train_data.npy")


def test_the_program_of_the_readme_calls_what_there_is() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    calls = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)]
    (create,) = [
        c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "create_job"
    ]

    known = inspect.signature(Client.create_job).parameters

    assert {keyword.arg for keyword in create.keywords} <= set(known)
    assert all(
        hasattr(Client, call.func.attr)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "client"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_relative_link_leads_to_a_file(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)[^)]*\)", text)

    missing = [target for target in targets if not (page.parent / target).exists()]

    assert not missing


def test_every_target_that_the_pages_name_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:`|    )make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }

    assert named <= targets
