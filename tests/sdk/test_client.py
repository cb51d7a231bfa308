"""The front door: submit, follow, cancel, resume; and what it refuses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.sdk.toy import (
    FIXTURES,
    LOST,
    TOY,
    RecordingPlatform,
    make_plan,
    make_recording_client,
    make_toy_client,
)

from skillbank.client import Client
from skillbank.errors import (
    CheckpointNotFound,
    JobConflict,
    JobNotFound,
    JobUnfinished,
    PlanInvalid,
    PlatformError,
    RequestInvalid,
)
from skillbank.job import JobState, Observation
from skillbank.job_folder import create_folder, hold_folder
from skillbank.plan import JobPlan, Route
from skillbank.request import JobRequest


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Its jobs are only written down."""
    client = make_recording_client(tmp_path)
    yield client
    client.close()


@pytest.fixture
def platform(client: Client) -> RecordingPlatform:
    platform = client.platforms["local"]
    assert isinstance(platform, RecordingPlatform)
    return platform


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """It really runs the toy."""
    monkeypatch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
    client = make_toy_client(tmp_path)
    yield client
    client.close()


def folders(client: Client) -> set[str]:
    """Names of all that lies beside the job folders, hidden or not."""
    jobs = client.root / "jobs"
    return {path.name for path in jobs.iterdir()} if jobs.is_dir() else set()


def test_a_submitted_job_has_a_whole_folder(client: Client) -> None:
    plan = make_plan(client.root, "train-a", notes=("ä note",))

    job = client.submit(plan)

    assert JobPlan.from_json((job.folder / "plan.json").read_text(encoding="utf-8")) == plan
    assert yaml.safe_load((job.folder / "spec.yaml").read_text(encoding="utf-8")) == plan.spec
    assert job.results.is_dir()
    assert client.plan_of("train-a") == plan


def test_a_plan_makes_one_job(client: Client, platform: RecordingPlatform) -> None:
    plan = make_plan(client.root, "train-a")
    client.submit(plan)

    with pytest.raises(JobConflict, match="train-a was already submitted"):
        client.submit(plan)
    assert platform.submitted == [("train-a", 1)]
    assert folders(client) == {"train-a"}


def test_a_repeated_request_under_one_key_starts_nothing(
    client: Client, platform: RecordingPlatform
) -> None:
    first = client.submit(make_plan(client.root, "train-a", idempotency_key="nightly"))

    again = client.submit(make_plan(client.root, "train-b", idempotency_key="nightly"))

    assert again == first
    assert platform.submitted == [("train-a", 1)]
    assert folders(client) == {"train-a"}


