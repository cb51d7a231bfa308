"""A search whose trials run on machines that share nothing with it but a place for results.

Each node is a folder of its own, with a process of the staging that every scheduler starts there.
Two searches of four trainings, one promotion: about a second for each attempt, ten in all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.search.conftest import BOWL, Bowl, Here

from skillbank.artefacts import list_checkpoints
from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, SearchState
from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.errors import FilesUnavailable, JobElsewhere
from skillbank.files.opening import Stores
from skillbank.following import parse_status
from skillbank.job import Job
from skillbank.plan import JobPlan
from skillbank.platforms.api import Platform
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.staged import Handle, Sight, SightKind, StagedPlatform
from skillbank.request import JobRequest
from skillbank.search.far_checkpoints import FarCheckpoints
from skillbank.search.journal import Entry
from skillbank.search.patience import Patience
from skillbank.search.run import SearchRun, make_tools
from skillbank.search.status import SearchFolder
from skillbank.search.trial_jobs import is_validation
from skillbank.staging.lease import StoreLease
from skillbank.staging.manifest import Manifest
from skillbank.staging.restoring import read_manifest

SETTINGS: dict[str, Any] = {
    "algorithm": "asha",
    "max_recommendations": 3,
    "max_epochs": 3,
    "max_concurrent": 1,
    "final_evaluation": False,
}


class Nodes(StagedPlatform):
    """A scheduler that starts every attempt of a job on a node where no earlier one ran.

    The first order of trial 1, and the one with which a trial is promoted, find a place of results
    that does not answer.
    """

    is_shared = False

    def __init__(self, root: Path, nodes: Path) -> None:
        super().__init__(root, name="cluster")
        self._nodes = nodes
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ended_at: dict[str, float] = {}

    def submit(self, plan: JobPlan, attempt: int) -> None:
        if (plan.job_id[-4:], attempt) == ("t001", 1) or (
            plan.pause_after is None and attempt == 2
        ):
            raise FilesUnavailable(f"{plan.results_uri}: does not answer.")
        super().submit(plan, attempt)

    def launch(self, plan: JobPlan, attempt: int, arguments: list[str]) -> Handle:
        node = self._nodes / f"n{attempt}"
        node.mkdir(parents=True, exist_ok=True)
        known = {**os.environ, "SKILLBANK_SCRATCH": str(node), "SKILLBANK_HOME": str(node)}
        name = f"{plan.job_id}-{attempt}"
        with (node / f"{name}.out").open("wb") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=node,
                env=known,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return {"name": name, "output": output.name}

    def find(self, plan: JobPlan, attempt: int) -> Handle | None:
        raise AssertionError((plan, attempt))

    def look(self, handle: Handle) -> Sight:
        exit_code = self._processes[handle["name"]].poll()
        if exit_code is None:
            return Sight(SightKind.RUNNING)
        ended_at = self._ended_at.setdefault(handle["name"], time.time())
        return Sight(SightKind.ENDED, exit_code=exit_code, ended_at=ended_at)

    def stop(self, handle: Handle, grace_s: float) -> None:
        process = self._processes[handle["name"]]
        process.send_signal(signal.SIGTERM)
        process.wait(grace_s)

    def output(self, handle: Handle) -> str:
        return Path(handle["output"]).read_text(encoding="utf-8")

    def gpus(self) -> int:
        return 0

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Ended:
    """A search that has ended.

    Attributes:
        client: Ran it.
        job: Its job.
        result: What it found.
    """

    client: Client
    job: Job
    result: SearchResult

    def history(self) -> list[tuple[Any, ...]]:
        """What was tried and measured, without what depends on the clock."""
        return [
            (one.trial, one.state, one.target_epochs, dict(one.specs), one.curve, one.metric)
            for one in self.result.history
        ]

    def trials(self) -> list[Job]:
        return sorted(self.client.jobs(limit=100, search=self.job.id), key=lambda one: one.id)


def search(root: Path, trials: Platform, results: str | None = None) -> Ended:
    """Search to the end, in this process."""
    platforms = {"local": Here(), "cluster": trials}
    client = Client(root, bank=SkillBank([BOWL / "skills"]), platforms=platforms)
    request = JobRequest(
        "bowl-train", "train", platform="cluster", results=results, automl=SETTINGS
    )
    job = client.submit(client.plan_job(request))
    patience = Patience(first_pause_s=0.01)
    SearchRun(client, client.plan_of(job.id), SearchFolder(job.results), patience).run()
    return Ended(client, job, client.search_result(job.id))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"file://{tmp_path_factory.mktemp('bucket')}"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def there(
    bowl: Bowl, nodes: Path, bucket: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ended]:
    """The search whose trials run on the nodes."""
    del bowl  # its environment lets trials find the bowl's runner
    root = tmp_path_factory.mktemp("far")
    platform = Nodes(root, nodes)
    ended = search(root, platform, bucket)
    yield ended
    ended.client.close()
    platform.close()


@pytest.fixture(scope="module")
def here(bowl: Bowl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """The same search with all trials on this machine."""
    del bowl
    root = tmp_path_factory.mktemp("near")
    ended = search(root, LocalPlatform(root, gpus=(), num_slots=1, grace_s=5.0, name="cluster"))
    yield ended
    ended.client.close()


def manifest_of(bucket: str, job: Job) -> Manifest:
    uri = f"{bucket}/{job.id}"
    found = read_manifest(Stores(()).of(uri), uri)
    assert found is not None
    return found


def test_trials_on_far_nodes_give_the_same_best_and_values_as_trials_here(
    there: Ended, here: Ended
) -> None:
    assert there.result.state is SearchState.COMPLETE
    assert there.history() == here.history()
    assert there.result.best is not None
    assert here.result.best is not None
    assert there.result.best.trial == here.result.best.trial
    assert there.result.best.metric_value == here.result.best.metric_value
    kept = [ended.client.resolve(ended.job.id).checkpoint for ended in (there, here)]
    assert kept[0].sha256 == kept[1].sha256


def test_a_promoted_trial_goes_on_at_another_node_from_what_the_first_left_there(
    there: Ended, nodes: Path
) -> None:
    (promoted,) = (one for one in there.result.history[1:] if one.target_epochs == 3)
    job = there.client.job(promoted.job_id)
    lines = parse_status((job.results / "status.json").read_text(encoding="utf-8"))
    trained = [line["epoch"] for line in lines if is_validation(line) and not line.get("paused")]

    assert job.attempt == 3
    assert trained == [0, 1, 2]  # none twice
    # Nothing was left at a node by which the next could have gone on.
    assert sorted(path.name for path in nodes.glob("*/skillbank-jobs/*")) == []


def test_a_place_of_results_that_does_not_answer_an_order_is_asked_again(there: Ended) -> None:
    told = [line["message"] for line in there.client.events(there.job.id)]

    assert sum("the place of results does not answer" in message for message in told) == 2
    assert told.count("the place of results answers again") == 2
    assert there.client.job(f"{there.job.id}-t001").attempt == 2


def test_checkpoints_of_trials_that_lost_are_gone_at_their_results_too(
    there: Ended, bucket: str
) -> None:
    best = there.result.best
    assert best is not None
    listed, lying, seen = {}, {}, {}
    for number, job in enumerate(there.trials()):
        names = manifest_of(bucket, job)
        listed[number] = [path for path in names.files if path.endswith(".pth")]
        lying[number] = [*(Path(bucket.removeprefix("file://")) / job.id).rglob("*.pth")]
        seen[number] = list_checkpoints(job.results)
        assert names.trash == []

    for found in (listed, lying, seen):
        assert {number: len(files) for number, files in found.items() if files} == {
            0: 1,
            best.trial: 1,
        }


def best_of(there: Ended) -> tuple[FarCheckpoints, Entry]:
    """The winner's entry, and who may delete its checkpoint in the bucket."""
    tools = make_tools(there.client, there.client.plan_of(there.job.id), there.job.results)
    assert there.result.best is not None
    far, entry = FarCheckpoints(tools.jobs), tools.journal.entry(there.result.best.trial)
    far.refresh([entry])
    return far, entry


