"""Plan a step whose parent has not run yet: against a stand-in for what the parent will leave.

The planner itself does the checking, so that a step is refused now for whatever it would be
refused for later. The stand-in is a results folder with empty files under the names that the
parent's action declares as its outputs; it is gone when the rehearsal ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from skillbank.errors import RequestInvalid, SkillbankError, SpecInvalid
from skillbank.job import Job, JobState
from skillbank.plan import JobPlan, Route
from skillbank.planner import ParentJob, PlanSetting, plan_job
from skillbank.request import JobRequest
from skillbank.skill import Skill
from skillbank.spec_keys import get_value

if TYPE_CHECKING:
    from skillbank.skill_info import OutputKind

_EPOCHS_KEY = "train.num_epochs"
_RULE = re.compile(r"(epoch|step)=(\d+)")
_LIST_OF_JOBS = re.compile(r" List them with 'skillbank jobs [^']*'\.")
_CHECKPOINT = "model_epoch_{:03d}_step_{:05d}.pth"


@dataclass(frozen=True)
class FutureParent:
    """An earlier step, as far as a later one can know it.

    Attributes:
        name: What errors call its job, such as `steps[0]`.
        plan: Its plan, or one with an empty spec where it could not be planned itself.
        skill: Its skill.
    """

    name: str
    plan: JobPlan
    skill: Skill


def rehearse(
    request: JobRequest, skill: Skill, setting: PlanSetting, parent: FutureParent
) -> JobPlan:
    """The plan of a step as if its parent were complete; its paths into the parent are made up.

    Raises:
        SkillbankError: The step cannot run after this parent, whatever that leaves.
    """
    request = replace(request, parent_job_id=parent.name)
    _check_rule(request, parent)
    with _results_of(parent, request, skill) as job:
        try:
            return plan_job(request, skill, replace(setting, parent=job))
        except SpecInvalid as error:
            told = [_in_words(problem, job, parent) for problem in error.problems]
            raise SpecInvalid(told) from error
        except SkillbankError as error:
            raise RequestInvalid(_in_words(str(error), job, parent)) from error


def unplanned(request: JobRequest, skill: Skill, name: str) -> FutureParent:
    """A parent that could not be planned itself: only what it makes is known, not its settings."""
    plan = JobPlan(
        job_id=name,
        skill=skill.name,
        action=request.action,
        network_arch=skill.info.network_arch,
        route=Route.DIRECT,
        reason="",
        spec={},
        folder=Path(),
    )
    return FutureParent(name, plan, skill)


def _check_rule(request: JobRequest, parent: FutureParent) -> None:
    """Refuse a checkpoint that the parent will not leave."""
    rule = _RULE.fullmatch(request.checkpoint or "")
    asked = f"checkpoint: {request.checkpoint!r} of {parent.name} is asked for, which"
    if parent.plan.route is Route.AUTOML and (rule or _is_file_of_parent(request.checkpoint)):
        raise RequestInvalid(
            f"{asked} is a search and leaves its best checkpoint only; leave checkpoint out."
        )
    epochs = get_value(parent.plan.spec, _EPOCHS_KEY)
    if not rule or rule[1] != "epoch" or not isinstance(epochs, int) or int(rule[2]) < epochs:
        return
    raise RequestInvalid(
        f"{asked} trains {epochs} epochs, counted from 0: expected epoch=0 to epoch={epochs - 1}."
    )


def _is_file_of_parent(selection: str | None) -> bool:
    """Tell whether a checkpoint is named by its file name alone: a file of the parent's results."""
    return selection is not None and selection.endswith(".pth") and "/" not in selection


@contextmanager
def _results_of(parent: FutureParent, request: JobRequest, skill: Skill) -> Iterator[ParentJob]:
    """The parent as a complete job with files of the right names."""
    with TemporaryDirectory(prefix="skillbank-") as place:
        plan = replace(parent.plan, job_id=parent.name, folder=Path(place))
        plan.results.mkdir()
        kinds = _kinds_of(parent)
        if "dataset" in kinds:
            # What it finds in the data settles these; they cannot be compared yet.
            plan = replace(plan, spec={})
            _make_data(parent, skill, request.action, plan.results)
        _make_models(kinds, request.checkpoint, skill.info.metric.name, plan.results)
        job = Job(
            id=parent.name,
            skill=plan.skill,
            action=plan.action,
            state=JobState.COMPLETE,
            detail="",
            attempt=1,
            folder=plan.folder,
            parent_job_id=None,
            route=plan.route,
            platform=plan.platform,
            created_at=0.0,
        )
        yield ParentJob(job, plan)


def _kinds_of(parent: FutureParent) -> set[OutputKind]:
    action = parent.skill.info.actions[parent.plan.action]
    return {output.kind for output in action.outputs.values()}


def _make_data(parent: FutureParent, skill: Skill, action: str, results: Path) -> None:
    """Empty files that the action reads of a dataset root and that the parent says it makes."""
    outputs = parent.skill.info.actions[parent.plan.action].outputs.values()
    sources = skill.info.data_sources.get(action, {}).values()
    for name in {name for one in sources for name in (one.file, *one.other_roles.values())}:
        if any(fnmatch(name, output.file) for output in outputs):
            (results / name).parent.mkdir(parents=True, exist_ok=True)
            (results / name).touch()


def _make_models(kinds: set[OutputKind], selection: str | None, metric: str, results: Path) -> None:
    """Empty models of the kinds that are made, the checkpoint as the selection asks for it."""
    rule = _RULE.fullmatch(selection or "")
    numbers = {"epoch": 0, "step": 0} | ({rule[1]: int(rule[2])} if rule else {})
    names = {
        "checkpoint": _CHECKPOINT.format(numbers["epoch"], numbers["step"]),
        "onnx": "model.onnx",
        "engine": "model.engine",
    }
    if selection and _is_file_of_parent(selection):
        names["checkpoint"] = selection
    entries: list[Mapping[str, Any]] = []
    for kind, name in names.items():
        if kind in kinds:
            (results / name).touch()
            facts = {"path": name, "kind": kind, "sha256": "", "size_bytes": 0}
            numbered = {**numbers, "metrics": {metric: 0.0}} if kind == "checkpoint" else {}
            entries.append({**facts, **numbered})
    (results / "artefacts.json").write_text(json.dumps({"artefacts": entries}), encoding="utf-8")


def _in_words(text: str, made: ParentJob, parent: FutureParent) -> str:
    """A problem without the made-up paths."""
    text = text.replace(str(made.plan.results), f"the results of {parent.name}")
    text = _LIST_OF_JOBS.sub(" Name a step that is one.", text)
    return text.replace(f"job {parent.name}", parent.name)
