"""The launch review: everything a search is about to do, with its time by a measured step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skillbank.automl.forecast import forecast
from skillbank.automl.history import Proposal, Start, Trial, TrialState
from skillbank.search.pace import Pace

if TYPE_CHECKING:
    from skillbank.search.driver import Tools


def make_review(
    tools: Tools, reason: str, pace: Pace | None, first_points: Sequence[Proposal] = ()
) -> dict[str, Any]:
    """Everything that a search is about to do.

    Args:
        tools: What the search works with.
        reason: Why its algorithm was chosen.
        pace: How fast a training is here; None when nothing was measured.
        first_points: Points of earlier searches, which are tried first.
    """
    plan, settings = tools.jobs.plan, tools.settings
    places = max(1, min(settings.max_concurrent, tools.jobs.capacity()))
    num_epochs = tools.jobs.num_epochs
    expected = forecast(tools.scheduler, num_epochs, places)
    return {
        "search": plan.job_id,
        "skill": plan.skill,
        "platform": plan.platform,
        "data": dict(plan.search["data"]),
        "algorithm": settings.algorithm.value,
        "algorithm_reason": reason,
        "goals": [
            {"metric": g.metric, "direction": "minimize" if g.minimize else "maximize"}
            for g in tools.goals
        ],
        "budget": {
            "recommendations": expected.recommendations,
            "epochs_per_full_training": num_epochs,
            "epochs": expected.epochs,
            "trials_at_once": places,
            "time_s": settings.time_budget_s,
            "cost": settings.cost_budget,
            "seed": settings.seed,
        },
        "space": [describe_parameter(p) for p in tools.space.parameters],
        "fixed": [{"key": f.key, "reason": f.reason} for f in tools.space.fixed],
        "first_batch": first_batch(tools, places, first_points),
        "estimate": _estimate(expected.seconds, pace),
    }


def first_batch(
    tools: Tools, count: int, first_points: Sequence[Proposal] = ()
) -> list[dict[str, Any]]:
    """Spec values of the first recommendations, were they all asked for at once.

    Where a language model proposes, only the points to begin with: it is not asked before the
    search begins.
    """
    points = list(first_points)
    if tools.settings.algorithm.needs_endpoint:
        count = min(count, len(points))
    baseline = Trial(0, tools.space.defaults(), TrialState.RUNNING, epochs=tools.jobs.num_epochs)
    history = [baseline]
    for number in range(1, count + 1):
        move = tools.scheduler.next_move(history)
        if not isinstance(move, Start):
            break
        proposal = points.pop(0) if points else tools.proposer.propose(number, move, history)
        history.append(
            Trial(
                number,
                proposal.params,
                TrialState.RUNNING,
                epochs=move.epochs,
                bracket=move.bracket,
                origin=proposal.origin,
            )
        )
    return [
        {
            "trial": trial.number,
            "epochs": trial.epochs,
            "origin": trial.origin,
            "specs": tools.space.values(trial.params),
        }
        for trial in history[1:]
    ]


def describe_parameter(parameter: Any) -> dict[str, Any]:  # noqa: ANN401 - Parameter, for JSON
    """One row of the space, as JSON has it."""
    return {
        "key": parameter.name,
        "low": parameter.low,
        "high": parameter.high,
        "log": parameter.log,
        "options": list(parameter.options),
        "off": parameter.off if parameter.has_off else None,
        "default": parameter.default,
    }


def render_review(review: Mapping[str, Any]) -> str:
    """A launch review as a page of text."""
    budget, estimate = review["budget"], review["estimate"]
    goals = ", ".join(f"{g['direction']} {g['metric']}" for g in review["goals"])
    data = ", ".join(f"{role}={root}" for role, root in review["data"].items())
    lines = [
        f"launch review of {review['search']}",
        f"  skill       {review['skill']} on {review['platform']}",
        f"  data        {data or 'as the spec says'}",
        f"  goal        {goals}",
        f"  algorithm   {review['algorithm']}: {review['algorithm_reason']}",
        f"  budget      {budget['recommendations']} recommendations besides the baseline, "
        f"about {budget['epochs']} epochs, full training {budget['epochs_per_full_training']}, "
        f"{budget['trials_at_once']} at once",
        f"  estimate    {estimate['sentence']}",
        "  space",
        *(f"    {_space_row(row)}" for row in review["space"]),
        "  first recommendations",
        *(f"    {_batch_row(row)}" for row in review["first_batch"]),
    ]
    return "\n".join(lines)


def _space_row(row: Mapping[str, Any]) -> str:
    if row["options"]:
        where = f"one of {', '.join(map(str, row['options']))}"
    else:
        where = f"{row['low']:g} to {row['high']:g}{', log' if row['log'] else ''}"
    off = f", or {row['off']!r} (off)" if row["off"] is not None else ""
    return f"{row['key']}: {where}{off} (default {row['default']!r})"


def _batch_row(row: Mapping[str, Any]) -> str:
    values = ", ".join(
        f"{key.rpartition('.')[2]}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in row["specs"].items()
    )
    return f"{row['trial']}: {values} ({row['origin']}, {row['epochs']} epochs first)"


def _estimate(seconds_of: Any, pace: Pace | None) -> dict[str, Any]:  # noqa: ANN401 - Forecast.seconds
    if pace is None:
        return {"seconds": None, "sentence": "not measured: the baseline showed no figures yet"}
    seconds = seconds_of(pace.seconds_per_epoch, pace.startup_s)
    return {
        "seconds": round(seconds, 1),
        "seconds_per_epoch": round(pace.seconds_per_epoch, 3),
        "startup_s": round(pace.startup_s, 3),
        "measured": pace.how,
        "sentence": f"{_duration(seconds)} (measured: {pace.how}, {pace.startup_s:.1f} s to start)",
    }


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
