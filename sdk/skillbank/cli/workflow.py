"""Commands about workflows: `workflow run`, `plan`, `list`, `status`, `wait`, `cancel`, ..."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import (
    DONE,
    JOB_FAILED,
    print_facts,
    print_json,
    print_table,
    show_age,
    show_moment,
)
from skillbank.errors import RequestInvalid
from skillbank.result_documents import workflow_document, workflow_plan_document

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.workflow_request import WorkflowStep
    from skillbank.workflows.workflow import Workflow
    from skillbank.workflows.workflow_plan import PlannedStep, WorkflowPlan

_WorkflowId = Annotated[
    str, typer.Argument(metavar="WORKFLOW", help="Id of a workflow, or its beginning.")
]


@dataclass(frozen=True, kw_only=True)
class NewOptions(Options):
    """What a new workflow takes besides its steps."""

    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What it is called in listings.")
    ] = None
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Asked twice under one key, it runs once.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class PlanWorkflowOptions(NewOptions):
    """What `workflow plan` takes."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="Steps, YAML or JSON.")]


@dataclass(frozen=True, kw_only=True)
class RunWorkflowOptions(NewOptions):
    """What `workflow run` takes."""

    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Steps, YAML or JSON; none with --plan.")
    ] = None
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Carry out what 'workflow plan --json' printed ('-': stdin).",
        ),
    ] = None
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the workflow and return at once.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ListWorkflowsOptions(Options):
    """What `workflow list` takes."""

    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.")] = 20


@dataclass(frozen=True, kw_only=True)
class WorkflowOptions(Options):
    """What a command about one workflow takes."""

    workflow: _WorkflowId


@dataclass(frozen=True, kw_only=True)
class WaitWorkflowOptions(WorkflowOptions):
    """What `workflow wait` takes."""

    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Give up waiting after this time.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ResumeWorkflowOptions(WorkflowOptions):
    """What `workflow resume` takes."""

    detach: Annotated[
        bool, typer.Option("--detach", help="Start the attempt and return at once.")
    ] = False


def run(options: RunWorkflowOptions) -> int:
    """Run the steps of a file, each after the one it builds on."""
    client = options.client()
    if options.plan is not None:
        workflow = client.submit_workflow(_saved_plan(options, options.plan))
    elif options.file is not None:
        workflow = client.create_workflow(
            options.file, name=options.name, idempotency_key=options.idempotency_key
        )
    else:
        raise RequestInvalid(
            "workflow run: FILE is missing, and no --plan stands for it; expected a YAML file with "
            "'steps:'. See docs/workflows.md for one."
        )
    return start_workflow(client, workflow, as_json=options.as_json, detach=options.detach)


def plan(options: PlanWorkflowOptions) -> int:
    """Show all that can be decided about a workflow, and run nothing."""
    planned = options.client().plan_workflow(
        options.file, name=options.name, idempotency_key=options.idempotency_key
    )
    if options.as_json:
        print_json(workflow_plan_document(planned))
    else:
        _show_plan(planned)
    return DONE


def status(options: WorkflowOptions) -> int:
    """Show one workflow: its state and its steps."""
    from skillbank.cli.workflow_view import show_steps

    workflow = options.client().workflow(options.workflow)
    if options.as_json:
        print_json(workflow_document(workflow))
        return DONE
    facts = [
        ("workflow", f"{workflow.id}, attempt {workflow.attempt}"),
        ("name", workflow.name),
        ("state", workflow.state.value),
        ("detail", workflow.detail),
        ("submitted", show_moment(workflow.created_at)),
        ("folder", workflow.folder),
    ]
    print_facts((name, value) for name, value in facts if value)
    print()
    show_steps(workflow)
    return DONE


def wait(options: WaitWorkflowOptions) -> int:
    """Wait for a workflow's end, showing the progress of its steps."""
    from skillbank.cli.workflow_view import end_of_workflow, follow_workflow

    client = options.client()
    if options.timeout is None and not options.as_json:
        return follow_workflow(client, client.workflow(options.workflow), as_json=False)
    workflow = client.wait_workflow(options.workflow, options.timeout)
    if not options.as_json:
        return end_of_workflow(workflow, as_json=False)
    print_json(workflow_document(workflow))
    return JOB_FAILED if workflow.state.is_failure else DONE


