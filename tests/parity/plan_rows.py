"""Requests about what there is, and about what would be done: nothing of them runs anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.parity.row import BOWL, POSE, TOY, Case, Given, Row

from skillbank.client import Client
from skillbank.errors import SkillbankError
from skillbank.request import JobRequest
from skillbank.result_documents import (
    answer_document,
    describe_error,
    plan_document,
    space_document,
)
from skillbank.spec_file import read_spec_file
from skillbank.workflow_request import WorkflowRequest

INVALID, BREACH, NO_SKILL = "RequestInvalid", "SpecInvalid", "SkillNotFound"
DATA: dict[str, Any] = {"data": {"all": "$DATA"}}
REQUEST_NAMES = {
    "parent_job_id": "parent",
    "automl_policy": "automl",
    "automl": "automl_settings",
}


def read_request(given: Given) -> JobRequest:
    """The request that a program makes of what a command line, or a tool, is given."""
    spec = given.get("spec")
    read = {"spec": read_spec_file(Path(spec))} if isinstance(spec, str) else {}
    return JobRequest(**{**given, **read})


def _plan(words: str, given: Given, wrong: str = "", *, of: str = f"{POSE} train") -> Case:
    skill, action = of.split()
    return Case(f"{of} {words}", {"skill": skill, "action": action, **given}, wrong, is_new=True)


def _set(**values: Any) -> dict[str, Any]:
    """Overrides: of `train__seed` the key is `train.seed`."""
    return {**DATA, "overrides": {key.replace("__", "."): v for key, v in values.items()}}


_EVALUATE, _BOWL = f"{POSE} evaluate", f"{BOWL} evaluate"
_PLANNED = (
    _plan("--data $DATA", DATA),
    _plan("--data $DATA --automl off", {**DATA, "automl_policy": "off"}),
    _plan("--data $DATA --automl auto", {**DATA, "automl_policy": "auto"}),
    _plan("--data train=$DATA --data val=$DATA", {"data": {"train": "$DATA", "val": "$DATA"}}),
    _plan(
        "--data $DATA --set num_epochs=3 --set train.optim.lr=1e-3",
        _set(num_epochs=3, train__optim__lr=0.001),
    ),
    _plan(
        "--data $DATA --set train.optim.lr_steps=[5,9] --set train.optim.nesterov=false",
        _set(train__optim__lr_steps=[5, 9], train__optim__nesterov=False),
    ),
    _plan("--data $DATA --spec $SPEC", {**DATA, "spec": "$SPEC"}),
    _plan("--data $DATA -e $SPEC --set train.seed=1", {**_set(train__seed=1), "spec": "$SPEC"}),
    _plan("--data $DATA --base-checkpoint $BASE", {**DATA, "base_checkpoint": "$BASE"}),
    _plan("--data $DATA --idempotency-key once", {**DATA, "idempotency_key": "once"}),
    _plan(
        "--data $DATA --automl-set algorithm=asha --automl-set max_recommendations=4",
        {**DATA, "automl": {"algorithm": "asha", "max_recommendations": 4}},
    ),
    _plan("--data $DATA --checkpoint $BASE", {**DATA, "checkpoint": "$BASE"}, of=_EVALUATE),
    _plan(
        "--set export.checkpoint=$BASE",
        {"overrides": {"export.checkpoint": "$BASE"}},
        of=f"{POSE} export",
    ),
    _plan("--parent $SEARCH", {"parent_job_id": "$SEARCH"}, of=_BOWL),
    _plan(
        "--parent $TRAINED --checkpoint latest",
        {"parent_job_id": "$TRAINED", "checkpoint": "latest"},
        of=_BOWL,
    ),
)
_REFUSED = (
    _plan("", {}, NO_SKILL, of="tao-train-pose-clasification train"),
    _plan("", {}, NO_SKILL, of=f"{POSE} trian"),
    _plan("", {}, BREACH),
    _plan("--data trian=$DATA", {"data": {"trian": "$DATA"}}, BREACH),
    _plan("--data $ABSENT", {"data": {"all": "$ABSENT"}}, BREACH),
    _plan("--data $DATA --set num_epoch=3", _set(num_epoch=3), BREACH),
    _plan(
        "--data $DATA --set num_epochs=0 --set model.dropout=x",
        _set(num_epochs=0, model__dropout="x"),
        BREACH,
    ),
    _plan("--data $DATA --platform moon", {**DATA, "platform": "moon"}, INVALID),
    _plan("--data $DATA --automl maybe", {**DATA, "automl_policy": "maybe"}, INVALID),
    _plan(
        "--data $DATA --automl-set algorithm=magic",
        {**DATA, "automl": {"algorithm": "magic"}},
        BREACH,
    ),
    _plan("--parent nobody", {"parent_job_id": "nobody"}, "JobNotFound", of=_EVALUATE),
    _plan(
        "--data $DATA --checkpoint newest", {**DATA, "checkpoint": "newest"}, INVALID, of=_EVALUATE
    ),
    _plan(
        "--parent $TRAINED --checkpoint epoch=99",
        {"parent_job_id": "$TRAINED", "checkpoint": "epoch=99"},
        "CheckpointNotFound",
        of=_BOWL,
    ),
    _plan("--parent $FAILED", {"parent_job_id": "$FAILED"}, INVALID, of=_BOWL),
    _plan(
        "--data $DATA --base-checkpoint $ABSENT.pth",
        {**DATA, "base_checkpoint": "$ABSENT.pth"},
        BREACH,
    ),
    _plan("--data $DATA -e $ABSENT.yaml", {**DATA, "spec": "$ABSENT.yaml"}, INVALID),
    _plan("--data $DATA -e $NO_YAML", {**DATA, "spec": "$NO_YAML"}, BREACH),
    _plan("", {}, BREACH, of=_BOWL),
    _plan("", {}, INVALID, of="tao-train-centerpose train"),
    _plan("", {}, "SkillInvalid", of="tao-list-capabilities train"),
)


def _show(words: str, wrong: str = "") -> Case:
    skill, _, action = words.partition(" ")
    return Case(words, {"skill": skill, **({"action": action} if action else {})}, wrong)


def _answer(client: Client, _: Given, answer: Any) -> dict[str, object]:
    """What words were read as, and what would keep their plan from being run."""
    document = answer_document(answer)
    if not answer.outcome.can_run or not answer.workflow:
        return document
    try:
        client.plan_workflow(answer.workflow)
    except SkillbankError as error:
        return {**document, **describe_error(error)}
    return document


def _outcome(answer: Mapping[str, Any]) -> str:
    return "" if answer["outcome"] in {"plan", "command"} else str(answer["outcome"])


def _ask(text: str, wrong: str = "") -> Case:
    return Case(text, {"text": text}, wrong)


def _preflight(client: Client, given: Given) -> Any:
    request = given.get("request")
    if request is None:
        return client.preflight(**given)
    if "steps" in request:
        return client.preflight(WorkflowRequest.from_mapping(request))
    return client.preflight(read_request(request))


def _check(words: str, wrong: str = "", **request: Any) -> Case:
    skill, _, rest = words.partition(" ")
    whole = {"skill": skill, "action": rest.partition(" ")[0], **request}
    return Case(words, {"request": whole}, wrong, is_new=True)


def _space(words: str, wrong: str = "", **given: Any) -> Case:
    return Case(words, {"skill": words.partition(" ")[0], **given}, wrong)


_NO_GO = "no go"
PLAN_ROWS = (
    Row("skills", "skills", ("skills",), (Case(),)),
    Row(
        "show",
        "show",
        ("show",),
        (
            _show(TOY),
            _show(f"{TOY} train"),
            _show(f"{POSE} train"),
            _show("tao-launch-workflow"),
            _show("tao-train-centerpose"),
            _show("toy-trian", NO_SKILL),
            _show(f"{TOY} evaluate", NO_SKILL),
            _show("tao-launch-workflow train", "SkillInvalid"),
        ),
    ),
    Row(
        "capabilities",
        "capabilities",
        ("capabilities",),
        (
            Case(),
            Case(POSE, {"skill": POSE}),
            Case(TOY, {"skill": TOY}),
            Case("toy-trian", {"skill": "toy-trian"}, NO_SKILL),
            Case("nothing", {"skill": "nothing"}, NO_SKILL),
        ),
        document=lambda _, __, found: found.to_mapping(),
    ),
    Row(
        "check_platforms",
        "platforms",
        ("platforms",),
        (
            Case("local", {"name": "local"}),
            Case("lokal", {"name": "lokal"}, INVALID),
            Case("nowhere", {"name": "nowhere"}, INVALID),
        ),
        document=lambda _, __, found: [asdict(place) | {"fix": place.fix} for place in found],
    ),
    Row(
        "ask",
        "ask",
        ("ask",),
        (
            _ask("what can you do?"),
            _ask("show the log of $COMPLETE"),
            _ask("train a pose classifier on $DATA for 3 epochs, no HPO"),
            _ask("train a pose classifier on $DATA for 3 epochs, then evaluate and export it"),
            _ask("train a pose classifier on $ABSENT for 3 epochs, no HPO", BREACH),
            _ask("train a model", "ambiguous"),
            _ask("train a YOLO detector", "unsupported"),
            _ask("good morning", "nothing"),
        ),
        document=_answer,
        fault=_outcome,
        names={"text": "words"},
    ),
    Row(
        "plan_job",
        "plan",
        ("plan",),
        (*_PLANNED, *_REFUSED),
        document=lambda _, __, plan: plan_document(plan),
        ask=lambda client, given: client.plan_job(read_request(given)),
        names=REQUEST_NAMES,
    ),
    Row(
        "preflight",
        "preflight",
        ("preflight",),
        (
            Case(),
            Case("--platform local", {"platform": "local"}),
            _check(f"{TOY} train --automl off", automl_policy="off"),
            _check(f"{BOWL} evaluate --parent $TRAINED", parent_job_id="$TRAINED"),
            Case("--workflow $STEPS", {"request": "$IN_STEPS"}, is_new=True),
            Case("--platform moon", {"platform": "moon"}, _NO_GO),
            _check(f"{POSE} train --data $ABSENT", _NO_GO, data={"all": "$ABSENT"}),
            _check("toy-trian train", _NO_GO),
            _check(f"{TOY} train --automl maybe", INVALID, automl_policy="maybe"),
            Case("--workflow $WRONG_STEPS", {"request": "$IN_WRONG_STEPS"}, BREACH),
        ),
        document=lambda _, __, found: found.to_mapping(),
        ask=_preflight,
        fault=lambda found: "" if found["go"] else _NO_GO,
        names={"request": "workflow"},
    ),
    Row(
        "search_space",
        "automl space",
        ("search_space",),
        (
            _space(BOWL),
            _space(f"{BOWL} --set learning_rate=0.5", overrides={"learning_rate": 0.5}),
            _space(
                f"{BOWL} --automl-set parameters=[train.optim.lr]",
                automl={"parameters": ["train.optim.lr"]},
            ),
            _space(POSE),
            _space("bowl-trian", NO_SKILL),
            _space(f"{BOWL} --set learning_rat=0.5", BREACH, overrides={"learning_rat": 0.5}),
            _space(f"{BOWL} --automl-set algorithm=magic", BREACH, automl={"algorithm": "magic"}),
        ),
        document=lambda _, given, found: space_document(given["skill"], found),
        names={"automl": "automl_settings"},
    ),
)
