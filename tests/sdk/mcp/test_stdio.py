"""A real server as a process of its own on stdin and stdout, and the official client library."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import numpy as np
import psutil
import pytest
from tests.sdk.mcp.conftest import Agent, over_stdio, server_line

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples/cmu_mocap"
POSE = "tao-train-pose-classification"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Eight clips of 30 frames for train and val each, from the shipped example."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for role in ("train", "val"):
        poses = np.load(EXAMPLE / f"{role}_data.npy")[:8, :, :30]
        with (EXAMPLE / f"{role}_label.pkl").open("rb") as file:
            names, labels = pickle.load(file)
        np.save(folder / f"{role}_data.npy", poses)
        with (folder / f"{role}_label.pkl").open("wb") as file:
            pickle.dump((names[:8], labels[:8]), file)
    (folder / "spec.yaml").write_text((EXAMPLE / "train.yaml").read_text(), encoding="utf-8")
    return folder


# One real training, whose process loads PyTorch: some 10 s, 18 on a busy machine.
def test_an_agent_lists_plans_trains_a_real_network_follows_it_and_reads_its_report(
    tmp_path: Path, clips: Path
) -> None:
    request = {
        "skill": POSE,
        "action": "train",
        "data": {"all": str(clips)},
        "spec": "clips/spec.yaml",
        "overrides": {"num_epochs": 1},
        "automl_policy": "off",
    }

    async def main() -> None:
        async with over_stdio(tmp_path / "root", folder=tmp_path) as agent:
            skills = [skill["name"] for skill in await agent.ask("skills")]
            page = await agent.read(f"skillbank://skills/{POSE}/SKILL.md")
            job = await agent.start(**request)
            seen = await follow(agent, job["id"])
            log = await agent.ask("logs", job_id=job["id"], tail=5)
            best = await agent.ask("resolve", job_id=job["id"])
            report = await agent.ask("report", job_id=job["id"])
            told = await agent.read(f"skillbank://jobs/{job['id']}/report")

        assert POSE in skills
        assert page.startswith("---\nname: ")
        assert seen[-1]["state"] == "COMPLETE", log
        assert seen[-1]["progress"]["status"] == "SUCCESS"
        assert best["checkpoint"]["epoch"] == 0
        assert Path(report["report"]).is_file()
        assert "class | clips | right | accuracy" in told

    anyio.run(main)


async def follow(agent: Agent, job_id: str) -> list[dict[str, object]]:
    """Every status that was seen until the job ended."""
    seen = [await agent.ask("status", job_id=job_id)]
    deadline = time.monotonic() + 200
    while seen[-1]["state"] in {"PENDING", "QUEUED", "RUNNING"} and time.monotonic() < deadline:
        await agent.call("wait", job_id=job_id, timeout_s=20)
        seen.append(await agent.ask("status", job_id=job_id))
    return seen


# Two processes of the server, and an agent that speaks as agents did before 2026: 3 s.
def test_a_server_that_is_killed_leaves_its_job_running_and_the_next_one_finds_it(
    tmp_path: Path,
) -> None:
    slow = {"overrides": {"num_epochs": 4, "train.step_s": 0.1}}

    async def main() -> None:
        async with over_stdio(tmp_path / "root", folder=tmp_path, mode="legacy") as agent:
            job = await agent.start(**slow)
            await until_running(agent, job["id"])
            kill_server()
        async with over_stdio(tmp_path / "root", folder=tmp_path) as agent:
            after = await agent.ask("status", job_id=job["id"])
            used = await agent.ask("limits")
            ended = await agent.ask("wait", job_id=job["id"])

        assert after["state"] in {"RUNNING", "COMPLETE"}
        assert used["jobs_per_day"]["used"] == 1
        assert ended["state"] == "COMPLETE"
        assert ended["attempt"] == 1

    anyio.run(main)


async def until_running(agent: Agent, job_id: str) -> None:
    """Wait until a job runs, or has run: a busy machine may look only then."""
    while (await agent.ask("status", job_id=job_id))["state"] in {"PENDING", "QUEUED"}:
        await anyio.sleep(0.02)


def kill_server() -> None:
    """SIGKILL for the server that this process has started."""
    (server,) = filter(is_server, psutil.Process().children())
    os.kill(server.pid, signal.SIGKILL)


def is_server(process: psutil.Process) -> bool:
    """Tell whether a process is a server; what tests before left and nobody collected is none."""
    try:
        return "skillbank.cli" in process.cmdline()
    except psutil.ZombieProcess:
        return False


# One process of the server: 1 s.
def test_over_stdio_too_nothing_outside_the_folders_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()

    async def main() -> None:
        options = ("--allow", "mine", "--agent", "claude", "--max-running", "0")
        async with over_stdio(tmp_path / "root", *options, folder=tmp_path) as agent:
            outside = await agent.call("plan", skill=POSE, action="train", data={"all": "."})
            plan = await agent.ask("plan", skill="toy-train", action="train", automl_policy="off")
            full = await agent.call("run", plan_hash=plan["hash"])

        assert str(tmp_path / "mine") in outside.message
        assert "agent 'claude' has 0 jobs" in full.message

    anyio.run(main)


# One process of the server: 1 s.
def test_ctrl_c_ends_a_server_whose_stdin_stays_open(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(server_line(tmp_path / "root"), cwd=tmp_path, **pipes) as server:
        hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        server.stdin.write(f"{json.dumps(hello)}\n".encode())
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1

        server.send_signal(signal.SIGINT)

        assert server.wait(timeout=10) == -signal.SIGINT
        assert server.stderr.read() == b""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--allow", "/no/such/folder"], "--allow /no/such/folder: there is no such folder"),
        (["--agent", "../me"], "agent '../me': expected a name"),
        (["--max-running", "many"], "'many'"),
        (["--token", "env:X", "--port", "1"], "--port, --token say how to listen"),
    ],
)
def test_a_server_that_cannot_start_says_why_and_exits_with_2(
    options: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from skillbank.cli import main

    assert main(["mcp", *options]) == 2
    assert told in capfd.readouterr().err


def test_without_the_library_the_command_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from skillbank.cli import main

    for name in [name for name in sys.modules if name.startswith("skillbank.mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp_types", None)

    assert main(["mcp"]) == 2
    assert f'{sys.executable} -m pip install "skillbank[mcp]"' in capfd.readouterr().err
