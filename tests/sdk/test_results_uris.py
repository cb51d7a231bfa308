"""Jobs known by the place where they leave their results: used, looked at, resumed elsewhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partialmethod
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.sdk.toy import FIXTURES, TOY, make_toy_client

from skillbank.artefacts import list_checkpoints
from skillbank.client import Client
from skillbank.errors import (
    FileDamaged,
    FilesError,
    FilesUnavailable,
    JobConflict,
    JobNotFound,
    RequestInvalid,
)
from skillbank.files.local import LocalStore
from skillbank.job import Job, JobState
from skillbank.plan import JobPlan
from skillbank.staging.lease import DiskLease
from skillbank.testing import wait_until

PATIENCE_S = 60.0


@pytest.fixture(autouse=True, scope="module")
def toy_on_path() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
        patch.setenv("SKILLBANK_SKILLS", str(FIXTURES / "skills"))
        yield


@pytest.fixture(scope="module")
def here(
    tmp_path_factory: pytest.TempPathFactory,
    toy_on_path: None,  # noqa: ARG001 - jobs need it
) -> Iterator[Client]:
    client = make_toy_client(tmp_path_factory.mktemp("here"))
    yield client
    client.close()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"file://{tmp_path_factory.mktemp('bucket')}"


@pytest.fixture(scope="module")
def done(here: Client, bucket: str) -> Job:
    """A job that is complete, with its results in the bucket."""
    return here.wait(train(here, bucket).id, PATIENCE_S)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Client]:
    """Another machine, as far as jobs can tell: another root, the same bucket."""
    client = make_toy_client(tmp_path / "there", num_slots=1)
    yield client
    client.close()


LONG = 500
"""Epochs of a job that runs for some time, whatever keeps its test from looking at it."""


def train(client: Client, bucket: str, epochs: int = 2, **more: object) -> Job:
    step_s = 0.02 if epochs == LONG else 0.0
    return client.create_job(
        TOY,
        "train",
        automl_policy="off",
        overrides={"train.num_epochs": epochs, "train.step_s": step_s},
        results=bucket,
        **more,  # type: ignore[arg-type]
    )


def uri_of(client: Client, job: Job) -> str:
    return client.plan_of(job.id).results_uri


def test_results_lie_under_the_jobs_own_id(here: Client, bucket: str, done: Job) -> None:
    job = done

    found = json.loads(Path(uri_of(here, job).removeprefix("file://"), "manifest.json").read_text())

    assert uri_of(here, job) == f"{bucket}/{job.id}"
    assert job.state is JobState.COMPLETE
    assert {"plan.json", "log.txt", "results/status.json"} <= found["files"].keys()
    assert sum(path.endswith(".pth") for path in found["files"]) == 2


def test_a_job_of_another_machine_is_found_by_its_uri(
    here: Client, there: Client, done: Job
) -> None:
    job = done

    seen = there.job(uri_of(here, job))

    assert (seen.id, seen.state, seen.attempt) == (job.id, JobState.COMPLETE, 1)
    assert there.job(job.id).state is JobState.COMPLETE
    assert there.logs(job.id) == here.logs(job.id)
    assert there.events(job.id) == here.events(job.id)
    assert there.resolve(job.id).checkpoint.sha256 == here.resolve(job.id).checkpoint.sha256


def test_a_checkpoint_that_only_the_bucket_has_is_named_by_its_uri(
    here: Client, there: Client, done: Job
) -> None:
    job = done
    seen = there.job(uri_of(here, job))
    for path in seen.results.glob("*.pth"):  # as if they were too large to be mirrored
        path.unlink()

    found = there.resolve(seen.id, "epoch=1").checkpoint

    assert found.location.startswith(f"{uri_of(here, job)}/")
    assert found.location.endswith(".pth")
    assert len(list_checkpoints(seen.results)) == 2


def test_a_stopped_job_goes_on_on_another_machine_from_its_checkpoint(
    here: Client, there: Client, bucket: str
) -> None:
    job = train(here, bucket, epochs=LONG)
    wait_until(lambda: len(here.events(job.id)) > 4, "it trains")
    here.cancel(job.id)
    uri = uri_of(here, job)

    assert there.job(uri).state is JobState.CANCELED
    again = there.resume(uri)
    wait_until(lambda: "resumed after epoch" in there.logs(again.id), "it goes on")
    there.cancel(again.id)

    assert again.attempt == 2
    assert (there.plan_of(again.id).folder).is_relative_to(there.root)
    assert here.logs(job.id) in there.logs(again.id)


def test_a_job_that_went_on_elsewhere_goes_on_here_from_what_was_left_there(
    here: Client, there: Client, bucket: str
) -> None:
    """Else its older results would be written over the newer ones."""
    job = train(here, bucket, epochs=LONG)
    wait_until(lambda: len(here.events(job.id)) > 2, "it trains")
    here.cancel(job.id)
    again = there.resume(uri_of(here, job), 400)
    wait_until(lambda: len(there.events(again.id)) > 8, "it goes on there")
    there.cancel(again.id)
    newest = list_checkpoints(there.job(again.id).results)[-1].epoch
    assert newest is not None
    assert newest > (list_checkpoints(here.job(job.id).results)[-1].epoch or 0)

    home = here.resume(job.id)
    wait_until(lambda: f"resumed after epoch {newest}" in here.logs(job.id), "it goes on here")
    here.cancel(job.id)

    attempts = [line for line in here.logs(job.id).splitlines() if line.startswith("--- attempt")]
    assert here.logs(job.id).startswith(there.logs(again.id))
    assert [line.split()[2] for line in attempts] == ["2", "3"]
    assert home.attempt == 3


def test_a_job_that_runs_elsewhere_is_not_stopped_from_here(
    here: Client, there: Client, bucket: str
) -> None:
    """What its submitter knew it by, such as a number in a queue, is another job's here."""
    job = train(here, bucket, epochs=LONG)
    manifest = Path(uri_of(here, job).removeprefix("file://"), "manifest.json")
    wait_until(lambda: manifest.is_file() and "started.json" in manifest.read_text(), "it runs")
    seen = there.job(uri_of(here, job))

    with pytest.raises(JobConflict, match="runs elsewhere"):
        there.cancel(seen.id)
    here.cancel(job.id)

    assert not list(seen.folder.rglob("supervisor.json"))


