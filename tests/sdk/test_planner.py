from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.toy import (
    FOLDER,
    TOY,
    checkpoint_name,
    dataset,
    exported,
    finished,
    plan,
    record,
    trained,
)

from skillbank.errors import (
    CheckpointNotFound,
    PlanInvalid,
    RequestInvalid,
    SkillNotFound,
    SpecInvalid,
)
from skillbank.inference import Trial
from skillbank.job import JobState
from skillbank.plan import JobPlan, Route
from skillbank.planner import PlanSetting, plan_job, resume_plan
from skillbank.request import AutomlPolicy, JobRequest


def test_a_plan_decides_everything_and_writes_nothing(tmp_path: Path) -> None:
    dataset(tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))

    made = plan(tmp_path, overrides={"num_epochs": 3}, idempotency_key="once")

    assert sorted(tmp_path.rglob("*")) == before
    assert made.folder == tmp_path / "jobs" / "job1"
    assert (made.skill, made.action, made.network_arch) == ("toy_skill", "train", "toy")
    # The toy enables AutoML and has no parameter that could be searched.
    assert (made.route, made.automl_policy, made.platform) == (Route.DIRECT, "on", "local")
    assert "not runnable" in made.reason
    assert (made.num_gpus, made.idempotency_key, made.parent_job_id) == (0, "once", None)
    assert made.notes == ("no GPU is there: the job runs on the CPU.",)


def test_a_plan_tells_for_every_changed_key_where_its_value_came_from(tmp_path: Path) -> None:
    made = plan(tmp_path, spec={"model": {"dropout": 0.2}}, overrides={"num_epochs": 3})

    assert made.origins == {
        "dataset.train_path": "data source all",
        "dataset.val_path": "data source all",
        "model.anchors": "download https://example.invalid/anchors.txt",
        "model.dropout": "spec file",
        "model.variant": "constant of the skill",
        "results_dir": "inference output_dir",
        "train.num_epochs": "shorthand num_epochs",
    }


def test_a_link_becomes_a_path_inside_the_jobs_folder(tmp_path: Path) -> None:
    made = plan(tmp_path)

    path = str(tmp_path / "jobs" / "job1" / "downloads" / "assets" / "anchors.txt")
    assert made.spec["model"]["anchors"] == path
    assert made.downloads == {path: "https://example.invalid/anchors.txt"}


def test_a_callers_value_wins_over_every_function(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").touch()
    mine = str(tmp_path / "mine.pth")

    made = plan(
        tmp_path,
        overrides={"train.resume_path": mine, "model.anchors": "own.txt", "model.variant": "big"},
    )

    assert made.spec["train"]["resume_path"] == mine
    assert (made.spec["model"]["anchors"], made.spec["model"]["variant"]) == ("own.txt", "big")
    assert made.downloads == {}


def test_a_child_uses_its_parents_best_checkpoint_and_says_why(tmp_path: Path) -> None:
    parent = trained(tmp_path, {0: 0.9, 1: 0.3, 2: 0.5})

    made = plan(tmp_path, "evaluate", parent=parent)

    assert made.spec["evaluate"]["checkpoint"] == str(parent.plan.results / checkpoint_name(1))
    assert made.spec["evaluate"]["trt_engine"] == ""
    assert made.parent_job_id == "parent"
    assert made.checkpoint_reason == (
        "evaluate.checkpoint: model_epoch_001_step_00020.pth (epoch 1, step 20, val_loss 0.3) "
        "has the lowest val_loss (0.3) of 3 checkpoints"
    )


@pytest.mark.parametrize(("rule", "epoch"), [("latest", 2), ("epoch=0", 0), ("step=20", 1)])
def test_a_child_uses_the_checkpoint_that_was_asked_for(
    tmp_path: Path, rule: str, epoch: int
) -> None:
    parent = trained(tmp_path, {0: 0.9, 1: 0.3, 2: 0.5})

    made = plan(tmp_path, "export", parent=parent, checkpoint=rule)

    assert made.spec["export"]["checkpoint"].endswith(checkpoint_name(epoch))
    assert made.spec["export"]["onnx_file"] == str(made.results / "model.onnx")


def test_each_field_gets_its_kind_from_a_chain_of_jobs(tmp_path: Path) -> None:
    onnx = exported(tmp_path, "export", "model.onnx", "onnx")
    engine = plan(tmp_path, "gen_trt_engine", parent=onnx)
    assert engine.spec["gen_trt_engine"]["onnx_file"] == str(onnx.plan.results / "model.onnx")

    done = finished(replace(engine, job_id="engine"))
    record(done.plan.results, "model.engine", kind="engine")
    evaluation = plan(tmp_path, "evaluate", parent=done)

    assert evaluation.spec["evaluate"]["trt_engine"] == str(done.plan.results / "model.engine")
    assert evaluation.spec["evaluate"]["checkpoint"] == ""


def test_a_named_file_fills_only_the_field_of_its_kind(tmp_path: Path) -> None:
    parent = trained(tmp_path, {0: 0.9})

    made = plan(tmp_path, "evaluate", parent=parent, checkpoint=checkpoint_name(0))

    assert made.spec["evaluate"]["checkpoint"].endswith(checkpoint_name(0))
    assert made.spec["evaluate"]["trt_engine"] == ""


@pytest.mark.parametrize(
    ("name", "key"), [("mine.pth", "checkpoint"), ("mine.engine", "trt_engine")]
)
def test_without_a_parent_a_named_file_fills_the_field_that_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, key: str
) -> None:
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)

    made = plan(tmp_path, "evaluate", checkpoint=name)

    assert made.spec["evaluate"][key] == str(tmp_path / name)
    assert made.origins[f"evaluate.{key}"] == "checkpoint"
    assert made.checkpoint_reason == f"{name} was named"


