"""What a search leaves in its results, and what other jobs make of it.

One search of six recommendations, with a process per trial, is shared by all tests of this file:
some ten seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sdk.search.conftest import BOWL, Bowl

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, SearchState, TrialRecord
from skillbank.job import Job, JobState

VAL_SHIFT, TEST_SHIFT = 0.0, 0.25
RUNGS = (1, 3, 9)


@dataclass(frozen=True)
class Ended:
    """A search that has ended."""

    job: Job
    result: SearchResult

    def load(self, name: str) -> Any:
        return json.loads((self.job.results / name).read_text(encoding="utf-8"))

    @property
    def status_lines(self) -> list[dict[str, Any]]:
        text = (self.job.results / "status.json").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def promoted(self) -> list[TrialRecord]:
        return [r for r in self.result.history if r.trial and r.epochs > RUNGS[0]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Dataset roots: the test role's file adds to the loss."""
    roots = {}
    for role, name, shift in (("val", "val.txt", VAL_SHIFT), ("test", "test.txt", TEST_SHIFT)):
        root = tmp_path_factory.mktemp(role)
        (root / name).write_text(str(shift), encoding="ascii")
        roots[role] = str(root)
    return roots


@pytest.fixture(scope="module")
def search(bowl: Bowl, data: dict[str, str]) -> Ended:
    return Ended(
        *bowl.run(
            {"train.num_epochs": 9},
            data=data,
            algorithm="asha",
            max_recommendations=6,
            max_epochs=9,
            max_concurrent=2,
        )
    )


@pytest.fixture(scope="module")
def evaluation(bowl: Bowl, search: Ended) -> Job:
    """An evaluation whose parent is the search."""
    job = bowl.client.create_job("bowl-train", "evaluate", parent_job_id=search.job.id)
    return bowl.client.wait(job.id)


def test_a_search_completes(search: Ended) -> None:
    assert (search.job.state, search.job.detail) == (JobState.COMPLETE, "")
    assert search.result.state is SearchState.COMPLETE


@pytest.mark.parametrize(
    "name",
    [
        "best_spec.yaml",
        "report.html",
        "search.json",
        "review.json",
        "artefacts.json",
        "journal.log",
    ],
)
def test_a_search_leaves(search: Ended, name: str) -> None:
    assert (search.job.results / name).stat().st_size > 0


def test_the_best_checkpoint_lies_in_the_searchs_own_results(bowl: Bowl, search: Ended) -> None:
    best = search.result.best
    assert best is not None
    assert best.checkpoint is not None
    kept = Path(best.checkpoint)

    trained = bowl.client.job(best.job_id).results / kept.name
    assert [*search.job.results.glob("model_epoch_*.pth")] == [kept]
    assert kept.read_bytes() == trained.read_bytes()
    assert (search.job.results / "bowl_model_latest.pth").resolve() == kept


def test_the_artefacts_are_described_like_those_of_any_job(search: Ended) -> None:
    checkpoint, report = search.load("artefacts.json")["artefacts"]
    best = search.result.best
    assert best is not None

    assert (checkpoint["kind"], report["path"]) == ("checkpoint", "report.html")
    assert checkpoint["metrics"]["val_loss"] == best.metric_value
    assert checkpoint["epoch"] + 1 == best.epoch


def test_the_best_checkpoint_of_a_search_resolves(bowl: Bowl, search: Ended) -> None:
    assert search.result.best is not None

    assert (
        str(bowl.client.resolve(search.job.id, "best").checkpoint.path)
        == search.result.best.checkpoint
    )


def test_an_evaluation_takes_the_best_checkpoint_of_its_parent(
    bowl: Bowl, search: Ended, evaluation: Job
) -> None:
    assert search.result.best is not None

    plan = bowl.client.plan_of(evaluation.id)

    assert evaluation.state is JobState.COMPLETE
    assert plan.spec["evaluate"]["checkpoint"] == search.result.best.checkpoint
    (measured,) = {
        line["kpi"]["val_loss"] for line in bowl.client.events(evaluation.id) if line.get("kpi")
    }
    assert measured == search.result.best.metric_value


def test_best_spec_is_the_best_trials_whole_spec(search: Ended) -> None:
    best = search.result.best
    assert best is not None
    spec = yaml.safe_load((search.job.results / "best_spec.yaml").read_text(encoding="utf-8"))

    assert spec["train"]["optim"]["lr"] == best.specs["train.optim.lr"]
    assert spec["train"]["num_epochs"] == 9


def test_the_best_spec_can_be_trained_again(bowl: Bowl, search: Ended) -> None:
    plan_spec = search.job.results / "best_spec.yaml"

    job = bowl.client.create_job("bowl-train", "train", spec=plan_spec, automl_policy="off")
    job = bowl.client.wait(job.id)

    assert job.state is JobState.COMPLETE
    assert len([*job.results.glob("model_epoch_*.pth")]) == 9


def test_the_status_lines_of_a_search_are_those_of_any_job(search: Ended) -> None:
    lines = search.status_lines

    assert (lines[0]["status"], lines[-1]["status"]) == ("STARTED", "SUCCESS")
    assert {line["status"] for line in lines[1:-1]} == {"RUNNING"}
    for line in lines:
        assert {"date", "time", "status", "verbosity", "message"} <= line.keys()
    assert lines[-1]["kpi"] == {"val_loss": search.result.best and search.result.best.metric_value}


