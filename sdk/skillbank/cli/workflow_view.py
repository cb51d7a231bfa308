"""Follow a workflow to its end: each step's lines under its name, bars on a terminal, or JSON."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Protocol

from skillbank.cli.follow import (
    LiveView,
    View,
    choose_view,
    end_of_job,
    is_told_by_the_end,
    make_bars,
)
from skillbank.cli.options import INTERRUPTED
from skillbank.cli.output import (
    DONE,
    JOB_FAILED,
    print_aside,
    print_event,
    print_table,
    show_duration,
)
from skillbank.job import JobState
from skillbank.plan import Route
from skillbank.result_documents import job_document, workflow_document
from skillbank.workflows.workflow import StepState, WorkflowState

if TYPE_CHECKING:
    from rich.progress import Progress

    from skillbank.client import Client
    from skillbank.job import Job
    from skillbank.workflow_request import WorkflowRequest
    from skillbank.workflows.workflow import Step, StepNews, Workflow, WorkflowNews


def run_workflow(
    client: Client, request: WorkflowRequest, *, as_json: bool, name: str | None = None
) -> int:
    """Create a workflow and follow it to its end; return the exit status that its end means.

    Raises:
        SpecInvalid: Steps cannot be run; every problem of every step is listed.
    """
    workflow = client.create_workflow(request, name=name)
    if not as_json:
        announce_workflow(workflow)
    return follow_workflow(client, workflow, as_json=as_json)


def announce_workflow(workflow: Workflow) -> None:
    """Tell that a workflow was submitted."""
    called = f" {workflow.name!r}" if workflow.name else ""
    actions = ", ".join(step.action for step in workflow.steps)
    again = f", attempt {workflow.attempt}" if workflow.attempt > 1 else ""
    print(f"workflow {workflow.id}{called}{again}: {actions}", flush=True)


def follow_workflow(
    client: Client, workflow: Workflow, *, as_json: bool, every_s: float = 0.25
) -> int:
    """Show the progress of all steps until the workflow ends; return its exit status.

    Ctrl-C stops the following, never the workflow.
    """
    try:
        with _choose_view(client, as_json=as_json) as view:
            for news in client.follow_workflow(workflow.id, every_s):
                view.show(news)
                workflow = news.workflow
    except KeyboardInterrupt:
        print_aside(
            f"\nworkflow {workflow.id} goes on. Follow it with 'skillbank workflow wait "
            f"{workflow.id}', stop it with 'skillbank workflow cancel {workflow.id}'."
        )
        return INTERRUPTED
    return end_of_workflow(workflow, as_json=as_json)


def end_of_workflow(workflow: Workflow, *, as_json: bool) -> int:
    """Tell how a workflow ended, how its steps did and what to do next."""
    if as_json:
        print_event("end", workflow=workflow_document(workflow))
    else:
        print()
        show_steps(workflow)
        _show_end(workflow)
    return JOB_FAILED if workflow.state.is_failure else DONE


def show_steps(workflow: Workflow) -> None:
    """A table of the steps."""
    rows = [
        (
            step.index,
            step.action,
            "" if step.parent is None else step.parent,
            step.state.value,
            _time_run(step),
            step.job_id or "",
            step.skill,
        )
        for step in workflow.steps
    ]
    print_table(("STEP", "ACTION", "PARENT", "STATE", "TOOK", "JOB", "SKILL"), rows)


class WorkflowView(Protocol):
    """Where the progress of a workflow is shown."""

    def show(self, news: WorkflowNews) -> None:
        """Show what is new."""


@contextmanager
def _choose_view(client: Client, *, as_json: bool) -> Iterator[WorkflowView]:
    if as_json:
        yield JsonSteps()
    elif sys.stdout.isatty():
        with make_bars() as bars:
            yield TextSteps(client, bars)
    else:
        yield TextSteps(client)


class JsonSteps:
    """One JSON object per state of the workflow, state of a step's job, and status line."""

    def __init__(self) -> None:
        self._state: WorkflowState | None = None
        self._jobs: dict[int, Job] = {}

    def show(self, news: WorkflowNews) -> None:
        """Print the events, each with the index of its step."""
        if news.workflow.state is not self._state and not news.workflow.state.is_final:
            print_event("workflow", workflow=workflow_document(news.workflow))
        self._state = news.workflow.state
        for step in news.steps:
            for line in step.lines:
                print_event("status", workflow_step=step.index, **line)
            if self._jobs.get(step.index) != step.job:
                print_event("step", workflow_step=step.index, job=job_document(step.job))
            self._jobs[step.index] = step.job


