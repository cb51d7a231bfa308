"""What a workflow's plan decides and refuses before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.toy import RecordingPlatform
from tests.sdk.workflows.conftest import evaluate, make_instant_client, train

from skillbank.client import Client
from skillbank.errors import (
    JobConflict,
    PlanInvalid,
    SkillbankError,
    SpecInvalid,
    WorkflowNotFound,
)
from skillbank.workflows.folder import create_folder
from skillbank.workflows.workflow import StepState, WorkflowState
from skillbank.workflows.workflow_plan import WorkflowPlan

POSE = "tao-train-pose-classification"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Skills of the bowl."""
    return make_instant_client(tmp_path / "root")


@pytest.fixture
def shipped(tmp_path: Path) -> Client:
    """The shipped skills, on a machine that starts nothing."""
    return Client(tmp_path / "root", platforms={"local": RecordingPlatform()})


@pytest.fixture
def data(tmp_path: Path) -> str:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        (folder / name).touch()
    return str(folder)


def problems(client: Client, *steps: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecInvalid) as caught:
        client.plan_workflow({"steps": list(steps)})
    return list(caught.value.problems)


def pose(action: str, **request: Any) -> dict[str, Any]:
    return {"skill": POSE, "action": action, **request}


def test_a_step_without_a_parent_is_planned_in_full_and_nothing_is_written(client: Client) -> None:
    plan = client.plan_workflow({"steps": [train(), evaluate()]}, name="flow")

    assert plan.request.name == "flow"
    assert plan.steps[0].plan is not None
    assert plan.steps[0].plan.idempotency_key == f"{plan.workflow_id}/0"
    assert plan.steps[1].plan is None
    assert not plan.folder.parent.exists()
    assert not (client.root / "jobs").exists()


def test_a_plan_survives_json_and_tells_a_change(client: Client) -> None:
    plan = client.plan_workflow({"steps": [train(), evaluate(checkpoint="latest")]})
    text = plan.to_json()

    again = WorkflowPlan.from_json(text)
    changed = json.loads(text)
    changed["request"]["steps"][1]["checkpoint"] = "best"
    inner = json.loads(text)
    inner["steps"][0]["plan"]["spec"]["train"]["num_epochs"] = 1000

    assert (again, again.hash) == (plan, plan.hash)
    with pytest.raises(PlanInvalid, match="was changed after it was made"):
        WorkflowPlan.from_json(json.dumps(changed))
    with pytest.raises(PlanInvalid, match=r"plan of job train-\w+ was changed"):
        WorkflowPlan.from_json(json.dumps(inner))
    for broken in ("{", "[]", "{}", json.dumps({**json.loads(text), "steps": 3})):
        with pytest.raises(PlanInvalid, match="is not a saved plan of a workflow"):
            WorkflowPlan.from_json(broken)


def test_problems_of_all_steps_are_told_at_once(client: Client) -> None:
    told = problems(
        client,
        train(overrides={"train.num_epoch": 3, "train.depth": 99}),
        evaluate(0, overrides={"nothing": 1}),
        {"skill": "bowl-trian", "action": "train"},
        evaluate(2, data={"val": "/nowhere"}),
        evaluate(3),
        {"skill": "bowl-train", "action": "exprot", "parent": 0},
        evaluate(None),
        train(idempotency_key="mine"),
        train(platform="moon"),
    )

    assert [each.partition(":")[0] for each in told] == [
        *["steps[0]"] * 2,
        *[f"steps[{index}]" for index in range(1, 9)],
    ]
    assert told[0].endswith("train.num_epoch: no such key; did you mean 'train.num_epochs'?")
    assert "train.depth: 99 is not allowed" in told[1]
    assert "nothing: no such key" in told[2]
    assert "no skill is named 'bowl-trian'; did you mean 'bowl-train'?" in told[3]
    assert "/nowhere: there is no such folder" in told[4]
    assert "steps[3] is bowl-train evaluate; evaluate takes a parent of: train" in told[5]
    assert "has no action 'exprot'" in told[6]
    assert "a checkpoint is required" in told[7]
    assert "idempotency_key: a workflow gives its steps keys of their own" in told[8]
    assert "no platform is named 'moon'" in told[9]


