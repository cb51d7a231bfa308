"""Settings whose effect shows only while trials train, each in a search that sets it.

Whole searches with a process per trial, which is why each test takes some five seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skillbank.automl.result import SearchResult, SearchState, TrialRecord, read_result
from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.job import Job
from skillbank.platforms.local import LocalPlatform

BOWL = Path(__file__).resolve().parents[2] / "fixtures" / "bowl_runner"
USUAL = {"algorithm": "random", "max_recommendations": 4}


@dataclass(frozen=True)
class Searches:
    """Runs searches of the bowl, four trials at once."""

    client: Client

    def run(self, epoch_s: float = 0.0, **automl: Any) -> tuple[Job, SearchResult]:
        """A search to its end."""
        job = self.client.create_job(
            "bowl-train",
            "train",
            overrides={"train.num_epochs": 3, "train.epoch_s": epoch_s},
            automl={**USUAL, **automl},
        )
        job = self.client.wait(job.id)
        return job, read_result(job.results)

    def checkpoints(self, result: SearchResult) -> dict[int, int]:
        """How many checkpoints each trial has left."""
        folders = {r.trial: self.client.root / "jobs" / r.job_id for r in result.history}
        return {
            trial: len([*(folder / "results").glob("model_epoch_*.pth")])
            for trial, folder in folders.items()
        }


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searches]:
    root = tmp_path_factory.mktemp("root")
    path = os.pathsep.join(filter(None, [str(BOWL), os.environ.get("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setenv("SKILLBANK_SKILLS", str(BOWL / "skills"))
        patch.setenv("SKILLBANK_LOCAL_SLOTS", "4")
        platform = LocalPlatform(root, gpus=(), num_slots=4, grace_s=5.0)
        client = Client(root, bank=SkillBank([BOWL / "skills"]), platforms={"local": platform})
        yield Searches(client)
        client.close()


@pytest.fixture(scope="module")
def usual(searches: Searches) -> tuple[Job, SearchResult]:
    """A search with the settings as they are."""
    return searches.run(epoch_s=0.3)


def most_at_once(records: tuple[TrialRecord, ...]) -> int:
    """The largest number of trials that trained at the same time."""
    starts = [(record.started_at or 0.0, 1) for record in records]
    ends = [(record.ended_at or 0.0, -1) for record in records]
    count = most = 0
    for _, change in sorted([*starts, *ends]):
        count += change
        most = max(most, count)
    return most


def test_max_concurrent_says_how_many_train_at_once(
    searches: Searches, usual: tuple[Job, SearchResult]
) -> None:
    _, alone = searches.run(max_concurrent=1)

    assert most_at_once(usual[1].history) == 4
    assert most_at_once(alone.history) == 1


def test_delete_intermediate_ckpt_keeps_only_the_best_and_the_baseline(
    searches: Searches, usual: tuple[Job, SearchResult]
) -> None:
    _, kept = searches.run(delete_intermediate_ckpt=False)

    best = usual[1].best
    assert best is not None
    left = {trial for trial, count in searches.checkpoints(usual[1]).items() if count}
    assert left == {0, best.trial}
    assert set(searches.checkpoints(kept).values()) == {3}


def test_final_evaluation_can_be_left_out(
    searches: Searches, usual: tuple[Job, SearchResult]
) -> None:
    job, without = searches.run(final_evaluation=False)

    assert usual[1].final_evaluation is not None
    assert without.final_evaluation is None
    assert not [*(searches.client.root / "jobs").glob(f"{job.id}-evaluate*")]


def test_warm_start_tries_the_best_points_of_an_earlier_search_first(
    searches: Searches, usual: tuple[Job, SearchResult]
) -> None:
    earlier, result = usual
    assert result.best is not None

    _, warmed = searches.run(warm_start=[earlier.id])

    first = warmed.history[1]
    assert (first.origin, first.specs) == ("warm start", result.best.specs)
    assert earlier.id in first.reason


def test_time_budget_s_ends_a_search_with_what_it_has(searches: Searches) -> None:
    _, stopped = searches.run(epoch_s=0.5, time_budget_s=4, max_recommendations=90)

    assert (stopped.state, "time budget of 4 s" in stopped.stop_reason) == (
        SearchState.STOPPED,
        True,
    )
    assert stopped.best is not None
    assert stopped.progress.proposed < 90


def test_cost_budget_ends_a_search_by_its_cost_per_hour(searches: Searches) -> None:
    _, stopped = searches.run(
        epoch_s=0.5, cost_budget=1.0, cost_per_hour=1200.0, max_recommendations=90
    )

    assert "cost budget of 1" in stopped.stop_reason
    assert stopped.cost.money is not None
    assert 1.0 <= stopped.cost.money < 10.0
