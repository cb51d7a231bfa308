"""Requests about workflows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.parity.job_rows import CONFLICT, planned, unshown
from tests.parity.plan_rows import BREACH, INVALID
from tests.parity.row import Case, Given, Row

from skillbank.client import Client
from skillbank.result_documents import workflow_document, workflow_plan_document
from skillbank.workflows.workflow_plan import WorkflowPlan

NO_WORKFLOW = "WorkflowNotFound"
WORKFLOW = {"workflow_id": "workflow"}
FILE = {"request": "file"}


def _file(steps: str, wrong: str = "", words: str = "", **given: Any) -> Case:
    """Steps: a file for the command, what it holds for Python and the tool."""
    whole = {"request": f"$IN_{steps}", **given}
    return Case(f"${steps} {words}", whole, wrong, is_new=True)


def _of(workflow: str = "$FLOW", wrong: str = "", *, is_new: bool = False) -> Case:
    return Case(workflow, {"workflow_id": workflow}, wrong, is_new=is_new)


_UNKNOWN = (
    _of("workflow-nobody", NO_WORKFLOW),
    _of("$COMPLETE", NO_WORKFLOW),
    _of("w", NO_WORKFLOW),
)
_WRONG = (
    _file("NO_STEPS", INVALID),
    _file("WRONG_STEPS", BREACH),
    _file("LATER_PARENT", BREACH),
    _file("LATER_BREACH", BREACH),
)


def _whole(_: Client, __: Given, workflow: Any) -> object:
    return workflow_document(workflow)


def _left(client: Client, answer: Mapping[str, Any]) -> object:
    return workflow_plan_document(client.workflow_plan_of(answer["id"]))


def _submit(client: Client, given: Given) -> Any:
    text = Path(given["plan_hash"]).read_text(encoding="utf-8")
    return client.submit_workflow(WorkflowPlan.from_json(text))


WORKFLOW_ROWS = (
    Row(
        "plan_workflow",
        "workflow plan",
        ("plan_workflow",),
        (
            _file("STEPS"),
            _file("STEPS", words="--name mine", name="mine"),
            _file("ENDLESS", words="--idempotency-key k", idempotency_key="k"),
            *_WRONG,
        ),
        document=lambda _, __, plan: workflow_plan_document(plan),
        names=FILE,
    ),
    Row(
        "create_workflow",
        "workflow run --detach",
        ("plan_workflow", "run_workflow"),
        (
            _file("ENDLESS"),
            Case(
                "$ENDLESS --idempotency-key taken",
                {"request": "$IN_ENDLESS", "idempotency_key": "taken"},
            ),
            _file("STEPS", CONFLICT, "--idempotency-key taken", idempotency_key="taken"),
            *_WRONG,
        ),
        document=_whole,
        left=_left,
        names=FILE,
    ),
    Row(
        "submit_workflow",
        "workflow run --detach --plan",
        ("run_workflow",),
        (
            planned("$OWN_FLOW_PLAN"),
            planned("$OWN_USED_FLOW_PLAN", CONFLICT),
            *(unshown(f"${name}_PLAN") for name in ("CHANGED_FLOW", "FOREIGN_FLOW", "NO")),
        ),
        document=_whole,
        ask=_submit,
        left=_left,
        names={"plan": "plan", "plan_hash": "plan"},
    ),
    Row(
        "workflow",
        "workflow status",
        ("workflow",),
        (_of(), _of("$RUNNING_FLOW"), *_UNKNOWN),
        document=_whole,
        names=WORKFLOW,
    ),
    Row(
        "workflows",
        "workflow list",
        ("workflows",),
        (
            Case("--limit 1", {"limit": 1}),
            Case("--limit 100", {"limit": 100}),
            Case("--limit 0", {"limit": 0}, INVALID),
            Case("--limit -3", {"limit": -3}, INVALID),
        ),
        document=lambda _, __, found: [workflow_document(one) for one in found],
    ),
    Row(
        "wait_workflow",
        "workflow wait",
        ("wait_workflow",),
        (
            Case("$FLOW --timeout 5", {"workflow_id": "$FLOW", "timeout_s": 5}),
            Case("$FLOW --timeout 0", {"workflow_id": "$FLOW", "timeout_s": 0}),
            Case(
                "$RUNNING_FLOW --timeout 0",
                {"workflow_id": "$RUNNING_FLOW", "timeout_s": 0},
                "JobUnfinished",
                status=1,
            ),
            Case("$FLOW --timeout -1", {"workflow_id": "$FLOW", "timeout_s": -1}, INVALID),
            Case(
                "workflow-nobody --timeout 1",
                {"workflow_id": "workflow-nobody", "timeout_s": 1},
                NO_WORKFLOW,
            ),
        ),
        document=_whole,
        names={**WORKFLOW, "timeout_s": "timeout"},
    ),
    Row(
        "cancel_workflow",
        "workflow cancel",
        ("cancel_workflow",),
        (_of("$OWN_FLOW", is_new=True), _of(), *_UNKNOWN),
        document=_whole,
        names=WORKFLOW,
    ),
    Row(
        "resume_workflow",
        "workflow resume --detach",
        ("resume_workflow",),
        (
            _of("$OWN_STOPPED_FLOW", is_new=True),
            _of("$FLOW", CONFLICT),
            _of("$RUNNING_FLOW", CONFLICT),
            *_UNKNOWN,
        ),
        document=_whole,
        left=_left,
        names=WORKFLOW,
    ),
)