def test_an_epoch_that_the_parent_will_not_train_is_refused(client: Client) -> None:
    nine_epochs = train()

    (told,) = problems(client, nine_epochs, evaluate(checkpoint="epoch=9"))

    assert "'epoch=9' of steps[0] is asked for, which trains 9 epochs" in told
    assert "expected epoch=0 to epoch=8" in told


@pytest.mark.parametrize("checkpoint", ["epoch=0", "step=1", "model_epoch_000_step_00001.pth"])
def test_of_a_search_only_the_best_can_be_asked_for(client: Client, checkpoint: str) -> None:
    searched = train(automl_policy="on", automl={"max_recommendations": 1})

    (told,) = problems(client, searched, evaluate(checkpoint=checkpoint))

    assert "which is a search and leaves its best checkpoint only" in told
    assert client.plan_workflow({"steps": [searched, evaluate(checkpoint="best")]})


@pytest.mark.parametrize(
    "checkpoint", ["best", "latest", "epoch=8", "step=77", "model_epoch_004_step_00005.pth"]
)
def test_what_the_parent_may_leave_can_be_asked_for(client: Client, checkpoint: str) -> None:
    assert client.plan_workflow({"steps": [train(), evaluate(checkpoint=checkpoint)]})


def test_a_checkpoint_elsewhere_must_be_there(client: Client, tmp_path: Path) -> None:
    (told,) = problems(client, train(), evaluate(checkpoint=str(tmp_path / "nowhere.pth")))

    assert "nowhere.pth: no such file, nor in the results of steps[0]" in told


def test_structural_settings_of_the_parent_are_compared(shipped: Client, data: str) -> None:
    (told,) = problems(
        shipped,
        pose("train", data={"all": data}, overrides={"num_classes": 4}, automl_policy="off"),
        pose("evaluate", data={"all": data}, overrides={"num_classes": 5}, parent=0),
    )

    assert told.startswith("steps[1]: dataset.num_classes: 5 was given")
    assert "but the parent steps[0] was run with 4" in told


def test_an_action_that_is_fed_by_another_kind_of_parent_is_refused(
    shipped: Client, data: str
) -> None:
    train_step = pose("train", data={"all": data}, automl_policy="off")

    (told,) = problems(
        shipped,
        train_step,
        pose("export", parent=0),
        pose("evaluate", data={"all": data}, parent=1),
    )

    assert told.startswith(f"steps[2]: parent: steps[1] is {POSE} export; evaluate takes")


def test_data_that_an_earlier_step_will_make_is_not_missed(shipped: Client, data: str) -> None:
    poses = Path(data) / "poses.json"
    poses.write_text("[]")
    convert = pose("dataset_convert", overrides={"dataset_convert.data": str(poses)})

    plan = shipped.plan_workflow({"steps": [convert, pose("train", parent=0)]})

    assert [step.route.value for step in plan.steps] == ["direct", "automl"]


def test_a_secret_in_plain_text_is_not_kept(shipped: Client, data: str) -> None:
    spec = {"encryption_key": "open sesame", "train": {"num_epochs": 3}}
    steps = [
        pose("train", data={"all": data}, spec=spec, automl_policy="off"),
        pose("export", parent=0, spec={"encryption_key": "env:MY_KEY"}),
    ]

    plan = shipped.plan_workflow({"steps": steps})

    assert "open sesame" not in plan.to_json()
    assert "env:MY_KEY" in plan.to_json()
    assert plan.wanted[0].request.spec == {"train": {"num_epochs": 3}}
    assert any("secret in the spec file was left out" in note for note in plan.steps[0].notes)


def test_a_job_that_exists_may_be_a_parent(client: Client) -> None:
    job = client.create_job(**train())

    plan = client.plan_workflow({"steps": [evaluate(None, parent_job_id=job.id)]})

    assert plan.steps[0].plan is not None
    assert plan.steps[0].plan.parent_job_id == job.id


def test_a_plan_for_another_root_is_refused(client: Client, tmp_path: Path) -> None:
    plan = make_instant_client(tmp_path / "other").plan_workflow({"steps": [train()]})

    with pytest.raises(PlanInvalid, match="this client keeps its workflows below"):
        client.submit_workflow(plan)


def test_a_plan_makes_one_workflow(client: Client) -> None:
    plan = client.plan_workflow({"steps": [train()]})
    with create_folder(plan) as (folder, _):
        folder.attempt(1).path.mkdir(parents=True)

    with pytest.raises(JobConflict, match="was already submitted; a plan makes one workflow"):
        client.submit_workflow(plan)


