"""Every command that a skill shows works, from a copy of its folder that lies alone.

Commands that start a long job are planned in their place, or started and cancelled at once; of each
kind at least one really runs: dataset_convert, train, pose-stream, a search and a workflow here,
the other actions under tests/runners and tests/examples.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import skills_ref
from tests.contracts.page_world import DATA, SKILL, World, make_world
from tests.contracts.pages import (
    FOLDERS,
    SKILL_FOLDERS,
    Shown,
    drop_in_commands,
    pages_of,
    shown_commands,
)

from skillbank.bank import SkillBank
from skillbank.cli import main
from skillbank.cli.app import COMMANDS, GROUPS
from skillbank.cli.options import command_name
from skillbank.client import Client
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.skill_check import check_folder
from skillbank.spec_keys import find_path

SHOWN = [shown for folder in FOLDERS for shown in shown_commands(folder)]
DETACHED = {("pose",), ("resume",), ("workflow", "run"), ("workflow", "resume")}
every_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def verb(shown: Shown) -> tuple[str, ...]:
    """The words that name the command."""
    return shown.words[1 : 3 if shown.words[1] in GROUPS else 2]


def is_whole(shown: Shown) -> bool:
    """Tell whether a command can run as it stands; `skillbank plan` in a sentence names one."""
    is_name = not shown.is_block and len(shown.words) == 1 + len(verb(shown))
    takes_a_plan = "--plan" in shown.words  # a saved plan runs once: tests/sdk/cli/test_real_job.py
    return not (is_name or takes_a_plan or "..." in shown.words)


DROP_INS = sorted({line for folder in FOLDERS for line in drop_in_commands(folder)})
WHOLE = list(dict.fromkeys(shown for shown in SHOWN if is_whole(shown)))


# 15 s: poses are converted, a network is trained on them, and a search and a workflow run.
@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("world") / "root") as made:
        yield made


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each skill folder alone in a folder of its own, as an installer of skills leaves it."""
    place = tmp_path_factory.mktemp("copies")
    for folder in FOLDERS:
        shutil.copytree(folder, place / f"of-{folder.name}" / folder.name)
    return place


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: f"{shown.page.parts[0]}: {shown}")
def test_a_command_that_a_page_shows_exists_with_its_options(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([*verb(shown), "--help"])

    known = set(re.findall(r"--?[a-z][\w-]*", capsys.readouterr().out))
    assert status == 0
    assert {word for word in shown.words if re.match(r"--?[a-z]", word)} <= known


@pytest.mark.parametrize("shown", WHOLE, ids=lambda shown: f"{shown.page.parts[0]}: {shown}")
def test_a_command_that_a_page_shows_works_from_a_copy_of_its_folder(
    shown: Shown, world: World, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = shown.page.parts[0]
    monkeypatch.chdir(copies / f"of-{name}" / name)
    monkeypatch.setenv("LLM_KEY", "secret")
    monkeypatch.setenv("PATH", str(world.root / "bin"), prepend=os.pathsep)
    ids = ids_for(shown, world)
    words = [world.fill_in(word, ids) for word in shown.words[1:]]
    detached = verb(shown) in DETACHED

    if shown.stdin:
        done = world.run_with_input(*words, stdin=world.files[shown.stdin])
    elif verb(shown) == ("run",):
        done = world.run("plan", *(word for word in words[1:] if word != "--detach"))
    else:
        done = world.run(*words, *(["--detach", "--json"] if detached else []))

    if detached:
        cancel = ["workflow", "cancel"] if words[0] == "workflow" else ["cancel"]
        assert world.run(*cancel, json.loads(done.out)["id"]).status == 0
    told = not shown.is_block and "NO GO" in done.out  # `preflight SKILL ACTION` names no data
    told = told or done.lacks_a_server  # tests/sdk/platforms run them against real ones
    assert done.status == 0 or told, done.err
    assert "Traceback" not in done.err


def ids_for(shown: Shown, world: World) -> dict[str, str]:
    """What JOB and the like stand for in a command: a job of the kind that it is about."""
    ids = {
        "JOB": world.trained,
        "SEARCH_ID": world.search,
        "WORKFLOW": world.workflow,
        "SKILL": SKILL,
        "ACTION": "train",
    }
    match verb(shown):
        case ("automl", "result"):
            ids["JOB"] = world.search
        case ("resume",):
            ids["JOB"] = world.stopped_job()
        case ("cancel",):
            ids["JOB"] = world.running_job()
        case ("workflow", "cancel"):
            ids["WORKFLOW"] = world.running_workflow()
        case ("workflow", "resume"):
            ids["WORKFLOW"] = world.running_workflow()
            world.run("workflow", "cancel", ids["WORKFLOW"])
        case ("check",):
            ids["FOLDER"] = "."
    if "--parent" in shown.words and "train" in shown.words:
        ids["JOB"] = world.converted
    return ids


@pytest.mark.parametrize("line", DROP_INS, ids=" ".join)
def test_a_drop_in_command_of_a_page_names_an_action_and_keys_that_there_are(
    line: tuple[str, ...],
) -> None:
    network, action = line[1:3] if line[0] == "tao" else line[:2]
    settings = [word.partition("=")[0] for word in line if "=" in word]
    (skill,) = [one for one in SkillBank() if one.has_info and one.info.network_arch == network]

    assert skill.info.actions[action].built
    assert settings
    for key in settings:
        assert find_path(skill.schema(action), key), key


def test_the_pages_show_the_commands_that_matter() -> None:
    shown = {verb(one) for one in SHOWN}
    every = {(command_name(function),) for function in COMMANDS}
    every |= {(name, command_name(one)) for name, (_, group) in GROUPS.items() for one in group}

    matter = (
        "run plan status logs resolve report resume cancel wait jobs capabilities ask preflight"
    )
    assert {(word,) for word in matter.split()} <= shown <= every


@every_folder
def test_a_folder_that_lies_alone_is_a_valid_skill(folder: Path, copies: Path) -> None:
    copy = copies / f"of-{folder.name}" / folder.name

    assert skills_ref.validate(copy) == []
    assert check_folder(copy).findings == ()


@every_folder
def test_nothing_in_a_folder_points_out_of_it(folder: Path) -> None:
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    outside = [
        (page.name, target)
        for page in pages_of(folder)
        for target in re.findall(r"(?<![\w/])\.\./[\w./-]+", page.read_text(encoding="utf-8"))
    ]

    assert links == []
    assert outside == []


@pytest.mark.parametrize(
    "folder",
    [folder for folder in SKILL_FOLDERS if (folder / "references/skill_info.yaml").is_file()],
    ids=lambda folder: folder.name,
)
def test_a_copy_alone_describes_its_actions_as_the_bank_does(folder: Path, copies: Path) -> None:
    (copy,) = SkillBank([copies / f"of-{folder.name}"])
    ours = SkillBank([folder])[folder.name]

    assert copy.info == ours.info
    for action in ours.info.actions:
        assert copy.template(action) == ours.template(action)
        assert copy.schema(action) == ours.schema(action)


def test_a_training_is_planned_from_a_copy_alone(copies: Path, tmp_path: Path) -> None:
    bank = SkillBank([copies / f"of-{SKILL}"])
    request = JobRequest(SKILL, "train", data={"all": str(DATA)}, automl_policy=AutomlPolicy.OFF)

    plan = Client(tmp_path, bank=bank).plan_job(request)

    assert plan.spec["train"]["num_epochs"] == 10
