"""Run every check of a launch; what one finds never keeps another from looking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from skillbank.errors import RequestInvalid, SkillbankError, did_you_mean
from skillbank.platforms.inspection import Check, CheckState, Needs
from skillbank.preflight.bucket import check_results
from skillbank.preflight.compute import check_compute
from skillbank.preflight.credentials import check_credentials
from skillbank.preflight.data import check_data
from skillbank.preflight.environment import check_environment
from skillbank.preflight.parents import check_parent
from skillbank.preflight.review import check_plan, check_review
from skillbank.preflight.room import needs_of
from skillbank.preflight.subject import Subject, look_into
from skillbank.preflight.verdict import Preflight, Section
from skillbank.request import JobRequest
from skillbank.workflow_request import WorkflowRequest, WorkflowStep

if TYPE_CHECKING:
    from skillbank.job_client import JobClient

CHECKS: dict[str, Callable[[Subject], Iterator[Check]]] = {
    "credentials": check_credentials,
    "data": check_data,
    "environment": check_environment,
    "compute": check_compute,
    "parent": check_parent,
    "plan": check_plan,
    "results": check_results,
    "review": check_review,
}
"""The checks of one job, in the order in which they are shown."""


def check_launch(client: JobClient, request: JobRequest | WorkflowRequest) -> Preflight:
    """The verdict on one job, or on every step of a workflow, and on the platforms they run on."""
    is_workflow = isinstance(request, WorkflowRequest)
    steps = request.steps if isinstance(request, WorkflowRequest) else (WorkflowStep(request),)
    subjects: list[Subject | None] = []
    sections: list[Section] = []
    for index, step in enumerate(steps):
        about = f"{step.request.skill} {step.request.action}"
        subject, section = _check_step(client, step, subjects, about)
        subjects.append(subject)
        named = f"steps[{index}]: {about}" if is_workflow else about
        sections.append(Section(named, section.checks, section.plan))
    platforms = dict.fromkeys(step.request.platform for step in steps)
    known = [subject for subject in subjects if subject is not None]
    return Preflight((*(_check_platform(client, name, known) for name in platforms), *sections))


def check_platform(client: JobClient, name: str) -> Preflight:
    """The verdict on a platform alone."""
    return Preflight((_check_platform(client, name, []),))


def _check_platform(client: JobClient, name: str, subjects: list[Subject]) -> Section:
    about = f"platform {name}"
    if name not in client.platforms:
        error = RequestInvalid(
            f"no platform is named {name!r}; {did_you_mean(name, client.platforms)}"
        )
        return Section(about, (_failed("platform", error),))
    there = [subject for subject in subjects if subject.request.platform == name]
    needs = needs_of(there) if there else Needs()
    checks = _guarded("platform", lambda: client.platforms[name].inspect(needs))
    return Section(about, tuple(checks))


def _check_step(
    client: JobClient, step: WorkflowStep, subjects: list[Subject | None], about: str
) -> tuple[Subject | None, Section]:
    """What is known of a step, None where its skill is not, and its checks."""
    earlier, lost = None, ""
    if step.parent is not None:
        name, before = f"steps[{step.parent}]", subjects[step.parent]
        earlier = before.as_parent(name) if before else None
        lost = "" if before else f"{name} has no skill and action that are there"
    try:
        subject = look_into(client, step.request, earlier, lost)
    except SkillbankError as error:
        skipped = (
            Check(name, CheckState.SKIPPED, "needs the skill and its action") for name in CHECKS
        )
        return None, Section(about, (_failed("skill", error, "skillbank capabilities"), *skipped))
    checks: list[Check] = []
    for name, check in CHECKS.items():
        checks += _guarded(name, partial(check, subject))
    return subject, Section(about, tuple(checks), subject.plan)


def _guarded(name: str, look: Callable[[], Iterable[Check]]) -> list[Check]:
    """The checks made, and the error that ended them early if there was one."""
    found: list[Check] = []
    try:
        found.extend(look())
    except SkillbankError as error:
        found.append(_failed(name, error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        found.append(Check(name, CheckState.FAIL, f"{where}{error.strerror or error}"))
    return found


def _failed(name: str, error: SkillbankError, fix: str = "") -> Check:
    return Check(name, CheckState.FAIL, str(error), fix=fix)
