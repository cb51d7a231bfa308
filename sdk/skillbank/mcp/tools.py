"""The tools: which methods of the client agents may call, how safe each is, what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from skillbank.client import Client
from skillbank.errors import SkillbankError
from skillbank.mcp.desk import Desk
from skillbank.mcp.signatures import Arguments, Bound
from skillbank.mcp.tool import Given, Safety, Tool
from skillbank.request import JobRequest
from skillbank.result_documents import (
    Document,
    answer_document,
    describe_error,
    job_document,
    log_document,
    plan_document,
    report_document,
    resolution_document,
    search_document,
    space_document,
    status_document,
    workflow_document,
    workflow_plan_document,
)
from skillbank.workflow_request import WorkflowRequest, WorkflowStep


def launch_shape() -> Mapping[str, Any]:
    """JSON Schema of what `preflight` takes: a job's request, or a workflow's."""
    job = Arguments(Client.create_job, (JobRequest,)).schema()
    return {"anyOf": [job, {"type": "object", **workflow_shape()}]}


def workflow_shape() -> Mapping[str, Any]:
    """JSON Schema of a workflow's request: its steps take what `plan` takes, and a parent."""
    step = Arguments(Client.create_job, (JobRequest,)).schema()
    links = Arguments(WorkflowStep).schema()["properties"]
    whole = Arguments(WorkflowRequest).schema()["properties"]
    step["properties"] |= {"parent": links["parent"]}
    described = {name: whole[name]["description"] for name in ("steps", "name")}
    return {
        "properties": {
            "steps": {"type": "array", "items": step, "description": described["steps"]},
            "name": {"type": "string", "description": described["name"]},
        },
        "required": ["steps"],
    }


def _job(_: Desk, __: Given, job: Any) -> Document:  # noqa: ANN401 - a Job
    return job_document(job)


def _workflow(_: Desk, __: Given, workflow: Any) -> Document:  # noqa: ANN401 - a Workflow
    return workflow_document(workflow)


def _mapping(_: Desk, __: Given, found: Any) -> Document:  # noqa: ANN401 - what maps itself
    document: Document = found.to_mapping()
    return document


def _status(desk: Desk, _: Given, job: Any) -> Document:  # noqa: ANN401 - a Job
    return status_document(job, desk.client.events(job.id))


def _answer(desk: Desk, _: Given, answer: Any) -> Document:  # noqa: ANN401 - an Answer
    """An answer, and what keeps its plan from being run, as the command shows both."""
    document = answer_document(answer)
    if not answer.outcome.can_run or not answer.workflow:
        return document
    try:
        desk.plan_workflow(answer.workflow, name=None, idempotency_key=None)
    except SkillbankError as error:
        return {**document, **describe_error(error)}
    return document


def _result(desk: Desk, given: Given, found: Any) -> Document:  # noqa: ANN401 - a SearchResult
    return search_document(desk.client.job(given["job_id"]), found)