@pytest.fixture
def copied(here: Client, done: Job, tmp_path: Path) -> Path:
    """Folder of results that a stranger may have changed."""
    copy = tmp_path / "copy" / done.id
    shutil.copytree(uri_of(here, done).removeprefix("file://"), copy)
    return copy


def forge_plan(copied: Path, **changes: object) -> None:
    plan = JobPlan.from_json((copied / "plan.json").read_text())
    (copied / "plan.json").write_text(replace(plan, **changes).to_json())  # type: ignore[arg-type]


def test_a_strangers_plan_cannot_choose_a_folder_outside_the_root(
    there: Client, copied: Path
) -> None:
    forge_plan(copied, job_id="../../../evil")

    with pytest.raises(FileDamaged, match="expected one id"):
        there.job(f"file://{copied}")

    assert not list(copied.parents[1].rglob("evil*"))


def test_a_strangers_plan_cannot_download_to_another_folder(there: Client, copied: Path) -> None:
    forge_plan(copied, downloads={f"{copied.parent}/x": "https://127.0.0.1/x"})

    with pytest.raises(FileDamaged, match="outside the job's folder"):
        there.job(f"file://{copied}")


def test_what_another_platform_let_a_job_reach_is_not_taken_over(
    there: Client, copied: Path
) -> None:
    forge_plan(copied, resources={"mounts": ["/:/host"], "priority": 3})

    seen = there.job(f"file://{copied}")

    assert there.plan_of(seen.id).resources == {"priority": 3}


@pytest.mark.parametrize("path", ["results/../../../../evil", "/tmp/evil-of-a-manifest"])
def test_a_strangers_manifest_cannot_write_outside_the_folder(
    there: Client, copied: Path, path: str
) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["files"][path] = {"size_bytes": 3, "key": "log.txt"}
    (copied / "manifest.json").write_text(json.dumps(manifest))

    with suppress(FileDamaged):
        there.job(f"file://{copied}")

    assert not list(copied.parents[1].rglob("evil*"))
    assert not Path("/tmp/evil-of-a-manifest").exists()


