"""Plan a workflow, submit it, follow it, stop it, resume it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from skillbank.bank import shipped
from skillbank.errors import (
    JobConflict,
    JobUnfinished,
    PlanInvalid,
    PlatformError,
)
from skillbank.job_client import JobClient
from skillbank.platforms.attempt import Order
from skillbank.platforms.detached import Supervisors
from skillbank.platforms.strays import kill_strays
from skillbank.request import check_count, check_timeout
from skillbank.settings import environment_of_jobs, read_settings
from skillbank.workflow_request import WorkflowRequest
from skillbank.workflows.folder import WorkflowFolder, create_folder, find_folder, list_folders
from skillbank.workflows.following import StepFollower, follow
from skillbank.workflows.planning import Planners, plan_workflow, written_form
from skillbank.workflows.progress import find_step_job, look, look_at_any
from skillbank.workflows.workflow import Workflow, WorkflowId, WorkflowNews, WorkflowState
from skillbank.workflows.workflow_plan import WorkflowPlan

_GRACE_S = 15.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
_LETTERS_OF_KEY = 16


class WorkflowClient(JobClient):
    """Runs workflows below the same root as their jobs; `Client` is what callers make."""

    _supervisors: Supervisors | None = None

    def plan_workflow(
        self,
        request: WorkflowRequest | Mapping[str, Any] | Path | str,
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> WorkflowPlan:
        """Decide everything about a workflow that can be decided now, and run nothing.

        Steps that build on no other are planned in full. The others are planned against what their
        parent says it will leave, and for good when it is complete.

        Args:
            request: The wanted steps, as a request, as JSON has it, or as the path of a YAML file.
            name: What it is called in listings.
            idempotency_key: A second workflow under the same key is the first one.

        Raises:
            SpecInvalid: Steps cannot be run; every problem of every step is listed.
            RequestInvalid: The request holds no steps.
        """
        wanted = _read_request(request, name)
        planners = Planners(
            root=self.root,
            bank=self.bank,
            plan_job=self.plan_job,
            platform=self._platform,
            encryption_key=read_settings().encryption_key,
        )
        return plan_workflow(wanted, planners, self._id_for(idempotency_key), idempotency_key)

    def submit_workflow(self, plan: WorkflowPlan) -> Workflow:
        """Start a planned workflow; it advances by itself, also when this program ends.

        Args:
            plan: What `plan_workflow` decided, or `WorkflowPlan.from_json` read.

        Returns:
            The workflow, or the first one that was submitted under the same idempotency key.

        Raises:
            PlanInvalid: The plan was made for another root.
            JobConflict: The plan was submitted already, or its key belongs to another request.
            PlatformError: No process can be started.
        """
        if plan.folder != self.root / "workflows" / plan.workflow_id:
            raise PlanInvalid(
                f"the plan of workflow {plan.workflow_id} was made for {plan.folder}; this client "
                f"keeps its workflows below {self.root / 'workflows'}. Set SKILLBANK_HOME to the "
                "root it was made for, or make a new plan."
            )
        if earlier := self._find_earlier(plan.idempotency_key, plan.request):
            return earlier
        with create_folder(plan) as (folder, is_new):
            if not is_new and plan.idempotency_key is not None:
                self._check_same(folder.plan(), plan.idempotency_key, plan.request)
            if is_new or not folder.last_attempt():
                self._start_attempt(folder, 1)
            elif plan.idempotency_key is None:
                raise JobConflict(
                    f"the plan of workflow {plan.workflow_id} was already submitted; a plan makes "
                    f"one workflow. See it with 'skillbank workflow status {plan.workflow_id}', or "
                    "make a new plan."
                )
        return self._look(folder)

    def create_workflow(
        self,
        request: WorkflowRequest | Mapping[str, Any] | Path | str,
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Workflow:
        """Plan a workflow and submit it; the arguments are `plan_workflow`'s."""
        wanted = _read_request(request, name)
        if earlier := self._find_earlier(idempotency_key, wanted):
            return earlier
        return self.submit_workflow(self.plan_workflow(wanted, idempotency_key=idempotency_key))

    def workflow(self, workflow_id: WorkflowId) -> Workflow:
        """The workflow as it is now; the beginning of an id is enough when no other begins so.

        Raises:
            WorkflowNotFound: No workflow, or more than one, has such an id.
        """
        return self._look(find_folder(self.root, workflow_id))

    def workflows(self, limit: int = 20) -> list[Workflow]:
        """Workflows as they are now, newest first.

        One whose plan was changed or damaged is an ERROR without steps, and its detail says so.

        Args:
            limit: How many at most.
        """
        check_count("limit", limit)
        self._processes().reap()
        return [look_at_any(folder, self.job) for folder in list_folders(self.root)[:limit]]

    def workflow_plan_of(self, workflow_id: WorkflowId) -> WorkflowPlan:
        """The plan that a workflow runs."""
        return find_folder(self.root, workflow_id).plan()

    def wait_workflow(self, workflow_id: WorkflowId, timeout_s: float | None = None) -> Workflow:
        """Block until the workflow has ended.

        Args:
            workflow_id: The workflow.
            timeout_s: Seconds after which to give up waiting.

        Raises:
            JobUnfinished: It has not, after `timeout_s` seconds; it goes on.
        """
        check_timeout(timeout_s)
        folder = find_folder(self.root, workflow_id)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = _FIRST_PAUSE_S
        while not (found := self._look(folder)).state.is_final:
            left_s = pause_s if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                raise JobUnfinished(
                    f"workflow {found.id} is still {found.state} after {timeout_s:g} s; it goes "
                    f"on. Wait again with 'skillbank workflow wait {found.id}', or 'skillbank "
                    f"workflow cancel {found.id}'."
                )
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        return found

    def follow_workflow(
        self, workflow_id: WorkflowId, every_s: float = 0.25
    ) -> Iterator[WorkflowNews]:
        """What is new about a workflow and its steps, as it comes, until it has ended.

        The first news comes at once; the last shows the workflow in its final state. What steps
        did that have ended before is left out.

        Args:
            workflow_id: The workflow.
            every_s: Seconds between two looks.
        """
        folder = find_folder(self.root, workflow_id)
        follower = StepFollower(self.job, lambda job: self._store.marks(job).status_bytes)
        return follow(lambda: self._look(folder), follower, every_s)

    def cancel_workflow(self, workflow_id: WorkflowId) -> Workflow:
        """Stop a workflow and the steps that run; what is complete stays, as does an ended one.

        Steps that run on after their workflow was lost are stopped too.
        """
        folder = find_folder(self.root, workflow_id)
        found = self._look(folder)
        if found.attempt and not found.state.is_final:
            # First whoever starts steps: after that there are no new ones.
            self._processes().stop(folder.attempt(folder.last_attempt()), _GRACE_S)
        plan = folder.plan()
        for index in range(len(plan.steps)):
            job = find_step_job(folder, plan, index, self.job)
            if job is not None and not job.state.is_final:
                self.cancel(job.id)
        return self._look(folder)

    def resume_workflow(self, workflow_id: WorkflowId) -> Workflow:
        """Go on with a workflow that failed, was cancelled or lost.

        What is complete is not run again; jobs that failed go on from their newest checkpoint.

        Raises:
            JobConflict: It completed, or has not ended.
            PlatformError: No process can be started.
        """
        folder = find_folder(self.root, workflow_id)
        with folder.hold("resumed"):
            found = self._look(folder)
            if found.attempt:  # one that was never started looks as if it were being submitted
                _check_resumable(found)
                kill_strays(folder.path)
            self._start_attempt(folder, found.attempt + 1)
        return self._look(folder)

    def _look(self, folder: WorkflowFolder) -> Workflow:
        self._processes().reap()
        return look(folder, self.job)

    def _processes(self) -> Supervisors:
        if self._supervisors is None:
            self._supervisors = Supervisors()
        return self._supervisors

    def _id_for(self, key: str | None) -> str:
        """A new id; under a key always the same one, so that the folder is the key's claim."""
        if key is None:
            return self._new_id("workflow")
        return f"workflow-{hashlib.sha256(key.encode()).hexdigest()[:_LETTERS_OF_KEY]}"

    def _find_earlier(self, key: str | None, request: WorkflowRequest) -> Workflow | None:
        """The workflow that was submitted under a key, if any.

        Raises:
            JobConflict: The key belongs to another request.
        """
        if key is None:
            return None
        folder = WorkflowFolder(self.root / "workflows" / self._id_for(key))
        if not folder.path.is_dir():
            return None
        earlier = folder.plan()
        self._check_same(earlier, key, request)
        if not folder.last_attempt():  # its submitter ended before it started it
            with suppress(JobConflict):  # or is just about to
                return self.resume_workflow(earlier.workflow_id)
        return self._look(folder)

    def _check_same(self, earlier: WorkflowPlan, key: str, request: WorkflowRequest) -> None:
        """Raise JobConflict where a key belongs to another request."""
        wanted = written_form(request, self.bank)
        if earlier.request.hash != wanted.hash or earlier.idempotency_key != key:
            raise JobConflict(
                f"idempotency key {key!r} belongs to workflow {earlier.workflow_id}, which was "
                "asked for with other steps; repeat the same request, or use a new key."
            )

    def _environment(self) -> dict[str, str]:
        """The caller's own, with the skills of its bank: later steps are planned with them."""
        own = [skill.folder for skill in self.bank if shipped("skills") not in skill.folder.parents]
        skills = {"SKILLBANK_SKILLS": os.pathsep.join(map(str, own))} if own else {}
        return {**environment_of_jobs(), **skills}

    def _start_attempt(self, folder: WorkflowFolder, attempt: int) -> None:
        """Start the process that advances a workflow; it takes no place from the steps' jobs."""
        order = Order(
            job_id=folder.path.name,
            attempt=attempt,
            command=["-m", "skillbank.workflows", "--workflow", str(folder.path)],
            slots_folder=str(self.root / "slots"),
            num_slots=0,
            gpus=[],
            num_gpus=0,
            grace_s=_GRACE_S,
            takes_place=False,
        )
        try:
            is_started = self._processes().start(
                folder.attempt(attempt), order, self._environment()
            )
        except OSError as error:
            raise PlatformError(
                f"workflow {folder.path.name} cannot be started: {error}. Free some memory or disk "
                f"space, then run 'skillbank workflow resume {folder.path.name}'."
            ) from error
        if not is_started:
            raise JobConflict(
                f"workflow {folder.path.name} still runs; wait for it, or stop it with "
                f"'skillbank workflow cancel {folder.path.name}'."
            )


def _read_request(
    request: WorkflowRequest | Mapping[str, Any] | Path | str, name: str | None
) -> WorkflowRequest:
    if isinstance(request, str | Path):
        request = WorkflowRequest.from_file(Path(request).expanduser())
    elif not isinstance(request, WorkflowRequest):
        request = WorkflowRequest.from_mapping(request)
    return request if name is None else replace(request, name=name)


def _check_resumable(found: Workflow) -> None:
    if found.state is WorkflowState.COMPLETE:
        raise JobConflict(
            f"workflow {found.id} is COMPLETE, so there is nothing to resume; its jobs are listed "
            f"by 'skillbank workflow status {found.id}'."
        )
    if not found.state.can_resume:
        raise JobConflict(
            f"workflow {found.id} is {found.state} (attempt {found.attempt}); only a workflow that "
            f"has ended can be resumed. Wait for it, or stop it with 'skillbank workflow cancel "
            f"{found.id}'."
        )