def test_trials_are_listed_under_their_search_and_only_there(bowl: Bowl, search: Ended) -> None:
    trials = [job.id for job in bowl.trials(search.job)]

    assert {record.job_id for record in search.result.history} < set(trials)
    assert not set(trials) & {job.id for job in bowl.client.jobs(limit=1000)}


def test_the_baseline_is_trial_0_with_the_stock_spec(bowl: Bowl, search: Ended) -> None:
    record = search.result.history[0]
    spec = bowl.client.plan_of(record.job_id).spec

    assert (record.trial, record.origin, record.specs) == (0, "baseline", {})
    assert spec["train"]["optim"] == {"optimizer": "sgd", "lr": 0.1, "momentum": 0.5}
    assert (record.state, record.epochs) == (TrialState.COMPLETE, 9)


def test_gain_is_what_the_best_is_better_by(search: Ended) -> None:
    best, baseline = search.result.best, search.result.baseline
    assert best is not None
    assert baseline is not None
    assert best.metric_value is not None
    assert baseline.metric_value is not None
    assert baseline.comparison_to_best is not None

    gain = baseline.metric_value - best.metric_value
    assert gain > 0
    assert baseline.comparison_to_best.gain == pytest.approx(gain)
    assert baseline.comparison_to_best.relative == pytest.approx(gain / baseline.metric_value)
    measured = [r.metric for r in search.result.history if r.metric is not None]
    assert best.metric_value == min(measured)


def test_the_final_evaluation_measures_best_and_baseline_on_the_test_data(search: Ended) -> None:
    result = search.result
    final, best, baseline = result.final_evaluation, result.best, result.baseline
    assert final is not None
    assert best is not None
    assert baseline is not None
    assert best.metric_value is not None
    assert baseline.metric_value is not None

    assert final.metric_value == pytest.approx(best.metric_value + TEST_SHIFT)
    assert final.baseline_value == pytest.approx(baseline.metric_value + TEST_SHIFT)
    assert "test data" in final.data
    assert final.record_path
    assert (Path(final.record_path) / "status.json").is_file()


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("best", {"trial", "job_id", "specs", "metric_value", "adjustments"}),
        ("baseline", {"metric_value", "status", "comparison_to_best"}),
        (
            "final_evaluation",
            {"metric_value", "status", "comparison_to_baseline", "record_path"},
        ),
        ("cost", {"epochs", "seconds", "gpu_seconds"}),
    ],
)
def test_search_json_has_the_keys_that_programs_read(
    search: Ended, part: str, keys: set[str]
) -> None:
    content = search.load("search.json")

    assert keys <= content[part].keys()
    assert {"progress", "pareto_front", "importance", "history"} <= content.keys()


def test_a_promoted_trial_goes_on_in_its_own_job(bowl: Bowl, search: Ended) -> None:
    assert search.promoted
    for record in search.promoted:
        job = bowl.client.job(record.job_id)
        assert job.attempt == RUNGS.index(record.epochs) + 1


def test_every_epoch_of_every_trial_is_trained_once(bowl: Bowl, search: Ended) -> None:
    for record in search.result.history:
        path = bowl.client.job(record.job_id).results / "status.json"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        trained = [line["epoch"] for line in lines if "epoch" in line and "paused" not in line]
        assert trained == [*range(record.epochs)]
        assert [at for at, _ in record.curve] == [*range(1, record.epochs + 1)]


def test_a_trial_pauses_at_the_end_of_each_rung(bowl: Bowl, search: Ended) -> None:
    for record in search.promoted:
        path = bowl.client.job(record.job_id).results / "status.json"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        paused = [line["epoch"] + 1 for line in lines if line.get("paused")]
        reached = [rung for rung in RUNGS if rung <= record.epochs and rung < RUNGS[-1]]
        assert paused == reached


def test_trials_that_were_not_promoted_are_pruned_and_say_so(search: Ended) -> None:
    left = [r for r in search.result.history if r.epochs < RUNGS[-1]]

    assert left
    assert {r.state for r in left} == {TrialState.PRUNED}
    assert all(" after 1 epochs" in r.failure_reason or "beyond" in r.failure_reason for r in left)
    assert search.result.progress.failed == 0


def test_the_cost_counts_every_trained_epoch(search: Ended) -> None:
    cost = search.result.cost

    assert cost is not None
    assert cost.epochs == sum(record.epochs for record in search.result.history)
    assert cost.seconds > 0


def test_only_the_checkpoints_of_best_and_baseline_remain(bowl: Bowl, search: Ended) -> None:
    assert search.result.best is not None
    left = {
        r.trial
        for r in search.result.history
        if [*bowl.client.job(r.job_id).results.glob("model_epoch_*.pth")]
    }

    assert left == {0, search.result.best.trial}


def test_the_bowls_schemas_are_those_of_its_specs() -> None:
    # Half a second: a process, so that the bowl's package is not left on this one's path.
    program = [sys.executable, str(BOWL / "generate.py"), "--check"]

    ended = subprocess.run(program, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
