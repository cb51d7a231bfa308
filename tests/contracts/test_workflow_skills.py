"""What the workflow skills tell about the gate, states and files is what the code has."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.job import JobState
from skillbank.platforms.local import LocalPlatform
from skillbank.preflight.gate import CHECKS
from skillbank.settings import read_settings
from skillbank.workflow_request import WorkflowRequest

BANK = SkillBank()
GUIDES = [skill for skill in BANK if not skill.has_info]
PAGES = ("tao-train-single-step", "tao-launch-workflow", "tao-list-capabilities")


def page(name: str) -> str:
    return (BANK[name].folder / "SKILL.md").read_text(encoding="utf-8")


def first_column(text: str, heading: str) -> list[str]:
    """Cells of the first column of the table under a heading, split at commas."""
    table = text.partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
    return [name.strip() for cell in cells for name in cell.split(",")]


@pytest.fixture
def client(tmp_path: Path) -> Client:
    root = tmp_path / "root"
    return Client(root, platforms={"local": LocalPlatform(root, gpus=())})


def test_the_gates_table_names_every_check_and_no_other(client: Client) -> None:
    platform = [check.name for check in client.preflight().checks]

    told = first_column(page("tao-launch-workflow"), "Check")

    assert told == [*platform, *CHECKS]


def test_the_workflow_that_the_skill_brings_passes_the_gate(client: Client, tmp_path: Path) -> None:
    template = BANK["tao-launch-workflow"].folder / "references/train_evaluate_export.yaml"
    for name in ("train", "val"):
        np.save(tmp_path / f"{name}_data.npy", np.zeros((2, 3, 9, 34, 1), np.float32))
        (tmp_path / f"{name}_label.pkl").write_bytes(pickle.dumps([["a", "b"], [0, 1]]))
    file = tmp_path / "steps.yaml"
    file.write_text(
        template.read_text(encoding="utf-8").replace("{all: FOLDER}", f"{{all: {tmp_path}}}")
    )

    found = client.preflight(WorkflowRequest.from_file(file))

    assert found.go, [check for check in found.checks if check.state == "fail"]
    assert len(found.sections) == 4


def test_the_page_of_this_machine_tells_what_every_state_that_stays_means() -> None:
    told = set(first_column(page("tao-run-on-local"), "State"))

    assert told == {s.value for s in JobState if s.is_final} | {"QUEUED"}


def test_the_page_of_this_machine_names_variables_that_are_read() -> None:
    variables = re.findall(r"\$([A-Z_]{4,})", page("tao-run-on-local"))

    settings = read_settings(dict.fromkeys(variables, "7"))

    assert {"SKILLBANK_HOME", "SKILLBANK_LOCAL_SLOTS", "CUDA_VISIBLE_DEVICES"} == set(variables)
    assert (settings.home.name, settings.local_slots) == ("7", 7)
    assert settings.cuda_visible_devices == "7"


@pytest.mark.parametrize("skill", GUIDES, ids=lambda skill: skill.name)
def test_skills_that_a_guide_sends_its_reader_to_are_there(skill) -> None:
    text = (skill.folder / "SKILL.md").read_text(encoding="utf-8")

    named = set(re.findall(r"\btao-[a-z]+(?:-[a-z]+)+\b", text))
    assert named <= {one.name for one in BANK}


@pytest.mark.parametrize("name", PAGES)
def test_a_guide_is_small(name: str) -> None:
    assert len(page(name).splitlines()) <= 120
    assert len(BANK[name].description) <= 350
