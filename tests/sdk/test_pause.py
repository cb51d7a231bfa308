"""Jobs that pause: planned, told, resumed, and the same at the end as if they never had."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.toy import FIXTURES, make_plan, make_recording_client, make_toy_client

from skillbank.client import Client
from skillbank.errors import JobConflict, PlanInvalid, RequestInvalid
from skillbank.job import PAUSED_EXIT, FailureKind, Job, JobState, classify_failure
from skillbank.plan import JobPlan, Route
from skillbank_runners import launch
from skillbank_runners.errors import Diverged, RunnerError


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """It really runs the toy."""
    monkeypatch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
    client = make_toy_client(tmp_path)
    yield client
    client.close()


def train(client: Client, job_id: str = "job", **changes: Any) -> Job:
    """A toy training of four epochs that has come to its end or its pause."""
    changes.setdefault("spec", {"train": {"num_epochs": 4}})
    job = client.submit(make_plan(client.root, job_id, **changes))
    return client.wait(job.id, timeout_s=60)


def left_by(job: Job) -> dict[str, bytes]:
    paths = [*job.results.glob("*.pth"), job.results / "result.txt"]
    return {path.name: path.read_bytes() for path in paths}


def test_a_paused_job_has_ended_and_says_where_and_how_to_go_on(client: Client) -> None:
    job = train(client, pause_after=2)

    assert (job.state, job.exit_code) == (JobState.PAUSED, 75)
    assert job.detail == "paused after epoch 2 of 4; 'skillbank resume job' goes on"
    last = client.events(job.id)[-1]
    assert (last["epoch"], last["max_epoch"], last["kpi"]) == (1, 4, {"val_loss": 0.5})
    assert len(list(job.results.glob("*.pth"))) == 2


def test_following_a_job_ends_where_it_pauses(client: Client) -> None:
    spec = {"train": {"num_epochs": 4}}
    job = client.submit(make_plan(client.root, "job", spec=spec, pause_after=1))

    news = list(client.follow(job.id, every_s=0.01))

    assert news[-1].job.state is JobState.PAUSED


@pytest.mark.parametrize("pauses", [(1,), (1, 2), (1, 2, 3), (3,)], ids=str)
def test_a_job_that_paused_ends_in_the_same_bytes(client: Client, pauses: tuple[int, ...]) -> None:
    """Slow (1 s): up to five processes, one after the other."""
    whole = train(client, "whole")
    train(client, pause_after=pauses[0])
    for epochs in pauses[1:]:
        client.resume("job", pause_after=epochs)
        assert client.wait("job", timeout_s=60).state is JobState.PAUSED

    client.resume("job")

    done = client.wait("job", timeout_s=60)
    assert (done.state, done.attempt, done.detail) == (JobState.COMPLETE, len(pauses) + 1, "")
    assert left_by(done) == left_by(whole)


def test_a_pause_that_was_reached_already_comes_at_once(client: Client) -> None:
    train(client, pause_after=2)
    client.resume("job", pause_after=1)

    again = client.wait("job", timeout_s=60)

    assert again.detail.startswith("paused after epoch 2 of 4")
    assert "epoch 2 done" not in client.logs("job").partition("attempt 2")[2]


def test_a_killed_job_goes_on_to_the_pause_that_it_was_on_its_way_to(client: Client) -> None:
    """It kills itself after each epoch's checkpoint, and so reaches its pause before it can say."""
    killed = train(client, spec={"train": {"num_epochs": 4, "signal": 9}}, pause_after=2)
    kind = classify_failure(killed.state, killed.exit_code, killed.detail)
    client.resume("job", pause_after=2)
    killed_again = client.wait("job", timeout_s=60)
    client.resume("job", pause_after=2)

    paused = client.wait("job", timeout_s=60)

    assert (kind, killed_again.exit_code) == ("infrastructure", -9)
    assert (paused.state, paused.attempt) == (JobState.PAUSED, 3)
    assert paused.detail.startswith("paused after epoch 2 of 4")


