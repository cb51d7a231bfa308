"""What the checks of one job look at: the request, and all that could be found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from skillbank.data_sources import roles_of
from skillbank.errors import JobNotFound, RequestInvalid, SkillbankError
from skillbank.inputs import keys_filled_by
from skillbank.job import Job, JobState
from skillbank.job_folder import trained_plan
from skillbank.plan import JobPlan, Route
from skillbank.planner import PlanSetting
from skillbank.route import EVALUATION, choose_route
from skillbank.settings import read_settings
from skillbank.spec import SpecDraft, build_spec
from skillbank.workflows.rehearsal import FutureParent, rehearse, unplanned

if TYPE_CHECKING:
    from skillbank.job_client import JobClient
    from skillbank.platforms.api import Platform
    from skillbank.request import JobRequest
    from skillbank.skill import Skill

FROM_PARENT = frozenset({"parent_model", "parent_model_or_ptm"})


@dataclass(frozen=True)
class Subject:
    """One job that somebody wants to launch.

    Attributes:
        client: Where it would run.
        request: What is wanted.
        skill: The skill, which has the action.
        platform: Its platform; None where no platform has the name.
        plan: The job, decided; None where it cannot be, or not yet.
        rehearsal: The job as it would be if its parent were complete; paths in it are made up.
        problem: Why there is neither.
        parent: The job it builds on.
        lost_parent: Why the parent that was named cannot be used now.
        earlier: The step of the same workflow whose job will be its parent.
    """

    client: JobClient
    request: JobRequest
    skill: Skill
    platform: Platform | None = None
    plan: JobPlan | None = None
    rehearsal: JobPlan | None = None
    problem: SkillbankError | None = None
    parent: Job | None = None
    lost_parent: str = ""
    earlier: FutureParent | None = None

    @property
    def action(self) -> str:
        """The action."""
        return self.request.action

    @property
    def shape(self) -> JobPlan | None:
        """The plan, or its rehearsal: route, GPUs and settings are the same in both."""
        return self.plan or self.rehearsal

    @property
    def is_searched(self) -> bool:
        """Tell whether the job is a search."""
        if self.shape is not None:
            return self.shape.route is Route.AUTOML
        route, _ = choose_route(self.skill, self.action, self.request.automl_policy)
        return route is Route.AUTOML

    @property
    def parent_keys(self) -> list[str]:
        """Spec keys that a parent fills with one of its artefacts."""
        return keys_filled_by(self.skill, self.action, FROM_PARENT)

    @cached_property
    def draft(self) -> SpecDraft:
        """The caller's values over the template, with what is wrong about them."""
        later = self.roots_of_evaluation
        data = {role: root for role, root in self.request.data.items() if role not in later}
        return build_spec(
            self.skill,
            self.action,
            spec=self.request.spec,
            data=data,
            overrides=self.request.overrides,
        )

    @property
    def roots_of_evaluation(self) -> Mapping[str, str]:
        """Dataset roots that only the final evaluation of a search reads."""
        if not self.is_searched:
            return {}
        later = roles_of(self.skill, EVALUATION) - roles_of(self.skill, self.action)
        return {role: root for role, root in self.request.data.items() if role in later}

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec as planned, else as the caller gave it over the template."""
        return self.draft.spec if self.plan is None else self.plan.spec

    def as_parent(self, name: str) -> FutureParent:
        """What a later step can know of this one."""
        future = unplanned(self.request, self.skill, name)
        return future if self.shape is None else replace(future, plan=self.shape)


def look_into(
    client: JobClient, request: JobRequest, earlier: FutureParent | None = None, lost: str = ""
) -> Subject:
    """Find out all that the checks of one job look at.

    Args:
        client: Where it would run.
        request: What is wanted.
        earlier: The step of the same workflow that it builds on.
        lost: Why that step is not known; empty where it is, or there is none.

    Raises:
        SkillNotFound: No such skill or action.
        SkillInvalid: The skill folder is broken.
    """
    skill = client.bank[request.skill]
    skill.template(request.action)  # raises where there is no such action
    subject = Subject(
        client, request, skill, client.platforms.get(request.platform), earlier=earlier
    )
    if subject.platform is None:
        return subject
    if earlier is not None:
        return _rehearsed(subject, earlier)
    parent, why = (None, lost) if lost else _find_parent(client, request)
    if why:
        stand_in = _stand_in(subject, parent)
        known = replace(subject, parent=parent, lost_parent=why)
        return known if stand_in is None else _rehearsed(known, stand_in)
    try:
        return replace(subject, parent=parent, plan=client.plan_job(request))
    except SkillbankError as error:
        return replace(subject, parent=parent, problem=error)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        return replace(subject, parent=parent, problem=_unreachable(error))


def _find_parent(client: JobClient, request: JobRequest) -> tuple[Job | None, str]:
    """The parent job, and why it cannot be used now; looking makes no records."""
    if request.parent_job_id is None:
        return None, ""
    if not (client.root / "jobs.db").is_file():
        return None, f"no job {request.parent_job_id!r}: {client.root} holds no jobs"
    try:
        job = client.job(request.parent_job_id)
    except JobNotFound as error:
        return None, str(error)
    told = "" if job.state is JobState.COMPLETE else f"job {job.id} is {job.state}, not COMPLETE"
    return job, told


def _stand_in(subject: Subject, parent: Job | None) -> FutureParent | None:
    """What stands for a parent that is not complete or not there; None where none may be."""
    client, request = subject.client, subject.request
    if parent is not None and parent.skill in client.bank:
        plan = trained_plan(parent.folder)
        return FutureParent(f"job {parent.id}", plan, client.bank[parent.skill])
    actions = subject.skill.info.actions
    allowed = actions[request.action].parents
    first = next(iter(actions if allowed is None else allowed), None)
    name = f"job {request.parent_job_id}" if request.parent_job_id else "an earlier step"
    return unplanned(replace(request, action=first), subject.skill, name) if first else None


def _rehearsed(subject: Subject, parent: FutureParent) -> Subject:
    """The subject with its job as it would be after that parent."""
    client, request = subject.client, replace(subject.request, parent_job_id=None)
    setting = PlanSetting(
        "rehearsal",
        client.root,
        gpus=subject.platform.gpus() if subject.platform else 0,
        encryption_key=read_settings().encryption_key,
    )
    try:
        return replace(subject, rehearsal=rehearse(request, subject.skill, setting, parent))
    except SkillbankError as error:
        return replace(subject, problem=error)
    except OSError as error:
        return replace(subject, problem=_unreachable(error))


def _unreachable(error: OSError) -> RequestInvalid:
    return RequestInvalid(f"{error.filename}: cannot be reached: {error.strerror}.")
