"""Learns from earlier searches of the same skill: their best points are tried first.

Only points travel, not results: earlier results may come from other data, and are not mixed with
those of this search (tools/bench/automl/warm_start.py measures both ways).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from skillbank.automl.fitting import fit_values, rounded
from skillbank.automl.history import Goal, Proposal, TrialState
from skillbank.automl.space import SearchSpace
from skillbank.documents import read_json
from skillbank.errors import RequestInvalid

ORIGIN = "warm start"
RESULT = "search.json"


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


class _Entry(BaseModel):
    """What matters here of one entry of an earlier history; further keys are for others."""

    trial: int
    state: TrialState
    metric: float | None = None
    metrics: Mapping[str, float | None] = Field(default_factory=dict)
    epochs: int = 0
    specs: Mapping[str, Any] = Field(default_factory=dict)


class _Result(BaseModel):
    skill: str
    metric: str
    history: tuple[_Entry, ...]

    @property
    def first_metric(self) -> str:
        """What its trials reported as they trained; a search for a Pareto set names several."""
        return self.metric.partition(",")[0].strip()


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
    result = _read(results / RESULT, job)
    if result.skill != skill:
        raise RequestInvalid(
            f"automl.warm_start: job {job!r} searched {result.skill}, whose parameters say nothing "
            f"about {skill}; name a search of {skill}, or leave warm_start out."
        )
    points = [p for entry in result.history if (p := _point(job, entry, result.first_metric, goal))]
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


def _read(path: Path, job: str) -> _Result:
    try:
        return _Result.model_validate(read_json(path, error=RequestInvalid))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestInvalid(
            f"automl.warm_start: {path} is no result of a search: {where}: {first['msg']}; job "
            f"{job!r} must be an AutoML job that has measured trials."
        ) from None


def _point(job: str, entry: _Entry, searched_for: str, goal: Goal) -> EarlierPoint | None:
    value = _value(entry, searched_for, goal)
    if entry.state is TrialState.FAILED or value is None or not math.isfinite(value):
        return None
    return EarlierPoint(
        search=job,
        number=entry.trial,
        values=entry.specs,
        metric=goal.metric,
        metric_value=value,
        loss=goal.loss(value),
        epochs=entry.epochs,
    )


def _value(entry: _Entry, searched_for: str, goal: Goal) -> float | None:
    """The metric that is optimized now; an earlier search may have optimized another."""
    return entry.metric if goal.metric == searched_for else entry.metrics.get(goal.metric)


def _measured(result: _Result) -> str:
    """The metrics of the trials that did not fail."""
    names = set()
    for entry in result.history:
        if entry.state is TrialState.FAILED:
            continue
        named = {**entry.metrics, result.first_metric: entry.metric}
        names |= {name for name, value in named.items() if value is not None}
    return ", ".join(sorted(names)) or "no measured trial"
