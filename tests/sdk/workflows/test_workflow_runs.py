"""A workflow from its start to its end, in real processes; each takes 2 s, most of it imports."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.sdk.workflows.conftest import (
    PATIENCE_S,
    Bowl,
    evaluate,
    search_bowl,
    states,
    train,
)

from skillbank.errors import JobConflict, JobUnfinished
from skillbank.job import JobState
from skillbank.workflows.workflow import StepState, WorkflowState


def test_each_step_is_a_job_with_its_parent(bowl: Bowl) -> None:
    client = bowl.client

    made = client.create_workflow({"steps": [train(), evaluate("train"), evaluate(0)]})
    done = client.wait_workflow(made.id, PATIENCE_S)

    assert (done.state, done.detail, done.num_complete) == (WorkflowState.COMPLETE, "", 3)
    jobs = [client.job(step.job_id or "") for step in done.steps]
    assert [job.parent_job_id for job in jobs] == [None, jobs[0].id, jobs[0].id]
    assert all(job.state is JobState.COMPLETE for job in jobs)
    plans = [client.plan_of(job.id) for job in jobs]
    assert [plan.idempotency_key for plan in plans] == [f"{made.id}/{i}" for i in range(3)]
    used = Path(plans[1].spec["evaluate"]["checkpoint"])
    assert used.parent == jobs[0].results


def test_the_process_that_advances_holds_no_place_that_a_step_needs(tmp_path: Path) -> None:
    with search_bowl(tmp_path / "root", num_slots=1) as narrow:
        made = narrow.client.create_workflow({"steps": [train(), evaluate()]})

        done = narrow.client.wait_workflow(made.id, PATIENCE_S)

    assert done.state is WorkflowState.COMPLETE


def test_steps_that_do_not_build_on_a_failed_one_go_on(bowl: Bowl) -> None:
    broken = train(overrides={"train.fail_above": 0.01})
    steps = [broken, evaluate(0), train(), evaluate(2), evaluate(0)]

    made = bowl.client.create_workflow({"steps": steps})
    done = bowl.client.wait_workflow(made.id, PATIENCE_S)

    assert done.state is WorkflowState.ERROR
    assert states(done) == ["ERROR", "BLOCKED", "COMPLETE", "COMPLETE", "BLOCKED"]
    job = done.steps[0].job_id
    assert f"step 0 (train) is ERROR, job {job}: the bowl broke at learning rate" in done.detail
    assert "step 1 (evaluate), step 4 (evaluate) were not run for it" in done.detail
    assert f"'skillbank workflow resume {made.id}'" in done.detail


def test_a_mended_failure_goes_on_and_what_is_complete_is_not_run_again(
    bowl: Bowl, tmp_path: Path
) -> None:
    client, data = bowl.client, tmp_path / "data"
    data.mkdir()
    (data / "val.txt").write_text("no number")
    steps = [train(), evaluate(0, data={"val": str(data)})]
    made = client.create_workflow({"steps": steps})
    failed = client.wait_workflow(made.id, PATIENCE_S)
    assert states(failed) == ["COMPLETE", "ERROR"]

    (data / "val.txt").write_text("0.5")
    resumed = client.resume_workflow(made.id)
    done = client.wait_workflow(made.id, PATIENCE_S)

    assert resumed.attempt == 2
    assert (done.state, states(done)) == (WorkflowState.COMPLETE, ["COMPLETE", "COMPLETE"])
    assert [step.attempt for step in done.steps] == [1, 2]
    assert [step.job_id for step in done.steps] == [step.job_id for step in failed.steps]


def test_a_step_that_cannot_be_planned_any_more_is_refused_until_it_can(
    gated: Bowl, tmp_path: Path
) -> None:
    client, data = gated.client, tmp_path / "data"
    data.mkdir()
    (data / "val.txt").write_text("0.5")
    gated.gates.close("-e0")
    held = train(overrides={"train.gates": str(gated.gates.folder)})
    made = client.create_workflow({"steps": [held, evaluate(0, data={"val": str(data)})]})
    gated.gates.wait_for("-e0")

    shutil.move(data, tmp_path / "moved")
    gated.gates.open("-e0")
    failed = client.wait_workflow(made.id, PATIENCE_S)
    shutil.move(tmp_path / "moved", data)
    client.resume_workflow(made.id)
    done = client.wait_workflow(made.id, PATIENCE_S)

    assert states(failed) == ["COMPLETE", "REFUSED"]
    assert "step 1 (evaluate) could not be started" in failed.detail
    assert "there is no such folder" in failed.detail
    assert (done.state, [step.attempt for step in done.steps]) == (WorkflowState.COMPLETE, [1, 1])


def test_what_was_planned_is_run_and_its_paths_count_from_where_it_was_planned(
    bowl: Bowl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "val.txt").write_text("0.5")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    plan = bowl.client.plan_workflow({"steps": [train(), evaluate(0, data={"val": "data"})]})

    monkeypatch.chdir(tmp_path / "elsewhere")
    made = bowl.client.submit_workflow(plan)
    done = bowl.client.wait_workflow(made.id, PATIENCE_S)

    assert done.detail == ""
    assert plan.steps[0].plan is not None
    assert done.steps[0].job_id == plan.steps[0].plan.job_id
    used = bowl.client.plan_of(done.steps[1].job_id or "").spec["evaluate"]["data"]
    assert used == str(tmp_path / "data" / "val.txt")


# A search of two trainings and its final evaluations: 5 s.
def test_a_search_is_a_parent_like_any_other(bowl: Bowl) -> None:
    searched = {
        "skill": "bowl-train",
        "action": "train",
        "overrides": {"num_epochs": 2},
        "automl": {"algorithm": "random", "max_recommendations": 1, "final_evaluation": False},
    }

    made = bowl.client.create_workflow({"steps": [searched, evaluate()]})
    done = bowl.client.wait_workflow(made.id, PATIENCE_S)

    assert done.detail == ""
    search, measured = (bowl.client.job(step.job_id or "") for step in done.steps)
    assert (search.route, measured.parent_job_id) == ("automl", search.id)


def test_a_running_workflow_is_told_apart_and_left_alone(gated: Bowl) -> None:
    client = gated.client
    gated.gates.close("-e0")
    held = train(overrides={"train.gates": str(gated.gates.folder)})
    made = client.create_workflow({"steps": [held, evaluate()]})
    gated.gates.wait_for("-e0")

    with pytest.raises(JobUnfinished, match=r"is still RUNNING after 0.1 s; it goes on"):
        client.wait_workflow(made.id, 0.1)
    with pytest.raises(JobConflict, match="only a workflow that has ended can be resumed"):
        client.resume_workflow(made.id)
    running = client.workflow(made.id[:-2])
    assert (running.state, states(running)) == (WorkflowState.RUNNING, ["RUNNING", "WAITING"])

    gated.gates.open("-e0")
    assert client.wait_workflow(made.id, PATIENCE_S).state is WorkflowState.COMPLETE
    with pytest.raises(JobConflict, match="is COMPLETE, so there is nothing to resume"):
        client.resume_workflow(made.id)


def test_a_cancelled_workflow_stops_its_steps_and_can_go_on(gated: Bowl) -> None:
    client = gated.client
    gated.gates.close("-e1")
    held = train(overrides={"train.gates": str(gated.gates.folder)})
    made = client.create_workflow({"steps": [held, evaluate()]})
    gated.gates.wait_for("-e1")

    canceled = client.cancel_workflow(made.id)
    again = client.cancel_workflow(made.id)
    gated.gates.open("-e1")
    client.resume_workflow(made.id)
    done = client.wait_workflow(made.id, PATIENCE_S)

    assert (canceled.state, states(canceled)) == (WorkflowState.CANCELED, ["CANCELED", "BLOCKED"])
    assert again == canceled
    assert (done.state, [step.attempt for step in done.steps]) == (WorkflowState.COMPLETE, [2, 1])


def test_news_come_from_every_step_in_turn(gated: Bowl) -> None:
    gated.gates.close("-e0")
    held = train(overrides={"train.gates": str(gated.gates.folder)})
    made = gated.client.create_workflow({"steps": [held, evaluate()], "name": "followed"})

    follow = gated.client.follow_workflow(made.id, every_s=0.02)
    first = next(follow)
    gated.gates.open("-e0")
    news = [first, *follow]

    assert news[-1].workflow.state is WorkflowState.COMPLETE
    lines = {0: [], 1: []}
    for one in news:
        for step in one.steps:
            lines[step.index] += step.lines
    epochs = [line["epoch"] for line in lines[0] if "epoch" in line]
    assert epochs == [*range(9)]
    assert [line for line in lines[1] if line["message"] == "evaluated"]
    told = [state for one in news for state in [one.workflow.steps[1].state]]
    assert told[0] is StepState.WAITING
    assert told[-1] is StepState.COMPLETE
    assert [one.workflow.name for one in news[:1]] == ["followed"]
    after = [*gated.client.follow_workflow(made.id)]
    assert [one.steps for one in after] == [()]
