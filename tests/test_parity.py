"""The command line and Python are one: the same request gives the same plan, or the same error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from skillbank.cli import main
from skillbank.client import Client
from skillbank.errors import SkillbankError, SpecInvalid
from skillbank.plan import JobPlan
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.spec_file import read_spec_file

SKILL = "tao-train-pose-classification"
_ID = re.compile(r"\b(train|evaluate|inference|export)-[a-z0-9]{8}\b")


@dataclass(frozen=True)
class Case:
    """One request, said in two ways; DATA, SPEC and BASE stand for paths."""

    options: str
    request: dict[str, Any] = field(default_factory=dict)
    action: str = "train"
    skill: str = SKILL


ALL = {"data": {"all": "DATA"}}
PLANNED = [
    Case("--data DATA", ALL),
    Case("--data DATA --automl off", {**ALL, "automl_policy": "off"}),
    Case("--data DATA --automl auto", {**ALL, "automl_policy": "auto"}),
    Case("--data train=DATA --data val=DATA", {"data": {"train": "DATA", "val": "DATA"}}),
    Case(
        "--data DATA --set num_epochs=3 --set train.optim.lr=1e-3",
        {**ALL, "overrides": {"num_epochs": 3, "train.optim.lr": 0.001}},
    ),
    Case(
        "--data DATA --set train.optim.lr_steps=[5,9] --set train.optim.nesterov=false",
        {**ALL, "overrides": {"train.optim.lr_steps": [5, 9], "train.optim.nesterov": False}},
    ),
    Case("--data DATA --spec SPEC", {**ALL, "spec": "SPEC"}),
    Case(
        "--data DATA -e SPEC --set train.seed=1",
        {**ALL, "spec": "SPEC", "overrides": {"train.seed": 1}},
    ),
    Case("--data DATA --base-checkpoint BASE", {**ALL, "base_checkpoint": "BASE"}),
    Case("--data DATA --idempotency-key once", {**ALL, "idempotency_key": "once"}),
    Case("--data DATA --checkpoint BASE", {**ALL, "checkpoint": "BASE"}, action="evaluate"),
    Case("--set export.checkpoint=BASE", {"overrides": {"export.checkpoint": "BASE"}}, "export"),
]
REFUSED = [
    Case("", skill="tao-train-pose-clasification"),
    Case("", action="trian"),
    Case(""),
    Case("--data trian=DATA", {"data": {"trian": "DATA"}}),
    Case("--data /absent", {"data": {"all": "/absent"}}),
    Case("--data DATA --set num_epoch=3", {**ALL, "overrides": {"num_epoch": 3}}),
    Case(
        "--data DATA --set num_epochs=0 --set model.dropout=x",
        {**ALL, "overrides": {"num_epochs": 0, "model.dropout": "x"}},
    ),
    Case("--data DATA --platform moon", {**ALL, "platform": "moon"}),
    Case("--data DATA --automl maybe", {**ALL, "automl_policy": "maybe"}),
    Case("--parent nobody", {"parent_job_id": "nobody"}, "evaluate"),
    Case("--data DATA --checkpoint newest", {**ALL, "checkpoint": "newest"}, "evaluate"),
    Case("--data DATA --base-checkpoint /absent.pth", {**ALL, "base_checkpoint": "/absent.pth"}),
    Case("--data DATA -e /absent.yaml", {**ALL, "spec": "/absent.yaml"}),
    Case("", action="dataset_convert"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    """What DATA, SPEC and BASE of a case stand for."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        (data / name).touch()
    spec = tmp_path / "spec.yaml"
    spec.write_text("train: {num_epochs: 4}\nmodel: {graph_layout: coco}\n", encoding="utf-8")
    base = tmp_path / "model_epoch_003_step_00040.pth"
    base.write_bytes(b"weights")
    return {"DATA": str(data), "SPEC": str(spec), "BASE": str(base)}


Ask = Callable[[Case], dict[str, Any]]


@pytest.fixture
def ask_cli(root: Path, paths: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Ask:
    """The document that `skillbank plan ... --json` prints for a case."""

    def ask(case: Case) -> dict[str, Any]:
        options = _with_paths(case.options, paths).split()
        status = main(["plan", case.skill, case.action, "--json", "--root", str(root), *options])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert status == (2 if "error" in document else 0)
        return document

    return ask


@pytest.fixture
def ask_python(root: Path, paths: dict[str, str]) -> Ask:
    """The same document, made from what the Client returns or raises."""

    def ask(case: Case) -> dict[str, Any]:
        wanted = json.loads(_with_paths(json.dumps(case.request), paths))
        try:
            policy = AutomlPolicy.parse(wanted.pop("automl_policy", "on"))
            spec = read_spec_file(Path(wanted.pop("spec"))) if "spec" in wanted else {}
            request = JobRequest(case.skill, case.action, spec=spec, automl_policy=policy, **wanted)
            plan = Client(root).plan_job(request)
        except SkillbankError as error:
            problems = list(error.problems) if isinstance(error, SpecInvalid) else []
            kind = type(error).__name__
            return {"error": {"type": kind, "message": str(error), "problems": problems}}
        document: dict[str, Any] = json.loads(plan.to_json())
        return document

    return ask


def _name(case: Case) -> str:
    return f"{case.action} {case.options}".strip()


@pytest.mark.parametrize("case", PLANNED, ids=_name)
def test_the_same_request_gives_the_same_plan(case: Case, ask_cli: Ask, ask_python: Ask) -> None:
    ours, theirs = ask_cli(case), ask_python(case)

    assert "error" not in ours
    assert ours["job_id"] != theirs["job_id"]
    assert _without_id(ours) == _without_id(theirs)


@pytest.mark.parametrize("case", REFUSED, ids=_name)
def test_the_same_wrong_request_gets_the_same_error(
    case: Case, ask_cli: Ask, ask_python: Ask
) -> None:
    ours, theirs = ask_cli(case), ask_python(case)

    assert ours["error"]["message"]
    assert ours == theirs


@pytest.mark.parametrize("case", PLANNED, ids=_name)
def test_what_the_cli_prints_is_a_plan_that_python_takes(case: Case, ask_cli: Ask) -> None:
    document = ask_cli(case)

    plan = JobPlan.from_json(json.dumps(document))

    assert plan.hash == document["hash"]


def _with_paths(text: str, paths: dict[str, str]) -> str:
    for name, path in paths.items():
        text = text.replace(name, path)
    return text


def _without_id(document: dict[str, Any]) -> Any:
    """A plan with JOB for its id, and without the hash that covers the id."""
    text = json.dumps({**document, "hash": ""})
    return json.loads(_ID.sub("JOB", text))
