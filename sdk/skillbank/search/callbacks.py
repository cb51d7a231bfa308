"""The user's own functions: how a metric is read, a trial measured, the best one evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skillbank.automl.callbacks import CallbackKind, load_callbacks
from skillbank.automl.settings import SearchSettings
from skillbank.following import StatusLine
from skillbank.search.journal import Entry


class Callbacks:
    """The functions that a search's settings name; without them, what the status lines say.

    Args:
        settings: Name them, as `module:function`.
        folder: Where their modules are looked for.

    Raises:
        RequestInvalid: One cannot be imported.
    """

    def __init__(self, settings: SearchSettings, folder: Path) -> None:
        loaded = load_callbacks(settings, folder)
        self._extract = loaded.get(CallbackKind.METRIC_EXTRACTOR)
        self._evaluate = loaded.get(CallbackKind.EVAL_FN)
        self._final = loaded.get(CallbackKind.FINAL_EVAL_FN)

    @property
    def evaluates(self) -> bool:
        """Tell whether trials are measured by a function of the user's at the end of each rung."""
        return self._evaluate is not None

    @property
    def evaluates_best(self) -> bool:
        """Tell whether the best checkpoint is evaluated by a function of the user's."""
        return self._final is not None

    def extract(self, lines: list[StatusLine], metric: str) -> float | None:
        """Value of a metric after the last of some status lines.

        Raises:
            CallbackFailed: The user's function failed.
        """
        if self._extract is not None:
            return self._extract(lines, metric)
        value = (lines[-1].get("kpi") or {}).get(metric)
        return float(value) if isinstance(value, int | float) else None

    def evaluate(self, entry: Entry) -> float:
        """Value of the metric that the user's function measures of a trial.

        Raises:
            CallbackFailed: It failed.
        """
        assert self._evaluate is not None
        value = self._evaluate(describe(entry), entry.note.job_id)
        assert value is not None  # only an extractor may return nothing
        return value

    def evaluate_best(self, best: Mapping[str, Any], job_id: str) -> float | None:
        """Final metric that the user's function measures of the best trial.

        Raises:
            CallbackFailed: It failed.
        """
        assert self._final is not None
        return self._final(best, job_id)


def describe(entry: Entry) -> dict[str, Any]:
    """A trial as callbacks see it."""
    return {
        "trial": entry.number,
        "job_id": entry.note.job_id,
        "epochs": entry.trial.epochs,
        "specs": entry.note.values,
        "params": dict(entry.trial.params),
        "curve": [[epochs, value] for epochs, value in entry.trial.values.items()],
        "metrics": entry.note.metrics,
    }