def test_structural_settings_come_from_the_parent(tmp_path: Path) -> None:
    labels = {"sit": 0, "stand": 1}
    parent = trained(
        tmp_path,
        {0: 0.5},
        spec={"dataset": {"label_map": labels}},
        overrides={"num_classes": 2, "model.layout": "openpose", "model.dropout": 0.1},
    )

    made = plan(tmp_path, "evaluate", parent=parent)

    assert made.spec["dataset"]["label_map"] == labels
    assert made.spec["dataset"]["num_classes"] == 2
    assert made.spec["model"]["layout"] == "openpose"
    assert made.origins["model.layout"] == "carried forward from job parent"
    assert made.spec["model"]["dropout"] == 0.5  # not structural


def test_a_structural_setting_that_differs_is_an_error_that_names_both(tmp_path: Path) -> None:
    parent = trained(tmp_path, {0: 0.5}, overrides={"num_classes": 2})

    with pytest.raises(SpecInvalid) as caught:
        plan(tmp_path, "evaluate", parent=parent, overrides={"num_classes": 7})

    assert caught.value.problems == (
        "dataset.num_classes: 7 was given (shorthand num_classes), but the parent job parent was "
        "run with 2; leave the key out to use the parent's value, or choose another parent.",
    )


def test_the_parents_own_value_may_be_repeated(tmp_path: Path) -> None:
    parent = trained(tmp_path, {0: 0.5}, overrides={"num_classes": 2})

    assert plan(tmp_path, "evaluate", parent=parent, overrides={"num_classes": 2})


def test_all_problems_of_a_request_are_told_at_once(tmp_path: Path) -> None:
    parent = trained(tmp_path, {0: 0.5}, overrides={"num_classes": 2})
    overrides = {"num_classes": 7, "zzz": 1, "model.layout": "x", "evaluate.num_gpus": 2}

    with pytest.raises(
        SpecInvalid, match="the spec of toy_skill evaluate cannot be used"
    ) as caught:
        plan(tmp_path, "evaluate", parent=parent, overrides=overrides, data={"moon": "/x"})

    assert [problem.split(":")[0].split("=")[0] for problem in caught.value.problems] == [
        "zzz",
        "--data moon",
        "dataset.num_classes",
        "model.layout",
        "evaluate.num_gpus",
    ]


def test_a_parent_without_what_is_needed_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"export\.checkpoint: the parent job parent"):
        plan(tmp_path, "export", parent=trained(tmp_path, {}))


def test_with_other_problems_it_is_told_among_them(tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid) as caught:
        plan(tmp_path, "export", parent=trained(tmp_path, {}), overrides={"zzz": 1})

    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "zzz",
        "export.checkpoint",
    ]


def test_a_running_parent_is_refused_where_its_checkpoint_is_needed(tmp_path: Path) -> None:
    running = replace_state(trained(tmp_path, {0: 0.5}), JobState.RUNNING)

    with pytest.raises(CheckpointNotFound, match="RUNNING, not COMPLETE"):
        plan(tmp_path, "export", parent=running)


def replace_state(parent: Any, state: JobState) -> Any:
    return replace(parent, job=replace(parent.job, state=state))


