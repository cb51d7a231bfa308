"""Advances a workflow: starts each step as soon as what it builds on is complete.

Every look reads what is recorded, in the workflow's folder and in the records of the jobs, and
does what is missing. It can be killed anywhere: the next one finds the same records and goes on.
It trains nothing and holds no place that a step may need.
"""

from __future__ import annotations

import signal
from dataclasses import replace

from skillbank.errors import JobConflict, JobElsewhere, JobNotFound, SkillbankError
from skillbank.job_client import JobClient
from skillbank.plan import JobPlan
from skillbank.workflows.folder import WorkflowFolder
from skillbank.workflows.progress import (
    STOPPED_EXIT,
    describe_failure,
    find_step_job,
    look_at_steps,
)
from skillbank.workflows.workflow import Step, StepState

COMPLETE_EXIT, FAILED_EXIT = 0, 1
STOPS = frozenset({signal.SIGTERM, signal.SIGINT})
"""Signals that end the driver; its caller has blocked them, so that they wait for their turn."""

_LOOK_EVERY_S = 0.25


class Driver:
    """Advances one workflow until no step can be started and none runs.

    Args:
        client: Runs the jobs.
        folder: The workflow.
        look_every_s: Time between two looks at the steps.
    """

    def __init__(
        self, client: JobClient, folder: WorkflowFolder, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        self._client = client
        self._folder = folder
        self._plan = folder.plan()
        self._attempt = folder.last_attempt()
        self._look_every_s = look_every_s
        self._to_resume: set[int] = set()

    def run(self) -> int:
        """Go on to the end; return the exit status.

        Raises:
            SkillbankError: Records cannot be read or written.
        """
        self._to_resume = {
            step.index for step in self._look() if step.job_id and step.state.is_cause
        }
        while not self._advance():
            if signal.sigtimedwait(STOPS, self._look_every_s) is not None:
                return STOPPED_EXIT
        steps = self._look()
        if all(step.state is StepState.COMPLETE for step in steps):
            return COMPLETE_EXIT
        told = describe_failure(self._plan.workflow_id, steps)
        self._folder.write_outcome(self._attempt, told)
        print(told, flush=True)  # noqa: T201 - to the workflow's log
        return FAILED_EXIT

    def _advance(self) -> bool:
        """Start what can be started; tell whether nothing is left to do."""
        for index in sorted(self._to_resume):
            self._resume(index)
        if not self._to_resume and not self._folder.is_taken_up(self._attempt):
            self._folder.tell_taken_up(self._attempt)
        steps = self._look()
        for step in steps:
            is_free = step.parent is None or steps[step.parent].state is StepState.COMPLETE
            if step.state is StepState.WAITING and is_free:
                self._start(step, steps)
        return not self._to_resume and all(step.state.is_settled for step in self._look())

    def _look(self) -> tuple[Step, ...]:
        return look_at_steps(self._folder, self._plan, self._client.job)

    def _start(self, step: Step, steps: tuple[Step, ...]) -> None:
        """Submit the job of a step; if it cannot be, leave word why."""
        settled = self._plan.steps[step.index].plan or self._folder.step_plan(step.index)
        try:
            if settled is None:
                settled = self._plan_job(step, steps)
                self._folder.write_step_plan(step.index, settled)
            job = self._client.submit(settled)
        except SkillbankError as error:
            if not self._is_recorded(settled):  # one that is says itself why it failed
                self._folder.write_refusal(self._attempt, step.index, str(error))
            print(f"{step.label}: {error}", flush=True)  # noqa: T201
        else:
            print(f"{step.label}: job {job.id}", flush=True)  # noqa: T201

    def _plan_job(self, step: Step, steps: tuple[Step, ...]) -> JobPlan:
        """The job of a step whose parent is complete."""
        parent = None if step.parent is None else steps[step.parent].job_id
        request = replace(
            self._plan.wanted[step.index].request,
            parent_job_id=parent,
            idempotency_key=self._plan.key_of(step.index),
        )
        return self._client.plan_job(request)

    def _is_recorded(self, plan: JobPlan | None) -> bool:
        try:
            return plan is not None and self._client.job(plan.job_id).id == plan.job_id
        except JobNotFound:
            return False

    def _resume(self, index: int) -> None:
        """Let the job of a step that failed in an earlier attempt of the workflow go on."""
        job = find_step_job(self._folder, self._plan, index, self._client.job)
        if job is None or not job.state.can_resume:
            self._to_resume.discard(index)  # somebody else was faster
            return
        try:
            self._client.resume(job.id)
        except JobElsewhere as error:
            self._folder.write_refusal(self._attempt, index, str(error))
        except JobConflict:
            return  # another process resumes it right now: look again
        except SkillbankError as error:
            self._folder.write_refusal(self._attempt, index, str(error))
        self._to_resume.discard(index)
