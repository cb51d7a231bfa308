"""Decide everything about a workflow that can be decided before its first step runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skillbank.automl.search_plan import name_callbacks
from skillbank.bank import SkillBank
from skillbank.errors import PlatformError, SkillbankError, SpecInvalid
from skillbank.plan import JobPlan
from skillbank.planner import PlanSetting
from skillbank.platforms.api import Platform
from skillbank.request import JobRequest
from skillbank.settings import SECRET_REFERENCES
from skillbank.skill import Skill
from skillbank.workflow_request import WorkflowRequest, WorkflowStep
from skillbank.workflows.rehearsal import FutureParent, rehearse, unplanned
from skillbank.workflows.workflow_plan import PlannedStep, WorkflowPlan, step_key

_SECRET = "key"  # the inference function that fills secrets


@dataclass(frozen=True)
class Planners:
    """What a client lends to the planning of a workflow.

    Attributes:
        root: Folder of jobs and workflows.
        bank: Skills.
        plan_job: Plans a job in full.
        platform: Where jobs of a name run.
        encryption_key: Reference to the user's key, from the settings.
    """

    root: Path
    bank: SkillBank
    plan_job: Callable[[JobRequest], JobPlan]
    platform: Callable[[str], Platform]
    encryption_key: str | None = None


@dataclass
class _Planned:
    """What became of the steps so far; a step that failed leaves no plan."""

    steps: list[PlannedStep] = field(default_factory=list)
    futures: list[FutureParent | None] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def plan_workflow(
    request: WorkflowRequest, planners: Planners, workflow_id: str, key: str | None
) -> WorkflowPlan:
    """Plan every step: in full where it builds on no other, else as far as it can be.

    Args:
        request: What is wanted.
        planners: What plans jobs.
        workflow_id: Id that the workflow will have.
        key: Idempotency key of the workflow.

    Raises:
        SpecInvalid: Steps cannot be run; every problem of every step is listed.
    """
    planned = _Planned()
    for index, step in enumerate(request.steps):
        where = f"steps[{index}]"
        try:
            _plan_step(step, planners, planned, step_key(workflow_id, index))
        except SpecInvalid as error:
            planned.problems += [f"{where}: {problem}" for problem in error.problems]
        except SkillbankError as error:
            planned.problems.append(f"{where}: {error}")
        if len(planned.futures) == index:
            planned.futures.append(_failed_future(step, planners, where))
    if planned.problems:
        raise SpecInvalid(planned.problems, "the workflow")
    return WorkflowPlan(
        workflow_id=workflow_id,
        folder=(planners.root / "workflows" / workflow_id).absolute(),
        working_folder=Path.cwd(),
        request=written_form(request, planners.bank),
        steps=tuple(planned.steps),
        idempotency_key=key,
    )


def written_form(request: WorkflowRequest, bank: SkillBank) -> WorkflowRequest:
    """The request as it is kept: functions by their names, and no secret.

    Raises:
        RequestInvalid: A function that no other process can import.
    """
    return replace(request, steps=tuple(_written_step(step, bank) for step in request.steps))


def _written_step(step: WorkflowStep, bank: SkillBank) -> WorkflowStep:
    request = step.request
    secrets = _secret_keys(bank[request.skill]) if request.skill in bank else frozenset()
    spec = _without(secrets, request.spec)
    written = replace(request, spec=spec, automl=name_callbacks(request.automl))
    return replace(step, request=written)


def _secret_keys(skill: Skill) -> frozenset[str]:
    """Dotted and short keys that hold a secret in the spec of any action."""
    params = [pair for each in skill.info.spec_params.values() for pair in each.items()]
    keys = {key for key, function in params if function == _SECRET}
    short = {name for name, key in skill.info.spec_shorthand_keys.items() if key in keys}
    return frozenset(keys | short)


def _without(secrets: frozenset[str], spec: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A spec without secrets in plain text, which the planner leaves out too and says so."""
    kept: dict[str, Any] = {}
    for name, value in spec.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            kept[name] = _without(secrets, value, f"{key}.")
        elif key not in secrets or str(value).startswith(SECRET_REFERENCES):
            kept[name] = value
    return kept


def _plan_step(step: WorkflowStep, planners: Planners, planned: _Planned, key: str) -> None:
    request = replace(step.request, automl=name_callbacks(step.request.automl))
    if request.idempotency_key is not None:
        raise SpecInvalid(
            [
                "idempotency_key: a workflow gives its steps keys of their own; leave it out, and "
                "give the workflow one."
            ]
        )
    skill = planners.bank[request.skill]
    index = len(planned.futures)
    if step.parent is None:
        plan = planners.plan_job(replace(request, idempotency_key=key))
    else:
        platform = planners.platform(request.platform)
        setting = PlanSetting(
            f"steps-{index}",
            planners.root,
            gpus=platform.gpus(),
            encryption_key=planners.encryption_key,
        )
        future = planned.futures[step.parent]
        if future is None:  # its skill or action does not exist: look at everything else
            future = _any_parent(request, planners, f"steps[{step.parent}]")
        if future is None:
            return
        plan = rehearse(request, skill, setting, future)
    _check_platform(plan, planners)
    planned.futures.append(FutureParent(f"steps[{index}]", plan, skill))
    kept = plan if step.parent is None else None
    planned.steps.append(PlannedStep(plan.route, plan.reason, plan.num_gpus, plan.notes, kept))


def _check_platform(plan: JobPlan, planners: Planners) -> None:
    """Refuse what can never run there.

    Raises:
        SpecInvalid: It asks for more than there is.
    """
    try:
        planners.platform(plan.platform).check(plan)
    except PlatformError as error:
        raise SpecInvalid([str(error)]) from error


def _failed_future(step: WorkflowStep, planners: Planners, name: str) -> FutureParent | None:
    """A step that cannot be planned as a parent; None where not even its action exists."""
    try:
        skill = planners.bank[step.request.skill]
        is_there = step.request.action in skill.info.actions
    except SkillbankError:
        return None
    return unplanned(step.request, skill, name) if is_there else None


def _any_parent(request: JobRequest, planners: Planners, name: str) -> FutureParent | None:
    """A parent that the action takes, in place of one that nobody knows."""
    skill = planners.bank[request.skill]
    action = skill.info.actions.get(request.action)
    allowed = skill.info.actions if action is None or action.parents is None else action.parents
    first = next(iter(allowed), None)
    return unplanned(replace(request, action=first), skill, name) if first else None
