"""`kill -9` of whoever advances a workflow, of its steps, or of both: resumed, it completes.

No step is lost and none is started twice. With real processes a test takes 3 s; where a kill
stands at each event in turn, jobs complete at once instead.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.sdk.workflows.conftest import (
    PATIENCE_S,
    Bowl,
    evaluate,
    kill_driver,
    kill_supervisor,
    make_instant_client,
    states,
    supervisor_pid,
    train,
)

from skillbank.client import Client
from skillbank.workflows.driver import COMPLETE_EXIT, Driver
from skillbank.workflows.folder import WorkflowFolder, create_folder
from skillbank.workflows.workflow import StepState, Workflow, WorkflowState

KILLED = signal.SIGKILL.value  # as waitpid tells it


def start_held(gated: Bowl, gate: str = "-e1") -> Workflow:
    """A workflow whose training stands at a gate."""
    gated.gates.close(gate)
    held = train(overrides={"train.gates": str(gated.gates.folder)})
    made = gated.client.create_workflow({"steps": [held, evaluate(), evaluate()]})
    gated.gates.wait_for(gate)
    return gated.client.workflow(made.id)


def assert_whole(client: Client, done: Workflow) -> None:
    """Every step is complete, and nothing was started that is no step."""
    assert (done.state, states(done)) == (WorkflowState.COMPLETE, ["COMPLETE"] * 3)
    children = [job for job in client.jobs(1000) if job.parent_job_id == done.steps[0].job_id]
    assert sorted(job.id for job in children) == sorted(s.job_id or "" for s in done.steps[1:])


def test_a_killed_driver_is_seen_at_once_and_its_step_goes_on(gated: Bowl) -> None:
    client = gated.client
    running = start_held(gated)

    kill_driver(running)
    lost = client.workflow(running.id)
    gated.gates.open("-e1")
    trained = client.wait(running.steps[0].job_id or "", PATIENCE_S)

    assert lost.state is WorkflowState.LOST
    assert states(lost) == ["RUNNING", "WAITING", "WAITING"]
    assert f"'skillbank workflow resume {running.id}'" in lost.detail
    assert trained.attempt == 1
    later = client.workflow(running.id)
    assert (later.state, states(later)) == (WorkflowState.LOST, ["COMPLETE", "WAITING", "WAITING"])

    client.resume_workflow(running.id)
    done = client.wait_workflow(running.id, PATIENCE_S)
    assert_whole(client, done)
    assert [step.attempt for step in done.steps] == [1, 1, 1]


def test_a_driver_resumed_while_its_step_runs_follows_it(gated: Bowl) -> None:
    running = start_held(gated)
    kill_driver(running)

    resumed = gated.client.resume_workflow(running.id)
    gated.gates.open("-e1")
    done = gated.client.wait_workflow(running.id, PATIENCE_S)

    assert resumed.attempt == 2
    assert_whole(gated.client, done)
    assert [step.attempt for step in done.steps] == [1, 1, 1]


def test_the_driver_alone_can_be_killed_too(gated: Bowl) -> None:
    running = start_held(gated)
    supervisor = psutil.Process(supervisor_pid(running))  # type: ignore[arg-type]  # same files
    # Jobs that outlive their starter are children of it too: the driver is the one with the name.
    (driver,) = (p for p in supervisor.children() if "skillbank.workflows" in p.cmdline())

    driver.kill()
    lost = gated.client.wait_workflow(running.id, PATIENCE_S)
    gated.gates.open("-e1")
    gated.client.resume_workflow(running.id)
    done = gated.client.wait_workflow(running.id, PATIENCE_S)

    assert lost.state is WorkflowState.LOST
    assert "SIGKILL" in lost.detail
    assert_whole(gated.client, done)


def test_a_killed_step_is_told_and_resumed_from_its_checkpoint(gated: Bowl) -> None:
    client = gated.client
    running = start_held(gated)

    kill_supervisor(client, running.steps[0])
    failed = client.wait_workflow(running.id, PATIENCE_S)
    gated.gates.open("-e1")
    client.resume_workflow(running.id)
    done = client.wait_workflow(running.id, PATIENCE_S)

    assert failed.state is WorkflowState.ERROR
    assert states(failed) == ["LOST", "BLOCKED", "BLOCKED"]
    assert "step 0 (train) is LOST" in failed.detail
    assert_whole(client, done)
    assert [step.attempt for step in done.steps] == [2, 1, 1]
    epochs = [
        line["epoch"] for line in client.events(done.steps[0].job_id or "") if "epoch" in line
    ]
    assert epochs[0] == 1


def test_driver_and_step_killed_together_go_on_together(gated: Bowl) -> None:
    client = gated.client
    running = start_held(gated)

    kill_driver(running)
    kill_supervisor(client, running.steps[0])
    lost = client.workflow(running.id)
    gated.gates.open("-e1")
    client.resume_workflow(running.id)
    news = [*client.follow_workflow(running.id, every_s=0.02)]
    done = news[-1].workflow

    # What failed before is not told once more: it is about to go on.
    assert not any(step.state.is_failure for one in news for step in one.workflow.steps)
    assert {step.job.attempt for one in news for step in one.steps if step.index == 0} == {2}
    assert (lost.state, lost.steps[0].state) == (WorkflowState.LOST, StepState.LOST)
    assert_whole(client, done)
    assert [step.attempt for step in done.steps] == [2, 1, 1]


def test_steps_of_a_lost_workflow_can_be_cancelled(gated: Bowl) -> None:
    running = start_held(gated)
    kill_driver(running)

    stopped = gated.client.cancel_workflow(running.id)

    assert (stopped.state, stopped.steps[0].state) == (WorkflowState.LOST, StepState.CANCELED)
    gated.gates.open("-e1")


def die_at(fatal: int) -> None:
    """SIGKILL this process at its `fatal`-th event: a file opened, renamed, locked, ..."""
    seen = 0

    def hook(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run_in_child(work: Callable[[], object]) -> int:
    """Do something in a child that may die of it; what waitpid tells of its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a child of pytest must not go on as pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def drive(root: Path, folder: WorkflowFolder, fatal: int) -> None:
    """Advance a workflow, and be killed at an event."""
    client = make_instant_client(root)
    driver = Driver(client, folder, 0)
    die_at(fatal)
    assert driver.run() == COMPLETE_EXIT


