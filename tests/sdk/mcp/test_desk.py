"""What an agent asks for is checked before it is looked at, and noted before it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.mcp.conftest import PLAN, Agent, House

from skillbank.job import JobState, Observation
from skillbank.mcp.ledger import Ledger
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import Ending


@pytest.mark.parametrize("name", ["there.pth", "missing.pth"])
@pytest.mark.parametrize("tool", ["plan", "preflight", "plan_workflow"])
def test_values_that_only_together_name_a_file_elsewhere_tell_nothing_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch, tool: str, name: str
) -> None:
    monkeypatch.chdir(house.data)
    private = house.data.with_name("data-private")
    private.mkdir()
    (private / "there.pth").touch()
    key = "train.resume_training_checkpoint_path"
    given = {"results_dir": str(house.data), key: f"${{results_dir}}-private/{name}"}
    job = {**PLAN, "overrides": given}
    asked: dict[str, Any] = {
        "plan": job,
        "preflight": {"request": job},
        "plan_workflow": {"request": {"steps": [job]}},
    }

    async def talk(agent: Agent) -> None:
        reply = await agent.call(tool, **asked[tool])
        assert reply.document["error"]["type"] == "AccessRefused"
        assert f"{key}: '{private}/{name}' is outside" in reply.message

    house.talk(talk)


def test_a_bare_name_of_a_checkpoint_is_one_of_the_jobs_own(house: House) -> None:
    job = house.client.create_job(**PLAN)
    results = house.client.plan_of(job.id).results
    results.mkdir(parents=True, exist_ok=True)
    (results / "model_epoch_001_step_00009.pth").write_bytes(b"weights")

    async def talk(agent: Agent) -> None:
        chosen = await agent.ask(
            "resolve", job_id=job.id, checkpoint="model_epoch_001_step_00009.pth"
        )
        assert chosen["checkpoint"]["path"] == str(results / "model_epoch_001_step_00009.pth")

    house.talk(talk)


def test_a_resumed_job_is_noted_before_it_starts(house: House) -> None:
    job = house.client.create_job(**PLAN)
    house.platform.seen = Observation(JobState.PAUSED)
    noted: list[list[str]] = []
    ledger = Ledger(house.root / "agents", "tester")
    submit = house.platform.submit

    def note_and_submit(plan: JobPlan, attempt: int) -> None:
        noted.append([f"{entry.id} {entry.attempt}" for entry in ledger.entries()])
        submit(plan, attempt)

    house.platform.submit = note_and_submit  # type: ignore[method-assign]

    async def talk(agent: Agent) -> None:
        assert (await agent.ask("resume", job_id=job.id))["attempt"] == 2

    house.talk(talk)
    assert noted == [[f"{job.id} 2"]]


def test_a_job_that_cannot_be_resumed_is_not_noted(house: House) -> None:
    job = house.client.create_job(**PLAN)

    async def talk(agent: Agent) -> None:
        reply = await agent.call("resume", job_id=job.id)
        assert reply.document["error"]["type"] == "JobConflict"

    house.talk(talk)
    assert Ledger(house.root / "agents", "tester").entries() == []


def test_an_agent_sets_open_resources_of_a_resumed_job_and_no_others(house: House) -> None:
    job = house.client.create_job(**PLAN)
    house.platform.seen = Observation(JobState.PAUSED)

    async def talk(agent: Agent) -> None:
        reply = await agent.call("resume", job_id=job.id, resources={"partition": "a100"})
        assert reply.document["error"]["type"] == "AccessRefused"
        assert "resources.partition: only the owner of this server sets it" in reply.message
        again = await agent.ask("resume", job_id=job.id, resources={"time_limit": "4h"})
        assert again["attempt"] == 2

    house.talk(talk)
    assert house.client.plan_of(job.id).resources == {"time_limit": "4h"}


def test_an_attempt_that_others_were_before_counts_as_the_agents_own(
    house: House, tmp_path: Path
) -> None:
    """Its number is not the next one here: others resumed the job elsewhere meanwhile."""
    job = house.client.create_job(**PLAN, results=str(tmp_path / "bucket"))
    house.platform.seen = Observation(JobState.PAUSED)
    there = tmp_path / "bucket" / job.id
    ending = "attempts/3/exit.json"
    (there / ending).parent.mkdir(parents=True)
    manifest = {"job_id": job.id, "attempt": 3, "files": {ending: {}}}
    (there / "manifest.json").write_text(json.dumps(manifest))
    (there / ending).write_text(json.dumps(Ending(1, False, "", 1.0, 2.0)._asdict()))

    async def talk(agent: Agent) -> None:
        assert (await agent.ask("resume", job_id=job.id))["attempt"] == 4
        house.platform.seen = Observation(JobState.RUNNING, started_at=1.0)

    house.talk(talk)
    entries = Ledger(house.root / "agents", "tester").entries()
    assert (job.id, 4) in {(entry.id, entry.attempt) for entry in entries}
