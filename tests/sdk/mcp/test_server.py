"""What an agent gets: the client's own documents and errors, and only what it was shown runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.sdk.mcp.conftest import PLAN, Agent, House, Reply
from tests.sdk.toy import FIXTURES, TOY, RecordingPlatform

from skillbank.cli import main
from skillbank.client import Client
from skillbank.job import JobState, Observation
from skillbank.mcp.tool import Safety
from skillbank.mcp.tools import TOOLS
from skillbank.settings import AgentLimits

REPOSITORY = Path(__file__).resolve().parents[3]
MODES = ("auto", "legacy")  # protocols since 2026, and those before
HUGE = 100_000


@pytest.mark.parametrize("mode", MODES)
def test_a_plan_is_shown_and_then_exactly_it_is_started(house: House, mode: str) -> None:
    async def talk(agent: Agent) -> None:
        plan = await agent.ask("plan", **PLAN, overrides={"num_epochs": 7})
        assert house.platform.submitted == []

        job = await agent.ask("run", plan_hash=plan["hash"])

        assert job["id"] == plan["job_id"]
        assert house.platform.submitted == [(plan["job_id"], 1)]
        assert house.client.plan_of(job["id"]).hash == plan["hash"]
        assert plan["spec"]["train"]["num_epochs"] == 7

    house.talk(talk, mode=mode)


def test_a_hash_that_was_not_shown_starts_nothing(house: House) -> None:
    async def talk(agent: Agent) -> None:
        shown = await agent.ask("plan", **PLAN)

        changed = await agent.call("run", plan_hash=shown["hash"][:-1] + "x")
        nothing = await agent.call("run")

        assert "was shown to agent 'tester'" in changed.message
        assert changed.document["error"]["type"] == "PlanInvalid"
        assert "plan_hash: missing" in nothing.message
        assert house.platform.submitted == []

    house.talk(talk)


def test_a_plan_makes_one_job(house: House) -> None:
    async def talk(agent: Agent) -> None:
        plan = await agent.ask("plan", **PLAN)
        await agent.ask("run", plan_hash=plan["hash"])

        again = await agent.call("run", plan_hash=plan["hash"])

        assert again.document["error"]["type"] == "JobConflict"
        assert len(house.platform.submitted) == 1

    house.talk(talk)


def test_another_server_does_not_know_what_this_one_showed(house: House) -> None:
    plans: list[Any] = []

    async def look(agent: Agent) -> None:
        plans.append(await agent.ask("plan", **PLAN))

    async def start(agent: Agent) -> None:
        refused = await agent.call("run", plan_hash=plans[0]["hash"])
        assert "Call 'plan' with the whole request" in refused.message

    house.talk(look)
    house.talk(start)


@pytest.mark.parametrize(
    ("tool", "arguments", "line"),
    [
        ("jobs", {}, "jobs"),
        ("jobs", {"state": "ERROR"}, "jobs --state ERROR"),
        ("status", {"job_id": "JOB"}, "status JOB"),
        ("logs", {"job_id": "JOB", "tail": 1}, "logs JOB --tail 1"),
        ("report", {"job_id": "JOB"}, "report JOB"),
        ("resolve", {"job_id": "JOB"}, "resolve JOB"),
        ("resolve", {"job_id": "JOB", "kind": "onn"}, "resolve JOB --kind onn"),
        ("status", {"job_id": "none"}, "status none"),
        ("show", {"skill": TOY}, f"show {TOY}"),
        ("show", {"skill": TOY, "action": "train"}, f"show {TOY} train"),
        ("show", {"skill": "toy-trian"}, "show toy-trian"),
        ("search_space", {"skill": TOY}, f"automl space {TOY}"),
        ("search_result", {"job_id": "JOB"}, "automl result JOB"),
        ("workflows", {}, "workflow list"),
    ],
)
def test_documents_and_errors_are_those_of_the_command_line(
    house: House,
    tool: str,
    arguments: dict[str, Any],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SKILLBANK_SKILLS", str(FIXTURES / "skills"))
    job = house.client.create_job(**PLAN)
    house.platform.seen = Observation(JobState.COMPLETE, "", 0, 1.0, 2.0)
    house.client.job(job.id)
    (job.folder / "log.txt").write_text(house.client.logs(job.id), encoding="utf-8")
    asked = {key: job.id if value == "JOB" else value for key, value in arguments.items()}

    async def talk(agent: Agent) -> None:
        reply = await agent.call(tool, **asked)
        capsys.readouterr()
        words = [job.id if word == "JOB" else word for word in line.split()]
        main(["--root", str(house.root), *words, "--json"])
        assert reply.document == json.loads(capsys.readouterr().out)

    house.talk(talk)


@pytest.mark.parametrize(
    "text",
    [
        "train a model",
        "what can you do?",
        "train a YOLO detector",
        "train a pose classifier on ./examples/cmu_mocap for 3 epochs, no HPO, then export it",
        "train a pose classifier on ./examples/nothing for 3 epochs, no HPO",
    ],
)
def test_plain_words_are_answered_as_the_command_line_answers_them(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    root = tmp_path / "root"
    house = House(root, REPOSITORY, RecordingPlatform(), Client(root))

    async def talk(agent: Agent) -> None:
        reply = await agent.call("ask", text=text)
        capsys.readouterr()
        main(["--root", str(root), "ask", text, "--json"])
        assert reply.document == json.loads(capsys.readouterr().out)
        assert not reply.is_error

    house.talk(talk)


def test_what_words_were_read_as_is_planned_and_started_like_any_other_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    root = tmp_path / "root"
    house = House(root, REPOSITORY, RecordingPlatform(), Client(root))

    async def talk(agent: Agent) -> None:
        data = REPOSITORY / "examples/cmu_mocap"
        text = f"train a pose classifier on {data} for 3 epochs, no HPO, with 6 classes"
        answer = await agent.ask("ask", text=text)
        plan = await agent.ask("plan_workflow", request=answer["workflow"])
        assert plan["steps"][0]["plan"]["spec"]["train"]["num_epochs"] == 3

        outside = await agent.ask("ask", text=text.replace(str(data), "/etc"))
        assert outside["error"]["type"] == "AccessRefused"

    house.talk(talk)


def test_a_read_only_server_offers_and_does_nothing_that_changes_anything(house: House) -> None:
    house.read_only = True

    async def talk(agent: Agent) -> None:
        offered = await agent.tools()
        plan = await agent.ask("plan", **PLAN)
        run = await agent.call("run", plan_hash=plan["hash"])

        assert set(offered) == {tool.name for tool in TOOLS if tool.safety is Safety.READS}
        assert all(tool.annotations.read_only_hint for tool in offered.values())
        assert "run changes something, and this server is read-only" in run.message
        assert house.platform.submitted == []
        assert not (house.root / "agents").exists()

    house.talk(talk)


def test_a_tool_that_there_is_not_is_told_with_the_nearest(house: House) -> None:
    async def talk(agent: Agent) -> None:
        reply = await agent.call("statuss", job_id="x")
        assert reply.message == "no tool is named 'statuss'; did you mean 'status'?"

    house.talk(talk)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("plan", {**PLAN, "overrides": {"train.resume_training_checkpoint_path": "/etc/shadow"}}),
        ("plan", {**PLAN, "base_checkpoint": "/etc/shadow"}),
        ("plan", {**PLAN, "spec": "/etc/shadow"}),
        ("plan", {**PLAN, "data": {"all": "/etc"}}),
        ("search_space", {"skill": TOY, "spec": {"train": {"failure": "/etc/shadow"}}}),
        ("preflight", {"request": {**PLAN, "base_checkpoint": "/etc/shadow"}}),
        ("preflight", {"request": {"steps": [{**PLAN, "base_checkpoint": "/etc/shadow"}]}}),
        ("plan_workflow", {"request": {"steps": [{**PLAN, "spec": "/etc/shadow"}]}}),
        ("plan_workflow", {"request": {"steps": [{**PLAN, "data": {"all": "/etc"}}]}}),
    ],
)
def test_no_tool_looks_at_a_file_elsewhere(
    house: House, tool: str, arguments: dict[str, Any]
) -> None:
    async def talk(agent: Agent) -> None:
        reply = await agent.call(tool, **arguments)
        assert reply.document["error"]["type"] == "AccessRefused"
        assert str(house.data) in reply.message

    house.talk(talk)


def test_a_rule_for_checkpoints_is_no_file_of_the_current_folder(house: House) -> None:
    steps = [PLAN, {**PLAN, "parent": 0, "checkpoint": "best"}]

    async def talk(agent: Agent) -> None:
        reply = await agent.call("plan_workflow", request={"steps": steps})
        assert reply.document["error"]["type"] != "AccessRefused"

    house.talk(talk)


def test_resolve_reads_no_checkpoint_elsewhere(house: House) -> None:
    job = house.client.create_job(**PLAN)

    async def talk(agent: Agent) -> None:
        reply = await agent.call("resolve", job_id=job.id, checkpoint="/etc/shadow")
        assert reply.document["error"]["type"] == "AccessRefused"

    house.talk(talk)


def test_a_file_within_an_allowed_folder_is_used(house: House) -> None:
    spec = house.data / "spec.yaml"
    spec.write_text("train: {num_epochs: 2}\n", encoding="utf-8")

    async def talk(agent: Agent) -> None:
        plan = await agent.ask("plan", **PLAN, spec=str(spec))
        assert plan["spec"]["train"]["num_epochs"] == 2

    house.talk(talk)


def test_a_file_that_became_a_link_after_it_was_planned_is_not_used(
    house: House, tmp_path: Path
) -> None:
    weights = house.data / "weights.pth"
    weights.write_text("{}", encoding="utf-8")
    (tmp_path / "elsewhere").write_text("{}", encoding="utf-8")
    key = "train.resume_training_checkpoint_path"

    async def talk(agent: Agent) -> None:
        plan = await agent.ask("plan", **PLAN, overrides={key: str(weights)})
        weights.unlink()
        weights.symlink_to(tmp_path / "elsewhere")

        reply = await agent.call("run", plan_hash=plan["hash"])

        assert reply.document["error"]["type"] == "AccessRefused"
        assert house.platform.submitted == []

    house.talk(talk)


def test_limits_hold_over_servers_and_are_told(house: House) -> None:
    house.limits = AgentLimits(running=2, jobs_per_day=3)

    async def fill(agent: Agent) -> None:
        await agent.start()
        await agent.start()

    async def ask(agent: Agent) -> None:
        plan = await agent.ask("plan", **PLAN)
        refused = await agent.call("run", plan_hash=plan["hash"])
        told = await agent.ask("limits")

        assert refused.document["error"]["type"] == "LimitReached"
        assert "has 2 jobs that have not ended" in refused.message
        assert told["agent"] == "tester"
        assert told["running"]["used"] == told["jobs_per_day"]["used"] == 2
        assert told["jobs_per_day"]["most"] == 3
        assert str(house.data) in told["allowed"]

    house.talk(fill)
    house.talk(ask)


def test_two_calls_at_once_do_not_start_more_than_one_may(house: House) -> None:
    house.limits = AgentLimits(running=1)
    replies: list[Reply] = []

    async def talk(agent: Agent) -> None:
        plans = [await agent.ask("plan", **PLAN) for _ in range(4)]

        async def run(plan: Any) -> None:
            replies.append(await agent.call("run", plan_hash=plan["hash"]))

        async with anyio.create_task_group() as group:
            for plan in plans:
                group.start_soon(run, plan)

    house.talk(talk)

    assert sorted(reply.is_error for reply in replies) == [False, True, True, True]
    assert len(house.platform.submitted) == 1


def test_cancelling_makes_room_and_resuming_takes_it(house: House) -> None:
    house.limits = AgentLimits(running=1)

    async def talk(agent: Agent) -> None:
        first = await agent.start()
        cancelled = await agent.ask("cancel", job_id=first["id"])
        house.platform.seen = Observation(JobState.RUNNING, started_at=1.0)
        resumed = await agent.ask("resume", job_id=first["id"])
        plan = await agent.ask("plan", **PLAN)

        refused = await agent.call("run", plan_hash=plan["hash"])

        assert cancelled["state"] == "CANCELED"
        assert resumed["attempt"] == 2
        assert first["id"] in refused.message

    house.talk(talk)


def test_waiting_is_bounded_and_ends_as_the_command_does(house: House) -> None:
    async def talk(agent: Agent) -> None:
        job = await agent.start()

        early = await agent.call("wait", job_id=job["id"], timeout_s=0)
        long = await agent.call("wait", job_id=job["id"], timeout_s=61)

        assert early.document["error"]["type"] == "JobUnfinished"
        assert f"job {job['id']} is still RUNNING after 0 s" in early.message
        assert "timeout_s: found 61" in long.message

    house.talk(talk)


def test_a_log_is_bounded_and_says_how_to_get_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"line {number} {'x' * 100}\n" for number in range(2 * HUGE // 100))
    monkeypatch.setattr(house.platform, "logs", lambda _: text)

    async def talk(agent: Agent) -> None:
        job = await agent.start()

        usual = await agent.ask("logs", job_id=job["id"])
        whole = await agent.ask("logs", job_id=job["id"], tail=5000)

        assert len(usual["log"].splitlines()) == 100
        assert len(json.dumps(whole)) < HUGE
        assert text.endswith(whole["log"])
        assert "log.txt" in whole["cut"]["more"]

    house.talk(talk)


def test_a_workflow_is_planned_checked_and_only_the_shown_one_is_started(house: House) -> None:
    steps = {"steps": [{**PLAN, "overrides": {"num_epochs": 1}}]}

    async def talk(agent: Agent) -> None:
        plan = await agent.ask("plan_workflow", request=steps, name="mine")
        other = await agent.call(
            "run_workflow", plan_hash=(await agent.ask("plan", **PLAN))["hash"]
        )
        refused = await agent.call("run_workflow", plan_hash="x")

        assert plan["request"]["name"] == "mine"
        assert re.fullmatch("[0-9a-f]{64}", plan["hash"])
        assert "Call 'plan_workflow'" in other.message
        assert "Call 'plan_workflow'" in refused.message
        assert await agent.ask("workflows") == []

    house.talk(talk)


def test_the_server_says_how_it_is_used(house: House) -> None:
    async def talk(agent: Agent) -> None:
        told = agent.connection.instructions or ""
        assert "`run` starts exactly the plan whose hash it is given" in told

    house.talk(talk)