# A workflow per kill, at every eleventh event of a driver: 100 kills in 8 s.
def test_a_driver_killed_at_any_moment_starts_each_step_once(tmp_path: Path) -> None:
    client = make_instant_client(tmp_path / "root")
    end, kills = KILLED, 0

    for fatal in range(1, 3000, 11):
        plan = client.plan_workflow({"steps": [train(), evaluate(0), evaluate(0)]})
        with create_folder(plan) as (folder, _):
            folder.attempt(1).path.mkdir(parents=True)
        end = run_in_child(lambda at=fatal: drive(client.root, folder, at))  # type: ignore[misc]
        if end == KILLED:
            kills += 1
            folder.attempt(2).path.mkdir()
            assert Driver(client, folder, 0).run() == COMPLETE_EXIT
        found = client.workflow(plan.workflow_id)
        assert states(found) == ["COMPLETE"] * 3
        platform = client.platforms["local"]
        mine = [line for line in platform.starts() if line.startswith(found.id)]  # type: ignore[attr-defined]
        jobs = {tuple(line.split()[:2]) for line in mine}
        expected = {(f"{found.id}/{step.index}", step.job_id) for step in found.steps}
        assert jobs == expected
        assert len(mine) == len(set(mine))  # a further start is a further attempt
        if end == 0:
            break

    assert (end, kills > 50) == (0, True)
    assert len(client.jobs(10_000)) == 3 * (kills + 1)


@pytest.mark.parametrize("fatal", [1, 8, 15, 22, 29, 40])
def test_a_creator_killed_at_any_moment_can_be_asked_again(bowl: Bowl, fatal: int) -> None:
    client = bowl.client
    request = {"steps": [train(overrides={"train.epoch_s": 60})]}
    key = f"killed at {fatal}"
    plan = client.plan_workflow(request, idempotency_key=key)

    def create() -> None:
        die_at(fatal)
        Client(client.root, bank=client.bank, platforms=client.platforms).submit_workflow(plan)

    end = run_in_child(create)
    made = client.create_workflow(request, idempotency_key=key)
    again = client.create_workflow(request, idempotency_key=key)
    client.cancel_workflow(made.id)

    assert end in {0, KILLED}
    assert made.id == again.id == plan.workflow_id
    assert [each.id for each in client.workflows(1000)].count(made.id) == 1
    assert made.state is not WorkflowState.COMPLETE


def test_a_workflow_that_was_never_started_is_lost_and_can_be_resumed(bowl: Bowl) -> None:
    client = bowl.client
    plan = client.plan_workflow({"steps": [train()]})
    with create_folder(plan):
        pass  # killed before it started anything

    lost = client.workflow(plan.workflow_id)
    client.resume_workflow(lost.id)
    done = client.wait_workflow(lost.id, PATIENCE_S)

    assert (lost.state, lost.attempt, states(lost)) == (WorkflowState.LOST, 0, ["WAITING"])
    assert "before it was started" in lost.detail
    assert (done.state, done.attempt) == (WorkflowState.COMPLETE, 1)