def test_a_key_belongs_to_one_request(client: Client) -> None:
    plan = client.plan_workflow({"steps": [train()]}, idempotency_key="once")
    with create_folder(plan) as (folder, _):
        folder.attempt(1).path.mkdir(parents=True)

    same = client.create_workflow({"steps": [train()]}, name="again", idempotency_key="once")

    assert same.id == plan.workflow_id
    with pytest.raises(JobConflict, match=r"'once' belongs to workflow .* other steps"):
        client.create_workflow({"steps": [train(), evaluate()]}, idempotency_key="once")


def test_of_two_requests_that_claim_a_key_at_once_one_is_refused(tmp_path: Path) -> None:
    class Late(Client):
        """Looks for an earlier workflow just before another process submits it."""

        def _find_earlier(self, *_: object) -> None:
            return None

    client = make_instant_client(tmp_path / "root", Late)
    first, second = (
        client.plan_workflow({"steps": steps}, idempotency_key="once")
        for steps in ([train()], [train(), evaluate()])
    )
    with create_folder(first) as (folder, _):
        folder.attempt(1).path.mkdir(parents=True)

    assert client.submit_workflow(first).id == first.workflow_id
    with pytest.raises(JobConflict, match=r"'once' belongs to workflow .* other steps"):
        client.submit_workflow(second)


def test_workflows_are_listed_newest_first_and_found_by_their_beginning(client: Client) -> None:
    plans = [client.plan_workflow({"steps": [train()]}) for _ in range(3)]
    for plan in plans:
        with create_folder(plan) as (folder, _):
            folder.attempt(1).path.mkdir(parents=True)

    listed = client.workflows(limit=2)

    assert [each.id for each in listed] == [plans[2].workflow_id, plans[1].workflow_id]
    assert client.workflow(plans[0].workflow_id[:-1]).id == plans[0].workflow_id
    assert client.workflow_plan_of(plans[0].workflow_id) == plans[0]
    with pytest.raises(WorkflowNotFound, match="more than one workflow begins with 'workflow-'"):
        client.workflow("workflow-")
    with pytest.raises(WorkflowNotFound, match="'skillbank workflow list' lists them"):
        client.workflow("nowhere")


def test_a_root_without_workflows_has_none(client: Client) -> None:
    assert client.workflows() == []
    with pytest.raises(SkillbankError, match="known: none"):
        client.workflow("workflow-x")


def test_a_workflow_whose_folder_is_gone_says_so(client: Client) -> None:
    plan = client.plan_workflow({"steps": [train()]})
    with create_folder(plan) as (folder, _):
        pass
    (folder.path / "plan.json").unlink()

    with pytest.raises(WorkflowNotFound, match="moved or deleted"):
        client.workflow(plan.workflow_id)


@pytest.mark.parametrize("state", list(WorkflowState))
def test_only_what_ended_and_is_not_complete_can_be_resumed(state: WorkflowState) -> None:
    ends_badly = {"ERROR", "CANCELED", "LOST"}

    assert state.is_failure == state.can_resume == (state.value in ends_badly)
    assert state.is_final == (state.value in {*ends_badly, "COMPLETE"})


@pytest.mark.parametrize("state", list(StepState))
def test_a_step_holds_up_what_builds_on_it_or_is_its_way(state: StepState) -> None:
    goes_on = {"WAITING", "PENDING", "QUEUED", "RUNNING"}

    assert state.is_settled == (state.value not in goes_on)
    assert state.is_failure == (state.is_settled and state is not StepState.COMPLETE)
    assert state.is_cause == (state.is_failure and state is not StepState.BLOCKED)


def test_a_workflow_whose_plan_was_changed_hides_no_other_from_the_list(client: Client) -> None:
    plans = [client.plan_workflow({"steps": [train()]}) for _ in range(2)]
    for plan in plans:
        with create_folder(plan) as (folder, _):
            folder.attempt(1).path.mkdir(parents=True)
    damaged = plans[0].folder / "plan.json"
    damaged.write_text(damaged.read_text(encoding="utf-8")[:-20], encoding="utf-8")

    newest, oldest = client.workflows()

    assert newest.id == plans[1].workflow_id
    assert (oldest.id, oldest.state) == (plans[0].workflow_id, WorkflowState.ERROR)
    assert "not a saved plan of a workflow" in oldest.detail
