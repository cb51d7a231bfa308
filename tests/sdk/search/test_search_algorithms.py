"""Every algorithm runs a whole search to its end.

Fifteen searches of four recommendations, with a process per trial, train at once: some thirty
seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.sdk.automl.llm.fake_endpoint import FakeEndpoint, proposes, serve
from tests.sdk.search.conftest import Bowl, search_bowl

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, SearchState
from skillbank.automl.settings import Algorithm
from skillbank.job import Job, JobState

USUAL: dict[str, Any] = {
    "max_epochs": 2,
    "reduction_factor": 2,
    "max_recommendations": 4,
    "final_evaluation": False,
}
NUMBERS = ["train.optim.lr", "train.depth"]
ONE_MODEL = {"max_recommendations": 2}
OTHERS: dict[Algorithm, dict[str, Any]] = {
    Algorithm.BAYESIAN: {"parameters": NUMBERS},  # numbers only: the Gaussian process
    Algorithm.PBT: {"population_size": 4, "eval_interval": 1, "max_generations": 2},
    Algorithm.CMAES: {"parameters": NUMBERS},
    Algorithm.LLM: ONE_MODEL,
}
ASKED_OF_A_MODEL = {"train.optim.lr": 0.02, "train.depth": 4, "train.optim.optimizer": "adam"}
RUN = [
    algorithm
    for algorithm in Algorithm
    if algorithm is Algorithm.LLM or not algorithm.needs_endpoint
]


@dataclass(frozen=True)
class Ended:
    """A search that has ended."""

    bowl: Bowl
    job: Job
    result: SearchResult


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeEndpoint]:
    with serve() as fake:
        fake.script = [proposes("the valley lies near 0.01", values=ASKED_OF_A_MODEL)]
        yield fake


@pytest.fixture(scope="module")
def searches(
    tmp_path_factory: pytest.TempPathFactory, endpoint: FakeEndpoint
) -> Iterator[dict[Algorithm, Ended]]:
    model = {"llm_endpoint": endpoint.url, "llm_model": "toy"}
    with search_bowl(tmp_path_factory.mktemp("root")) as bowl:
        started = {}
        for algorithm in RUN:
            asked = model if algorithm.needs_endpoint else {}
            given = {**USUAL, **OTHERS.get(algorithm, {}), **asked}
            started[algorithm] = bowl.start(algorithm=algorithm.value, **given)
        yield {algorithm: Ended(bowl, *bowl.end(job)) for algorithm, job in started.items()}


@pytest.mark.parametrize("algorithm", RUN)
def test_a_search_runs_to_its_end_by(
    searches: dict[Algorithm, Ended], algorithm: Algorithm
) -> None:
    ended = searches[algorithm]
    result = ended.result

    assert (ended.job.state, ended.job.detail) == (JobState.COMPLETE, "")
    assert (result.state, result.progress.failed) == (SearchState.COMPLETE, 0)
    assert all(record.state.is_final for record in result.history)
    assert result.best is not None
    assert result.best.checkpoint is not None
    full = [r for r in result.history if r.state is TrialState.COMPLETE]
    assert {record.epochs for record in full} == {2}
    assert len(full) > 1  # somebody besides the baseline reached the top


@pytest.mark.parametrize("algorithm", [a for a in RUN if a not in OTHERS])
def test_four_recommendations_are_made_by(
    searches: dict[Algorithm, Ended], algorithm: Algorithm
) -> None:
    history = searches[algorithm].result.history

    assert [record.trial for record in history] == [0, 1, 2, 3, 4]
    assert len({str(dict(record.params)) for record in history}) == 5


@pytest.mark.parametrize("algorithm", [Algorithm.HYPERBAND, Algorithm.ASHA, Algorithm.BOHB])
def test_some_trials_stop_early_by(searches: dict[Algorithm, Ended], algorithm: Algorithm) -> None:
    history = searches[algorithm].result.history

    assert any(record.state is TrialState.PRUNED and record.epochs == 1 for record in history)


def test_a_copy_of_pbt_begins_from_its_parents_checkpoint(
    searches: dict[Algorithm, Ended],
) -> None:
    ended = searches[Algorithm.PBT]
    copies = [record for record in ended.result.history if record.parent is not None]

    assert copies
    for record in copies:
        parent = ended.result.history[record.parent or 0]
        spec = ended.bowl.client.plan_of(record.job_id).spec
        begun_from = spec["train"]["resume_training_checkpoint_path"]
        assert f"{parent.job_id}/results/model_epoch_000" in begun_from
        assert record.generation == 1
        assert [at for at, _ in record.curve] == [2]


def test_the_cost_of_pbt_counts_no_epoch_twice(searches: dict[Algorithm, Ended]) -> None:
    ended = searches[Algorithm.PBT]
    trained = 0
    for record in ended.result.history:
        path = ended.bowl.client.job(record.job_id).results / "status.json"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        trained += sum("epoch" in line and "paused" not in line for line in lines)
    assert ended.result.cost is not None

    assert ended.result.cost.epochs == trained


def test_only_best_and_baseline_keep_checkpoints_after_pbt(
    searches: dict[Algorithm, Ended],
) -> None:
    ended = searches[Algorithm.PBT]
    assert ended.result.best is not None
    left = {
        record.trial
        for record in ended.result.history
        if [*ended.bowl.client.job(record.job_id).results.glob("model_epoch_*.pth")]
    }

    assert left == {0, ended.result.best.trial}


def test_what_a_model_proposes_is_tried_with_its_reason(
    searches: dict[Algorithm, Ended], endpoint: FakeEndpoint
) -> None:
    first = searches[Algorithm.LLM].result.history[1]

    assert endpoint.requests
    assert first.origin == "llm"
    assert first.reason.startswith("the valley lies near 0.01")
    assert first.specs["train.optim.lr"] == pytest.approx(0.02)
