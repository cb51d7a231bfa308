"""The plan itself, and what a person should read before a launch."""

from __future__ import annotations

import json
from collections.abc import Iterator

from skillbank.errors import PlatformError
from skillbank.plan import JobPlan
from skillbank.platforms.inspection import Check, CheckState
from skillbank.preflight.subject import Subject
from skillbank.spec_keys import get_value

_SHOWN_HASH = 12


def check_plan(subject: Subject) -> Iterator[Check]:
    """Whether the job can be planned, and by which hash the plan is known."""
    fix = f"skillbank show {subject.skill.name} {subject.action}"
    if subject.platform is None:
        known = ", ".join(sorted(subject.client.platforms))
        found = f"no platform is named {subject.request.platform!r}"
        yield Check("plan", CheckState.FAIL, found, f"one of: {known}", "--platform NAME")
    elif subject.problem is not None:
        yield Check("plan", CheckState.FAIL, str(subject.problem), fix=fix)
    elif subject.plan is not None:
        yield _check_limits(subject, subject.plan)
    else:
        found = "the rest of the request fits; it is planned when its parent is COMPLETE"
        yield Check("plan", CheckState.SKIPPED, found)


def check_review(subject: Subject) -> Iterator[Check]:
    """Route and budget, values that are not the template's, and notes."""
    shape = subject.shape
    if shape is None:
        yield Check("review", CheckState.SKIPPED, "there is no plan to read")
        return
    yield Check("review", CheckState.PASS, f"{shape.route.value}: {shape.reason}", about="route")
    if shape.search:
        yield Check("review", CheckState.PASS, _budget(shape), about="budget")
    yield Check("review", CheckState.PASS, _changes(subject, shape), about="spec")
    for note in shape.notes:
        yield Check("review", CheckState.PASS, note, about="note")


def _check_limits(subject: Subject, plan: JobPlan) -> Check:
    """A plan that the platform takes."""
    try:
        if subject.platform is not None:
            subject.platform.check(plan)
    except PlatformError as error:
        return Check("plan", CheckState.FAIL, str(error))
    return Check("plan", CheckState.PASS, f"{plan.job_id}, hash {plan.hash[:_SHOWN_HASH]}")


def _budget(shape: JobPlan) -> str:
    settings = shape.search["settings"]
    limits = {
        "time_budget_s": "at most {:g} s",
        "cost_budget": "at most {:g} of cost",
    }
    told = [words.format(settings[key]) for key, words in limits.items() if settings.get(key)]
    trials = (
        f"{settings['algorithm']}, {settings['max_recommendations']} recommendations of at most "
        f"{settings['max_epochs']} epochs"
    )
    return ", ".join([trials, *told])


def _changes(subject: Subject, shape: JobPlan) -> str:
    """Keys that are not as in the template, one a line; made-up paths are not shown."""
    origins = shape.origins if subject.plan else subject.draft.given
    lines = [
        f"{key}: {_show(get_value(subject.spec, key))}  # {origin}"
        for key, origin in origins.items()
    ]
    count = f"{len(lines)} keys differ from the template"
    return "\n".join([f"{count}:" if lines else "as the template", *lines])


def _show(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
