"""A search runs on the machine that submits it, its trials where the request says.

The other platform is this machine under another name: what matters here is which of the two is
asked for what. Two searches with a process per trial, some ten seconds in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.search.conftest import BOWL, Bowl, Here

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchState
from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.errors import PlatformError, RequestInvalid
from skillbank.job import Job, JobState, Observation
from skillbank.job_folder import read_plan
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform
from skillbank.request import JobRequest
from skillbank.search.patience import Patience
from skillbank.search.run import SearchRun
from skillbank.search.status import SearchFolder

USUAL: dict[str, Any] = {
    "algorithm": "random",
    "max_epochs": 2,
    "max_recommendations": 2,
    "max_concurrent": 3,
}


class Elsewhere(LocalPlatform):
    """A cluster that does not answer to some of the questions put to it."""

    def __init__(self, root: Path, is_silent: Callable[[int], bool]) -> None:
        super().__init__(root, gpus=(), num_slots=3, grace_s=5.0, name="cluster")
        self._is_silent = is_silent
        self.num_questions = 0

    def submit(self, plan: JobPlan, attempt: int) -> None:
        self._answer()
        super().submit(plan, attempt)

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        self._answer()
        return super().poll(plan, attempt)

    def capacity(self, plan: JobPlan) -> int:
        self._answer()
        return super().capacity(plan)

    def _answer(self) -> None:
        self.num_questions += 1
        if self._is_silent(self.num_questions):
            raise PlatformError("the controller does not answer.")


def search_elsewhere(
    root: Path,
    cluster: Elsewhere,
    patience: Patience,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Client, Job, SearchRun]:
    """A search that is submitted and not begun."""
    bank = SkillBank([BOWL / "skills"])
    client = Client(root, bank=bank, platforms={"local": Here(), "cluster": cluster})
    settings = {**USUAL, "final_evaluation": False}
    request = JobRequest(
        "bowl-train", "train", platform="cluster", overrides=overrides or {}, automl=settings
    )
    job = client.submit(client.plan_job(request))
    folder = SearchFolder(job.results)
    return client, job, SearchRun(client, client.plan_of(job.id), folder, patience)


def test_trials_run_where_and_how_the_request_says_and_the_search_itself_here(
    bowl: Bowl, tmp_path: Path
) -> None:
    (bowl.client.root / "config.yaml").write_text("platforms:\n  cluster: {kind: local}\n")
    client = Client(bowl.client.root, bank=bowl.client.bank)
    job = client.create_job(
        "bowl-train",
        "train",
        platform="cluster",
        resources={"priority": 7},
        results=str(tmp_path / "copies"),
        automl=USUAL,
    )

    job = client.wait(job.id, 240)

    assert job.state is JobState.COMPLETE, client.logs(job.id)
    plans = [read_plan(each.folder) for each in client.jobs(limit=100, search=job.id)]
    names = {plan.job_id.removeprefix(f"{job.id}-") for plan in plans}
    assert names == {"t000", "t001", "t002", "evaluate-best", "evaluate-baseline"}
    assert {plan.platform for plan in plans} == {"cluster"}
    assert {plan.resources["priority"] for plan in plans} == {7}
    assert {plan.results_uri for plan in plans} == {
        str(tmp_path / "copies" / plan.job_id) for plan in plans
    }
    orders = [AttemptFolder(plan.folder, 1).order() for plan in plans]
    assert {(order.priority, order.takes_place) for order in orders} == {(7, True)}
    own = AttemptFolder(job.folder, 1).order()
    assert (own.priority, own.takes_place) == (0, False)
    assert job.platform == "cluster"
    # Another machine finds what the search left by its URI.
    there = Client(tmp_path / "there", bank=bowl.client.bank)
    seen = there.job(f"file://{tmp_path / 'copies' / job.id}")
    assert seen.state is JobState.COMPLETE
    assert there.resolve(seen.id).checkpoint.sha256 == client.resolve(job.id).checkpoint.sha256
    evaluation = there.plan_job(JobRequest("bowl-train", "evaluate", parent_job_id=seen.id))
    assert evaluation.parent_job_id == job.id
    there.close()


def test_a_setting_that_the_trials_platform_does_not_take_is_refused_at_once(bowl: Bowl) -> None:
    request = JobRequest("bowl-train", "train", resources={"priorty": 7}, automl=USUAL)

    with pytest.raises(RequestInvalid, match="did you mean 'priority'"):
        bowl.client.plan_job(request)


# The second look, the second submission and a look at trials that run find nobody.
def test_a_search_waits_for_a_platform_that_falls_silent(
    bowl: Bowl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLBANK_HOME", str(tmp_path))
    gates = bowl.with_own_gates().gates
    gates.close("t002-e0")  # the last trial runs until all these questions were asked

    def is_silent(question: int) -> bool:
        if question == 22:
            gates.open("t002-e0")
        return question in {1, 5, 6, 7, 20, 21}

    cluster = Elsewhere(tmp_path, is_silent)
    held = {"train.gates": str(gates.folder)}
    client, job, run = search_elsewhere(tmp_path, cluster, Patience(first_pause_s=0.01), held)

    run.run()

    found = client.search_result(job.id)
    assert cluster.num_questions > 21
    assert found.state is SearchState.COMPLETE
    assert [trial.state for trial in found.history] == [TrialState.COMPLETE] * 3
    told = [line["message"] for line in client.events(job.id)]
    assert told.count("the platform answers again") >= 2
    client.close()


def test_a_platform_that_stays_away_ends_the_search_with_what_to_do(
    bowl: Bowl, tmp_path: Path
) -> None:
    del bowl
    cluster = Elsewhere(tmp_path, lambda question: question > 2)
    client, _, run = search_elsewhere(tmp_path, cluster, Patience(0.05, first_pause_s=0.01))

    with pytest.raises(PlatformError, match=r"gave no answer for .*resume the search"):
        run.run()
    run.interrupt()

    client.close()
