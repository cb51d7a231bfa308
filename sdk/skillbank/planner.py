"""Decide everything about a job before anything runs; docs/planning.md tells how."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skillbank.artefacts import newest_whole
from skillbank.carry_forward import carry_forward
from skillbank.data_sources import find_data, roles_of
from skillbank.errors import (
    CheckpointNotFound,
    RequestInvalid,
    SkillNotFound,
    SpecInvalid,
    did_you_mean,
)
from skillbank.filling import Filled, fill_spec
from skillbank.gpu_choice import check_nodes, choose_gpus
from skillbank.inference import Parent, Setting, Trial
from skillbank.inputs import (
    absolute_file,
    check_checkpoints,
    keys_filled_by,
    lay_checkpoint,
    settle_paths,
    settle_results,
    settle_secrets,
)
from skillbank.interpolation import resolve_references
from skillbank.job import Job, JobState
from skillbank.plan import JobPlan, Route
from skillbank.reach import reach_files
from skillbank.request import LOCAL, JobRequest
from skillbank.route import EVALUATION, choose_route, train_directly
from skillbank.skill import Skill, Spec
from skillbank.skill_info import OutputKind
from skillbank.spec import SpecDraft, build_spec
from skillbank.spec_check import spec_problems
from skillbank.spec_keys import get_value, plain, set_value


@dataclass(frozen=True)
class ParentJob:
    """A job whose artefacts and structural settings another one uses."""

    job: Job
    plan: JobPlan


@dataclass(frozen=True)
class PlanSetting:
    """What a plan depends on besides the request and the skill.

    Attributes:
        job_id: Id that the job will have.
        root: Folder of jobs; the job's own is `<root>/jobs/<job_id>`.
        parent: The job that `request.parent_job_id` names.
        gpus: GPUs that one job can get on the platform.
        encryption_key: Reference to the user's key (`env:NAME`), from the settings.
        trial: The AutoML recommendation that the job carries out.
        search_id: The AutoML job that it is a trial of.
        pause_after: Epochs after which the job pauses; None: it trains to its end.
        results_uri: Where the job's folder is copied to while it runs; empty: nowhere.
        can_span_machines: Whether the platform can run one job on several machines.
        sees_root: The machines of the platform see this machine's files.
    """

    job_id: str
    root: Path
    parent: ParentJob | None = None
    gpus: int = 0
    encryption_key: str | None = None
    trial: Trial | None = None
    search_id: str | None = None
    pause_after: int | None = None
    results_uri: str = ""
    can_span_machines: bool = False
    sees_root: bool = True

    @property
    def folder(self) -> Path:
        """The job's own folder, absolute."""
        return (self.root / "jobs" / self.job_id).absolute()


def plan_job(request: JobRequest, skill: Skill, setting: PlanSetting) -> JobPlan:
    """Decide everything about a job; nothing is written.

    Raises:
        SkillNotFound: The skill has no such action.
        SkillInvalid: The skill folder is broken.
        RequestInvalid: The request contradicts itself, or cannot be carried out here.
        SpecInvalid: The spec cannot be used; every problem is listed.
        CheckpointNotFound: The parent lacks an artefact that the action needs.
    """
    _check_action(request, skill)
    _check_parent(request, skill, setting.parent)
    check_checkpoints(request, skill)
    route, reason = choose_route(skill, request.action, request.automl_policy)
    later = _data_of_evaluation(request, skill) if route is Route.AUTOML else {}
    roots = dict(request.data) or _data_of_parent(request.action, skill, setting.parent)
    data = {role: root for role, root in roots.items() if role not in later}
    draft = build_spec(
        skill, request.action, spec=request.spec, data=data, overrides=request.overrides
    )
    if later:
        files, problems = find_data(skill, EVALUATION, later)
        draft.problems += [*problems, *(file.problem for file in files if file.problem)]
    draft.problems += _explain_parent(draft, setting.parent, roots)
    filled = _complete(draft, request, setting)
    if not setting.sees_root:
        reach_files(draft, setting.parent.plan if setting.parent else None, setting.folder)
    num_gpus = choose_gpus(draft, setting.gpus)
    check_nodes(draft, request.platform, can_span_machines=setting.can_span_machines)
    _check_draft(draft)
    search: dict[str, Any] = {}
    if route is Route.AUTOML:
        route, reason, search = _plan_search(draft, request, reason)
    elif request.automl:
        draft.notes.append("the AutoML settings have no effect: this run is not searched.")
    return JobPlan(
        job_id=setting.job_id,
        skill=skill.name,
        action=request.action,
        network_arch=skill.info.network_arch,
        route=route,
        reason=reason,
        spec=draft.spec,
        folder=setting.folder,
        origins=draft.origins,
        notes=tuple(dict.fromkeys(draft.notes)),
        parent_job_id=setting.parent.job.id if setting.parent else None,
        checkpoint_reason=filled.checkpoint_reason,
        automl_policy=request.automl_policy.value,
        platform=request.platform,
        num_gpus=num_gpus,
        idempotency_key=request.idempotency_key,
        request_hash=request.hash,
        downloads=filled.downloads,
        search_id=setting.search_id,
        pause_after=setting.pause_after,
        search=search,
        resources=plain(dict(request.resources)),
        results_uri=setting.results_uri,
        upload_excludes=excludes_of(
            skill, request.action, request.resources if setting.results_uri else None
        ),
    )


