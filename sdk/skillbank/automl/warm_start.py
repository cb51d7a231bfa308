"""Learns from earlier searches of the same skill: their best points are tried first.

Only points travel, not results: earlier results may come from other data, and are not mixed with
those of this search (tools/bench/automl/warm_start.py measures both ways).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillbank.automl.fitting import fit_values, rounded
from skillbank.automl.history import Goal, Proposal, TrialState
from skillbank.automl.result import SearchResult, TrialRecord, read_result
from skillbank.automl.space import SearchSpace
from skillbank.errors import CheckpointNotFound, RequestInvalid

ORIGIN = "warm start"


@dataclass(frozen=True)
class EarlierPoint:
    """A trial of an earlier search that was measured.

    Attributes:
        search: Id of the search's job.
        number: Number of the trial in it.
        values: Dotted spec key -> value that was searched.
        metric: Name of the metric.
        metric_value: Its best value.
        loss: The value with its sign such that lower is better.
        epochs: How long it trained.
    """

    search: str
    number: int
    values: Mapping[str, Any]
    metric: str
    metric_value: float
    loss: float
    epochs: int


def read_earlier(results: Path, skill: str, goal: Goal) -> list[EarlierPoint]:
    """The measured trials of an earlier search.

    Args:
        results: Results folder of its job.
        skill: Skill that is searched now.
        goal: What is optimized now; of several goals the first.

    Raises:
        RequestInvalid: It is no search, of another skill, or never measured this metric.
    """
    job = results.resolve().parent.name
    result = _read(results, job)
    if result.skill != skill:
        raise RequestInvalid(
            f"automl.warm_start: job {job!r} searched {result.skill}, whose parameters say nothing "
            f"about {skill}; name a search of {skill}, or leave warm_start out."
        )
    points = [point for entry in result.history if (point := _point(job, result, entry, goal))]
    if not points:
        raise RequestInvalid(
            f"automl.warm_start: no trial of job {job!r} measured {goal.metric!r}; it has "
            f"{_measured(result)}. Name another search, leave warm_start out, or optimize one of "
            "these with automl.metric."
        )
    return points


def warm_start_points(
    earlier: Sequence[EarlierPoint], space: SearchSpace, count: int
) -> list[Proposal]:
    """The best distinct earlier points, fitted into the present space; the best first.

    A point that is the baseline here is left out, since the baseline is trained anyway.

    Args:
        earlier: Points of one or more searches.
        space: What is searched now.
        count: Most points that are wanted.
    """
    seen = [rounded(space.values(space.defaults()))]
    proposals: list[Proposal] = []
    for point in sorted(earlier, key=lambda p: (p.loss, p.search, p.number)):
        if len(proposals) == count:
            break
        fitted = fit_values(point.values, space)
        values = rounded(space.values(fitted.params))
        if values in seen:
            continue
        seen.append(values)
        changes = [*fitted.notes, *(f"{each} The default is used." for each in fitted.problems)]
        proposals.append(Proposal(fitted.params, ORIGIN, _reason(point, changes)))
    return proposals


def _reason(point: EarlierPoint, changes: Sequence[str]) -> str:
    told = (
        f"trial {point.number} of job {point.search} reached {point.metric} "
        f"{point.metric_value:.6g} after {point.epochs} epochs"
    )
    return f"{told} [adjusted: {' '.join(changes)}]" if changes else told


def _read(results: Path, job: str) -> SearchResult:
    try:
        return read_result(results)
    except CheckpointNotFound as error:
        raise RequestInvalid(
            f"automl.warm_start: job {job!r} left no result of a search to learn from: {error}"
        ) from error


def _point(job: str, result: SearchResult, record: TrialRecord, goal: Goal) -> EarlierPoint | None:
    value = _metrics(result, record).get(goal.metric)
    if value is None or record.state is TrialState.FAILED:
        return None
    return EarlierPoint(
        search=job,
        number=record.trial,
        values=record.specs,
        metric=goal.metric,
        metric_value=value,
        loss=goal.loss(value),
        epochs=record.epochs,
    )


def _metrics(result: SearchResult, record: TrialRecord) -> dict[str, float | None]:
    """Everything that a trial measured; of what it was ranked by, the best value."""
    return {**record.metrics, result.metric: record.metric}


def _measured(result: SearchResult) -> str:
    """The metrics of the trials that did not fail."""
    kept = (each for each in result.history if each.state is not TrialState.FAILED)
    names = {name for each in kept for name, v in _metrics(result, each).items() if v is not None}
    return ", ".join(sorted(names)) or "no measured trial"
