"""Made-up results of searches that look like real ones, for everything that shows them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, Raw
from skillbank.automl.history import TrialState
from skillbank.automl.parameter import Activation, Parameter
from skillbank.automl.result import (
    Baseline,
    Best,
    Comparison,
    Cost,
    Direction,
    FinalEvaluation,
    Objective,
    Progress,
    SearchResult,
    SearchState,
    Status,
    TrialRecord,
    compare,
)
from skillbank.automl.space import SearchSpace

SEARCH = "train-k3nq7w2x"
SKILL = "tao-train-pose-classification"
MAX_EPOCHS = 27

SPACE = SearchSpace(
    parameters=(
        Parameter("train.optim.lr", 0.1, low=1e-4, high=1.0, log=True),
        Parameter(
            "train.optim.optimizer_type",
            "torch.optim.SGD",
            options=("torch.optim.SGD", "torch.optim.Adam", "torch.optim.AdamW"),
        ),
        Parameter(
            "train.optim.momentum",
            0.9,
            low=0.5,
            high=0.99,
            log=True,
            complement=True,
            active=Activation("train.optim.optimizer_type", ("torch.optim.SGD",)),
        ),
        Parameter(
            "train.optim.weight_decay", 1e-4, low=1e-6, high=1e-2, log=True, off=0.0, has_off=True
        ),
        Parameter("model.dropout", 0.5, low=0.0, high=0.9),
        Parameter("dataset.batch_size", 16, low=4, high=64, is_int=True, power_of=2),
        Parameter("train.grad_clip", 0.0, low=0.05, high=10.0, log=True, off=0.0, has_off=True),
        Parameter("dataset.random_choose", False, options=(False, True)),
        Parameter("dataset.scale", 0.9, low=0.5, high=1.0, index=0),
        Parameter("dataset.scale", 1.1, low=0.6, high=2.0, index=1, above="dataset.scale[0]"),
    ),
    base={
        "train": {
            "optim": {
                "lr": 0.1,
                "optimizer_type": "torch.optim.SGD",
                "momentum": 0.9,
                "weight_decay": 1e-4,
            },
            "grad_clip": 0.0,
            "num_epochs": MAX_EPOCHS,
        },
        "model": {"dropout": 0.5},
        "dataset": {"batch_size": 16, "random_choose": False, "scale": [0.9, 1.1]},
    },
)

_REASONS = (
    "",
    "",
    "",
    "lower rates did well so far; try one with less regularisation <here> & now",
)
_FAILURES = (
    ("diverged", "val_loss became NaN in epoch 3; the learning rate of 0.83 is too high"),
    ("out_of_memory", "CUDA ran out of memory with batch size 64, also after it was halved twice"),
    ("bad_configuration", "dataset.batch_size: 64 exceeds the 48 clips of a class; </script><b>"),
)


def make_search(num_trials: int = 20, seed: int = 0, **changes: Any) -> SearchResult:
    """A complete search of `num_trials` recommendations besides the baseline.

    Args:
        num_trials: Recommendations.
        seed: What everything follows from.
        **changes: Fields of the result to set otherwise.
    """
    draw = random.Random(seed)
    history = tuple(_record(number, draw) for number in range(num_trials + 1))
    return summarize(history, num_trials, **changes)


def summarize(history: tuple[TrialRecord, ...], num_trials: int, **changes: Any) -> SearchResult:
    """The result of a search with these trials."""
    ranked = sorted((r for r in history if r.metric is not None), key=lambda r: r.metric or 0.0)
    fields: dict[str, Any] = {
        "skill": SKILL,
        "algorithm": "asha",
        "algorithm_reason": "27 epochs each and choices in the space: TPE with promotion.",
        "metric": "val_loss",
        "direction": Direction.MINIMIZE,
        "state": SearchState.COMPLETE,
        "history": history,
        "progress": _progress(history, num_trials),
        "cost": Cost(
            epochs=sum(r.epochs for r in history),
            seconds=sum(r.seconds for r in history),
            gpu_seconds=0.0,
        ),
    }
    baseline = history[0] if history else None
    if ranked:
        fields["best"] = _best(ranked[0])
    if baseline is not None:
        fields["baseline"] = Baseline(
            job_id=baseline.job_id, metric_value=baseline.metric, status=baseline.status
        )
    if ranked and baseline is not None and baseline.metric is not None:
        fields["final_evaluation"] = FinalEvaluation(
            metric="val_acc",
            metric_value=0.906,
            status=Status.SUCCESS,
            baseline_value=0.844,
            comparison_to_baseline=Comparison(gain=0.062, relative=0.062 / 0.844),
            record_path="final_evaluation/metrics.json",
            data="evaluation data: 135 clips of subjects 2, 4, 6, 8",
        )
    result = SearchResult(**{**fields, **changes})
    if result.best is None or result.baseline is None:
        return result
    gained = compare(result.best.metric_value, result.baseline.metric_value, result.goal)
    return result.model_copy(
        update={"baseline": result.baseline.model_copy(update={"comparison_to_best": gained})}
    )


def make_running_search(num_trials: int = 9, seed: int = 3) -> SearchResult:
    """A search in the middle: some trials train, one waits to be promoted."""
    done = make_search(num_trials, seed).history
    late = {
        num_trials - 2: {
            "state": TrialState.PAUSED,
            "epochs": 3,
            "target_epochs": 3,
            "ended_at": None,
        },
        num_trials - 1: {
            "state": TrialState.RUNNING,
            "epochs": 2,
            "target_epochs": 9,
            "ended_at": None,
        },
        num_trials: {
            "state": TrialState.WAITING,
            "epochs": 0,
            "target_epochs": 3,
            "metric": None,
            "curve": (),
            "metrics": {},
            "ended_at": None,
        },
    }
    history = tuple(
        record.model_copy(update={"failure_kind": "", "failure_reason": "", **late[record.trial]})
        if record.trial in late
        else record
        for record in done
    )
    progress = _progress(history, 20).model_copy(update={"eta_s": 1520.0})
    return summarize(
        history, 20, state=SearchState.RUNNING, progress=progress, final_evaluation=None
    )


def make_pareto_search(num_trials: int = 24, seed: int = 1) -> SearchResult:
    """A search for accuracy against latency."""
    draw = random.Random(seed)
    done = make_search(num_trials, seed).history
    history = tuple(_with_latency(record, draw) for record in done)
    points = {
        r.trial: (-(r.metric or 0), r.metrics["latency_ms"] or 0)
        for r in history
        if r.state is TrialState.COMPLETE and r.metric is not None
    }
    front = tuple(
        n
        for n, (a, b) in points.items()
        if not any(c <= a and d <= b and (c, d) != (a, b) for c, d in points.values())
    )
    objectives = (
        Objective(metric="val_acc", direction=Direction.MAXIMIZE),
        Objective(metric="latency_ms", direction=Direction.MINIMIZE),
    )
    best = max((r for r in history if r.metric is not None), key=lambda r: r.metric or 0.0)
    return summarize(
        history,
        num_trials,
        algorithm="nsga2",
        metric="val_acc",
        direction=Direction.MAXIMIZE,
        objectives=objectives,
        pareto_front=front,
        best=_best(best),
    )


def make_failed_search(num_trials: int = 4) -> SearchResult:
    """A search none of whose trials came to anything."""
    history = tuple(_failed(_start(n, random.Random(n)), n) for n in range(num_trials + 1))
    return summarize(
        history,
        num_trials,
        state=SearchState.STOPPED,
        stop_reason="the baseline and the first 4 recommendations failed",
    )


def _record(number: int, draw: random.Random) -> TrialRecord:
    begun = _start(number, draw)
    if number and draw.random() < 0.08:
        return _failed(begun, number)
    reached = 1.0 if number == 0 else draw.choice((3, 3, 3, 9, 9, 27)) / MAX_EPOCHS
    epochs = round(MAX_EPOCHS * reached)
    final = _final_loss(begun.specs, draw)
    curve = tuple(
        (e, round(final + 2.2 * math.exp(-e / 4.0) + draw.gauss(0, 0.02), 4))
        for e in range(1, epochs + 1)
    )
    values = [value for _, value in curve]
    is_whole = epochs == MAX_EPOCHS
    changes: dict[str, Any] = {
        "state": TrialState.COMPLETE if is_whole else TrialState.PRUNED,
        "failure_reason": "" if is_whole else f"not promoted beyond {epochs} epochs",
        "metric": min(values),
        "metrics": {
            "val_acc": round(math.exp(-values[-1]), 4),
            "train_loss": round(values[-1] * 0.8, 4),
        },
        "curve": curve,
        "epochs": epochs,
        "target_epochs": epochs,
        "seconds": round(epochs * draw.uniform(8, 12), 1),
    }
    if number % 7 == 5:
        changes["adjustments"] = ("dataset.batch_size: 64 -> 32 after the memory was not enough",)
    return begun.model_copy(update=changes)


def _start(number: int, draw: random.Random) -> TrialRecord:
    params = (
        SPACE.defaults() if number == 0 else SPACE.suggest(lambda _, domain: _draw(domain, draw))
    )
    return TrialRecord(
        trial=number,
        job_id=f"{SEARCH}-t{number:03d}",
        state=TrialState.WAITING,
        params=params,
        specs=SPACE.values(params) if number else {},
        origin="baseline" if number == 0 else draw.choice(("tpe", "tpe", "random", "llm")),
        reason="the spec as it stands" if number == 0 else draw.choice(_REASONS),
        bracket=number % 3,
        target_epochs=3,
        started_at=1.7e9 + 40 * number,
        ended_at=1.7e9 + 40 * number + 300,
    )


def _failed(begun: TrialRecord, number: int) -> TrialRecord:
    kind, reason = _FAILURES[number % len(_FAILURES)]
    return begun.model_copy(
        update={
            "state": TrialState.FAILED,
            "failure_kind": kind,
            "failure_reason": reason,
            "seconds": 14.0,
        }
    )


def _draw(domain: Domain, draw: random.Random) -> Raw:
    if isinstance(domain, ChoiceDomain):
        return draw.choice(domain.options)
    low, high = (
        (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    )
    drawn = draw.uniform(low, high)
    number = math.exp(drawn) if domain.log else drawn
    return number if isinstance(domain, FloatDomain) else round(number)


def _final_loss(specs: Mapping[str, Any], draw: random.Random) -> float:
    lr, dropout = float(specs.get("train.optim.lr", 0.1)), float(specs.get("model.dropout", 0.5))
    return (
        0.35 + 0.25 * (math.log10(lr) + 1.6) ** 2 + 0.4 * abs(dropout - 0.3) + draw.uniform(0, 0.1)
    )


def _with_latency(record: TrialRecord, draw: random.Random) -> TrialRecord:
    if record.metric is None:
        return record
    share = round(math.exp(-record.metric), 4)
    latency = round(draw.uniform(2.0, 14.0) + 9 * share, 2)
    curve = tuple((epochs, round(math.exp(-(value or 9.0)), 4)) for epochs, value in record.curve)
    return record.model_copy(
        update={
            "metric": share,
            "metrics": {"val_acc": share, "latency_ms": latency},
            "curve": curve,
        }
    )


def _best(record: TrialRecord) -> Best:
    return Best(
        trial=record.trial,
        job_id=record.job_id,
        specs=record.specs,
        metric_value=record.metric,
        epoch=record.epochs,
        checkpoint=f"/jobs/{SEARCH}/results/model_epoch_{record.epochs - 1:03d}_step_00486.pth",
        adjustments=record.adjustments,
    )


def _progress(history: tuple[TrialRecord, ...], num_trials: int) -> Progress:
    def count(*states: TrialState) -> int:
        return sum(record.state in states for record in history)

    return Progress(
        proposed=len(history) - 1,
        complete=count(TrialState.COMPLETE),
        pruned=count(TrialState.PRUNED),
        paused=count(TrialState.PAUSED),
        failed=count(TrialState.FAILED),
        running=count(TrialState.RUNNING, TrialState.WAITING),
        max_recommendations=num_trials,
        elapsed_s=1934.0,
        eta_s=0.0,
    )
