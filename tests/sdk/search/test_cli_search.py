"""Searches from the command line: planned, reviewed, run, shown, as a person does it.

One search and one review, each with real processes, are shared: some ten seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from tests.sdk.search.conftest import Bowl, search_bowl

from skillbank.automl.result import SearchResult, read_result
from skillbank.cli import main

SETTINGS = (
    "--automl-set=algorithm=random",
    "--automl-set=max_epochs=2",
    "--automl-set=max_recommendations=2",
    "--automl-set=max_concurrent=1",
    "--automl-set=final_evaluation=false",
)
REQUEST = ("bowl-train", "train", *SETTINGS)


@dataclass(frozen=True)
class Done:
    """A command line that ended."""

    status: int
    out: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def skillbank(*words: str) -> Done:
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        status = main(words)
    return Done(status, out.getvalue())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bowl]:
    """Command lines of this file work on the root of this bowl."""
    with search_bowl(tmp_path_factory.mktemp("root")) as made:
        yield made


@pytest.fixture(scope="module")
def reviewed(here: Bowl) -> tuple[Done, list[str]]:
    """A review, and what was in the root after it; taken before anything else runs there."""
    done = skillbank("automl", "review", *REQUEST, "--json")
    jobs = here.client.root / "jobs"
    return done, [path.name for path in jobs.iterdir()] if jobs.exists() else []


@pytest.fixture(scope="module")
def run(reviewed: tuple[Done, list[str]]) -> Done:
    assert reviewed[0].status == 0
    return skillbank("run", *REQUEST)


@pytest.fixture(scope="module")
def result(here: Bowl, run: Done) -> SearchResult:
    assert run.status == 0
    (search,) = here.client.jobs()
    return read_result(search.results)


def test_plan_shows_the_search_and_starts_nothing(
    here: Bowl, reviewed: tuple[Done, list[str]]
) -> None:
    before = len(here.client.jobs())

    done = skillbank("plan", *REQUEST)

    assert (done.status, reviewed[0].status) == (0, 0)
    assert "random: asked for" in done.out
    assert "val_loss" in done.out
    assert len(here.client.jobs()) == before


def test_a_review_starts_nothing_that_stays(reviewed: tuple[Done, list[str]]) -> None:
    done, left = reviewed

    assert (done.status, left) == (0, [])


def test_a_review_estimates_by_a_measured_epoch(reviewed: tuple[Done, list[str]]) -> None:
    estimate = reviewed[0].document["estimate"]

    assert estimate["seconds"] > 0
    assert estimate["seconds_per_epoch"] > 0  # the bowl's are over before anybody looks
    assert "epoch" in estimate["measured"]


def test_the_first_batch_of_a_review_is_what_is_then_tried(
    reviewed: tuple[Done, list[str]], result: SearchResult
) -> None:
    (first,) = reviewed[0].document["first_batch"]

    assert first["specs"] == dict(result.history[1].specs)


def test_the_search_reviews_itself_with_the_same_first_batch(
    here: Bowl, reviewed: tuple[Done, list[str]], result: SearchResult
) -> None:
    (search,) = here.client.jobs()
    own = json.loads((search.results / "review.json").read_text(encoding="utf-8"))

    assert result.progress.proposed == 2
    for part in ("first_batch", "space", "fixed", "goals", "budget", "algorithm"):
        assert own[part] == reviewed[0].document[part]


def test_a_review_shows_the_points_of_earlier_searches_first(
    here: Bowl, result: SearchResult
) -> None:
    (search,) = here.client.jobs()
    best = min(result.history[1:], key=lambda record: record.metric or 9.0)

    done = skillbank(
        "automl",
        "review",
        *REQUEST,
        f"--automl-set=warm_start={search.id}",
        "--no-measure",
        "--json",
    )

    (first,) = done.document["first_batch"]
    assert (first["origin"], first["specs"]) == ("warm start", dict(best.specs))


@pytest.mark.usefixtures("here")
def test_a_review_without_measuring_says_so() -> None:
    done = skillbank("automl", "review", *REQUEST, "--no-measure")

    assert done.status == 0
    assert "not measured" in done.out
    assert "nothing was started" in done.out


@pytest.mark.usefixtures("here")
def test_a_review_of_what_is_no_search_is_refused() -> None:
    done = skillbank("automl", "review", *REQUEST, "--automl", "off")

    assert done.status == 2
    assert "there is no search to review" in done.out


def test_run_prints_the_review(run: Done) -> None:
    assert run.status == 0
    for told in ("launch review of", "first recommendations", "estimate", "minimize val_loss"):
        assert told in run.out


def test_run_prints_what_the_trials_do(run: Done, result: SearchResult) -> None:
    assert result.best is not None
    assert "trial 1" in run.out
    assert f"{result.best.metric_value:.4g}" in run.out


def test_jobs_lists_the_search_and_not_its_trials(here: Bowl, result: SearchResult) -> None:
    (search,) = here.client.jobs()

    done = skillbank("jobs")

    assert search.id in done.out
    assert result.history[1].job_id not in done.out


def test_automl_result_shows_every_trial(here: Bowl, result: SearchResult) -> None:
    (search,) = here.client.jobs()

    done = skillbank("automl", "result", search.id, "--json")

    assert done.status == 0
    assert [record["trial"] for record in done.document["history"]] == [0, 1, 2]
    assert done.document["best"]["trial"] == (result.best and result.best.trial)


def test_a_skill_is_evaluated_from_its_search(here: Bowl, result: SearchResult) -> None:
    (search,) = [job for job in here.client.jobs() if job.route == "automl"]

    done = skillbank("plan", "bowl-train", "evaluate", "--parent", search.id)

    assert done.status == 0
    assert result.best is not None
    assert result.best.checkpoint is not None
    assert result.best.checkpoint in done.out.replace("\n", "")
