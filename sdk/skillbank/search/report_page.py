"""The words and tables of a search's report, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from skillbank.automl.result import Comparison, SearchResult, SearchState, Status, TrialRecord
from skillbank.automl.space import SearchSpace
from skillbank.search.report_marks import show
from skillbank.spec_keys import get_value


@dataclass(frozen=True)
class Tile:
    """One number at the head of a report.

    Attributes:
        label: What it is.
        value: The number.
        detail: Where it comes from.
        is_good: Whether it is a gain; None for neither a gain nor a loss.
    """

    label: str
    value: str
    detail: str = ""
    is_good: bool | None = None


@dataclass(frozen=True)
class SpecChange:
    """A key that the best trial has otherwise than the spec that was tuned; values as shown."""

    key: str
    default: str
    value: str


@dataclass(frozen=True)
class Row:
    """One trial in the table.

    Attributes:
        record: The trial.
        kind: `best`, `baseline` or empty.
        epochs: Epochs trained, of those it may train to.
        metric: The best value of the metric.
        others: Further figures.
        points: (key, value) of its point, as shown.
        notes: Adjustments, and why it failed or was stopped.
    """

    record: TrialRecord
    kind: str
    epochs: str
    metric: str
    others: str
    points: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def tiles(result: SearchResult) -> Iterator[Tile]:
    """The numbers that matter most."""
    best, baseline, final = result.best, result.baseline, result.final_evaluation
    if best is not None:
        at = "" if best.epoch is None else f", {best.epoch} epochs"
        yield Tile(f"best {result.metric}", number(best.metric_value), f"trial {best.trial}{at}")
    if baseline is not None:
        detail = "the spec as it stands" if baseline.metric_value is not None else baseline.status
        yield Tile(f"baseline {result.metric}", number(baseline.metric_value), detail)
        if baseline.comparison_to_best is not None:
            yield _gain_tile(f"gain in {result.metric}", baseline.comparison_to_best)
    if final is not None and final.metric_value is not None:
        against = "" if final.baseline_value is None else f"baseline {number(final.baseline_value)}"
        yield Tile(f"final evaluation, {final.metric}", number(final.metric_value), against)
        if final.comparison_to_baseline is not None:
            yield _gain_tile(f"gain in {final.metric}", final.comparison_to_baseline)
    if len(result.goals) > 1:
        yield Tile("Pareto set", str(len(result.pareto_front)), "trials that no other beats")
    progress, cost = result.progress, result.cost
    yield Tile("trials", str(len(result.history)), count_states(result))
    yield Tile("time", duration(progress.elapsed_s), f"{duration(cost.seconds)} of training")
    yield Tile("epochs trained", str(cost.epochs), _price(result))


def count_states(result: SearchResult) -> str:
    """How many trials came how far, in words."""
    progress = result.progress
    counts = {
        "complete": progress.complete,
        "pruned": progress.pruned,
        "paused": progress.paused,
        "running": progress.running,
        "failed": progress.failed,
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none"


def notes(result: SearchResult) -> Iterator[str]:
    """Sentences that the reader should know."""
    if result.state is SearchState.RUNNING:
        yield "The search is still running; this shows what it had found when it was written."
    if result.stop_reason:
        yield f"Stopped early: {result.stop_reason}."
    if result.algorithm_reason:
        yield f"Algorithm {result.algorithm}: {result.algorithm_reason}"
    if result.best is None:
        yield "No trial has a result, so there is no best one; the table of trials says why."
    elif result.best.trial == 0:
        yield "No recommendation was better than the baseline: keep the spec as it stands."
    final = result.final_evaluation
    if final is not None and final.data:
        head = "Final evaluation" if final.status is Status.SUCCESS else "No final evaluation"
        yield f"{head}: {final.data}."


def spec_changes(result: SearchResult, space: SearchSpace) -> tuple[SpecChange, ...]:
    """What the best trial has otherwise than the spec that was tuned."""
    specs = {} if result.best is None else result.best.specs
    found = {key: (get_value(space.base, key), value) for key, value in specs.items()}
    return tuple(
        SpecChange(key, show(default), show(value))
        for key, (default, value) in found.items()
        if show(default) != show(value)
    )


def rows(result: SearchResult) -> list[Row]:
    """All trials, by number."""
    best = result.best.trial if result.best else None
    return [_row(record, result.metric, best) for record in result.history]


def commands(result: SearchResult, job_id: str) -> list[str]:
    """Command lines that use what the search left."""
    if result.state is SearchState.RUNNING:
        return [f"skillbank wait {job_id}", f"skillbank automl result {job_id}"]
    if result.best is None:
        return [f"skillbank automl result {job_id}", f"skillbank logs {job_id}"]
    return [
        f"skillbank run {result.skill} evaluate --parent {job_id}",
        f"skillbank resolve {job_id} --explain",
    ]


def number(value: float | None) -> str:
    """A measured value in four figures; a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that matter."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes >= 10 else f"{minutes} min {rest_s} s"


def _gain_tile(label: str, comparison: Comparison) -> Tile:
    gain, relative = comparison.gain or 0.0, comparison.relative
    share = "" if relative is None else f"{100 * relative:+.1f} %, relative"
    return Tile(label, f"{gain:+.4g}" if gain else "0", share, None if gain == 0 else gain > 0)


def _price(result: SearchResult) -> str:
    parts = [f"{duration(result.cost.gpu_seconds)} of GPUs"] if result.cost.gpu_seconds else []
    parts += [f"costs {result.cost.money:.2f}"] if result.cost.money is not None else []
    return ", ".join(parts)


def _row(record: TrialRecord, metric: str, best: int | None) -> Row:
    kinds = {0: "baseline", best: "best"}
    others = {name: value for name, value in record.metrics.items() if name != metric}
    failure = record.failure_reason
    kind = f"{record.failure_kind}: " if record.failure_kind else ""
    return Row(
        record=record,
        kind=kinds.get(record.trial, ""),
        epochs=f"{record.epochs}/{record.target_epochs}",
        metric=number(record.metric),
        others=", ".join(f"{name} {number(value)}" for name, value in others.items()),
        points=tuple((key, show(value)) for key, value in record.specs.items()),
        notes=(*record.adjustments, *([f"{kind}{failure}"] if failure else [])),
    )
