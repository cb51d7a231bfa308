"""What a search has found so far: results/search.json, rewritten whole at every change.

Programs, the live table, the report and `skillbank automl result` read nothing else. Numbers are
finite or null.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, computed_field

from skillbank.automl.history import Goal, TrialState
from skillbank.documents import read_json
from skillbank.errors import CheckpointNotFound

FILE = "search.json"
"""In the results of a search."""


class SearchState(StrEnum):
    """Where a search stands; `stopped` is before it had done all it was asked for."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"


class Status(StrEnum):
    """How a part of a search ended, in the words of status lines."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    SKIPPED = "SKIPPED"

    @classmethod
    def of(cls, state: TrialState) -> Status:
        """The status of a trial; one that was pruned did what it was asked to."""
        if not state.is_final:
            return cls.RUNNING
        return cls.FAILURE if state is TrialState.FAILED else cls.SUCCESS


class Direction(StrEnum):
    """Which values of a metric are better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


def _finite_or_none(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite_or_none)]
"""A finite number; NaN and infinity are None."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Objective(_Record):
    """One metric that is optimized.

    Attributes:
        metric: Its name.
        direction: Which of its values are better.
    """

    metric: str
    direction: Direction


class Comparison(_Record):
    """How much better a value is than the baseline's.

    Attributes:
        gain: Difference in the better direction; negative when it is worse.
        relative: The gain as a share of the baseline's absolute value; None when that is 0.
    """

    gain: Number = None
    relative: Number = None


class Best(_Record):
    """The best trial.

    Attributes:
        trial: Its number.
        job_id: Job that trained it.
        specs: Dotted key -> value, of everything that was searched.
        metric_value: The best value of the metric.
        epoch: Epochs trained when it was measured.
        checkpoint: Path of its checkpoint in the results of the search; None while not kept there.
        adjustments: What was changed of the point before it trained, a sentence each.
    """

    trial: int
    job_id: str
    specs: Mapping[str, Any] = {}
    metric_value: Number = None
    epoch: int | None = None
    checkpoint: str | None = None
    adjustments: tuple[str, ...] = ()


class Baseline(_Record):
    """Trial 0: the spec that is tuned, as it stands.

    Attributes:
        trial: Its number, 0.
        job_id: Job that trained it.
        metric_value: The best value of the metric.
        status: How it ended.
        comparison_to_best: What the best trial gains over it; None while one of them is missing.
    """

    trial: int = 0
    job_id: str
    metric_value: Number = None
    status: Status
    comparison_to_best: Comparison | None = None


class FinalEvaluation(_Record):
    """The best checkpoint on the evaluation data.

    Attributes:
        metric: What was measured.
        metric_value: With the best checkpoint.
        status: Whether it could be measured; `data` says why not.
        baseline_value: With the baseline's checkpoint, on the same data.
        comparison_to_baseline: What the former gains over the latter.
        record_path: Results of the evaluation's job; null where a function measured.
        data: Which data, in words.
    """

    metric: str
    metric_value: Number = None
    status: Status
    baseline_value: Number = None
    comparison_to_baseline: Comparison | None = None
    record_path: str | None = None
    data: str = ""


class TrialRecord(_Record):
    """One recommendation.

    Attributes:
        trial: Its number.
        job_id: Job that trains it.
        state: Where it stands.
        metric: The best value of the metric so far.
        metrics: Further figures, of its last validation.
        curve: (epochs trained, value of the metric), in order.
        epochs: Epochs trained so far.
        target_epochs: Epochs it may train to now.
        seconds: Time its jobs have run.
        failure_kind: Why it failed, in a word; empty when it did not.
        failure_reason: Why it failed or was stopped, in a sentence.
        adjustments: What was changed of the point before it trained, a sentence each.
        specs: Dotted key -> value of its point.
        params: The point as drawn.
        origin: Where the point came from: `baseline`, `tpe`, `llm`, ...
        reason: Why this point.
        bracket: Number of its bracket; 0 where there are none.
        parent: Number of the trial whose checkpoint it began from (pbt).
        generation: Exploit steps behind it (pbt), or its generation (dehb).
        started_at: Seconds since the epoch, UTC.
        ended_at: The same, of its final state.
    """

    trial: int
    job_id: str
    state: TrialState
    metric: Number = None
    metrics: Mapping[str, Number] = {}
    curve: tuple[tuple[int, Number], ...] = ()
    epochs: int = 0
    target_epochs: int = 0
    seconds: float = 0.0
    failure_kind: str = ""
    failure_reason: str = ""
    adjustments: tuple[str, ...] = ()
    specs: Mapping[str, Any] = {}
    params: Mapping[str, bool | int | float | str | None] = {}
    origin: str = ""
    reason: str = ""
    bracket: int = 0
    parent: int | None = None
    generation: int = 0
    started_at: float | None = None
    ended_at: float | None = None

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot see through pydantic's here
    @property
    def status(self) -> Status:
        """How it ended, for programs."""
        return Status.of(self.state)


class Progress(_Record):
    """How far a search is.

    Attributes:
        proposed: Recommendations so far, the baseline not counted.
        complete: Trials that trained to the end.
        pruned: Trials that were stopped early, or never promoted.
        paused: Trials that wait for a promotion.
        failed: Trials that failed.
        running: Trials that train, or are about to.
        max_recommendations: How many there will be.
        elapsed_s: Time the search has run, over all attempts.
        eta_s: Time it still needs; None when that cannot be told.
    """

    proposed: int = 0
    complete: int = 0
    pruned: int = 0
    paused: int = 0
    failed: int = 0
    running: int = 0
    max_recommendations: int = 0
    elapsed_s: float = 0.0
    eta_s: Number = None


class Cost(_Record):
    """What all trials took together.

    Attributes:
        epochs: Epochs truly trained.
        seconds: Time of their processes.
        gpu_seconds: The same, times the GPUs they held.
        money: By the price that the user gave; None without one.
    """

    epochs: int = 0
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    money: Number = None


class SearchResult(_Record):
    """A search as it is now.

    Attributes:
        skill: Skill whose train action is searched.
        algorithm: The algorithm that was chosen.
        algorithm_reason: Why, in a sentence.
        metric: What trials are ranked by.
        direction: Which of its values are better.
        objectives: All metrics of a search for a Pareto set; empty for one metric.
        state: Where the search stands.
        stop_reason: Why it stopped early, in a sentence; empty when it did not.
        best: The best trial so far.
        baseline: Trial 0; None before it was started.
        final_evaluation: None before it was begun, or when it is switched off.
        history: All trials, by number.
        progress: How far it is.
        pareto_front: Numbers of the trials that no other beats in every metric.
        importance: Dotted key -> share of the metric's variation, 0 to 1; empty when unknown.
        cost: What it took.
    """

    skill: str
    algorithm: str
    algorithm_reason: str = ""
    metric: str
    direction: Direction
    objectives: tuple[Objective, ...] = ()
    state: SearchState = SearchState.RUNNING
    stop_reason: str = ""
    best: Best | None = None
    baseline: Baseline | None = None
    final_evaluation: FinalEvaluation | None = None
    history: tuple[TrialRecord, ...] = ()
    progress: Progress = Progress()
    pareto_front: tuple[int, ...] = ()
    importance: Mapping[str, Annotated[float, Field(ge=0, le=1)]] = {}
    cost: Cost = Cost()

    @property
    def goal(self) -> Goal:
        """What trials are ranked by."""
        return Goal(self.metric, minimize=self.direction is Direction.MINIMIZE)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Every metric that is optimized."""
        several = tuple(
            Goal(each.metric, minimize=each.direction is Direction.MINIMIZE)
            for each in self.objectives
        )
        return several or (self.goal,)

    def trial(self, number: int) -> TrialRecord | None:
        """The trial of that number; None when there is none."""
        return next((record for record in self.history if record.trial == number), None)