def wrong_requests() -> Iterator[tuple[str, dict[str, Any], str]]:
    yield "trian", {}, "toy_skill has no action 'trian'; did you mean 'train'"
    yield "convert", {}, "convert of toy_skill is not built yet"
    yield "evaluate", {"checkpoint": "best"}, "'best' chooses among the checkpoints of a parent"
    yield "evaluate", {"checkpoint": "epoch=3"}, "no parent was given; pass --parent JOB"
    yield "evaluate", {"checkpoint": "bset"}, "'bset' is neither a rule nor a file"
    yield "evaluate", {"base_checkpoint": "x.pth"}, "evaluate of toy_skill starts from no pretrain"
    yield "train", {"checkpoint": "x.pth"}, r"use --set model\.pretrained_path=PATH or --set train"
    yield "train", {"parent_job_id": "nope"}, "parent: no job 'nope' was found"
    yield "train", {"base_checkpoint": "nope.pth"}, r"base_checkpoint: 'nope\.pth': no such file"
    yield "export", {"checkpoint": "x.onnx"}, "of the kind 'onnx', which export does not take"
    yield "export", {"checkpoint": "/nope.pth"}, r"'/nope\.pth' \(checkpoint\) does not exist"
    yield "export", {}, "a checkpoint is required, none was given"
    yield (
        "export",
        {"checkpoint": "/a.pth", "overrides": {"export.checkpoint": "/b.pth"}},
        r"export\.checkpoint: '/b\.pth' was given \(override\), and checkpoint is '/a\.pth'",
    )
    yield (
        "evaluate",
        {"data": {}, "overrides": {"evaluate.test_path": "nope.npy"}},
        r"evaluate\.test_path: 'nope\.npy' \(override\) does not exist; expected a file at /",
    )


@pytest.mark.parametrize(("action", "request_", "expected"), list(wrong_requests()))
def test_a_wrong_request_is_refused_with_what_to_do(
    tmp_path: Path, action: str, request_: dict[str, Any], expected: str
) -> None:
    with pytest.raises((RequestInvalid, SkillNotFound), match=expected):
        plan(tmp_path, action, **request_)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("train", "train of toy_skill takes no parent; leave --parent out"),
        ("gen_trt_engine", "job parent is toy_skill train; gen_trt_engine takes a parent of: expo"),
    ],
)
def test_a_parent_of_the_wrong_action_names_the_right_ones(
    tmp_path: Path, action: str, expected: str
) -> None:
    with pytest.raises(RequestInvalid, match=expected):
        plan(tmp_path, action, parent=trained(tmp_path, {0: 0.5}))


def test_a_parent_of_another_network_is_refused(tmp_path: Path) -> None:
    parent = trained(tmp_path, {0: 0.5})
    other = replace(parent, plan=replace(parent.plan, network_arch="bird", skill="tao-bird"))

    with pytest.raises(RequestInvalid, match="job parent is tao-bird train, another network"):
        plan(tmp_path, "export", parent=other)


def test_pretrained_weights_start_a_training(tmp_path: Path) -> None:
    (tmp_path / "base.pth").touch()

    made = plan(tmp_path, base_checkpoint=str(tmp_path / "base.pth"))

    assert made.spec["model"]["pretrained_path"] == str(tmp_path / "base.pth")
    assert made.origins["model.pretrained_path"] == "inference ptm_if_no_resume_model"


def test_files_elsewhere_are_not_looked_for_here(tmp_path: Path) -> None:
    made = plan(tmp_path, "export", checkpoint="/nope.pth", platform="cluster")

    assert made.spec["export"]["checkpoint"] == "/nope.pth"


@pytest.mark.parametrize("section", ["results_dir", "train.results_dir"])
def test_the_job_writes_to_its_own_folder_whatever_the_spec_says(
    tmp_path: Path, section: str
) -> None:
    made = plan(tmp_path, spec={section: "/results"})

    assert made.spec["results_dir"] == str(made.results)
    assert made.spec["train"]["results_dir"] == ""
    assert f"{section}: '/results' (spec file) is not used; see {made.results}." in made.notes


def test_a_secret_in_a_spec_file_never_reaches_the_plan(tmp_path: Path) -> None:
    made = plan(tmp_path, spec={"encryption_key": "geheim"})

    assert "geheim" not in made.to_json()
    told = "encryption_key: the secret in the spec file was left out"
    assert any(note.startswith(told) for note in made.notes)


def test_a_secret_on_the_command_line_is_refused_without_repeating_it(tmp_path: Path) -> None:
    both = {"spec": {"encryption_key": "first"}, "overrides": {"encryption_key": "geheim"}}

    with pytest.raises(SpecInvalid, match="a secret was given in plain text") as caught:
        plan(tmp_path, **both)

    assert "geheim" not in str(caught.value)
    assert "first" not in str(caught.value)


def test_a_secret_cannot_be_copied_by_a_reference(tmp_path: Path) -> None:
    spec = {"encryption_key": "geheim", "model": {"variant": "${encryption_key}"}}

    assert "geheim" not in plan(tmp_path, spec=spec).to_json()


def test_a_spec_file_may_refer_to_its_own_values(tmp_path: Path) -> None:
    spec = {"train": {"num_epochs": 7, "warmup_epochs": "${train.num_epochs}"}}

    assert plan(tmp_path, spec=spec).spec["train"]["warmup_epochs"] == 7


