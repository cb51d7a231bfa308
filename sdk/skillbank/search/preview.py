"""The launch review of a search that nobody has started: measured, and nothing of it stays."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from skillbank.client import Client
from skillbank.errors import JobNotFound, RequestInvalid
from skillbank.plan import JobPlan, Route
from skillbank.platforms.local import LocalPlatform
from skillbank.request import LOCAL, JobRequest
from skillbank.search.pace import Pace, measure_pace
from skillbank.search.review import make_review
from skillbank.search.run import make_tools, points_to_begin_with


def preview_search(client: Client, request: JobRequest, *, measures: bool = True) -> dict[str, Any]:
    """Everything that a search would do, as `results/review.json` will say.

    Args:
        client: Plans it.
        request: What would be submitted.
        measures: Whether the first steps of the baseline are trained, in a folder of their own,
            to estimate the time; else nothing runs.

    Raises:
        RequestInvalid: The request leads to no search.
    """
    plan = client.plan_job(request)
    if plan.route is not Route.AUTOML:
        raise RequestInvalid(
            f"there is no search to review: {plan.reason} See the plan with 'skillbank plan'."
        )
    # A review opens no storage of the user's: nothing may change before the launch.
    settings = {**plan.search["settings"], "storage": None}
    plan = replace(plan, search={**plan.search, "settings": settings})
    with TemporaryDirectory(prefix="skillbank-review-") as folder:
        pace = _measure(client, plan, Path(folder)) if measures else None
        tools = make_tools(client, plan, Path(folder))
        first_points = points_to_begin_with(client, tools)
        return make_review(tools, plan.search["algorithm_reason"], pace, first_points)


def _measure(client: Client, plan: JobPlan, root: Path) -> Pace | None:
    """How fast the baseline trains on this machine, or on the plan's platform."""
    is_local = plan.platform == LOCAL
    platforms = {LOCAL: LocalPlatform(root)} if is_local else dict(client.platforms)
    aside = Client(root, bank=client.bank, platforms=platforms)
    there = replace(plan, folder=root / "jobs" / plan.job_id)
    baseline = make_tools(aside, there, root).jobs.plan_alone()
    try:
        aside.submit(baseline)
        return measure_pace(aside, baseline.job_id)
    finally:  # also after Ctrl-C: nothing may go on training
        with suppress(JobNotFound):
            aside.cancel(baseline.job_id)
        aside.close()
