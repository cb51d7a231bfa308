"""Requests about jobs: started, looked at, stopped, resumed, and what they left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.parity.plan_rows import INVALID, REQUEST_NAMES
from tests.parity.row import TOY, Case, Given, Row

from skillbank.client import Client
from skillbank.plan import JobPlan
from skillbank.result_documents import (
    job_document,
    log_document,
    plan_document,
    report_document,
    resolution_document,
    search_document,
    status_document,
)

NO_JOB, CONFLICT, NOTHING_LEFT = "JobNotFound", "JobConflict", "CheckpointNotFound"
JOB = {"job_id": "job"}
_ENDLESS: dict[str, Any] = {
    "num_epochs": 1,
    "train.step_s": 0.05,
    "train.steps_per_epoch": 10_000,
}
_SET = " ".join(f"--set {key}={value}" for key, value in _ENDLESS.items())


def _of(job: str = "$COMPLETE", words: str = "", wrong: str = "", **given: Any) -> Case:
    return Case(f"{job} {words}", {"job_id": job, **given}, wrong)


_UNKNOWN = (_of("nobody", wrong=NO_JOB), _of("${COMPLETE}x", wrong=NO_JOB), _of("t", wrong=NO_JOB))


def _change(case: Case) -> Case:
    """Every door changes a job of its own."""
    return Case(case.words, case.given, case.wrong, is_new=True)


def _start(words: str = "", wrong: str = "", *, is_new: bool = True, **given: Any) -> Case:
    whole = {"skill": TOY, "action": "train", "automl_policy": "off", "overrides": _ENDLESS}
    line = f"{TOY} train --detach --automl off {_SET} {words}"
    return Case(line, {**whole, **given}, wrong, is_new=is_new)


def planned(plan: str, wrong: str = "") -> Case:
    return Case(plan, {"plan_hash": plan}, wrong, is_new=True)


def unshown(plan: str) -> Case:
    """A plan that an agent cannot have been shown."""
    return Case(plan, {"plan_hash": plan}, "PlanInvalid", has_tool=False)


def _left(client: Client, answer: Mapping[str, Any]) -> object:
    return plan_document(client.plan_of(answer["id"]))


def _submit(client: Client, given: Given) -> Any:
    text = Path(given["plan_hash"]).read_text(encoding="utf-8")
    return client.submit(JobPlan.from_json(text))


def _job(_: Client, __: Given, job: Any) -> object:
    return job_document(job)


JOB_ROWS = (
    Row(
        "create_job",
        "run",
        ("plan", "run"),
        (
            _start(),
            _start("--idempotency-key taken", idempotency_key="taken", is_new=False),
            _start("--platform moon", INVALID, platform="moon"),
            _start("--parent nobody", NO_JOB, parent_job_id="nobody"),
            _start(
                "--idempotency-key taken --set units=3",
                "SpecInvalid",
                idempotency_key="taken",
                overrides={**_ENDLESS, "units": 3},
            ),
            _start(
                "--idempotency-key taken --set train.units=3",
                CONFLICT,
                idempotency_key="taken",
                overrides={**_ENDLESS, "train.units": 3},
            ),
        ),
        document=_job,
        ask=lambda client, given: client.create_job(**given),
        left=_left,
        names=REQUEST_NAMES,
    ),
    Row(
        "submit",
        "run --detach --plan",
        ("run",),
        (
            planned("$OWN_PLAN"),
            planned("$OWN_USED_PLAN", CONFLICT),
            *(unshown(name) for name in ("$CHANGED_PLAN", "$FOREIGN_PLAN", "$NO_PLAN")),
        ),
        document=_job,
        ask=_submit,
        left=_left,
        names={"plan": "plan", "plan_hash": "plan"},
    ),
    Row(
        "job",
        "status",
        ("status",),
        (
            _of(),
            _of("$FAILED"),
            _of("$SEARCH"),
            _of("$RUNNING"),
            _of("$TRAINED_BEGINNING"),
            *_UNKNOWN,
        ),
        document=lambda client, _, job: status_document(job, client.events(job.id)),
        names=JOB,
    ),
    Row(
        "jobs",
        "jobs",
        ("jobs",),
        (
            Case("--limit 2", {"limit": 2}),
            Case("--state error", {"state": "error"}),
            Case(f"--skill {TOY} --state COMPLETE", {"skill": TOY, "state": "COMPLETE"}),
            Case("--search $SEARCH", {"search": "$SEARCH"}),
            Case("--skill nothing", {"skill": "nothing"}),
            Case("--limit 0", {"limit": 0}, INVALID),
            Case("--state CANCELLED", {"state": "CANCELLED"}, INVALID),
            Case("--search nobody", {"search": "nobody"}, NO_JOB),
        ),
        document=lambda _, __, jobs: [job_document(job) for job in jobs],
    ),
    Row(
        "logs",
        "logs",
        ("logs",),
        (
            _of(),
            _of(words="--tail 1", tail=1),
            _of(words="--tail 0", tail=0),
            _of("$FAILED", "--tail 3", tail=3),
            _of(words="--tail -1", wrong=INVALID, tail=-1),
            *_UNKNOWN,
        ),
        document=lambda client, given, text: log_document(client.job(given["job_id"]).id, text),
        names=JOB,
    ),
    Row(
        "wait",
        "wait",
        ("wait",),
        (
            _of(words="--timeout 5", timeout_s=5),
            Case("$FAILED --timeout 5", {"job_id": "$FAILED", "timeout_s": 5}, status=1),
            Case(
                "$RUNNING --timeout 0",
                {"job_id": "$RUNNING", "timeout_s": 0},
                "JobUnfinished",
                status=1,
            ),
            Case(
                "$RUNNING --timeout 0.05",
                {"job_id": "$RUNNING", "timeout_s": 0.05},
                "JobUnfinished",
                status=1,
            ),
            _of(words="--timeout -1", wrong=INVALID, timeout_s=-1),
            *(
                Case(f"{c.words} --timeout 1", {**c.given, "timeout_s": 1}, c.wrong)
                for c in _UNKNOWN
            ),
        ),
        document=_job,
        names={**JOB, "timeout_s": "timeout"},
    ),
    Row(
        "cancel",
        "cancel",
        ("cancel",),
        (_change(_of("$OWN_RUNNING")), _of("$COMPLETE"), _of("$FAILED"), *_UNKNOWN),
        document=_job,
        names=JOB,
    ),
    Row(
        "resume",
        "resume --detach",
        ("resume",),
        (
            _change(_of("$OWN_STOPPED")),
            _change(
                _of(
                    "$OWN_STOPPED_TOO",
                    "--pause-after 1 --resource time_limit=4h",
                    pause_after=1,
                    resources={"time_limit": "4h"},
                )
            ),
            _of("$FAILED", "--resource time_limit=soon", INVALID, resources={"time_limit": "soon"}),
            _of("$COMPLETE", wrong=CONFLICT),
            _of("$RUNNING", wrong=CONFLICT),
            _of("$FAILED", "--pause-after 0", INVALID, pause_after=0),
            *_UNKNOWN,
        ),
        document=_job,
        left=_left,
        names=JOB,
    ),
    Row(
        "sync",
        "sync",
        ("sync",),
        (
            _of(),
            _of("$COMPLETE_BEGINNING"),
            _of("$FAILED", wrong=CONFLICT),
            _of("$RUNNING", wrong=CONFLICT),
            *_UNKNOWN,
        ),
        document=lambda _, __, sent: {"sent": sent},
        names=JOB,
    ),
    Row(
        "resolve",
        "resolve",
        ("resolve",),
        (
            _of(),
            _of(words="--checkpoint latest", checkpoint="latest"),
            _of(words="--checkpoint epoch=0", checkpoint="epoch=0"),
            _of("$SEARCH"),
            _of(words="--checkpoint epoch=99", wrong=NOTHING_LEFT, checkpoint="epoch=99"),
            _of(words="--checkpoint epoch=x", wrong=INVALID, checkpoint="epoch=x"),
            _of(words="--checkpoint newest", wrong=INVALID, checkpoint="newest"),
            _of(words="--checkpoint $ABSENT.pth", wrong=NOTHING_LEFT, checkpoint="$ABSENT.pth"),
            _of(words="--kind onnx", wrong=NOTHING_LEFT, kind="onnx"),
            _of(words="--kind onn", wrong=INVALID, kind="onn"),
            _of("$RUNNING", wrong=NOTHING_LEFT),
            *_UNKNOWN,
        ),
        document=lambda _, __, found: resolution_document(found),
        names=JOB,
    ),
    Row(
        "report",
        "report",
        ("report",),
        (
            _of(),
            _of("$COMPLETE_BEGINNING"),
            _of("$SEARCH"),
            _of("$FAILED", wrong=NOTHING_LEFT),
            _of("$RUNNING", wrong=NOTHING_LEFT),
            *_UNKNOWN,
        ),
        document=lambda client, given, path: report_document(client.job(given["job_id"]).id, path),
        names=JOB,
    ),
    Row(
        "search_result",
        "automl result",
        ("search_result",),
        (_of("$SEARCH"), _of("$SEARCH_BEGINNING"), _of(wrong=NOTHING_LEFT), *_UNKNOWN),
        document=lambda client, given, found: search_document(client.job(given["job_id"]), found),
        names=JOB,
    ),
)
