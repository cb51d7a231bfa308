"""What a search does about a trial that failed: try again, repair, or record it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from skillbank.automl.history import Goal
from skillbank.automl.settings import SearchSettings
from skillbank.following import StatusLine
from skillbank.job import FailureKind

_BATCH_SIZE = "batch_size"


@dataclass(frozen=True)
class Remedy:
    """What is done about a failure.

    Attributes:
        retries: Whether the trial trains again.
        repairs: Dotted key -> value to change before it does; empty: its job just goes on.
        sentence: What is changed, for the trial's adjustments.
    """

    retries: bool
    repairs: Mapping[str, Any] = field(default_factory=dict)
    sentence: str = ""


RECORD = Remedy(retries=False)


def choose_remedy(
    kind: FailureKind, num_retries: int, spec: Mapping[str, Any], settings: SearchSettings
) -> Remedy:
    """Decide what to do about a failure.

    A machine that failed is tried again from the last checkpoint; out of memory is tried again
    with half the batch; a bad configuration and a divergence are recorded, since they would only
    happen again.

    Args:
        kind: Class of the failure.
        num_retries: Times that the trial was tried again already.
        spec: Spec that its job trained with.
        settings: How often to try.
    """
    if num_retries >= settings.max_retries:
        return RECORD
    if kind is FailureKind.INFRASTRUCTURE:
        return Remedy(retries=True)
    if kind is FailureKind.OUT_OF_MEMORY:
        halved = {key: value // 2 for key, value in _batch_sizes(spec) if value >= 2}
        if halved:
            told = ", ".join(f"{key} {2 * value} -> {value}" for key, value in halved.items())
            return Remedy(retries=True, repairs=halved, sentence=f"out of memory: {told}")
    return RECORD


class DivergenceWatch:
    """Tells which trainings have left every sensible range, measured by the baseline.

    Args:
        factor: Multiple of the baseline's highest loss that is too much.
    """

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._highest: dict[str, float] = {}

    def learn(self, lines: list[StatusLine]) -> None:
        """Take note of the baseline's losses."""
        for name, value in _losses(lines):
            self._highest[name] = max(value, self._highest.get(name, value))

    def reason(self, lines: list[StatusLine]) -> str | None:
        """Why a training is to be cut; None while it is sane.

        The training loss tells at once. A validation loss tells nothing by itself: the running
        statistics of batch normalization lag behind a fast start, so that it jumps by orders of
        magnitude while the training loss falls, and comes back (docs/decisions.md). Where a
        network reports no training loss, two in a row must be too high, the second the higher.
        """
        losses = list(_losses(lines))
        has_training_loss = any(_is_of_training(name) for name, _ in losses)
        before: dict[str, float] = {}
        for name, value in losses:
            if _is_of_training(name):
                if self._is_too_high(name, value):
                    return self._tell(name, value)
            elif not has_training_loss and self._is_too_high(name, value):
                if name in before and value > before[name]:
                    return self._tell(name, value)
                before[name] = value
            else:
                before.pop(name, None)
        return None

    def _is_too_high(self, name: str, value: float) -> bool:
        highest = self._highest.get(name)
        return highest is not None and 0 < self._factor * highest < value

    def _tell(self, name: str, value: float) -> str:
        return (
            f"diverged: {name} {value:.4g} is more than {self._factor:g} times the baseline's "
            f"highest, {self._highest[name]:.4g}"
        )


def explain_missing_metric(goal: Goal, figures: Mapping[str, float]) -> str:
    """What to tell the user when nothing reports the metric of the search."""
    there = ", ".join(sorted(figures)) or "nothing"
    return (
        f"automl.metric: the training never reported {goal.metric!r}; it reports {there}. "
        "Choose one of these with --automl-set metric=NAME, or give a metric_extractor."
    )


def _losses(lines: list[StatusLine]) -> Iterator[tuple[str, float]]:
    for line in lines:
        if line.get("paused") or _is_early(line):
            continue  # the former says its last epoch's figures once more
        for name, value in (line.get("kpi") or {}).items():
            if name.endswith("loss") and isinstance(value, int | float):
                yield name, float(value)


def _is_of_training(name: str) -> bool:
    return name.startswith("train")


def _is_early(line: StatusLine) -> bool:
    """Tell whether less than half an epoch stands behind a line: a mean of few steps jumps."""
    step, steps = line.get("step"), line.get("max_step")
    return isinstance(step, int) and isinstance(steps, int) and 2 * step < steps


def _batch_sizes(spec: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, value in spec.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _batch_sizes(value, f"{key}.")
        elif name.startswith(_BATCH_SIZE) and type(value) is int:
            yield key, value