def test_a_reference_to_a_secret_is_kept(tmp_path: Path) -> None:
    made = plan(tmp_path, overrides={"encryption_key": "env:MY_KEY"})

    assert made.spec["encryption_key"] == "env:MY_KEY"


def test_the_users_own_key_is_planned_as_a_reference(tmp_path: Path) -> None:
    setting = PlanSetting("j", tmp_path, encryption_key="env:SKILLBANK_ENCRYPTION_KEY")
    request = JobRequest("toy_skill", "train", data={"all": str(dataset(tmp_path))})

    assert plan_job(request, TOY, setting).spec["encryption_key"] == "env:SKILLBANK_ENCRYPTION_KEY"


def test_a_trial_is_planned_with_its_epoch_budget(tmp_path: Path) -> None:
    setting = PlanSetting("j", tmp_path, trial=Trial(tmp_path, num_epochs=3))
    request = JobRequest("toy_skill", "train", data={"all": str(dataset(tmp_path))})

    spec = plan_job(request, TOY, setting).spec["train"]

    assert (spec["num_epochs"], spec["warmup_epochs"]) == (3, 3)


def test_the_route_is_decided_with_its_reason(tmp_path: Path) -> None:
    made = plan(tmp_path, automl_policy=AutomlPolicy.OFF)

    assert (made.route, made.automl_policy) == (Route.DIRECT, "off")
    assert made.reason == "AutoML is off for this run."


def test_a_resumed_job_goes_on_from_its_own_newest_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "base.pth").touch()
    made = plan(tmp_path, base_checkpoint=str(tmp_path / "base.pth"))
    for epoch in range(2):
        record(made.results, checkpoint_name(epoch), epoch=epoch)

    resumed = resume_plan(made, TOY)

    assert resumed.spec["train"]["resume_path"] == str(made.results / checkpoint_name(1))
    assert resumed.origins["train.resume_path"] == "inference resume_model"
    assert resumed.spec["model"]["pretrained_path"] == ""
    assert (resumed.job_id, resumed.folder) == (made.job_id, made.folder)
    assert made.spec["train"]["resume_path"] == ""


def test_a_job_that_left_nothing_is_resumed_from_its_start(tmp_path: Path) -> None:
    made = plan(tmp_path)

    assert resume_plan(made, TOY) == made


def test_an_action_without_a_resume_key_is_simply_run_again(tmp_path: Path) -> None:
    made = plan(tmp_path, "evaluate", checkpoint=None)
    record(made.results, checkpoint_name(0), epoch=0)

    assert resume_plan(made, TOY) == made


def test_equal_requests_have_one_hash_whatever_their_key(tmp_path: Path) -> None:
    request = JobRequest("toy_skill", "train", spec={1: Path("/x"), "d": date(2026, 1, 1)})

    assert request.hash == replace(request, idempotency_key="k").hash
    assert request.hash != replace(request, overrides={"a": 1}).hash
    assert plan(tmp_path).request_hash == plan(tmp_path, job_id="other").request_hash


WISHES = st.fixed_dictionaries(
    {},
    optional={
        "train.num_epochs": st.integers(1, 10**6),
        "train.optim.lr": st.floats(1e-9, 1.0, exclude_min=True),
        "dataset.label_map": st.dictionaries(st.text(), st.integers()),
        "dataset.train_path": st.just("s3://bucket/ä.npy"),
        "train.optim.steps": st.lists(st.integers()),
    },
)


@given(WISHES)
def test_a_plan_survives_the_way_through_json(wishes: dict[str, Any]) -> None:
    setting = PlanSetting("job1", Path("/jobs"), gpus=1)
    data = {"all": "s3://bucket/data"}

    made = plan_job(JobRequest("toy_skill", "train", data=data, overrides=wishes), TOY, setting)
    read = JobPlan.from_json(made.to_json())

    assert read == made
    assert read.hash == made.hash


def test_a_plan_that_was_changed_is_refused(tmp_path: Path) -> None:
    content = json.loads(plan(tmp_path).to_json())
    content["downloads"] = {}

    with pytest.raises(PlanInvalid, match="was changed after it was made"):
        JobPlan.from_json(json.dumps(content))


def test_planning_takes_less_than_50_ms_after_the_imports() -> None:
    """In a process of its own: the first plan there pays for reading the skill folder too."""
    code = f"""
import jsonschema, time, sys
from pathlib import Path
from skillbank.documents import parse_yaml
import skillbank.skill_info
from skillbank.planner import PlanSetting, plan_job
from skillbank.request import JobRequest
from skillbank.skill import Skill
request = JobRequest("toy_skill", "train", data={{"all": "s3://bucket/data"}})
took = []
for _ in range(5):
    start = time.process_time()
    plan_job(request, Skill(Path({str(FOLDER)!r})), PlanSetting("j", Path("/jobs")))
    took.append(time.process_time() - start)
print(min(took))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert float(done.stdout) < 0.05