TOOLS = (
    Tool(
        "capabilities",
        Client.capabilities,
        answers=_mapping,
        more="ask for one with `skill`",
    ),
    Tool("skills", Client.skills),
    Tool(
        "platforms",
        Client.check_platforms,
        answers=lambda _, __, found: [asdict(place) | {"fix": place.fix} for place in found],
        more="ask for one with `name`",
    ),
    Tool(
        "ask",
        Client.ask,
        answers=_answer,
        note="`error` says what would keep the plan from being run.",
    ),
    Tool("show", Client.show),
    Tool(
        "plan",
        Client.create_job,
        does=Desk.plan,
        answers=lambda _, __, plan: plan_document(plan),
        told_by=Client.plan_job,
        documented_by=(JobRequest,),
        note="The answer is the whole plan; its `hash` is what `run` takes, within an hour.",
    ),
    Tool(
        "preflight",
        Client.preflight,
        does=Desk.preflight,
        answers=_mapping,
        shapes={"request": launch_shape},
    ),
    Tool(
        "run",
        Desk.run,
        Safety.STARTS,
        does=Desk.run,
        answers=_job,
        note="The job goes on when the server or the agent ends; ask `status` for its progress.",
    ),
    Tool(
        "jobs",
        Client.jobs,
        answers=lambda _, __, jobs: [job_document(job) for job in jobs],
        bounds={"limit": Bound(20, 200, least=1)},
        more="ask for fewer with `limit`, or narrow down with `state` or `skill`",
    ),
    Tool("status", Client.job, answers=_status, note="`progress` is its newest status line."),
    Tool(
        "logs",
        Client.logs,
        answers=lambda desk, given, text: log_document(desk.client.job(given["job_id"]).id, text),
        bounds={"tail": Bound(100, 5000)},
        more="the end of the log is shown; the whole is log.txt in the job's folder",
    ),
    Tool(
        "wait",
        Client.wait,
        answers=_job,
        bounds={"timeout_s": Bound(30.0, 60.0)},
    ),
    Tool("cancel", Client.cancel, Safety.STOPS, answers=_job),
    Tool(
        "resume",
        Client.resume,
        Safety.STARTS,
        does=Desk.resume,
        answers=_job,
    ),
    Tool(
        "sync",
        Client.sync,
        Safety.STARTS,
        answers=lambda _, __, sent: {"sent": sent},
    ),
    Tool(
        "resolve",
        Client.resolve,
        does=Desk.resolve,
        answers=lambda _, __, found: resolution_document(found),
    ),
    Tool(
        "report",
        Client.report,
        answers=lambda desk, given, path: report_document(
            desk.client.job(given["job_id"]).id, path
        ),
        note="Its text is the resource `skillbank://jobs/JOB/report`.",
    ),
    Tool(
        "search_space",
        Client.search_space,
        does=Desk.search_space,
        answers=lambda _, given, found: space_document(given["skill"], found),
    ),
    Tool("search_result", Client.search_result, answers=_result),
    Tool(
        "plan_workflow",
        Client.plan_workflow,
        does=Desk.plan_workflow,
        answers=lambda _, __, plan: workflow_plan_document(plan),
        shapes={"request": workflow_shape},
        note="The answer's `hash` is what `run_workflow` takes, within an hour.",
    ),
    Tool(
        "run_workflow",
        Desk.run_workflow,
        Safety.STARTS,
        does=Desk.run_workflow,
        answers=_workflow,
    ),
    Tool(
        "workflows",
        Client.workflows,
        answers=lambda _, __, found: [workflow_document(one) for one in found],
        bounds={"limit": Bound(20, 100, least=1)},
        more="ask for fewer with `limit`",
    ),
    Tool("workflow", Client.workflow, answers=_workflow),
    Tool(
        "wait_workflow",
        Client.wait_workflow,
        answers=_workflow,
        bounds={"timeout_s": Bound(30.0, 60.0)},
    ),
    Tool(
        "cancel_workflow",
        Client.cancel_workflow,
        Safety.STOPS,
        answers=_workflow,
    ),
    Tool(
        "resume_workflow",
        Client.resume_workflow,
        Safety.STARTS,
        does=Desk.resume_workflow,
        answers=_workflow,
    ),
    Tool("limits", Desk.limits, does=Desk.limits),
)
"""Every tool, in the order in which they are listed."""

NOT_TOOLS = {
    "close": "the server holds the client",
    "create_job": "`plan`, then `run`: an agent starts only what it was shown",
    "create_workflow": "`plan_workflow`, then `run_workflow`",
    "events": "`status` answers the newest",
    "follow": "a stream; `status` and `wait` are asked again",
    "follow_workflow": "a stream; `workflow` and `wait_workflow` are asked again",
    "plan_of": "`plan` showed it; the resource `skillbank://jobs/JOB/plan` does again",
    "plan_trial": "searches make their trials",
    "workflow_plan_of": "`plan_workflow` showed it",
}
"""Methods of the client that are no tools, and why."""