def test_what_a_diverged_job_wrote_tells_its_kind(client: Client) -> None:
    failed = train(client, spec={"train": {"num_epochs": 4, "lr": 50.0}})
    told = client.events("job")[-1]["failure"]

    assert told == "diverged"
    assert classify_failure(failed.state, failed.exit_code, "", told) == "diverged"


def test_a_wrong_spec_tells_its_kind(client: Client) -> None:
    failed = train(client, spec={"train": {"num_epochs": 0}})

    assert failed.exit_code == 2
    assert classify_failure(failed.state, failed.exit_code, failed.detail) == "bad_configuration"


@pytest.mark.parametrize("wrong", [0, -3])
def test_a_pause_before_the_first_epoch_is_refused(client: Client, wrong: int) -> None:
    train(client, pause_after=1)

    with pytest.raises(RequestInvalid, match=f"pause_after: found {wrong}"):
        client.resume("job", pause_after=wrong)


def test_a_complete_job_is_not_resumed_to_pause(client: Client) -> None:
    train(client)

    with pytest.raises(JobConflict, match="COMPLETE"):
        client.resume("job", pause_after=2)


def test_resuming_writes_the_new_pause_into_the_plan(client: Client) -> None:
    train(client, pause_after=1)
    client.resume("job", pause_after=3)
    client.wait("job", timeout_s=60)

    assert client.plan_of("job").pause_after == 3
    client.resume("job")
    assert client.plan_of("job").pause_after is None


def test_trials_are_listed_under_their_search(tmp_path: Path) -> None:
    client = make_recording_client(tmp_path)
    client.submit(make_plan(tmp_path, "search"))
    for number in (0, 1):
        client.submit(make_plan(tmp_path, f"search-t00{number}", search_id="search"))

    listed = [job.id for job in client.jobs()]
    trials = [job.id for job in client.jobs(search="search")]

    assert listed == ["search"]
    assert trials == ["search-t001", "search-t000"]
    assert client.job("search-t000").search_id == "search"


def plan_of(tmp_path: Path, **changes: Any) -> JobPlan:
    return make_plan(tmp_path, "job", **changes)


def test_the_command_of_a_job_names_its_pause(tmp_path: Path) -> None:
    plain = plan_of(tmp_path).command()

    assert "--pause-after" not in plain
    assert plan_of(tmp_path, pause_after=3).command() == [*plain, "--pause-after", "3"]


def test_a_search_runs_the_driver_on_its_folder(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, route=Route.AUTOML)

    assert plan.command() == ["-m", "skillbank.search", "--job", str(plan.folder)]


def test_a_plan_with_everything_comes_back_from_its_json(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, search_id="s", pause_after=3, search={"seed": 1, "space": {"a": [1]}})

    assert JobPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("change", [{"search_id": "s"}, {"pause_after": 3}, {"search": {"a": 1}}])
def test_what_was_added_to_plans_counts_in_their_hash(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    plan = plan_of(tmp_path)
    changed = json.loads(plan.to_json()) | change

    assert replace(plan, **change).hash != plan.hash
    with pytest.raises(PlanInvalid, match="changed after it was made"):
        JobPlan.from_json(json.dumps(changed))


def test_a_plan_that_was_saved_before_jobs_could_pause_is_still_read(tmp_path: Path) -> None:
    """Its hash was made without the keys that it lacks."""
    plan = plan_of(tmp_path)
    saved = json.loads(plan.to_json())
    later = {"search_id", "pause_after", "search", "hash"}
    later |= {"resources", "results_uri", "upload_excludes"}
    old = {key: value for key, value in saved.items() if key not in later}
    canonical = json.dumps(old, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    claim = {"hash": hashlib.sha256(canonical.encode()).hexdigest()}

    assert JobPlan.from_json(json.dumps(old | claim)) == plan


def test_runners_and_sdk_mean_the_same_exit_code_and_kinds() -> None:
    """They share no code: only files and the command line are between them."""
    said = {error.failure for error in (RunnerError, Diverged)} - {""}

    assert launch.PAUSED_EXIT == PAUSED_EXIT
    assert said <= set(FailureKind)