class TextSteps:
    """Lines of text, each under the step that it belongs to: `[1 evaluate] ...`.

    Args:
        client: Follows the jobs.
        bars: On a terminal, where each step that runs has a bar.
    """

    def __init__(self, client: Client, bars: Progress | None = None) -> None:
        self._client = client
        self._bars = bars
        self._steps: dict[tuple[int, int], _StepView] = {}
        self._unstarted: dict[int, StepState] = {}
        self._is_first = True

    def show(self, news: WorkflowNews) -> None:
        """Print what the jobs report, and which steps will not be run."""
        for step in news.workflow.steps:
            if self._is_first and step.state is StepState.COMPLETE:
                print(f"{_prefix(step.index, step.action)}COMPLETE already, job {step.job_id}")
        self._is_first = False
        for one in news.steps:
            self._view(one).show(one)
        for step in news.workflow.steps:
            self._show_unstarted(step)
        sys.stdout.flush()

    def _view(self, news: StepNews) -> _StepView:
        key = (news.index, news.job.attempt)
        if key not in self._steps:
            self._steps[key] = _StepView(self._client, news, self._bars)
        return self._steps[key]

    def _show_unstarted(self, step: Step) -> None:
        if step.state not in {StepState.BLOCKED, StepState.REFUSED}:
            self._unstarted.pop(step.index, None)
        elif self._unstarted.get(step.index) is not step.state:
            print_aside(f"{_prefix(step.index, step.action)}{step.state}: {step.detail}")
            self._unstarted[step.index] = step.state


class _StepView:
    """Shows one attempt of one step's job as it is shown alone, each line under its step."""

    def __init__(self, client: Client, news: StepNews, bars: Progress | None) -> None:
        self._client = client
        self._prefix = _prefix(news.index, news.job.action)
        self._state: JobState | None = None
        self._bar: LiveView | None = None
        if bars is not None and news.job.route == Route.DIRECT:
            self._bar = LiveView("", bars, self._prefix)
        with _under(self._prefix), choose_view(news.job, as_json=False) as view:
            self._view: View = view

    def show(self, news: StepNews) -> None:
        """Show what is new."""
        job, view = news.job, self._bar or self._view
        if self._state is None:
            again = f", attempt {job.attempt}" if job.attempt > 1 else ""
            what = f"{job.skill}, {job.route}, on {job.platform}"
            print(f"{self._prefix}job {job.id}{again}: {what}", flush=True)
        # A bar begins its own lines, and draws where the others are printed.
        with nullcontext() if self._bar else _under(self._prefix):
            if job.state is not self._state and not job.state.is_final:
                view.show_state(job)
            for line in news.lines:
                if not is_told_by_the_end(line):
                    view.show(line)
        if job.state is not self._state and job.state.is_final:
            self._end(job)
        self._state = job.state

    def _end(self, job: Job) -> None:
        if self._bar is not None:
            self._bar.close()
        with _under(self._prefix):
            end_of_job(self._client, job, as_json=False, tells_next=False)


@contextmanager
def _under(prefix: str) -> Iterator[None]:
    """Begin every line that is printed inside with the same words."""
    out, err = io.StringIO(), io.StringIO()  # no terminals: what is shown there does not move
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield
    finally:
        for line in out.getvalue().splitlines():
            print(f"{prefix}{line}", flush=True)
        for line in err.getvalue().splitlines():
            print_aside(f"{prefix}{line}")


def _prefix(index: int, action: str) -> str:
    return f"[{index} {action}] "


def _show_end(workflow: Workflow) -> None:
    done = f"{workflow.num_complete} of {len(workflow.steps)} steps complete"
    if workflow.state is WorkflowState.COMPLETE:
        print(f"COMPLETE after {_duration(workflow)}: {done}")
        return
    print_aside(f"{workflow.state} after {_duration(workflow)}, {done}: {workflow.detail}")
    for step in workflow.steps:
        if step.job_id is not None and step.state in {StepState.ERROR, StepState.LOST}:
            print_aside(f"next: 'skillbank logs {step.job_id}' shows more.")


def _duration(workflow: Workflow) -> str:
    if workflow.started_at is None or workflow.ended_at is None:
        return "no time"
    return show_duration(workflow.ended_at - workflow.started_at)


def _time_run(step: Step) -> str:
    if step.started_at is None or step.ended_at is None:
        return ""
    return show_duration(step.ended_at - step.started_at)