def test_a_strangers_manifest_cannot_name_what_lies_beside_the_results(
    there: Client, copied: Path
) -> None:
    (copied.parent / "secret").write_text("of somebody")
    manifest = json.loads((copied / "manifest.json").read_text())
    manifest["files"]["results/x"] = {"size_bytes": 3, "key": "../secret"}
    (copied / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(FileDamaged, match="is no list of a job's files"):
        there.job(f"file://{copied}")


def test_a_running_job_is_seen_to_run_and_cannot_be_resumed_elsewhere(
    here: Client, there: Client, bucket: str
) -> None:
    job = train(here, bucket, epochs=LONG)
    manifest = Path(uri_of(here, job).removeprefix("file://"), "manifest.json")
    wait_until(lambda: manifest.is_file() and '"plan.json"' in manifest.read_text(), "it is there")

    seen = there.job(uri_of(here, job))
    with pytest.raises(JobConflict, match="RUNNING"):
        there.resume(seen.id)
    here.cancel(job.id)

    assert seen.state is JobState.RUNNING
    wait_until(lambda: there.job(seen.id).state is JobState.CANCELED, "its end is seen")


def test_a_uri_without_a_job_is_refused_with_what_is_expected(there: Client, bucket: str) -> None:
    with pytest.raises(JobNotFound, match="expected the URI of one job"):
        there.job(f"{bucket}/nobody")


def test_a_uri_of_another_kind_is_refused_before_anything_is_written(there: Client) -> None:
    with pytest.raises(RequestInvalid, match="'gs' cannot be reached"):
        train(there, "gs://bucket/runs")

    assert there.jobs() == []


def test_two_jobs_of_one_id_are_not_taken_for_one_another(
    here: Client, there: Client, done: Job, tmp_path: Path
) -> None:
    there.job(uri_of(here, done))
    copy = tmp_path / "copy" / done.id
    shutil.copytree(uri_of(here, done).removeprefix("file://"), copy)

    with pytest.raises(JobConflict, match="has the id"):
        there.job(f"file://{copy}")


def test_what_a_job_could_not_send_is_sent_later(here: Client, done: Job) -> None:
    here.sync(done.id)
    (done.results / "note.txt").write_text("written afterwards")

    assert here.sync(done.id) == ["results/note.txt"]
    assert here.sync(done.id) == []


def test_sending_later_makes_way_for_an_attempt_that_begins(
    here: Client, done: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Event()
    monkeypatch.setattr(refuse, "told", refused.set, raising=False)
    monkeypatch.setattr(LocalStore, "upload", refuse)
    monkeypatch.setattr(LocalStore, "write", partialmethod(refuse_but_leases, LocalStore.write))
    (done.results / "note.txt").write_text("does not arrive")
    newer = DiskLease(done.folder, done.attempt + 1)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(here.sync, done.id)
        assert refused.wait(20)
        newer.take(20)
        newer.release()

        with pytest.raises(FilesError):
            sent.result(20)
    (done.folder / "fence.json").unlink()


def refuse(*_: object, **__: object) -> None:
    refuse.told()  # type: ignore[attr-defined]
    raise FilesUnavailable("it is away")


def refuse_but_leases(store: LocalStore, write: Any, uri: str, *more: Any) -> Any:
    return write(store, uri, *more) if uri.endswith("lease.json") else refuse()


def test_a_mirror_is_never_sent_back(here: Client, there: Client, done: Job) -> None:
    seen = there.job(uri_of(here, done))

    with pytest.raises(JobConflict, match="only their mirror"):
        there.sync(seen.id)


def test_excluded_files_stay_here(here: Client, bucket: str) -> None:
    job = train(here, bucket, resources={"upload_excludes": "*.pth, report.html"})
    here.wait(job.id, PATIENCE_S)

    there = Path(uri_of(here, job).removeprefix("file://"))

    assert not list(there.rglob("*.pth"))
    assert (there / "results" / "status.json").is_file()
    assert here.resolve(job.id).checkpoint.is_whole


def test_a_plan_says_where_results_go_and_how_it_is_run(here: Client, bucket: str) -> None:
    job = train(here, bucket, resources={"priority": 3})
    here.cancel(job.id)
    plan = here.plan_of(job.id)

    assert (plan.resources, plan.results_uri) == ({"priority": 3}, f"{bucket}/{job.id}")
    assert replace(plan, results_uri="").hash != plan.hash
