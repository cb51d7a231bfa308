"""What the driver of a workflow does about a job that could not be started, or is being resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.sdk.workflows.conftest import InstantPlatform, make_instant_client, states, train

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.errors import JobConflict, JobElsewhere, PlatformError
from skillbank.job import Job
from skillbank.plan import JobPlan
from skillbank.workflows.driver import COMPLETE_EXIT, FAILED_EXIT, Driver
from skillbank.workflows.folder import WorkflowFolder, create_folder


class FullOnce(InstantPlatform):
    """Has no room for the first job that it is given."""

    is_full = True

    def submit(self, plan: JobPlan, attempt: int) -> None:
        if self.is_full:
            self.is_full = False
            raise PlatformError("no room for the job")
        super().submit(plan, attempt)


class BusyOnce(Client):
    """Another process resumes a job when it is first asked to."""

    is_busy = True
    is_elsewhere = False

    def resume(self, job_id: str, pause_after: int | None = None, **more: Any) -> Job:
        if self.is_elsewhere:
            raise JobElsewhere("another machine resumed it")
        if self.is_busy:
            self.is_busy = False
            raise JobConflict("another process resumes it right now")
        return super().resume(job_id, pause_after, **more)


@pytest.fixture
def client(tmp_path: Path) -> Client:
    bank: SkillBank = make_instant_client(tmp_path / "root").bank
    platforms = {"local": FullOnce(tmp_path / "root")}
    return BusyOnce(tmp_path / "root", bank=bank, platforms=platforms)


@pytest.fixture
def folder(client: Client) -> WorkflowFolder:
    """A workflow of one step that its platform had no room for."""
    plan = client.plan_workflow({"steps": [train()]})
    with create_folder(plan) as (folder, _):
        folder.attempt(1).path.mkdir(parents=True)
    assert Driver(client, folder, 0).run() == FAILED_EXIT
    return folder


def test_a_step_whose_job_could_not_be_started_is_that_jobs_error(
    client: Client, folder: WorkflowFolder
) -> None:
    found = client.workflow(folder.path.name)

    assert states(found) == ["ERROR"]
    assert found.steps[0].job_id is not None
    assert found.steps[0].detail.startswith("no room for the job. Nothing of job ")
    assert "no room for the job" in folder.outcome(1)


def test_a_job_that_another_process_resumes_is_looked_at_again(
    client: Client, folder: WorkflowFolder
) -> None:
    folder.attempt(2).path.mkdir()

    assert Driver(client, folder, 0).run() == COMPLETE_EXIT
    (step,) = client.workflow(folder.path.name).steps
    assert (step.state, step.attempt) == ("COMPLETE", 2)


def test_a_job_that_went_on_on_another_machine_is_not_waited_for(
    client: BusyOnce, folder: WorkflowFolder
) -> None:
    """Asking again and again would keep the workflow running for as long as the other does."""
    folder.attempt(2).path.mkdir()
    client.is_elsewhere = True

    assert Driver(client, folder, 0).run() == FAILED_EXIT
    assert "another machine resumed it" in folder.outcome(2)
