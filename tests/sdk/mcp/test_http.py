"""A real server over HTTP on loopback: its token, its limits, and a whole session."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import psutil
import pytest
from mcp.shared.exceptions import MCPError
from pydantic import SecretStr
from tests.sdk.mcp.conftest import TOKEN, Agent, House, Server, http_server, over_http

from skillbank.client import Client
from skillbank.errors import RequestInvalid
from skillbank.mcp.http import MOST_REQUEST_BYTES, TokenVerifier, make_token, names_of, read_tokens
from skillbank.settings import environment_of_jobs

SECOND = "another-token-that-only-tests-know"
THIRD = "a-third-token-that-only-tests-know"
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
MINE = {"Authorization": f"Bearer {TOKEN}"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http")


# The process of the server, once for all tests of this file: 1 s.
@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    tokens = {"ANN": TOKEN, "BOB": SECOND, "EVE": THIRD}
    options = [f"--token={name.lower()}=env:{name}" for name in tokens]
    line = (folder / "root", *options, "--max-running", 1)
    with http_server(*line, folder=folder, **tokens) as server:
        yield server.address


def post(address: str, body: object = HELLO, **headers: str) -> httpx2.Response:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.post(address, content=sent, headers={**HEADERS, **headers}, timeout=30)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_lists_plans_runs_follows_and_reads_the_report(address: str, mode: str) -> None:
    async def main() -> None:
        async with over_http(address, mode=mode) as agent:
            offered = await agent.tools()
            job = await agent.start(overrides={"num_epochs": 2})
            ended = await agent.ask("wait", job_id=job["id"], timeout_s=60)
            status = await agent.ask("status", job_id=job["id"])
            report = await agent.read(f"skillbank://jobs/{job['id']}/report")

        assert {"skills", "plan", "run", "status", "report"} <= set(offered)
        assert ended["state"] == "COMPLETE"
        assert status["progress"]["status"] == "SUCCESS"
        assert report == "toy\n"

    anyio.run(main)


def test_each_token_is_an_agent_with_limits_and_plans_of_its_own(address: str) -> None:
    async def main() -> None:
        async with over_http(address) as ann, over_http(address, SECOND) as bob:
            slow = {"overrides": {"num_epochs": 50, "train.step_s": 0.1}}
            job = await ann.start(**slow)
            plan = await ann.ask("plan", skill="toy-train", action="train", automl_policy="off")
            full = await ann.call("run", plan_hash=plan["hash"])
            stolen = await bob.call("run", plan_hash=plan["hash"])
            told = await bob.ask("limits")
            await bob.start()
            await ann.ask("cancel", job_id=job["id"])

        assert "agent 'ann' has 1 jobs that have not ended" in full.message
        assert "shown to agent 'bob'" in stolen.message
        assert (told["agent"], told["running"]["used"]) == ("bob", 0)

    anyio.run(main)


# A workflow and its job, each a process of its own: 2 s.
def test_a_workflow_runs_in_the_same_way_and_each_of_its_steps_is_counted(address: str) -> None:
    steps = {"steps": [{"skill": "toy-train", "action": "train", "automl_policy": "off"}]}

    async def main() -> None:
        async with over_http(address, THIRD) as agent:
            before = (await agent.ask("limits"))["jobs_per_day"]["used"]
            plan = await agent.ask("plan_workflow", request=steps)
            started = await agent.ask("run_workflow", plan_hash=plan["hash"])
            ended = await agent.ask("wait_workflow", workflow_id=started["id"], timeout_s=60)
            (step,) = (await agent.ask("workflow", workflow_id=started["id"]))["steps"]
            after = (await agent.ask("limits"))["jobs_per_day"]["used"]

        assert started["id"] == plan["workflow_id"]
        assert (ended["state"], step["state"]) == ("COMPLETE", "COMPLETE")
        assert after == before + 1

    anyio.run(main)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \u00fc"},
    ],
)
def test_without_the_right_token_nothing_is_answered_and_nothing_is_hinted(
    address: str, headers: dict[str, str]
) -> None:
    encoded = {key: value.encode() for key, value in headers.items()}

    answer = post(address, **encoded)  # type: ignore[arg-type]

    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_token",
        "error_description": "Authentication required",
    }
    assert "ann" not in answer.text + str(answer.headers)


def test_the_right_token_is_answered(address: str) -> None:
    answer = post(address, **MINE)

    assert answer.status_code == 200
    assert answer.json()["result"]["serverInfo"]["name"] == "skillbank"


def test_a_request_that_is_too_large_is_refused_before_it_is_read(address: str) -> None:
    answer = post(address, b" " * (MOST_REQUEST_BYTES + 1), **MINE)

    assert answer.status_code == 413


def test_a_request_without_a_length_is_cut_off_too(address: str) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MOST_REQUEST_BYTES // 100_000 + 1):
            yield b" " * 100_000

    answer = httpx2.post(address, content=chunks(), headers={**HEADERS, **MINE}, timeout=30)

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8765"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
    ],
)
def test_a_page_of_another_host_gets_nothing(
    address: str, headers: dict[str, str], status: int
) -> None:
    assert post(address, **MINE, **headers).status_code == status


def test_there_is_nothing_beside_the_one_path(address: str) -> None:
    parts = urlsplit(address)

    for path in ("/", "/mcp/x", "/.well-known/oauth-protected-resource"):
        found = httpx2.get(f"http://{parts.netloc}{path}", headers=MINE, timeout=30)
        assert found.status_code == 404


# A process of the server of its own: 1 s.
def test_a_server_without_a_token_makes_one_that_only_its_owner_can_read(tmp_path: Path) -> None:
    with http_server(tmp_path / "root", "--read-only", folder=tmp_path) as server:
        address = server.address
        path = tmp_path / "root/agents/agent.token"
        token = path.read_text(encoding="utf-8").strip()

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert post(address, Authorization=f"Bearer {token}").status_code == 200
        assert post(address, **MINE).status_code == 401
        assert urlsplit(address).hostname == "127.0.0.1"
        assert f"token: in {path}, which only you can read" in server.told
        assert token not in server.told


# A process of the server of its own: 1 s.
def test_another_address_has_to_be_asked_for_and_warns(tmp_path: Path) -> None:
    options = ("--host", "0.0.0.0", "--token", "env:ANN")
    with http_server(tmp_path / "root", *options, folder=tmp_path, ANN=TOKEN) as server:
        here = server.address.replace("0.0.0.0", "127.0.0.1")

        assert "warning: 0.0.0.0 can be reached from other machines" in server.told
        assert post(here, **MINE).status_code == 200
        assert post(here, **MINE, Host="evil.example").status_code == 421


# A process of the server of its own, and the second that it grants to requests: 3 s.
def test_a_server_that_is_told_to_end_does_not_wait_for_agents_that_wait(tmp_path: Path) -> None:
    running = http_server(tmp_path / "root", "--token", "env:ANN", folder=tmp_path, ANN=TOKEN)

    async def main(server: Server) -> float:
        try:
            async with over_http(server.address) as agent:
                slow = {"overrides": {"num_epochs": 50, "train.step_s": 0.1}}
                job = await agent.start(**slow)
                before = threads_of(server)
                async with anyio.create_task_group() as group:
                    group.start_soon(swallow, agent, job["id"])
                    while threads_of(server) <= before:  # a call that waits has one of its own
                        await anyio.sleep(0.02)
                    began = time.monotonic()
                    server.process.send_signal(signal.SIGINT)
                    await anyio.to_thread.run_sync(server.process.wait)
                    group.cancel_scope.cancel()
        except* httpx2.TransportError:
            pass  # the server was gone before its answer was whole
        return time.monotonic() - began

    with running as server:
        assert anyio.run(main, server) < 10
        assert "Traceback" not in server.process.stderr.read()
    Client(tmp_path / "root").cancel("train")


def threads_of(server: Server) -> set[int]:
    """Ids of the threads of the server's process."""
    return {thread.id for thread in psutil.Process(server.process.pid).threads()}


