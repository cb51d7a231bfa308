"""Several goals, evaluation data, and searches that share one database.

Searches with a process per trial: some fifteen seconds for all tests of this file.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from tests.sdk.search.conftest import BOWL, Bowl, search_bowl

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, Status
from skillbank.bank import SkillBank
from skillbank.job import Job, JobState

USUAL: dict[str, Any] = {"algorithm": "random", "max_epochs": 2, "max_recommendations": 3}


@dataclass(frozen=True)
class Ended:
    """A search that has ended."""

    bowl: Bowl
    job: Job
    result: SearchResult


@pytest.fixture(scope="module")
def pareto(bowl: Bowl) -> Ended:
    settings = {"metric": "val_acc, latency_ms", "max_recommendations": 5}
    return Ended(bowl, *bowl.run(**{**USUAL, **settings, "final_evaluation": False}))


@pytest.fixture(scope="module")
def validated(bowl: Bowl, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A search without dataset roots, whose spec names a validation file."""
    path = tmp_path_factory.mktemp("data") / "val.txt"
    path.write_text("0.5", encoding="ascii")
    overrides = {"dataset.val_data": str(path)}
    return Ended(bowl, *bowl.run(overrides, **{**USUAL, "max_recommendations": 1}))


@pytest.fixture(scope="module")
def shared(bowl: Bowl, tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    """Two searches that share a database, one after the other."""
    storage = f"sqlite:///{tmp_path_factory.mktemp('database')}/study.db"
    settings = {**USUAL, "storage": storage, "final_evaluation": False}
    first = Ended(bowl, *bowl.run(**{**settings, "max_recommendations": 2}))
    return [first, Ended(bowl, *bowl.run(**{**settings, "max_recommendations": 4}))]


def test_the_pareto_front_holds_exactly_the_trials_that_no_other_beats(pareto: Ended) -> None:
    points = {
        record.trial: (record.metrics["val_acc"] or 0.0, record.metrics["latency_ms"] or 0.0)
        for record in pareto.result.history
        if record.state is TrialState.COMPLETE
    }
    unbeaten = [
        trial
        for trial, (acc, ms) in points.items()
        if not any(a >= acc and m <= ms and (a, m) != (acc, ms) for a, m in points.values())
    ]

    assert len(points) == 6
    assert sorted(pareto.result.pareto_front) == unbeaten
    assert len(unbeaten) > 1


def test_the_study_of_several_goals_has_all_directions(pareto: Ended) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(pareto.job.results / "journal.log"))
    study = optuna.load_study(
        study_name=pareto.job.id, storage=optuna.storages.JournalStorage(backend)
    )

    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["val_acc", "latency_ms"]
    assert {trial.number for trial in study.best_trials} == set(pareto.result.pareto_front)


def test_the_trials_of_the_pareto_front_keep_their_checkpoints(pareto: Ended) -> None:
    for trial in pareto.result.pareto_front:
        job = pareto.bowl.client.job(pareto.result.history[trial].job_id)
        assert [*job.results.glob("model_epoch_*.pth")]


def test_without_dataset_roots_the_trained_validation_file_is_evaluated(validated: Ended) -> None:
    final, best = validated.result.final_evaluation, validated.result.best
    assert final is not None
    assert best is not None
    assert best.metric_value is not None

    assert final.metric_value == pytest.approx(best.metric_value + 0.5)
    assert final.data == "the validation data that the spec names"


def test_a_skill_that_cannot_evaluate_is_told_so_and_the_search_completes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three seconds: a search of its own, of a skill that has only the train action.
    skills = tmp_path_factory.mktemp("skills")
    make_skill_without_evaluate(skills)
    with search_bowl(tmp_path_factory.mktemp("root")) as bowl:
        monkeypatch.setenv("SKILLBANK_SKILLS", str(skills))
        bowl.client.bank = SkillBank([skills])
        job, result = bowl.run(**{**USUAL, "max_recommendations": 1})
    final = result.final_evaluation
    assert final is not None

    assert (job.state, final.status) == (JobState.COMPLETE, Status.FAILURE)
    assert "evaluate" in final.data
    assert result.best is not None
    assert result.best.checkpoint is not None


def make_skill_without_evaluate(skills: Path) -> None:
    copy = skills / "bowl-train"
    shutil.copytree(BOWL / "skills" / "bowl-train", copy)
    path = copy / "references" / "skill_info.yaml"
    info = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part in ("actions", "data_sources", "spec_params"):
        del info[part]["evaluate"]
    path.write_text(yaml.safe_dump(info), encoding="utf-8")
    (copy / "schemas" / "evaluate.schema.json").unlink()
    (copy / "references" / "spec_template_evaluate.yaml").unlink()


def test_searches_of_one_database_train_one_baseline(shared: list[Ended]) -> None:
    first, second = shared

    assert [record.origin for record in first.result.history].count("baseline") == 1
    assert "baseline" not in {record.origin for record in second.result.history}
    assert second.result.baseline is not None
    assert second.result.baseline.job_id == first.result.history[0].job_id


def test_searches_of_one_database_number_their_trials_together(shared: list[Ended]) -> None:
    numbers = [[record.trial for record in ended.result.history] for ended in shared]

    assert numbers == [[0, 1, 2], [3, 4]]
    assert {ended.job.state for ended in shared} == {JobState.COMPLETE}


@pytest.fixture(scope="module")
def together(bowl: Bowl, tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    """Two searches that share a database at the same time."""
    here = bowl.with_own_gates()
    settings: dict[str, Any] = {
        "algorithm": "asha",
        "max_epochs": 3,
        "max_recommendations": 6,
        "max_concurrent": 2,
        "final_evaluation": False,
        "storage": f"sqlite:///{tmp_path_factory.mktemp('database')}/study.db",
    }
    here.gates.close("t000-e1")
    first = here.start(holds=True, **settings)
    here.gates.wait_for("t000-e1")
    second = here.start(holds=True, **settings)
    here.gates.open("t000-e1")
    return [Ended(here, *here.end(job)) for job in (first, second)]


def test_searches_at_once_in_one_database_end_with_every_trial_run_once(
    together: list[Ended],
) -> None:
    records = [record for ended in together for record in ended.result.history]

    assert {ended.job.state for ended in together} == {JobState.COMPLETE}
    assert sorted(record.trial for record in records) == [*range(len(records))]
    assert [record.origin for record in records].count("baseline") == 1
    assert all(record.state.is_final for record in records)


def test_a_search_promotes_its_own_trials_only(together: list[Ended]) -> None:
    for ended in together:
        for record in ended.result.history:
            assert record.job_id.startswith(ended.job.id)
            log = ended.bowl.client.logs(ended.job.id)
            goes_on = f"trial {record.trial} goes on"
            assert (goes_on in log) == (record.target_epochs > 1 and record.trial != 0)
