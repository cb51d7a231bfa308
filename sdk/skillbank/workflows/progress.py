"""What is true of a workflow now, read off its files and the records of its steps' jobs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from skillbank.errors import JobNotFound, PlanInvalid
from skillbank.following import GrowingFile
from skillbank.job import Job, describe_exit
from skillbank.locks import is_locked
from skillbank.platforms.attempt import Ending
from skillbank.workflows.folder import WorkflowFolder
from skillbank.workflows.workflow import Step, StepState, Workflow, WorkflowState
from skillbank.workflows.workflow_plan import WorkflowPlan

_COMPLETE_EXIT = 0
STOPPED_EXIT = 143
_LOG_LINES_SHOWN = 5

FindJob = Callable[[str], Job]


class _Life(NamedTuple):
    """What is known of an attempt."""

    state: WorkflowState
    detail: str = ""
    started_at: float | None = None
    ended_at: float | None = None


def look(folder: WorkflowFolder, find_job: FindJob) -> Workflow:
    """The workflow as it is now.

    Args:
        folder: Its files.
        find_job: Gives a job as it is now, by its id.

    Raises:
        WorkflowNotFound: Its folder was moved or deleted.
        PlanInvalid: Its plan was changed after it was made.
    """
    number = folder.last_attempt()
    # First the life, then the steps: what is said of an ended attempt is then all there.
    life = _look_at_attempt(folder, number)
    goes_on = number > 0 and not life.state.is_final and not folder.is_taken_up(number)
    plan = folder.plan()
    steps = look_at_steps(folder, plan, find_job)
    if goes_on:
        steps = tuple(map(_about_to_go_on, steps))
    return Workflow(
        id=plan.workflow_id,
        name=plan.request.name,
        state=life.state,
        detail=life.detail,
        attempt=number,
        folder=folder.path,
        steps=steps,
        created_at=folder.created_at(),
        started_at=life.started_at,
        ended_at=life.ended_at,
    )


def look_at_any(folder: WorkflowFolder, find_job: FindJob) -> Workflow:
    """The workflow as it is now; one whose plan cannot be read is an ERROR that says why."""
    try:
        return look(folder, find_job)
    except PlanInvalid as error:
        return Workflow(
            id=folder.path.name,
            name="",
            state=WorkflowState.ERROR,
            detail=str(error),
            attempt=folder.last_attempt(),
            folder=folder.path,
            steps=(),
            created_at=folder.created_at(),
        )


def look_at_steps(
    folder: WorkflowFolder, plan: WorkflowPlan, find_job: FindJob
) -> tuple[Step, ...]:
    """Every step as it is now."""
    attempt = folder.last_attempt()
    steps: list[Step] = []
    for index, wanted in enumerate(plan.wanted):
        parent = None if wanted.parent is None else steps[wanted.parent]
        name = (index, wanted.request.skill, wanted.request.action, wanted.parent)
        job = find_step_job(folder, plan, index, find_job)
        refusal = folder.refusal(attempt, index)
        if refusal and (job is None or job.state.can_resume):
            steps.append(Step(*name, StepState.REFUSED, refusal, job.id if job else None))
        elif job is not None:
            steps.append(
                Step(
                    *name,
                    StepState(job.state.value),
                    job.detail,
                    job.id,
                    job.attempt,
                    job.started_at,
                    job.ended_at,
                )
            )
        elif parent is not None and parent.state.is_failure:
            told = f"{parent.label}, which it builds on, is {parent.state}"
            steps.append(Step(*name, StepState.BLOCKED, told))
        else:
            steps.append(Step(*name, StepState.WAITING))
    return tuple(steps)


def _about_to_go_on(step: Step) -> Step:
    """A step as an attempt sees it that has begun, and has not yet resumed what failed before."""
    return replace(step, state=StepState.WAITING, detail="") if step.state.is_failure else step


def find_step_job(
    folder: WorkflowFolder, plan: WorkflowPlan, index: int, find_job: FindJob
) -> Job | None:
    """The job of a step as it is now; None before it was submitted."""
    settled = plan.steps[index].plan or folder.step_plan(index)
    if settled is not None:
        with suppress(JobNotFound):
            return find_job(settled.job_id)
    return None


def describe_failure(workflow_id: str, steps: tuple[Step, ...]) -> str:
    """Which steps failed and why, what was not run for it, and what to do."""
    told = [_describe(step) for step in steps if step.state.is_cause]
    blocked = [step.label for step in steps if step.state is StepState.BLOCKED]
    if blocked:
        were = "builds on it and was not run" if len(blocked) == 1 else "were not run for it"
        told.append(f"{', '.join(blocked)} {were}.")
    resume = f"'skillbank workflow resume {workflow_id}'"
    told.append(f"{resume} tries what failed again and goes on; what is complete stays.")
    return "\n".join(told)


def _describe(step: Step) -> str:
    if step.state is StepState.REFUSED:
        return f"{step.label} could not be started: {step.detail}"
    reason = step.detail or "it gave no reason"
    return f"{step.label} is {step.state}, job {step.job_id}: {reason}"


def _look_at_attempt(folder: WorkflowFolder, number: int) -> _Life:
    if number == 0:
        if folder.is_being_submitted():
            return _Life(WorkflowState.PENDING)
        return _lost(folder, "its submitter ended before it was started", None)
    attempt = folder.attempt(number)
    if (ending := attempt.ending()) is not None:
        return _judge(folder, number, ending)
    if is_locked(attempt.lock):
        started_at = attempt.started_at()
        is_up = started_at is not None
        return _Life(WorkflowState.RUNNING if is_up else WorkflowState.PENDING, "", started_at)
    # It may have ended between the two looks.
    if (ending := attempt.ending()) is not None:
        return _judge(folder, number, ending)
    if attempt.is_to_cancel():
        return _Life(WorkflowState.CANCELED, _canceled(folder), attempt.started_at())
    why = "the process that advanced it disappeared (killed, or the machine restarted)"
    return _lost(folder, why, attempt.started_at())


def _judge(folder: WorkflowFolder, number: int, ending: Ending) -> _Life:
    times = (ending.started_at, ending.ended_at)
    if ending.exit_code == _COMPLETE_EXIT:
        return _Life(WorkflowState.COMPLETE, "", *times)
    if ending.is_cancelled:
        return _Life(WorkflowState.CANCELED, _canceled(folder), *times)
    if ending.exit_code in (STOPPED_EXIT, -signal.SIGTERM):
        told = f"stopped by SIGTERM from outside; {_go_on(folder)}"
        return _Life(WorkflowState.CANCELED, told, *times)
    if ending.exit_code is not None and ending.exit_code < 0:
        why = f"the process that advanced it ended: {describe_exit(ending.exit_code)}"
        return _lost(folder, why, *times)
    return _Life(WorkflowState.ERROR, folder.outcome(number) or _end_of_log(folder, ending), *times)


def _lost(
    folder: WorkflowFolder, why: str, started_at: float | None, ended_at: float | None = None
) -> _Life:
    return _Life(WorkflowState.LOST, f"{why}; {_go_on(folder)}", started_at, ended_at)


def _go_on(folder: WorkflowFolder) -> str:
    return (
        "steps that run go on, and no further one is started until "
        f"'skillbank workflow resume {folder.path.name}'"
    )


def _canceled(folder: WorkflowFolder) -> str:
    return (
        f"cancelled on request; 'skillbank workflow resume {folder.path.name}' goes on where it "
        "stopped"
    )


def _end_of_log(folder: WorkflowFolder, ending: Ending) -> str:
    """Why the driver ended when it could not say so itself."""
    if ending.exit_code is None:
        return ending.detail or describe_exit(None)
    text = GrowingFile(folder.path / "log.txt").read_new(is_ended=True)
    shown = "\n".join(text.strip().splitlines()[-_LOG_LINES_SHOWN:])
    return f"the process that advanced it failed; its log ends with:\n{shown}"
