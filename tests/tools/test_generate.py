"""Generated files are up to date, and change only when their source does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import generate
from skillbank.automl.history import TrialState
from skillbank.automl.result import Best, Direction, SearchResult, TrialRecord, write_result
from skillbank.job import Job, JobState
from skillbank.plan import JobPlan, Route
from skillbank_runners.api import Artefact, ArtefactKind, Run, Status

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ROOT / "schemas"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of everything that generated files live among."""
    for name in ("skills", "references", "schemas", "docs", "plugin"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "AGENTS.md", tmp_path)
    return tmp_path


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((FORMATS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_every_generated_file_is_up_to_date() -> None:
    assert generate.stale_files() == {}


def test_generating_twice_gives_the_same_text(copy: Path) -> None:
    assert generate.generated_files(copy) == generate.generated_files(copy)


@pytest.mark.parametrize(
    "name",
    [
        "skills/tao-train-pose-classification/schemas/train.schema.json",
        "skills/tao-train-pose-classification/schemas/manifest.json",
        "skills/tao-train-pose-classification/references/spec_template_export.yaml",
        "schemas/plan.schema.json",
        "references/inference-functions.md",
    ],
)
def test_a_file_that_was_edited_or_lost_is_named(copy: Path, name: str) -> None:
    path = copy / name
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert [*generate.stale_files(copy)] == [path]

    path.unlink()
    assert [*generate.stale_files(copy)] == [path]


def test_only_the_tables_of_a_page_are_generated(copy: Path) -> None:
    page = copy / "skills/tao-train-pose-classification/SKILL.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before.replace("| `num_epochs` |", "| `epochs` |") + "\nA word.\n")

    assert generate.stale_files(copy) == {page: before + "\nA word.\n"}


def test_a_marker_that_names_no_table_is_told(copy: Path) -> None:
    page = copy / "skills/tao-train-pose-classification/SKILL.md"
    page.write_text(page.read_text("utf-8").replace("generated: data", "generated: dota"), "utf-8")

    with pytest.raises(SystemExit, match="no table is named 'dota'; known: actions, data"):
        generate.stale_files(copy)


def test_the_program_checks_and_exits_with_0() -> None:
    # Starts Python and imports every spec once more: about a second.
    program = [sys.executable, str(ROOT / "tools/generate.py")]

    assert subprocess.run([*program, "--check"], check=False).returncode == 0
    assert subprocess.run([*program, "--chek"], check=False, stderr=-3).returncode == 2


@pytest.mark.parametrize(
    "name", sorted(path.name.removesuffix(".schema.json") for path in FORMATS.glob("*.json"))
)
def test_schemas_of_our_own_formats_are_valid(name: str) -> None:
    assert validator(name).schema["description"]


def test_a_plan_fits_its_schema(tmp_path: Path) -> None:
    plan = JobPlan("j1", "s", "train", "a", Route.DIRECT, "because", {"train": {}}, tmp_path)
    content = json.loads(plan.to_json())

    validator("plan").validate(content)
    assert not validator("plan").is_valid({**content, "route": "detour"})
    assert not validator("plan").is_valid({**content, "more": 1})


def test_a_job_record_fits_its_schema() -> None:
    job = {
        **vars(Job("j1", "s", "train", JobState.LOST, "", 1, Path("/x"), None, "d", "local", 1.0)),
        "folder": "/x",
    }

    validator("job").validate(job)
    assert not validator("job").is_valid({**job, "state": "ASLEEP"})


def test_what_a_run_writes_fits_the_schemas(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.report("epoch done", kpi={"val_loss": 0.5, "val_acc": float("nan")}, epoch=0, max_epoch=2)
    run.report("it broke", status=Status.FAILURE)
    run.record(Artefact(ArtefactKind.ONNX, "model.onnx", "0" * 64, 3, metrics={"val_acc": 0.5}))

    for line in (tmp_path / "status.json").read_text(encoding="utf-8").splitlines():
        validator("status_line").validate(json.loads(line))
    validator("artefacts").validate(json.loads((tmp_path / "artefacts.json").read_text()))


def test_a_search_s_result_fits_its_schema(tmp_path: Path) -> None:
    record = TrialRecord(trial=0, job_id="s-t000", state=TrialState.FAILED, curve=((1, 0.5),))
    best = Best(trial=0, job_id="s-t000", metric_value=float("nan"))
    write_result(
        tmp_path / "search.json",
        SearchResult(
            skill="s",
            algorithm="asha",
            metric="val_loss",
            direction=Direction.MINIMIZE,
            best=best,
            history=(record,),
        ),
    )
    result = json.loads((tmp_path / "search.json").read_text(encoding="utf-8"))

    validator("search_result").validate(result)
    assert not validator("search_result").is_valid({**result, "state": "asleep"})
    del result["history"][0]["status"]
    assert not validator("search_result").is_valid(result)


def test_every_skill_info_fits_its_schema() -> None:
    from skillbank.documents import read_yaml

    for path in ROOT.glob("skills/*/references/skill_info.yaml"):
        validator("skill_info").validate(read_yaml(path))
