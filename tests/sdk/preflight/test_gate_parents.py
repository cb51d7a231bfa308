"""The launch gate: a job that builds on another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.sdk.preflight.conftest import SKILL, failed, named
from tests.sdk.toy import RecordingPlatform

from skillbank.client import Client
from skillbank.job import JobState, Observation
from skillbank.platforms.inspection import CheckState, FileFacts
from skillbank.request import JobRequest

PASS, WARN, FAIL, SKIPPED = CheckState


class TestParent:
    def test_a_complete_parent_passes_with_the_checkpoint_that_is_taken(
        self, client: Client, data: Path
    ) -> None:
        job_id = _submit(client, data, JobState.COMPLETE)

        found = _evaluate(client, job_id, data)

        assert found.go
        assert [check.state for check in named(found, "parent")] == [PASS, PASS]
        assert "lowest val_loss" in named(found, "parent", "evaluate.checkpoint")[0].found

    @pytest.mark.parametrize(
        ("state", "fix"), [("RUNNING", "wait"), ("ERROR", "resume"), ("LOST", "resume")]
    )
    def test_a_parent_that_is_not_complete_fails_with_what_to_do(
        self, client: Client, data: Path, state, fix
    ) -> None:
        job_id = _submit(client, data, JobState(state))

        found = _evaluate(client, job_id, data, overrides={"evaluate.batch_sise": 4})

        assert {"parent", "plan"} <= failed(found)
        assert named(found, "parent")[0].fix == f"skillbank {fix} {job_id}"
        assert "did you mean" in named(found, "plan")[0].found

    def test_the_rest_of_a_request_is_checked_as_if_its_parent_were_complete(
        self, client: Client, data: Path
    ) -> None:
        job_id = _submit(client, data, JobState.RUNNING)

        found = _evaluate(client, job_id, data)

        assert failed(found) == {"parent"}
        assert named(found, "plan")[0].state is SKIPPED

    def test_a_parent_of_another_action_fails(self, client: Client, data: Path) -> None:
        job_id = _submit(client, data, JobState.COMPLETE)

        request = JobRequest(
            SKILL, "train", data={"all": str(data)}, parent_job_id=job_id, automl_policy="off"
        )
        found = client.preflight(request)

        assert named(found, "parent")[0].expected == "a job of dataset_convert"

    def test_a_checkpoint_that_was_damaged_fails(self, client: Client, data: Path) -> None:
        job_id = _submit(client, data, JobState.COMPLETE)
        next(client.job(job_id).results.glob("*.pth")).write_bytes(b"other")

        found = _evaluate(client, job_id, data)

        assert {"parent", "plan"} <= failed(found)

    def test_a_job_that_builds_on_nothing_says_so(self, train) -> None:
        assert named(train(), "parent")[0].found == "builds on no other job"


def _evaluate(client: Client, job_id: str, data: Path, **changes: object):
    wanted = {"parent_job_id": job_id, "data": {"all": str(data)}, **changes}
    return client.preflight(JobRequest(SKILL, "evaluate", **wanted))


def _submit(client: Client, data: Path, state: JobState) -> str:
    """A training that is in a state, with one checkpoint, without running anything."""

    class Ended(RecordingPlatform):
        def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...] | None:
            return machine.look_at(paths)

        def installed(self, names) -> Mapping[str, str]:
            return machine.installed(names)

    machine = client.platforms["local"]
    ended = Ended()
    ended.seen = Observation(state, "", 0, 1.0, 2.0 if state.is_final else None)
    client.platforms["local"] = ended  # type: ignore[index]
    request = JobRequest(SKILL, "train", data={"all": str(data)}, automl_policy="off")
    plan = client.plan_job(request)
    job = client.submit(plan)
    (plan.results / "model_epoch_000_step_00001.pth").write_bytes(b"weights")
    entry = {
        "kind": "checkpoint",
        "path": "model_epoch_000_step_00001.pth",
        "epoch": 0,
        "step": 1,
        "metrics": {"val_loss": 0.5},
        "sha256": "",
        "size_bytes": 7,
    }
    (plan.results / "artefacts.json").write_text(json.dumps({"artefacts": [entry]}))
    return job.id