def test_while_somebody_may_write_a_trials_results_nothing_is_deleted_there(
    there: Ended, bucket: str
) -> None:
    far, entry = best_of(there)
    job = there.client.job(entry.note.job_id)
    uri = f"{bucket}/{job.id}"
    writer = StoreLease(Stores(()).of(uri), uri, attempt=job.attempt)
    writer.take(0)

    told = far.keep_only([(entry, frozenset())], is_last=False)
    writer.release()

    assert told == []
    assert [path for path in manifest_of(bucket, job).files if path.endswith(".pth")]


def test_what_cannot_be_deleted_there_is_told_once(there: Ended, bucket: str) -> None:
    far, entry = best_of(there)
    listed = Path(bucket.removeprefix("file://")) / entry.note.job_id / "manifest.json"
    content = listed.read_bytes()
    listed.write_text("by a stranger", encoding="utf-8")

    told = [
        far.keep_only([(entry, frozenset())], is_last=is_last) for is_last in (False, False, True)
    ]
    listed.write_bytes(content)

    assert [len(sentences) for sentences in told] == [1, 0, 0]
    assert f"trial {entry.number}: checkpoints that nobody needs stay at {bucket}" in told[0][0]


def test_a_trial_that_somebody_resumed_elsewhere_is_given_up_with_that_sentence(
    bowl: Bowl, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del bowl

    def refuse(self: Client, job_id: str, pause_after: int | None = None) -> Job:
        del self, pause_after
        raise JobElsewhere(f"job {job_id!r} was resumed by ann on 'cluster2'")

    monkeypatch.setattr(Client, "resume", refuse)
    platform = Nodes(tmp_path / "far", tmp_path / "nodes")

    ended = search(tmp_path / "far", platform, bucket)
    ended.client.close()
    platform.close()

    lost = [one for one in ended.result.history if "was resumed by ann" in str(one)]
    assert lost
    assert {one.state for one in lost} == {TrialState.FAILED}