def excludes_of(skill: Skill, action: str, resources: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Patterns of what stays where the job runs.

    Args:
        skill: The skill, which names some.
        action: One of its actions.
        resources: Those of the job, which may name more; None: nothing is copied.
    """
    if resources is None:
        return ()
    own = skill.info.actions[action].upload_excludes
    given = resources.get("upload_excludes", ())
    more = given.split(",") if isinstance(given, str) else given
    return (*own, *(str(one).strip() for one in more))


def resume_plan(plan: JobPlan, skill: Skill) -> JobPlan:
    """The same job once more, going on from its own newest checkpoint where there is one.

    Nothing else changes: id, folder, GPUs and every other setting stay as they were planned.
    """
    checkpoint = newest_whole(plan.results)
    functions = frozenset({"resume_model", "resume_model_or_ptm", "automl_resume_model"})
    resume_keys = keys_filled_by(skill, plan.action, functions)
    if checkpoint is None or not resume_keys:
        return plan
    spec: Spec = copy.deepcopy(dict(plan.spec))
    origins = dict(plan.origins)
    for key in resume_keys:
        set_value(spec, key, str(checkpoint.path))
        origins[key] = "inference resume_model"
    only_at_start = frozenset({"ptm_if_no_resume_model", "automl_ptm_if_no_resume_model"})
    for key in keys_filled_by(skill, plan.action, only_at_start):
        set_value(spec, key, get_value(skill.template(plan.action), key))
        origins.pop(key, None)
    return replace(plan, spec=spec, origins=origins)


def _check_draft(draft: SpecDraft) -> None:
    """Check the finished spec; every problem of every step is told at once."""
    # A whole spec file restates every default; only what differs in it was set on purpose.
    meant = {key for key, origin in draft.given.items() if origin != "spec file"}
    meant |= draft.given.keys() & draft.origins.keys()
    problems, notes = spec_problems(draft.skill, draft.action, draft.spec, meant)
    if draft.problems or problems:
        told = {problem.partition(":")[0] for problem in draft.problems}
        if any(problem.startswith("--data ") for problem in draft.problems):
            told |= draft.skill.info.data_sources.get(draft.action, {}).keys()
        further = [problem for problem in problems if problem.partition(":")[0] not in told]
        what = f"the spec of {draft.skill.name} {draft.action}"
        raise SpecInvalid([*dict.fromkeys(draft.problems), *further], what)
    draft.notes += notes


def _data_of_evaluation(request: JobRequest, skill: Skill) -> dict[str, str]:
    """Dataset roots that only the final evaluation of a search reads."""
    later = roles_of(skill, EVALUATION) - roles_of(skill, request.action)
    return {role: root for role, root in request.data.items() if role in later}


def _data_of_parent(action: str, skill: Skill, parent: ParentJob | None) -> dict[str, str]:
    """The parent's results as dataset root, where its action makes data sets."""
    if parent is None or action not in skill.info.data_sources:
        return {}
    outputs = skill.info.actions[parent.plan.action].outputs.values()
    makes_data = any(output.kind is OutputKind.DATASET for output in outputs)
    return {"all": str(parent.plan.results)} if makes_data else {}


def _explain_parent(draft: SpecDraft, parent: ParentJob | None, roots: dict[str, str]) -> list[str]:
    """What the parent's action makes, where data that is missed was looked for there."""
    if parent is None:
        return []
    results = str(parent.plan.results)
    if results not in roots.values() or not any(results in one for one in draft.problems):
        return []
    action = parent.plan.action
    made = draft.skill.info.actions[action].description.rstrip(".")
    return [f"parent: {parent.plan.job_id} is a job of {action}: {made}."]


def _plan_search(
    draft: SpecDraft, request: JobRequest, reason: str
) -> tuple[Route, str, dict[str, Any]]:
    """Route, reason and search of a train action that is to be searched."""
    from skillbank.automl.search_plan import plan_search, why_not_searchable

    if obstacle := why_not_searchable(draft.spec):
        return *train_directly(obstacle), {}
    try:
        planned, _ = plan_search(draft.skill, draft.spec, request.automl)
    except SpecInvalid as error:
        if request.automl:
            raise
        return *train_directly("; ".join(error.problems).rstrip(".")), {}
    planned = replace(planned, data=request.data, import_folder=str(Path.cwd()))
    return Route.AUTOML, reason, planned.to_mapping()


def _complete(draft: SpecDraft, request: JobRequest, setting: PlanSetting) -> Filled:
    """Settle what is left open after the caller's own values; problems gather in the draft."""
    must_exist = request.platform == LOCAL
    settle_secrets(draft)
    resolve_references(draft)
    settle_results(draft, setting.folder / "results")
    named = lay_checkpoint(draft, request)
    settle_paths(draft, must_exist=must_exist)
    base = absolute_file(request.base_checkpoint)
    if must_exist and base and "://" not in base and not Path(base).is_file():
        draft.problems.append(f"base_checkpoint: {request.base_checkpoint!r}: no such file.")
    if must_exist:
        draft.notes += _replaced_files(draft)
    if setting.parent:
        carry_forward(draft, setting.parent.job.id, setting.parent.plan.spec)
    try:
        filled = fill_spec(draft, _inference_setting(draft, request, setting), setting.folder)
    except CheckpointNotFound as error:
        if not draft.problems:
            raise
        draft.problems.append(str(error))
        return Filled("", {})
    return filled if not named else replace(filled, checkpoint_reason=named)


def _replaced_files(draft: SpecDraft) -> list[str]:
    """A note for each file that the caller lets the action write, and that is there already."""
    written = [
        key
        for key, function in draft.skill.info.spec_params.get(draft.action, {}).items()
        if isinstance(function, str) and function.startswith("create_") and key in draft.given
    ]
    values = {key: draft.value(key) for key in written}
    return [
        f"{key}: {value} is there already, and will be replaced."
        for key, value in values.items()
        if isinstance(value, str) and Path(value).expanduser().is_file()
    ]


def _inference_setting(draft: SpecDraft, request: JobRequest, setting: PlanSetting) -> Setting:
    metric = draft.skill.info.metric
    return Setting(
        results=setting.folder / "results",
        parent=_parent(setting.parent),
        selection=request.checkpoint,
        metric=(metric.name, metric.direction),
        base_checkpoint=absolute_file(request.base_checkpoint),
        encryption_key=setting.encryption_key,
        trial=setting.trial,
    )


def _parent(parent: ParentJob | None) -> Parent | None:
    if parent is None:
        return None
    job = parent.job
    return Parent(
        job.id, job.action, job.state.value, job.state is JobState.COMPLETE, parent.plan.results
    )


def _check_action(request: JobRequest, skill: Skill) -> None:
    actions = skill.info.actions
    if request.action not in actions:
        raise SkillNotFound(
            f"{skill.name} has no action {request.action!r}; "
            f"{did_you_mean(request.action, actions)}"
        )
    if not actions[request.action].built:
        built = ", ".join(name for name, action in actions.items() if action.built)
        raise RequestInvalid(
            f"{request.action} of {skill.name} is not built yet: its schema and template are "
            f"there, its runner is not. Built are: {built or 'none'}."
        )


def _check_parent(request: JobRequest, skill: Skill, parent: ParentJob | None) -> None:
    allowed = skill.info.actions[request.action].parents
    if parent is None:
        if request.parent_job_id is not None:
            raise RequestInvalid(
                f"parent: no job {request.parent_job_id!r} was found; list jobs with "
                "'skillbank jobs'."
            )
        return
    found = f"job {parent.job.id} is {parent.plan.skill} {parent.plan.action}"
    if parent.plan.network_arch != skill.info.network_arch:
        raise RequestInvalid(
            f"parent: {found}, another network; {request.action} of {skill.name} needs a job of "
            f"{skill.name}."
        )
    if allowed is None or parent.plan.action in allowed:
        return
    if not allowed:
        raise RequestInvalid(
            f"parent: {request.action} of {skill.name} takes no parent; leave --parent out."
        )
    raise RequestInvalid(
        f"parent: {found}; {request.action} takes a parent of: {', '.join(allowed)}. "
        f"List them with 'skillbank jobs --skill {skill.name}'."
    )