def test_another_request_under_a_used_key_leaves_nothing_behind(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a", idempotency_key="nightly"))
    other = make_plan(client.root, "train-b", idempotency_key="nightly", request_hash="other")

    with pytest.raises(JobConflict, match="'nightly' belongs to job train-a"):
        client.submit(other)
    assert folders(client) == {"train-a"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"route": Route.AUTOML}, PlanInvalid, r"holds no search.*skillbank plan"),
        ({"folder": Path("/elsewhere/jobs/train-a")}, PlanInvalid, r"/elsewhere.*SKILLBANK_HOME"),
        ({"platform": "locale"}, RequestInvalid, r"'locale'; did you mean 'local'"),
        ({"num_gpus": 2}, PlatformError, r"2 GPUs.* has 0"),
    ],
    ids=["automl", "another root", "unknown platform", "too many GPUs"],
)
def test_a_plan_that_cannot_run_is_refused_before_anything_is_written(
    client: Client, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    plan = make_plan(client.root, "train-a", **changes)

    with pytest.raises(error, match=message):
        client.submit(plan)
    assert folders(client) == set()
    assert client.jobs() == []


def test_a_job_that_the_platform_cannot_start_is_an_error_with_the_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(RecordingPlatform):
        def submit(self, plan: JobPlan, attempt: int) -> None:
            raise PlatformError(f"no machine for {plan.job_id}, attempt {attempt}")

    monkeypatch.setitem(client.platforms, "local", Broken())  # type: ignore[arg-type]

    with pytest.raises(PlatformError, match="no machine"):
        client.submit(make_plan(client.root, "train-a"))
    job = client.job("train-a")
    assert job.state is JobState.ERROR
    assert job.detail.startswith("no machine for train-a, attempt 1. Nothing of job train-a runs;")
    assert "'skillbank resume train-a'" in job.detail


def test_a_folder_that_a_dead_submitter_left_is_taken_over(
    client: Client, platform: RecordingPlatform
) -> None:
    plan = make_plan(client.root, "train-a")
    with create_folder(plan):
        pass  # died before the record

    assert client.submit(plan).state is JobState.RUNNING
    assert platform.submitted == [("train-a", 1)]


def test_a_folder_of_another_plan_is_left_alone(client: Client) -> None:
    with create_folder(make_plan(client.root, "train-a", reason="the first")):
        pass

    with pytest.raises(JobConflict, match="belongs to another plan"):
        client.submit(make_plan(client.root, "train-a", reason="the second"))
    assert client.jobs() == []


def test_two_submitters_of_one_plan_do_not_meet(client: Client) -> None:
    """Slow (0.5 s): a lock that is only being looked at is waited out."""
    plan = make_plan(client.root, "train-a")

    with create_folder(plan), pytest.raises(JobConflict, match="by another process right now"):
        client.submit(plan)


def test_a_job_is_what_its_platform_sees(client: Client, platform: RecordingPlatform) -> None:
    client.submit(make_plan(client.root, "train-a"))
    platform.seen = Observation(JobState.COMPLETE, "", 0, 1.0, 2.0)

    job = client.job("train-a")

    assert (job.state, job.exit_code, job.started_at, job.ended_at) == (JobState.COMPLETE, 0, 1, 2)


def test_a_final_state_is_not_asked_for_again(client: Client, platform: RecordingPlatform) -> None:
    client.submit(make_plan(client.root, "train-a"))
    platform.seen = Observation(JobState.COMPLETE)
    client.job("train-a")
    platform.seen = LOST

    assert client.job("train-a").state is JobState.COMPLETE


def test_a_job_that_is_being_submitted_is_not_lost(
    client: Client, platform: RecordingPlatform
) -> None:
    client.submit(make_plan(client.root, "train-a"))
    platform.seen = LOST

    with hold_folder(client.root / "jobs" / "train-a", "be submitted"):
        assert client.job("train-a").state is JobState.RUNNING
    assert client.job("train-a").state is JobState.LOST


def test_a_job_whose_folder_was_deleted_is_lost(client: Client) -> None:
    job = client.submit(make_plan(client.root, "train-a"))
    job.folder.rename(client.root / "moved")

    found = client.job("train-a")

    assert found.state is JobState.LOST
    assert "moved or deleted" in found.detail


def test_a_job_on_a_platform_that_is_not_here_shows_what_was_recorded(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a"))
    other = Client(client.root, bank=client.bank, platforms={"far": RecordingPlatform()})

    assert other.job("train-a").state is JobState.RUNNING
    other.close()


def test_a_listing_by_state_looks_before_it_lists(
    client: Client, platform: RecordingPlatform
) -> None:
    client.submit(make_plan(client.root, "train-a"))
    platform.seen = Observation(JobState.COMPLETE)

    assert client.jobs(state=JobState.RUNNING) == []
    assert [job.id for job in client.jobs(state=JobState.COMPLETE)] == ["train-a"]


def test_waiting_ends_at_its_time_limit_and_the_job_goes_on(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a"))

    with pytest.raises(JobUnfinished, match=r"train-a is still RUNNING after 0\.05 s"):
        client.wait("train-a", timeout_s=0.05)
    assert client.job("train-a").state is JobState.RUNNING


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        (None, "one\ntwo\nlog of train-a\n"),
        (0, ""),
        (1, "log of train-a\n"),
        (99, "one\ntwo\nlog of train-a\n"),
    ],
)
def test_logs_can_be_cut_to_their_end(client: Client, tail: int | None, text: str) -> None:
    client.submit(make_plan(client.root, "train-a"))

    assert client.logs("train-a", tail) == text


def test_cancelling_tells_the_platform_which_attempt(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a"))

    job = client.cancel("train-a")

    assert (job.state, job.detail) == (JobState.CANCELED, "cancelled train-a, attempt 1")


def test_cancelling_an_ended_job_is_harmless(client: Client, platform: RecordingPlatform) -> None:
    client.submit(make_plan(client.root, "train-a"))
    platform.seen = Observation(JobState.COMPLETE)

    assert client.cancel("train-a").state is JobState.COMPLETE


def test_resuming_opens_a_further_attempt_of_the_same_job(
    client: Client, platform: RecordingPlatform
) -> None:
    client.submit(make_plan(client.root, "train-a"))
    client.cancel("train-a")
    platform.seen = Observation(JobState.RUNNING, started_at=2.0)

    job = client.resume("train-a")

    assert (job.id, job.attempt, job.state) == ("train-a", 2, JobState.RUNNING)
    assert platform.submitted == [("train-a", 1), ("train-a", 2)]
    assert folders(client) == {"train-a"}


@pytest.mark.parametrize("state", [JobState.COMPLETE, JobState.RUNNING, JobState.QUEUED])
def test_only_an_unhappy_end_can_be_resumed(
    client: Client, platform: RecordingPlatform, state: JobState
) -> None:
    plan = make_plan(client.root, "train-a")
    client.submit(plan)
    platform.seen = Observation(state)

    with pytest.raises(JobConflict, match=str(state)):
        client.resume("train-a")
    assert client.plan_of("train-a") == plan


def test_two_cannot_resume_one_job_at_once(client: Client) -> None:
    """Slow (0.5 s): a lock that is only being looked at is waited out."""
    client.submit(make_plan(client.root, "train-a"))
    client.cancel("train-a")

    with (
        hold_folder(client.root / "jobs" / "train-a", "be resumed"),
        pytest.raises(JobConflict, match="by another process right now"),
    ):
        client.resume("train-a")


def test_events_are_those_of_the_newest_attempt(client: Client) -> None:
    job = client.submit(make_plan(client.root, "train-a"))
    status = job.results / "status.json"
    status.write_text('{"message": "first"}\n{"mess', encoding="utf-8")  # killed while writing
    client.cancel("train-a")
    client.resume("train-a")
    with status.open("a", encoding="utf-8") as file:
        file.write('{"message": "second"}\n')

    assert client.events("train-a") == [{"message": "second"}]


def test_the_failure_of_an_earlier_attempt_is_not_told_again(
    client: Client, platform: RecordingPlatform
) -> None:
    job = client.submit(make_plan(client.root, "train-a"))
    line = '{"status": "FAILURE", "message": "the data is wrong"}\n'
    (job.results / "status.json").write_text(line, encoding="utf-8")
    platform.seen = Observation(JobState.ERROR, "", exit_code=1)
    first = client.job("train-a")

    client.resume("train-a")
    second = client.job("train-a")

    assert first.detail == "the data is wrong"
    assert second.detail == "it exited with status 1 and printed nothing"


def test_a_job_without_a_report_says_why(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a"))

    with pytest.raises(CheckpointNotFound, match=r"train-a .*RUNNING.* has no report.*wait"):
        client.report("train-a")


def test_an_unknown_kind_of_artefact_is_named(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a"))

    with pytest.raises(RequestInvalid, match=r"'checkpoints'.*did you mean 'checkpoint'"):
        client.resolve("train-a", kind="checkpoints")


def test_an_unknown_parent_is_named(client: Client) -> None:
    with pytest.raises(JobNotFound, match="train-zz"):
        client.plan_job(JobRequest(TOY, "train", parent_job_id="train-zz"))


def test_every_plan_gets_an_id_of_its_own(client: Client) -> None:
    ids = [client.plan_job(JobRequest(TOY, "train")).job_id for _ in range(20)]

    assert len(set(ids)) == 20
    assert all(re.fullmatch(r"train-[2-9b-z]{8}", job_id) for job_id in ids)


def test_planning_writes_nothing(client: Client) -> None:
    client.plan_job(JobRequest(TOY, "train"))

    assert folders(client) == set()


def test_a_root_has_one_name_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.setenv("SKILLBANK_HOME", "../home")

    assert Client().root == Client("../home").root == (tmp_path / "home").resolve()


def test_the_root_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLBANK_HOME", str(tmp_path / "home"))

    assert Client().root == tmp_path / "home"


def test_a_job_runs_to_its_end_and_leaves_its_results(toy: Client) -> None:
    job = toy.create_job(TOY, "train", overrides={"num_epochs": 2}, automl_policy="off")

    ended = toy.wait(job.id, timeout_s=60)

    assert (ended.state, ended.exit_code) == (JobState.COMPLETE, 0)
    assert toy.report(job.id).is_file()
    assert toy.resolve(job.id).checkpoint.epoch == 1
    assert "epoch 1 done" in toy.logs(job.id)


def test_a_spec_may_be_a_yaml_file(toy: Client, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("train: {num_epochs: 1}\n", encoding="utf-8")

    job = toy.create_job(TOY, "train", spec=path, automl_policy="off")

    assert toy.wait(job.id, timeout_s=60).state is JobState.COMPLETE
    assert toy.resolve(job.id).checkpoint.epoch == 0


def test_following_tells_every_line_once_and_ends_with_the_job(toy: Client) -> None:
    job = toy.create_job(TOY, "train", overrides={"train.step_s": 0.01}, automl_policy="off")

    news = list(toy.follow(job.id, every_s=0.02))

    epochs = [line["epoch"] for each in news for line in each.lines if "epoch" in line]
    assert epochs == [0, 1, 2]
    assert "".join(each.log for each in news) == toy.logs(job.id)
    assert [each.job.state.is_final for each in news] == [False] * (len(news) - 1) + [True]


def test_a_failure_says_what_the_action_said_and_what_to_do(toy: Client) -> None:
    overrides = {"train.failure": "the toy is broken"}
    job = toy.create_job(TOY, "train", overrides=overrides, automl_policy="off")

    ended = toy.wait(job.id, timeout_s=60)

    assert ended.state is JobState.ERROR
    assert ended.detail == "the toy is broken\nAdvice: mend the toy"


def test_a_killed_job_goes_on_from_its_own_checkpoint(toy: Client) -> None:
    job = toy.create_job(TOY, "train", overrides={"train.signal": 9}, automl_policy="off")
    killed = toy.wait(job.id, timeout_s=60)

    toy.resume(job.id)
    toy.wait(job.id, timeout_s=60)

    assert "SIGKILL" in killed.detail
    assert "ran out of memory" in killed.detail
    named = toy.plan_of(job.id).spec["train"]["resume_training_checkpoint_path"]
    assert Path(named).name == "model_epoch_000_step_00004.pth"
    assert "resumed after epoch 0" in toy.logs(job.id)


@pytest.mark.parametrize("behaviour", ["is_stubborn", "has_stray"])
def test_a_cancelled_training_leaves_nothing_running(toy: Client, behaviour: str) -> None:
    overrides = {f"train.{behaviour}": True, "train.step_s": 0.05, "num_epochs": 1000}
    job = toy.create_job(TOY, "train", overrides=overrides, automl_policy="off")
    next(news for news in toy.follow(job.id, every_s=0.02) if news.log)

    assert toy.cancel(job.id).state is JobState.CANCELED


def test_a_client_can_be_closed_and_used_again(client: Client) -> None:
    client.submit(make_plan(client.root, "train-a"))
    client.close()

    assert client.job("train-a").id == "train-a"


def test_many_jobs_of_one_plan_differ_in_their_id_only(client: Client) -> None:
    plan = make_plan(client.root, "train-a")
    client.submit(plan)
    client.submit(replace(plan, job_id="train-b", folder=client.root / "jobs" / "train-b"))

    assert [job.id for job in client.jobs()] == ["train-b", "train-a"]
