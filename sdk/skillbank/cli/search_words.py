"""A search in words and rows, for its live table, its end and `automl result`."""

from __future__ import annotations

from collections.abc import Sequence

from skillbank.automl.history import TrialState
from skillbank.automl.result import (
    Comparison,
    FinalEvaluation,
    SearchResult,
    SearchState,
    TrialRecord,
)
from skillbank.cli.output import show_duration
from skillbank.search.report_marks import show
from skillbank.search.report_page import count_states, number

COLUMNS = ("TRIAL", "STATE", "EPOCHS", "METRIC", "TIME", "ORIGIN", "WHAT")
_NUM_BEST = 3


def search_facts(result: SearchResult) -> list[tuple[str, str]]:
    """What came of a search, as names and values."""
    facts = [("search", headline(result)), ("state", _state(result))]
    if result.best is not None:
        at = "" if result.best.epoch is None else f" after {result.best.epoch} epochs"
        found = f"{result.metric} {number(result.best.metric_value)}"
        facts.append(("best", f"{found}, trial {result.best.trial}{at}"))
    if result.baseline is not None:
        facts.append(("baseline", _baseline(result)))
    if result.final_evaluation is not None:
        facts.append(("final", _final(result.final_evaluation)))
    if result.pareto_front:
        facts.append(("pareto", f"trials {', '.join(map(str, result.pareto_front))}"))
    facts.append(("trials", f"{len(result.history)}: {count_states(result)}"))
    facts.append(("cost", _cost(result)))
    return facts


def headline(result: SearchResult) -> str:
    """What is searched for, and how."""
    goals = " and ".join(
        f"{goal.metric}, {'lower' if goal.minimize else 'higher'} is better"
        for goal in result.goals
    )
    return f"{result.algorithm}, {goals}"


def progress_line(result: SearchResult, passed_s: float | None = None) -> str:
    """How far a search is, and its best value.

    Args:
        result: The search when it was last written.
        passed_s: Seconds since then, to tell the time that it still needs; None leaves that out.
    """
    told = [f"{count_ended(result)}/{result.progress.max_recommendations} trials"]
    left_s = None if passed_s is None else _left_s(result, passed_s)
    if left_s is not None:
        told.append(f"eta {show_duration(left_s)}")
    if result.best is not None:
        value = number(result.best.metric_value)
        told.append(f"best {result.metric} {value} (trial {result.best.trial})")
    if result.baseline is not None and result.baseline.metric_value is not None:
        told.append(f"baseline {number(result.baseline.metric_value)}")
    return ", ".join(told)


def count_ended(result: SearchResult) -> int:
    """How many recommendations will never train again; the baseline is none."""
    return sum(record.state.is_final and record.trial != 0 for record in result.history)


def choose_trials(result: SearchResult, most: int) -> list[TrialRecord]:
    """Up to `most` trials: the best ones, those that train, the baseline, and the newest."""
    if len(result.history) <= most:
        return list(result.history)
    known = [
        record
        for record in result.history
        if record.metric is not None and record.state is not TrialState.FAILED
    ]
    ranked = sorted(known, key=lambda r: (result.goal.loss(r.metric or 0.0), r.trial))
    newest = list(reversed(result.history))
    active = [record for record in newest if record.state.is_active]
    wanted = [*ranked[:1], *active, *result.history[:1], *ranked[1:_NUM_BEST], *newest]
    numbers = list(dict.fromkeys(record.trial for record in wanted))[: max(most, 0)]
    return [record for record in result.history if record.trial in numbers]


def trial_row(record: TrialRecord, best: int | None) -> tuple[str, ...]:
    """One trial, a cell per column."""
    mark = "*" if record.trial == best else ""
    return (
        f"{record.trial}{mark}",
        record.state.value,
        f"{record.epochs}/{record.target_epochs}",
        "" if record.metric is None else number(record.metric),
        show_duration(record.seconds) if record.seconds else "",
        record.origin,
        _what(record),
    )


def _left_s(result: SearchResult, passed_s: float) -> float | None:
    """Time that a search still needs: by its own estimate, and once that is over, by its pace."""
    progress = result.progress
    if result.state is not SearchState.RUNNING:
        return None
    if progress.eta_s is not None and progress.eta_s > passed_s:
        return progress.eta_s - passed_s
    # A trial that has begun and may go on counts half.
    share = (count_ended(result) + progress.proposed) / (2 * (progress.max_recommendations or 1))
    return progress.elapsed_s * (1 - share) / share if 0 < share < 1 else None


def _what(record: TrialRecord) -> str:
    """Why a trial failed or was stopped, what was changed of it, and its settings."""
    kind = f"{record.failure_kind}: " if record.failure_kind else ""
    failure = [f"{kind}{record.failure_reason}"] if record.failure_reason else []
    settings = [f"{key.rpartition('.')[2]}={show(v)}" for key, v in record.specs.items()]
    return "; ".join([*failure, *record.adjustments, *([", ".join(settings)] if settings else [])])


def _gain(comparison: Comparison | None) -> str:
    """A gain such as `gain +0.097 (+18.9 %)`; empty where there is none."""
    if comparison is None or not comparison.gain:
        return ""
    share = "" if comparison.relative is None else f" ({100 * comparison.relative:+.1f} %)"
    return f"gain {comparison.gain:+.4g}{share}"


def best_specs(result: SearchResult) -> Sequence[tuple[str, object]]:
    """Keys and values that the best trial trained with."""
    return [] if result.best is None else list(result.best.specs.items())


def _state(result: SearchResult) -> str:
    return f"{result.state.value}: {result.stop_reason}" if result.stop_reason else result.state


def _baseline(result: SearchResult) -> str:
    baseline = result.baseline
    assert baseline is not None
    if baseline.metric_value is None:
        return f"no value, {baseline.status.value}"
    told = f"{result.metric} {number(baseline.metric_value)}"
    return ", ".join(filter(None, [told, _gain(baseline.comparison_to_best)]))


def _final(final: FinalEvaluation) -> str:
    if final.metric_value is None:
        return f"{final.status.value}: {final.data}".rstrip(": ")
    told = [f"{final.metric} {number(final.metric_value)}"]
    if final.baseline_value is not None:
        told.append(f"baseline {number(final.baseline_value)}")
    told.append(_gain(final.comparison_to_baseline))
    return ", ".join(filter(None, told)) + (f" ({final.data})" if final.data else "")


def _cost(result: SearchResult) -> str:
    cost = result.cost
    told = [f"{cost.epochs} epochs", f"{show_duration(cost.seconds)} of training"]
    told += [f"{show_duration(cost.gpu_seconds)} of GPUs"] if cost.gpu_seconds else []
    told += [f"{cost.money:.2f} by the given price"] if cost.money is not None else []
    return f"{', '.join(told)}, in {show_duration(result.progress.elapsed_s)}"
