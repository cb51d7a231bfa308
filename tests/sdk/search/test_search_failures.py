"""What a search does when its trials fail, each kind in a search that meets it.

The bowl fails by its spec: learning rates above a limit diverge, explode or break; batches above a
limit run out of memory. The points follow from the seed, so each search meets what it is for. The
searches of this file train at once, some fifteen seconds in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.sdk.search.conftest import Bowl, search_bowl

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, SearchState, TrialRecord
from skillbank.job import FailureKind, Job, JobState

LR = "train.optim.lr"
USUAL: dict[str, Any] = {
    "algorithm": "random",
    "max_epochs": 3,
    "max_recommendations": 5,
    "final_evaluation": False,
}
DIVERGES, EXPLODES = 0.4, 0.15
NEVER_S = 300.0  # longer than any test waits: only a search that cuts the trial gets by
FITS = 20
WRONG = "expected a learning rate of at most 0.05"
FEW = {"max_recommendations": 2}
BATCHES = {"train.batch_size": {"valid_min": 24, "valid_max": 40}}
SEARCHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "wild": (
        {
            "train.diverge_above": DIVERGES,
            "train.explode_above": EXPLODES,
            "train.explode_epoch_s": NEVER_S,
        },
        {"max_recommendations": 6, "seed": 2},
    ),
    "asha": (
        {"train.diverge_above": 0.02, f"{LR}": 0.015},
        {"algorithm": "asha", "max_recommendations": 6},
    ),
    "memory": (
        {"train.memory_limit": FITS},
        {
            "parameters": ["train.batch_size"],
            "custom_param_ranges": BATCHES,
            "max_recommendations": 2,
        },
    ),
    "no retries": (
        {"train.memory_limit": FITS},
        {
            "parameters": ["train.batch_size"],
            "custom_param_ranges": BATCHES,
            "max_recommendations": 2,
            "max_retries": 0,
        },
    ),
    "broken": ({"train.fail_above": 0.0001, LR: 0.1}, {"max_recommendations": 30}),
    "wrong": ({"train.wrong_above": 0.05}, {}),
    "no metric": ({}, {"metric": "val_f1", **FEW}),
    "patient": (
        {"train.explode_above": EXPLODES},
        {"max_recommendations": 6, "seed": 2, "divergence_factor": 1e6},
    ),
}


@dataclass(frozen=True)
class Ended:
    """A search that has ended."""

    bowl: Bowl
    job: Job
    result: SearchResult

    def where(self, *, lowest: float, highest: float) -> list[TrialRecord]:
        """Recommendations with a learning rate in between."""
        return [
            record
            for record in self.result.history[1:]
            if lowest < record.specs.get(LR, 0.0) <= highest
        ]


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ended]]:
    with search_bowl(tmp_path_factory.mktemp("root"), num_slots=4) as bowl:
        started = {
            name: bowl.start(overrides, **{**USUAL, **automl})
            for name, (overrides, automl) in SEARCHES.items()
        }
        held = bowl.with_own_gates()
        held.gates.close("t001-e1")
        job = started["cancelled trial"] = held.start(holds=True, **{**USUAL, **FEW})
        held.gates.wait_for("t001-e1")
        bowl.client.cancel(f"{job.id}-t001")
        yield {name: Ended(bowl, *bowl.end(job)) for name, job in started.items()}


def test_a_trial_that_diverged_is_recorded_as_such(searches: dict[str, Ended]) -> None:
    diverged = searches["wild"].where(lowest=DIVERGES, highest=10)

    assert diverged
    for record in diverged:
        assert (record.state, record.failure_kind) == (TrialState.FAILED, "diverged")
        assert "training has diverged" in record.failure_reason


def test_a_loss_far_above_the_baselines_is_cut_while_it_runs(searches: dict[str, Ended]) -> None:
    ended = searches["wild"]
    exploded = ended.where(lowest=EXPLODES, highest=DIVERGES)

    assert exploded
    for record in exploded:
        assert (record.state, record.failure_kind) == (TrialState.FAILED, "diverged")
        assert "more than 10 times the baseline's highest" in record.failure_reason
        assert ended.bowl.client.job(record.job_id).state is JobState.CANCELED
        assert record.epochs < 3


def test_divergence_factor_says_what_is_far(searches: dict[str, Ended]) -> None:
    exploded = searches["patient"].where(lowest=EXPLODES, highest=10)

    assert exploded
    assert {record.state for record in exploded} == {TrialState.COMPLETE}


def test_a_search_completes_in_spite_of_failures(searches: dict[str, Ended]) -> None:
    ended = searches["wild"]

    assert (ended.job.state, ended.result.state) == (JobState.COMPLETE, SearchState.COMPLETE)
    assert len(ended.result.history) == 7
    assert ended.result.progress.failed == len(ended.where(lowest=EXPLODES, highest=10))


def test_a_failed_trial_is_never_the_best(searches: dict[str, Ended]) -> None:
    result = searches["wild"].result
    assert result.best is not None

    assert result.history[result.best.trial].state is TrialState.COMPLETE


def test_failed_trials_are_never_promoted(searches: dict[str, Ended]) -> None:
    history = searches["asha"].result.history

    failed = [record for record in history if record.state is TrialState.FAILED]
    assert failed
    assert {record.target_epochs for record in failed} == {1}
    assert any(record.target_epochs > 1 for record in history[1:])


def test_out_of_memory_halves_the_batch_and_tells_so(searches: dict[str, Ended]) -> None:
    ended = searches["memory"]

    for record in ended.result.history[1:]:
        assert record.state is TrialState.COMPLETE
        assert len(record.adjustments) == 1
        assert "out of memory: train.batch_size" in record.adjustments[0]
        assert record.specs["train.batch_size"] <= FITS
        spec = ended.bowl.client.plan_of(record.job_id).spec
        assert spec["train"]["batch_size"] == record.specs["train.batch_size"]


def test_a_repaired_trial_is_another_job_of_the_same_search(searches: dict[str, Ended]) -> None:
    ended = searches["memory"]
    jobs = {job.id: job for job in ended.bowl.trials(ended.job)}

    for record in ended.result.history[1:]:
        assert record.job_id == f"{ended.job.id}-t{record.trial:03d}-r1"
        assert jobs[record.job_id].state is JobState.COMPLETE
        assert jobs[record.job_id.removesuffix("-r1")].state is JobState.ERROR


def test_max_retries_0_records_the_first_failure(searches: dict[str, Ended]) -> None:
    records = searches["no retries"].result.history[1:]

    assert {r.failure_kind for r in records} == {FailureKind.OUT_OF_MEMORY.value}
    assert {r.adjustments for r in records} == {()}


def test_a_search_in_which_everything_fails_stops_and_says_why(searches: dict[str, Ended]) -> None:
    ended = searches["broken"]

    assert (ended.job.state, ended.job.exit_code) == (JobState.ERROR, 1)
    assert "the bowl broke at learning rate" in ended.job.detail
    assert "all failed" in ended.result.stop_reason
    assert len(ended.result.history) < 12
    assert ended.result.best is None


def test_a_baseline_that_cannot_be_trained_ends_the_search(searches: dict[str, Ended]) -> None:
    ended = searches["wrong"]

    assert ended.job.state is JobState.ERROR
    assert ended.job.exit_code == 2
    assert "the baseline cannot be trained" in ended.job.detail
    assert WRONG in ended.job.detail
    assert all(record.epochs == 0 for record in ended.result.history)


def test_a_metric_that_nothing_reports_ends_the_search_with_what_is_reported(
    searches: dict[str, Ended],
) -> None:
    ended = searches["no metric"]

    assert (ended.job.state, ended.job.exit_code) == (JobState.ERROR, 2)
    assert "never reported 'val_f1'" in ended.job.detail
    assert "val_acc, val_loss" in ended.job.detail


def test_a_trial_whose_job_the_user_cancels_is_pruned_and_no_failure(
    searches: dict[str, Ended],
) -> None:
    ended = searches["cancelled trial"]
    record = ended.result.history[1]

    assert (record.state, record.failure_reason) == (TrialState.PRUNED, "its job was cancelled")
    assert ended.result.progress.failed == 0
    assert ended.job.state is JobState.COMPLETE
