"""Functions of the user's own in whole searches: given as functions, used in other processes.

Three searches with a process per trial and per call, which train at once: some ten seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from tests.sdk.search.conftest import BOWL, Bowl, search_bowl

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, Status
from skillbank.job import Job, JobState

USUAL: dict[str, Any] = {"algorithm": "random", "max_epochs": 2, "max_recommendations": 4}


@dataclass(frozen=True)
class Ended:
    """A search that has ended."""

    bowl: Bowl
    job: Job
    result: SearchResult


@pytest.fixture(scope="module")
def functions() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BOWL)
        yield import_module("bowl_callbacks")
        sys.modules.pop("bowl_callbacks")


@pytest.fixture(scope="module")
def searches(
    tmp_path_factory: pytest.TempPathFactory, functions: ModuleType
) -> Iterator[dict[str, Ended]]:
    settings: dict[str, dict[str, Any]] = {
        "extracted": {
            "metric": "half_val_loss",
            "metric_extractor": functions.halve_the_loss,
            "final_eval_fn": functions.count_epochs,
            "max_recommendations": 2,
        },
        "evaluated": {
            "metric": "distance",
            "direction": "minimize",
            "eval_fn": functions.distance_to_the_best_rate,
            "final_evaluation": False,
        },
        "broken at the end": {
            "final_eval_fn": functions.break_the_ruler,
            "max_recommendations": 1,
        },
    }
    with search_bowl(tmp_path_factory.mktemp("root")) as bowl:
        started = {name: bowl.start(**{**USUAL, **given}) for name, given in settings.items()}
        yield {name: Ended(bowl, *bowl.end(job)) for name, job in started.items()}


def test_a_metric_extractor_reads_what_no_status_line_holds(searches: dict[str, Ended]) -> None:
    ended = searches["extracted"]

    assert ended.job.state is JobState.COMPLETE
    for record in ended.result.history:
        assert record.metric == pytest.approx((record.metrics["val_loss"] or 0.0) / 2)


def test_a_final_eval_fn_stands_in_for_the_evaluate_action(searches: dict[str, Ended]) -> None:
    ended = searches["extracted"]
    final = ended.result.final_evaluation
    assert final is not None

    assert (final.metric_value, final.status) == (2.0, Status.SUCCESS)
    assert "bowl_callbacks:count_epochs" in final.data
    assert not [job for job in ended.bowl.trials(ended.job) if job.action == "evaluate"]


def test_eval_fn_measures_every_trial(searches: dict[str, Ended]) -> None:
    ended = searches["evaluated"]
    measured = [record for record in ended.result.history if record.metric is not None]
    assert ended.result.best is not None

    assert len(measured) > 1
    for record in measured:
        rate = record.specs.get("train.optim.lr", 0.1)
        assert [value for _, value in record.curve] == [pytest.approx(abs(rate - 0.01))]
    assert ended.result.best.metric_value == min(r.metric for r in measured if r.metric is not None)


def test_a_callback_that_raises_fails_that_trial_with_its_message(
    searches: dict[str, Ended],
) -> None:
    ended = searches["evaluated"]
    failed = [r for r in ended.result.history if r.state is TrialState.FAILED]

    assert failed
    for record in failed:
        assert f"cannot measure t{record.trial:03d}" in record.failure_reason
        assert "bowl_callbacks:distance_to_the_best_rate" in record.failure_reason
    assert ended.job.state is JobState.COMPLETE


def test_a_final_eval_fn_that_raises_is_told_and_the_search_completes(
    searches: dict[str, Ended],
) -> None:
    ended = searches["broken at the end"]
    final = ended.result.final_evaluation
    assert final is not None

    assert ended.job.state is JobState.COMPLETE
    assert (final.metric_value, final.status) == (None, Status.FAILURE)
    assert "the ruler is broken" in final.data
