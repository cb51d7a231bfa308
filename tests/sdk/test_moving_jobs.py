"""Jobs that go on elsewhere: what moves with them, who may resume them, what their log holds."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.toy import FIXTURES, TOY, RecordingPlatform, make_toy_client

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.errors import JobConflict, PlatformError, RequestInvalid
from skillbank.files.local import LocalStore
from skillbank.job import Job, JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.docker.platform import DockerPlatform
from skillbank.platforms.kubernetes.platform import KubernetesPlatform
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.local_settings import LocalSettings
from skillbank.platforms.slurm.platform import SlurmPlatform
from skillbank.platforms.slurm.settings import SlurmSettings
from skillbank.run_settings import RunSettings, keys_of, read_run_settings
from skillbank.staging.claim import StoreClaim
from skillbank.testing import wait_until

CANCELED = Observation(JobState.CANCELED, "cancelled on request")


class Place(RecordingPlatform):
    """Takes what a kind of platform takes, and runs nothing."""

    def __init__(self, settings_class: type[RunSettings]) -> None:
        super().__init__()
        self.settings_class = settings_class
        self.taken: list[dict[str, Any]] = []
        self.refusal = ""

    def job_settings(self) -> dict[str, object]:
        return keys_of(self.settings_class)

    def check(self, plan: JobPlan) -> None:
        read_run_settings(self.settings_class, plan.resources, "resources")

    def submit(self, plan: JobPlan, attempt: int) -> None:
        if self.refusal:
            raise PlatformError(self.refusal)
        super().submit(plan, attempt)
        self.taken.append(dict(plan.resources))


@pytest.fixture(autouse=True, scope="module")
def toy_on_path() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
        patch.setenv("SKILLBANK_SKILLS", str(FIXTURES / "skills"))
        yield


def make_client(root: Path) -> Client:
    platforms = {"local": Place(LocalSettings), "cluster": Place(SlurmSettings)}
    return Client(root, bank=SkillBank([FIXTURES / "skills"]), platforms=platforms)


def place(client: Client, name: str) -> Place:
    found = client.platforms[name]
    assert isinstance(found, Place)
    return found


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = make_client(tmp_path / "root")
    yield made
    made.close()


def stopped_on_the_cluster(client: Client, **resources: object) -> Job:
    place(client, "cluster").seen = CANCELED
    return client.create_job(
        TOY, "train", automl_policy="off", platform="cluster", resources=resources
    )


# ---------------------------------------------------------------------- resources


def test_resources_that_only_the_old_platform_knows_stay_behind_and_are_named(
    client: Client,
) -> None:
    job = stopped_on_the_cluster(client, partition="a100", time_limit="4h", retries=2)

    again = client.resume(job.id, platform="local")

    assert place(client, "local").taken == [{"time_limit": "4h", "retries": 2}]
    note = client.plan_of(again.id).notes[-1]
    assert note.startswith("attempt 2: it runs on 'local'")
    assert note.endswith("partition=a100.")


def test_nothing_is_left_behind_on_the_same_platform(client: Client) -> None:
    job = stopped_on_the_cluster(client, partition="a100")

    client.resume(job.id)

    assert place(client, "cluster").taken == [{"partition": "a100"}] * 2


def test_a_resource_is_set_anew_or_taken_away_when_a_job_goes_on(client: Client) -> None:
    job = stopped_on_the_cluster(client, partition="a100", retries=2)

    client.resume(job.id, resources={"partition": None, "account": "physics", "retries": 3})

    assert client.plan_of(job.id).resources == {"account": "physics", "retries": 3}


def test_a_resource_that_the_platform_does_not_know_is_refused_and_the_job_stays_as_it_was(
    client: Client,
) -> None:
    job = stopped_on_the_cluster(client, partition="a100")

    with pytest.raises(RequestInvalid, match="partitoin: no such key; did you mean 'partition'"):
        client.resume(job.id, resources={"partitoin": "v100"})

    assert (client.job(job.id).attempt, client.plan_of(job.id).resources) == (
        1,
        {"partition": "a100"},
    )


def test_names_that_mean_unlike_things_do_not_move(tmp_path: Path) -> None:
    class Other(RunSettings):
        partition: tuple[int, ...] = ()

    client = make_client(tmp_path)
    client.platforms["local"].settings_class = Other  # type: ignore[attr-defined]
    job = stopped_on_the_cluster(client, partition="a100")

    client.resume(job.id, platform="local")

    assert place(client, "local").taken == [{}]
    client.close()


@pytest.mark.parametrize("kind", [LocalPlatform, SlurmPlatform, DockerPlatform, KubernetesPlatform])
def test_every_platform_tells_what_a_job_may_set_there(kind: type[Any], tmp_path: Path) -> None:
    known = kind(tmp_path).job_settings()

    assert {"time_limit", "retries", "cpus", "memory"} <= known.keys()
    assert ("partition" in known) is (kind is SlurmPlatform)
    assert not {"setup", "container_mounts", "writable_mounts"} & known.keys()


# ---------------------------------------------------------------------- who resumes


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, toy_on_path: None) -> Iterator[Path]:  # noqa: ARG001
    """What a cancelled job left at its results URI: a folder to copy."""
    client = make_toy_client(tmp_path_factory.mktemp("origin"))
    bucket = tmp_path_factory.mktemp("bucket")
    job = client.create_job(
        TOY,
        "train",
        automl_policy="off",
        overrides={"train.num_epochs": 500, "train.step_s": 0.02},
        results=f"file://{bucket}",
    )
    wait_until(lambda: len(client.events(job.id)) > 2, "it trains")
    client.cancel(job.id)
    yield bucket / job.id
    client.close()


@pytest.fixture
def left(stopped: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "bucket" / stopped.name
    shutil.copytree(stopped, copied)
    return copied


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Client, Client]]:
    """Two machines that know nothing of one another."""
    made = make_client(tmp_path / "one"), make_client(tmp_path / "two")
    yield made
    for client in made:
        client.close()


def begin_elsewhere(left: Path, attempt: int, **ending: object) -> None:
    """As the process of an attempt on another machine leaves it."""
    manifest = json.loads((left / "manifest.json").read_text())
    manifest["attempt"] = attempt
    if ending:
        content = {"is_cancelled": False, "detail": "", "started_at": 1.0, "ended_at": 2.0}
        name = f"attempts/{attempt}/exit.json"
        (left / name).parent.mkdir(exist_ok=True)
        (left / name).write_text(json.dumps({**content, **ending}))
        manifest["files"][name] = {"size_bytes": 1}
    (left / "manifest.json").write_text(json.dumps(manifest))


def test_the_second_machine_that_resumes_a_job_is_told_who_was_first_and_when(
    left: Path, machines: tuple[Client, Client]
) -> None:
    first, second = machines
    uri = f"file://{left}"
    again = first.resume(uri)
    seen = second.job(uri)

    with pytest.raises(JobConflict) as refused:
        second.resume(seen.id)

    told = str(refused.value)
    assert f"resumed already, as attempt {again.attempt}, by " in told
    assert f"process {os.getpid()} on {os.uname().nodename}, since 20" in told
    assert "on platform 'local'" in told
    assert "skillbank cancel" in told
    assert (second.job(seen.id).attempt, place(second, "local").submitted) == (1, [])


def test_a_job_that_runs_on_another_machine_is_not_taken_from_it(
    left: Path, machines: tuple[Client, Client]
) -> None:
    first, second = machines
    uri = f"file://{left}"
    second.job(uri)
    number = first.resume(uri).attempt
    begin_elsewhere(left, number)
    StoreClaim(LocalStore(), uri, 20.0, number).claim()

    with pytest.raises(JobConflict, match="its lease runs out"):
        second.resume(left.name)


def test_an_attempt_that_ended_elsewhere_is_followed_by_the_next_number(
    left: Path, machines: tuple[Client, Client]
) -> None:
    first, second = machines
    uri = f"file://{left}"
    second.job(uri)
    number = first.resume(uri).attempt
    begin_elsewhere(left, number, exit_code=1)

    assert second.resume(left.name).attempt == number + 1


def test_a_job_that_was_completed_elsewhere_is_not_resumed(
    left: Path, machines: tuple[Client, Client]
) -> None:
    first, second = machines
    uri = f"file://{left}"
    second.job(uri)
    begin_elsewhere(left, first.resume(uri).attempt, exit_code=0)

    with pytest.raises(JobConflict, match="completed it, so there is nothing to resume"):
        second.resume(left.name)


def test_an_attempt_that_the_platform_refused_keeps_nobody_from_the_next(
    left: Path, machines: tuple[Client, Client]
) -> None:
    first, second = machines
    uri = f"file://{left}"
    place(first, "local").refusal = "no such partition"
    with pytest.raises(PlatformError, match="no such partition"):
        first.resume(uri)

    assert second.resume(uri).attempt == 3


def test_a_wrong_resource_uses_up_no_number(left: Path, machines: tuple[Client, Client]) -> None:
    first, second = machines
    uri = f"file://{left}"
    with pytest.raises(RequestInvalid, match="no such key"):
        first.resume(uri, resources={"partitoin": "a100"})

    assert first.resume(uri).attempt == 2
    with pytest.raises(JobConflict, match="resumed already, as attempt 2"):
        second.resume(uri)


def test_whoever_died_between_claim_and_start_may_claim_again(
    left: Path, machines: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = machines
    uri = f"file://{left}"
    first.job(uri)
    claim = left / "attempts" / "2" / "resumed.json"
    monkeypatch.setattr(place(first, "local"), "refusal", "refused")
    with pytest.raises(PlatformError):
        first.resume(uri)
    told = json.loads(claim.read_text())
    third = left / "attempts" / "3" / "resumed.json"
    third.parent.mkdir()
    third.write_text(json.dumps({**told, "is_withdrawn": False}))  # as if killed before `start`
    place(first, "local").refusal = ""

    assert first.resume(uri).attempt == 3


# ---------------------------------------------------------------------- clocks and logs


def test_a_clock_that_is_ahead_does_not_call_a_running_job_lost(
    left: Path, machines: tuple[Client, Client]
) -> None:
    first, _ = machines
    manifest = json.loads((left / "manifest.json").read_text())
    ended = ("/exit.json", "/outcome.json")
    manifest["files"] = {k: v for k, v in manifest["files"].items() if not k.endswith(ended)}
    (left / "manifest.json").write_text(json.dumps(manifest))
    StoreClaim(LocalStore(), f"file://{left}", 20.0, 1).claim()
    behind = time.time() - 600.0
    os.utime(left / "lease.json", (behind, behind))

    assert first.job(f"file://{left}").state is JobState.RUNNING


def test_lines_that_never_reached_the_results_uri_stay_when_the_job_comes_home(
    left: Path, machines: tuple[Client, Client]
) -> None:
    """Another machine went on from what had arrived, and its lines come home too."""
    first, _ = machines
    uri = f"file://{left}"
    job = first.job(uri)
    here, there = job.folder / "log.txt", left / "log.txt"
    here.write_text("one\nnever sent\n")
    there.write_text(f"one\n\n--- attempt 2 of job {job.id} ---\ntwo\n")
    manifest = json.loads((left / "manifest.json").read_text())
    manifest["files"]["log.txt"] = {"size_bytes": there.stat().st_size, "version": "new"}
    (left / "manifest.json").write_text(json.dumps(manifest))
    begin_elsewhere(left, 2, exit_code=1)

    again = first.resume(job.id)

    lines = [line for line in here.read_text().splitlines() if line]
    assert lines == ["one", "never sent", f"--- attempt 2 of job {job.id} ---", "two"]
    assert again.attempt == 3
    assert next(iter(first.follow(job.id))).log == ""