async def swallow(agent: Agent, job_id: str) -> None:
    with suppress(MCPError):
        await agent.call("wait", job_id=job_id, timeout_s=60)


def test_a_token_that_is_there_is_kept_and_its_file_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a" / "token"

    first = make_token(path)
    path.chmod(0o644)
    second = make_token(path)

    assert first == second
    assert len(first.get_secret_value()) >= 43  # 256 bits
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_tokens_are_named_by_where_they_are_and_whose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", TOKEN)
    (tmp_path / "b=c").write_text(SECOND, encoding="utf-8")

    tokens = read_tokens(["env:MINE", f"bob=file:{tmp_path}/b=c"], "ann")

    assert tokens == {"ann": SecretStr(TOKEN), "bob": SecretStr(SECOND)}


@pytest.mark.parametrize(
    ("references", "told"),
    [
        ([TOKEN], "no secret is taken in plain text"),
        (["env:NOT_THERE"], "the variable NOT_THERE is empty"),
        (["env:SHORT"], "shorter than 16 letters"),
        (["env:LONG", "ann=env:OTHER"], "agent 'ann' has two tokens"),
        (["env:LONG", "bob=env:LONG"], "shares one with another agent"),
        (["../x=env:LONG"], "agent '../x': expected a name"),
    ],
)
def test_a_token_that_would_protect_nothing_is_refused(
    references: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SHORT": "abc", "LONG": TOKEN, "OTHER": SECOND}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(RequestInvalid) as caught:
        read_tokens(references, "ann")

    assert told in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_jobs_do_not_inherit_the_variables_that_hold_tokens(monkeypatch) -> None:
    monkeypatch.setenv("MINE", "0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("ANNS", "fedcba9876543210fedcba9876543210")

    tokens = read_tokens(["env:MINE", "ann=env:ANNS"], "bob")

    assert set(tokens) == {"bob", "ann"}
    assert not {"MINE", "ANNS"} & environment_of_jobs().keys()


def test_the_token_itself_goes_no_further_than_the_door() -> None:
    verifier = TokenVerifier({"ann": SecretStr(TOKEN)})

    known = anyio.run(verifier.verify_token, TOKEN)

    assert known is not None
    assert (known.client_id, known.token) == ("ann", "")
    assert TOKEN not in repr(verifier.__dict__)


def test_only_names_of_this_machine_are_hosts() -> None:
    assert names_of("127.0.0.1") == ["127.0.0.1", "localhost", "[::1]"]
    assert names_of("10.0.0.7")[3:] == ["10.0.0.7", os.uname().nodename]


@pytest.mark.parametrize("port", ["99999", "x"])
def test_a_port_that_is_none_is_refused(port: str, capfd: pytest.CaptureFixture[str]) -> None:
    from skillbank.cli import main

    assert main(["mcp", "--http", "--port", port]) == 2
    assert "--port" in capfd.readouterr().err


def test_a_port_that_is_taken_is_told(
    address: str, house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    from skillbank.cli import main

    port = urlsplit(address).port
    line = ["--root", str(house.root), "mcp", "--http", "--port", str(port)]

    assert main(line) == 2
    assert f"--host 127.0.0.1 --port {port}: cannot listen there" in capfd.readouterr().err