def cancel(options: WorkflowOptions) -> int:
    """Stop a workflow and its running steps."""
    workflow = options.client().cancel_workflow(options.workflow)
    if options.as_json:
        print_json(workflow_document(workflow))
    else:
        print(f"workflow {workflow.id}: {workflow.state.value}")
    return DONE


def resume(options: ResumeWorkflowOptions) -> int:
    """Go on with a workflow; what is complete is not run again."""
    client = options.client()
    workflow = client.resume_workflow(options.workflow)
    return start_workflow(client, workflow, as_json=options.as_json, detach=options.detach)


def list(options: ListWorkflowsOptions) -> int:  # noqa: A001 - the command's name
    """List the newest workflows."""
    found = options.client().workflows(options.limit)
    if options.as_json:
        print_json([workflow_document(workflow) for workflow in found])
        return DONE
    if not found:
        print("no workflows. Start one with 'skillbank workflow run FILE'.")
        return DONE
    rows = [
        (
            each.id,
            each.state.value,
            show_age(each.created_at),
            f"{each.num_complete} of {len(each.steps)}",
            each.name or ", ".join(step.action for step in each.steps),
        )
        for each in found
    ]
    print_table(("WORKFLOW", "STATE", "SUBMITTED", "COMPLETE", "WHAT"), rows)
    return DONE


COMMANDS = (run, plan, list, status, wait, cancel, resume)


def start_workflow(client: Client, workflow: Workflow, *, as_json: bool, detach: bool) -> int:
    """Follow a workflow that was submitted to its end, unless it is to run on by itself."""
    from skillbank.cli.workflow_view import announce_workflow, follow_workflow

    if not as_json:
        announce_workflow(workflow)
    if not detach:
        return follow_workflow(client, workflow, as_json=as_json)
    if as_json:
        print_json(workflow_document(workflow))
    else:
        print(f"next: skillbank workflow wait {workflow.id}")
    return DONE


def _saved_plan(options: RunWorkflowOptions, name: str) -> WorkflowPlan:
    from skillbank.workflows.workflow_plan import WorkflowPlan

    if options.file or options.name or options.idempotency_key:
        raise RequestInvalid(
            "workflow run --plan: the plan holds the whole request; leave out FILE, --name and "
            "--idempotency-key, or make a new plan with 'skillbank workflow plan'."
        )
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise RequestInvalid(
            f"--plan {name}: cannot be read: {reason}. Make one with "
            "'skillbank workflow plan FILE --json > plan.json'."
        ) from error
    return WorkflowPlan.from_json(text)


def _show_plan(planned: WorkflowPlan) -> None:
    called = f" {planned.request.name!r}" if planned.request.name else ""
    print(f"workflow{called} of {len(planned.steps)} steps, nothing runs yet")
    for index, (wanted, step) in enumerate(zip(planned.wanted, planned.steps, strict=True)):
        print(f"\nstep {index}: {wanted.request.skill} {wanted.request.action}")
        facts = _facts_of(wanted, step)
        print_facts((f"  {name}", value) for name, value in facts if value)
    print("\nnext: the same line with 'run' for 'plan', or keep it: --json > plan.json")


def _facts_of(wanted: WorkflowStep, step: PlannedStep) -> tuple[tuple[str, str | None], ...]:
    request = wanted.request
    parent = request.parent_job_id if wanted.parent is None else f"step {wanted.parent}"
    later = f"when {parent} is complete; what can be known before was checked"
    return (
        ("route", f"{step.route.value}: {step.reason}"),
        ("runs on", f"{request.platform}, {step.num_gpus} GPUs"),
        ("parent", parent),
        ("checkpoint", request.checkpoint),
        ("data", ", ".join(f"{role}={root}" for role, root in request.data.items())),
        ("set", ", ".join(f"{key}={value}" for key, value in request.overrides.items())),
        ("search", ", ".join(f"{key}={value}" for key, value in request.automl.items())),
        *(("note", note) for note in step.notes),
        ("decided", "in full" if step.plan else later),
    )
