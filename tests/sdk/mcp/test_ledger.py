"""What an agent has used is computed from the records of its jobs, and bounds what it may start."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sdk.mcp.conftest import House
from tests.sdk.toy import make_plan

from skillbank.client import Client
from skillbank.errors import LimitReached, RequestInvalid
from skillbank.job import JobState, Observation
from skillbank.mcp.ledger import DAY_S, Kind, Ledger, read_agent
from skillbank.plan import Route
from skillbank.settings import AgentLimits, read_agent_limits

NOW = 1_000_000.0
HOUR_S = 3600.0
Start = Callable[..., None]


def ran(hours: float, *, ended_ago_h: float = 0.0, ended: bool = True) -> Observation:
    """A job that ran so many hours, until so many hours ago."""
    end = NOW - ended_ago_h * HOUR_S
    state = JobState.COMPLETE if ended else JobState.RUNNING
    return Observation(state, "", 0, end - hours * HOUR_S, end if ended else None)


def ledger(client: Client, agent: str = "ann", **limits: float) -> Ledger:
    return Ledger(client, agent, AgentLimits(**limits), clock=lambda: NOW)


@pytest.fixture
def start(house: House) -> Start:
    """Start a job of `ann` that holds GPUs and goes as it is told."""

    def start(job_id: str, seen: Observation, *, num_gpus: int = 1, agent: str = "ann") -> None:
        house.platform.gpus = lambda: 8  # type: ignore[method-assign]
        house.platform.seen = Observation(JobState.PENDING)
        with ledger(house.client, agent).starting(num_gpus, 1) as write_down:
            write_down(Kind.JOB, job_id, 1)
            house.client.submit(make_plan(house.root, job_id, num_gpus=num_gpus))
        house.platform.seen = seen
        house.client.job(job_id)  # records what is seen, for good when it is final

    return start


def test_gpu_hours_are_gpus_times_hours_held(house: House, start: Start) -> None:
    start("job-1", ran(1.5), num_gpus=2)
    start("job-2", ran(0.5))

    assert ledger(house.client).usage().gpu_hours == pytest.approx(3.5)


def test_a_job_that_runs_counts_until_now(house: House, start: Start) -> None:
    start("job-1", ran(2.0, ended=False))

    usage = ledger(house.client).usage()

    assert usage.gpu_hours == pytest.approx(2.0)
    assert usage.running == ("job-1",)


def test_what_ran_on_the_cpu_or_before_the_last_24_hours_costs_nothing(
    house: House, start: Start
) -> None:
    start("job-1", ran(5.0), num_gpus=0)
    start("job-2", ran(5.0, ended_ago_h=23))
    start("job-3", ran(5.0, ended_ago_h=30))

    assert ledger(house.client).usage().gpu_hours == pytest.approx(1.0)


def test_agents_are_counted_each_by_itself(house: House, start: Start) -> None:
    start("job-1", ran(2.0), agent="bob")

    assert ledger(house.client, "ann").usage().gpu_hours == 0
    assert ledger(house.client, "bob").usage().gpu_hours == pytest.approx(2.0)


def test_a_search_costs_what_its_trials_hold(house: House) -> None:
    house.platform.gpus = lambda: 8  # type: ignore[method-assign]
    search = {"settings": {}, "goals": []}
    with ledger(house.client).starting(1, 1) as write_down:
        write_down(Kind.JOB, "search", 1)
        plan = make_plan(house.root, "search", num_gpus=1, route=Route.AUTOML, search=search)
        house.client.submit(plan)
    for trial in ("search-1", "search-2"):
        house.client.submit(make_plan(house.root, trial, num_gpus=2, search_id="search"))
    # Attempts that began before the agent's entry are not its own: these begin now.
    house.platform.seen = Observation(JobState.RUNNING, "", None, NOW)
    house.client.jobs(search="search")

    later = Ledger(house.client, "ann", AgentLimits(), clock=lambda: NOW + HOUR_S)

    assert later.usage().gpu_hours == pytest.approx(4.0)


def test_hours_that_are_spent_refuse_gpus_and_nothing_else(house: House, start: Start) -> None:
    start("job-1", ran(2.0))
    spent = ledger(house.client, gpu_hours_per_day=2)

    with (
        pytest.raises(LimitReached, match=r"held GPUs for 2\.00 hours .* may for 2\..*no GPU"),
        spent.starting(1, 1),
    ):
        pytest.fail("it started")
    with spent.starting(0, 1):
        pass


def test_too_many_jobs_at_once_are_refused_by_name_until_one_ends(
    house: House, start: Start
) -> None:
    start("job-1", ran(1.0, ended=False))
    full = ledger(house.client, running=1)

    with (
        pytest.raises(LimitReached, match=r"have not ended \(job-1\) and may have 1"),
        full.starting(0, 1),
    ):
        pytest.fail("it started")
    house.platform.seen = ran(1.0)
    with full.starting(0, 1):
        pass


def test_too_many_jobs_in_a_day_are_refused_with_the_time_when_the_next_may_start(
    house: House, start: Start
) -> None:
    start("job-1", ran(0.1))
    tired = ledger(house.client, jobs_per_day=1)

    with (
        pytest.raises(LimitReached, match=r"started 1 jobs .*; the next may start"),
        tired.starting(0, 1),
    ):
        pytest.fail("it started")
    tomorrow = Ledger(
        house.client, "ann", AgentLimits(jobs_per_day=1), clock=lambda: NOW + DAY_S + 1
    )
    with tomorrow.starting(0, 1):
        pass


def test_resuming_is_no_new_job(house: House, start: Start) -> None:
    start("job-1", ran(0.1))

    with ledger(house.client, jobs_per_day=1).starting(0, 0):
        pass


def test_what_was_written_down_and_never_started_counts_for_nothing(house: House) -> None:
    with ledger(house.client).starting(0, 1) as write_down:
        write_down(Kind.JOB, "job-1", 1)

    usage = ledger(house.client).usage()

    assert (usage.running, usage.started) == ((), ())


def test_half_a_line_of_a_server_that_was_killed_is_passed_over(house: House, start: Start) -> None:
    start("job-1", ran(2.0))
    path = house.root / "agents/ann.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + '{"kind": "jo', encoding="utf-8")

    assert ledger(house.client).usage().gpu_hours == pytest.approx(2.0)


def test_the_ledger_holds_no_more_than_who_started_what(house: House, start: Start) -> None:
    start("job-1", ran(2.0))

    (line,) = (house.root / "agents/ann.jsonl").read_text(encoding="utf-8").splitlines()

    assert json.loads(line) == {
        "kind": "job",
        "id": "job-1",
        "attempt": 1,
        "num_jobs": 1,
        "at": NOW,
    }


@pytest.mark.parametrize("name", ["", "a/b", "..", ".a", "a" * 65, "a b", "a\n"])
def test_a_name_that_could_be_a_path_is_no_agent(name: str) -> None:
    with pytest.raises(RequestInvalid, match="expected a name of at most 64 letters"):
        read_agent(name)


def test_limits_are_those_of_the_environment_or_the_usual_ones() -> None:
    given = {"SKILLBANK_MCP_MAX_RUNNING": "1", "SKILLBANK_MCP_MAX_GPU_HOURS": "0.5"}

    assert read_agent_limits(given) == AgentLimits(1, 100, 0.5)
    with pytest.raises(RequestInvalid, match="SKILLBANK_MCP_MAX_JOBS_PER_DAY='many' is no limit"):
        read_agent_limits({"SKILLBANK_MCP_MAX_JOBS_PER_DAY": "many"})


def test_a_lock_keeps_two_servers_from_starting_at_once(house: House, tmp_path: Path) -> None:
    from skillbank.locks import is_locked

    lock = house.root / "agents/ann.lock"
    with ledger(house.client).starting(0, 1):
        assert is_locked(lock)
    assert not is_locked(lock)
    assert not (tmp_path / "elsewhere").exists()
