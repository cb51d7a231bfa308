"""Searches that lose their driver, a trial, or both to SIGKILL, and go on as if they had not.

The moments are chosen by what happens, not by the clock: a gate holds a training at a known epoch
until the kill is done. All searches of this file train at once, some fifteen seconds in all; with
one place each they propose the same, so that each can be compared with one that nobody disturbed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.sdk.search.conftest import Bowl, search_bowl

from skillbank.automl.result import SearchResult
from skillbank.job import Job, JobState

SETTINGS: dict[str, Any] = {
    "algorithm": "asha",
    "max_recommendations": 3,
    "max_epochs": 3,
    "max_concurrent": 1,
}


@dataclass(frozen=True)
class Disturbance:
    """Who is killed where.

    Attributes:
        gate: Where the training stands meanwhile.
        job: End of the id of the job that stands there; empty: it is not killed.
        driver: Whether the search's own process is killed.
    """

    gate: str
    job: str = ""
    driver: bool = True


DISTURBANCES = {
    "driver while the baseline trains": Disturbance("t000-e1"),
    "driver while trial 2 trains": Disturbance("t002-e0"),
    "trial 2": Disturbance("t002-e0", "t002", driver=False),
    "driver and the baseline": Disturbance("t000-e2", "t000"),
    "driver and trial 1": Disturbance("t001-e0", "t001"),
    "driver while the best is evaluated": Disturbance("evaluate-best-measure"),
}


@dataclass(frozen=True)
class Disturbed:
    """A search that was disturbed and went on to its end."""

    bowl: Bowl
    job: Job
    result: SearchResult


def disturb(bowl: Bowl, job: Job, plan: Disturbance) -> None:
    """Kill, at the moment."""
    bowl.gates.wait_for(plan.gate)
    if plan.driver:
        bowl.kill(bowl.client.job(job.id))
    if plan.job:
        bowl.kill(bowl.client.job(f"{job.id}-{plan.job}"))
    bowl.gates.open(plan.gate)
    if plan.driver:
        bowl.client.resume(job.id)


def history_of(result: SearchResult) -> list[dict[str, Any]]:
    """What was tried and measured, without what depends on the clock."""
    return [
        {
            "trial": record.trial,
            "specs": dict(record.specs),
            "params": dict(record.params),
            "curve": list(record.curve),
            "state": record.state,
            "target": record.target_epochs,
            "job": record.job_id.rpartition("-")[2],
        }
        for record in result.history
    ]


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Disturbed]]:
    """The undisturbed search, under an empty name, and the disturbed ones."""
    root = tmp_path_factory.mktemp("root")
    with search_bowl(root, num_slots=1 + len(DISTURBANCES)) as shared:
        started = {}
        for name, plan in [("", None), *DISTURBANCES.items()]:
            bowl = shared.with_own_gates()
            bowl.gates.close(*([plan.gate] if plan else []))
            started[name] = (bowl, bowl.start(holds=True, **SETTINGS))
        for name, plan in DISTURBANCES.items():
            disturb(*started[name], plan)
        yield {name: Disturbed(bowl, *bowl.end(job)) for name, (bowl, job) in started.items()}


def test_the_undisturbed_search_promotes_somebody(searches: dict[str, Disturbed]) -> None:
    history = searches[""].result.history

    assert [record.target_epochs for record in history].count(3) == 2


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_search_completes_after_losing_its(searches: dict[str, Disturbed], name: str) -> None:
    ended = searches[name]

    assert (ended.job.state, ended.job.detail) == (JobState.COMPLETE, "")
    assert ended.job.attempt == 1 + DISTURBANCES[name].driver


@pytest.mark.parametrize("name", DISTURBANCES)
def test_the_history_is_that_of_an_undisturbed_search_after_losing_its(
    searches: dict[str, Disturbed], name: str
) -> None:
    assert history_of(searches[name].result) == history_of(searches[""].result)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_what_is_told_at_the_end_is_the_same_after_losing_its(
    searches: dict[str, Disturbed], name: str
) -> None:
    expected, told = searches[""].result, searches[name].result
    assert told.best is not None
    assert told.final_evaluation is not None
    assert expected.best is not None
    assert expected.final_evaluation is not None

    assert (told.best.trial, told.best.metric_value, told.best.epoch) == (
        expected.best.trial,
        expected.best.metric_value,
        expected.best.epoch,
    )
    assert told.final_evaluation.metric_value == expected.final_evaluation.metric_value
    assert told.cost is not None
    assert expected.cost is not None
    assert told.cost.epochs == expected.cost.epochs


@pytest.mark.parametrize("name", DISTURBANCES)
def test_no_epoch_is_trained_twice_after_losing_the(
    searches: dict[str, Disturbed], name: str
) -> None:
    ended = searches[name]

    for record in ended.result.history:
        path = ended.bowl.client.job(record.job_id).results / "status.json"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        trained = [line["epoch"] for line in lines if "epoch" in line and "paused" not in line]
        assert trained == [*range(record.epochs)]


@pytest.mark.parametrize("name", [name for name, plan in DISTURBANCES.items() if plan.job])
def test_the_killed_trial_went_on_in_its_own_job(searches: dict[str, Disturbed], name: str) -> None:
    ended = searches[name]

    killed = ended.bowl.client.job(f"{ended.job.id}-{DISTURBANCES[name].job}")

    assert killed.attempt > 1


@pytest.mark.parametrize("name", [name for name, plan in DISTURBANCES.items() if not plan.job])
def test_a_trial_outlives_its_driver(searches: dict[str, Disturbed], name: str) -> None:
    ended, gate = searches[name], DISTURBANCES[name].gate.rpartition("-")[0]

    job = ended.bowl.client.job(f"{ended.job.id}-{gate}")

    assert job.attempt == searches[""].bowl.client.job(f"{searches[''].job.id}-{gate}").attempt