def compare(value: float | None, baseline: float | None, goal: Goal) -> Comparison | None:
    """What `value` gains over `baseline`; None when one of them is missing."""
    if value is None or baseline is None:
        return None
    gain = goal.loss(baseline) - goal.loss(value)
    return Comparison(gain=gain, relative=gain / abs(baseline) if baseline else None)


def write_result(path: Path, result: SearchResult) -> None:
    """Write a result at one stroke: a reader sees the old file or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_text(result.model_dump_json() + "\n", encoding="utf-8")
    draft.replace(path)


def read_result(results: Path) -> SearchResult:
    """The result in the results folder of a search.

    Raises:
        CheckpointNotFound: There is none yet, or the file is none; every problem is listed.
    """
    path = results / FILE
    if not path.is_file():
        raise CheckpointNotFound(
            f"{path}: no such file; a search writes it as soon as it has begun. See where the "
            "job stands with 'skillbank status JOB'; a job that is no search has none."
        )
    content = read_json(path, error=CheckpointNotFound)
    try:
        return SearchResult.model_validate(content)
    except ValidationError as error:
        problems = "\n".join(f"  - {_problem(dict(each))}" for each in error.errors())
        raise CheckpointNotFound(
            f"{path}: this is no result of a search:\n{problems}\n'skillbank resume JOB' lets the "
            "search write it again."
        ) from error


def _problem(error: Mapping[str, Any]) -> str:
    where = ".".join(map(str, error["loc"])) or "the document"
    found = "" if error["type"] == "missing" else f"found {error['input']!r}: "
    return f"{where}: {found}{error['msg'][:1].lower()}{error['msg'][1:]}."
