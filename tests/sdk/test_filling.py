from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.fixtures.toy import TOY, dataset

from skillbank.errors import SkillInvalid
from skillbank.plan import JobPlan
from skillbank.planner import PlanSetting, plan_job
from skillbank.request import JobRequest
from skillbank.skill import Skill


def plan_with(folder: Path, old: str, new: str) -> JobPlan:
    """A training plan of the toy skill with one piece of its skill_info.yaml replaced."""
    shutil.copytree(TOY.folder, folder / "toy_skill")
    info = folder / "toy_skill" / "references" / "skill_info.yaml"
    text = info.read_text()
    assert old in text
    info.write_text(text.replace(old, new))
    request = JobRequest("toy_skill", "train", data={"all": str(dataset(folder / "data"))})
    return plan_job(request, Skill(folder / "toy_skill"), PlanSetting("job1", folder))


@pytest.mark.parametrize("path", ["../outside.txt", "a/../../b", "/", "."])
def test_a_download_never_leaves_the_jobs_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(SkillInvalid, match="does not name a file inside the job's folder"):
        plan_with(tmp_path, "/assets/anchors.txt", path)


def test_an_unknown_function_is_an_error_of_the_skill(tmp_path: Path) -> None:
    with pytest.raises(SkillInvalid, match="spec_params of results_dir: 'output_dri' is no infere"):
        plan_with(tmp_path, "results_dir: output_dir", "results_dir: output_dri")


def test_a_function_for_a_key_that_is_not_there_is_told_and_skipped(tmp_path: Path) -> None:
    made = plan_with(tmp_path, "    results_dir: output_dir", "    result_dir: output_dir")

    assert "spec_params: train has no key 'result_dir'; it was skipped." in made.notes


@pytest.mark.parametrize("constant", ["big", "''", "null"])
def test_a_constant_fills_an_empty_key(tmp_path: Path, constant: str) -> None:
    made = plan_with(tmp_path, "{const: small}", f"{{const: {constant}}}")

    assert made.spec["model"]["variant"] == {"big": "big", "''": "", "null": None}[constant]
