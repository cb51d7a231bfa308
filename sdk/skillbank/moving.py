"""What of a job's resources holds when it goes on, perhaps on another platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skillbank.plan import JobPlan
from skillbank.planner import excludes_of
from skillbank.platforms.api import Platform
from skillbank.skill import Skill
from skillbank.spec_keys import plain


def move_plan(
    plan: JobPlan, attempt: int, platform: str, old: Platform | None, new: Platform
) -> JobPlan:
    """The plan as it holds on another platform: what that does not know is left out, and noted.

    Args:
        plan: As it held.
        attempt: Number of the attempt that runs there.
        platform: Name of the platform.
        old: Where the job ran before; None: that is not known here.
        new: The platform.
    """
    known = new.job_settings()
    moved = replace(plan, platform=platform)
    if known is None:
        return moved
    before = None if old is None else old.job_settings()
    kept = {k: v for k, v in plan.resources.items() if k in known and _is_same(k, before, known)}
    left = {key: value for key, value in plan.resources.items() if key not in kept}
    if not left:
        return moved
    listed = ", ".join(f"{key}={value}" for key, value in left.items())
    return replace(
        moved,
        resources=kept,
        notes=(
            *plan.notes,
            f"{_of_attempt(attempt)} it runs on {platform!r}, which does not know these resources "
            f"of {plan.platform!r}, so they hold no longer: {listed}.",
        ),
    )


def set_resources(plan: JobPlan, given: Mapping[str, Any], skill: Skill) -> JobPlan:
    """The plan with resources set anew; None takes one away."""
    if not given:
        return plan
    merged = plain({**plan.resources, **given})
    resources = {key: value for key, value in merged.items() if value is not None}
    excludes = excludes_of(skill, plan.action, resources if plan.results_uri else None)
    return replace(plan, resources=resources, upload_excludes=excludes)


def notes_of_attempt(plan: JobPlan, attempt: int) -> list[str]:
    """What changed when an attempt began, for whoever started it."""
    return [note for note in plan.notes if note.startswith(_of_attempt(attempt))]


def _of_attempt(attempt: int) -> str:
    return f"attempt {attempt}:"


def _is_same(key: str, before: Mapping[str, object] | None, known: Mapping[str, object]) -> bool:
    """Whether a name means the same on both: two kinds may call unlike things `mounts`."""
    return before is None or before.get(key) == known[key]
