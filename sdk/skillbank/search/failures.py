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

        The training loss tells at once. A validation loss may jump once and recover, so two in a
        row must be too high.
        """
        rows: dict[str, int] = {}
        for name, value in _losses(lines):
            limit = self._factor * self._highest.get(name, float("inf"))
            too_high = limit > 0 and value > limit
            if name.startswith("train") and too_high:
                return self._tell(name, value)
            if not name.startswith("train"):
                rows[name] = rows.get(name, 0) + 1 if too_high else 0
                if rows[name] == 2:
                    return self._tell(name, value)
        return None

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
        if line.get("paused"):
            continue  # says its last epoch's figures once more
        for name, value in (line.get("kpi") or {}).items():
            if name.endswith("loss") and isinstance(value, int | float):
                yield name, float(value)


def _batch_sizes(spec: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    for name, value in spec.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _batch_sizes(value, f"{key}.")
        elif name.startswith(_BATCH_SIZE) and type(value) is int:
            yield key, value
