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
    # Where a platform shares this root's disk, it need not share any other.
    above = None if plan.platform == LOCAL else client.root
    if above is not None:
        above.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="skillbank-review-", dir=above) as folder:
        pace = _measure(client, plan, Path(folder)) if measures else None
        tools = make_tools(client, plan, Path(folder))
        first_points = points_to_begin_with(client, tools)
        return make_review(tools, plan.search["algorithm_reason"], pace, first_points)


def _measure(client: Client, plan: JobPlan, root: Path) -> Pace | None:
    """How fast the baseline trains on this machine, or on the plan's platform.

    None where that can only be told through a results URI: something of it would stay there.
    """
    there = client.platforms[plan.platform]
    if not there.is_shared:
        return None
    platforms = {plan.platform: LocalPlatform(root) if plan.platform == LOCAL else there}
    aside = Client(root, bank=client.bank, platforms=platforms)
    plan = replace(plan, folder=root / "jobs" / plan.job_id, results_uri="")
    baseline = make_tools(aside, plan, root).jobs.plan_alone()
    try:
        aside.submit(baseline)
        return measure_pace(aside, baseline.job_id)
    finally:  # also after Ctrl-C: nothing may go on training
        with suppress(JobNotFound):
            aside.cancel(baseline.job_id)
        aside.close()
