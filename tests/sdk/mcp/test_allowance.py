"""What an agent has used is computed from the records of its jobs, and bounds what it may start."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tests.sdk.mcp.conftest import House
from tests.sdk.toy import make_plan

from skillbank.client import Client
from skillbank.errors import LimitReached, RequestInvalid
from skillbank.job import JobState, Observation
from skillbank.mcp.allowance import DAY_S, Allowance
from skillbank.mcp.ledger import Kind, Ledger
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


def allowance(client: Client, agent: str = "ann", **limits: float) -> Allowance:
    return Allowance(client, agent, AgentLimits(**limits), clock=lambda: NOW)


@pytest.fixture
def start(house: House) -> Start:
    """Start a job of `ann` that holds GPUs and goes as it is told."""

    def start(job_id: str, seen: Observation, *, num_gpus: int = 1, agent: str = "ann") -> None:
        house.platform.gpus = lambda: 8  # type: ignore[method-assign]
        house.platform.seen = Observation(JobState.PENDING)
        with allowance(house.client, agent).starting(num_gpus, 1) as write_down:
            write_down(Kind.JOB, job_id, 1)
            house.client.submit(make_plan(house.root, job_id, num_gpus=num_gpus))
        house.platform.seen = seen
        house.client.job(job_id)  # records what is seen, for good when it is final

    return start


def test_gpu_hours_are_gpus_times_hours_held(house: House, start: Start) -> None:
    start("job-1", ran(1.5), num_gpus=2)
    start("job-2", ran(0.5))

    assert allowance(house.client).usage().gpu_hours == pytest.approx(3.5)


def test_a_job_that_runs_counts_until_now(house: House, start: Start) -> None:
    start("job-1", ran(2.0, ended=False))

    usage = allowance(house.client).usage()

    assert usage.gpu_hours == pytest.approx(2.0)
    assert usage.running == ("job-1",)


def test_a_job_that_was_lost_held_its_gpu_until_it_last_printed_something(
    house: House, start: Start
) -> None:
    started_at = NOW - 10 * HOUR_S
    start("job-1", Observation(JobState.LOST, "the machine restarted", None, started_at))
    log = house.client.job("job-1").folder / "log.txt"
    log.touch()
    os.utime(log, (started_at + HOUR_S, started_at + HOUR_S))

    usage = allowance(house.client).usage()

    assert usage.gpu_hours == pytest.approx(1.0)
    assert usage.running == ()


def test_what_ran_on_the_cpu_or_before_the_last_24_hours_costs_nothing(
    house: House, start: Start
) -> None:
    start("job-1", ran(5.0), num_gpus=0)
    start("job-2", ran(5.0, ended_ago_h=23))
    start("job-3", ran(5.0, ended_ago_h=30))

    assert allowance(house.client).usage().gpu_hours == pytest.approx(1.0)


def test_agents_are_counted_each_by_itself(house: House, start: Start) -> None:
    start("job-1", ran(2.0), agent="bob")

    assert allowance(house.client, "ann").usage().gpu_hours == 0
    assert allowance(house.client, "bob").usage().gpu_hours == pytest.approx(2.0)


def test_a_search_costs_what_its_trials_hold(house: House) -> None:
    house.platform.gpus = lambda: 8  # type: ignore[method-assign]
    search = {"settings": {}, "goals": []}
    with allowance(house.client).starting(1, 1) as write_down:
        write_down(Kind.JOB, "search", 1)
        plan = make_plan(house.root, "search", num_gpus=1, route=Route.AUTOML, search=search)
        house.client.submit(plan)
    for trial in ("search-1", "search-2"):
        house.client.submit(make_plan(house.root, trial, num_gpus=2, search_id="search"))
    # Attempts that began before the agent's entry are not its own: these begin now.
    house.platform.seen = Observation(JobState.RUNNING, "", None, NOW)
    house.client.jobs(search="search")

    later = Allowance(house.client, "ann", AgentLimits(), clock=lambda: NOW + HOUR_S)

    assert later.usage().gpu_hours == pytest.approx(4.0)


def test_trials_that_ran_before_an_agent_resumed_their_search_are_not_its_own(house: House) -> None:
    house.platform.gpus = lambda: 8  # type: ignore[method-assign]
    search = {"settings": {}, "goals": []}
    plan = make_plan(house.root, "search", num_gpus=1, route=Route.AUTOML, search=search)
    house.client.submit(plan)
    for trial, seen in (("search-1", ran(2.0)), ("search-2", ran(-1.0, ended=False))):
        house.platform.seen = seen
        house.client.submit(make_plan(house.root, trial, num_gpus=1, search_id="search"))
    with allowance(house.client).starting(1, 0) as write_down:
        write_down(Kind.JOB, "search", 2)

    later = Allowance(house.client, "ann", AgentLimits(), clock=lambda: NOW + 4 * HOUR_S)

    assert later.usage().gpu_hours == pytest.approx(3.0)


def test_hours_that_are_spent_refuse_gpus_and_nothing_else(house: House, start: Start) -> None:
    start("job-1", ran(2.0))
    spent = allowance(house.client, gpu_hours_per_day=2)

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
    full = allowance(house.client, running=1)

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
    tired = allowance(house.client, jobs_per_day=1)

    with (
        pytest.raises(LimitReached, match=r"started 1 jobs .*; the next may start"),
        tired.starting(0, 1),
    ):
        pytest.fail("it started")
    tomorrow = Allowance(
        house.client, "ann", AgentLimits(jobs_per_day=1), clock=lambda: NOW + DAY_S + 1
    )
    with tomorrow.starting(0, 1):
        pass


def test_resuming_is_no_new_job(house: House, start: Start) -> None:
    start("job-1", ran(0.1))

    with allowance(house.client, jobs_per_day=1).starting(0, 0):
        pass


def test_what_was_written_down_and_never_started_counts_for_nothing(house: House) -> None:
    with allowance(house.client).starting(0, 1) as write_down:
        write_down(Kind.JOB, "job-1", 1)

    usage = allowance(house.client).usage()

    assert (usage.running, usage.started) == ((), ())


def test_what_counts_no_more_is_put_aside_when_something_starts(house: House, start: Start) -> None:
    start("old", ran(1.0, ended_ago_h=0))
    start("runs", ran(1.0, ended=False))
    later = Allowance(house.client, "ann", AgentLimits(), clock=lambda: NOW + 2 * DAY_S)

    with later.starting(0, 1):
        pass

    ledger = Ledger(house.root / "agents", "ann")
    assert [entry.id for entry in ledger.entries()] == ["runs"]
    assert "old" in (house.root / "agents/ann.jsonl.past").read_text(encoding="utf-8")


def test_limits_are_those_of_the_environment_or_the_usual_ones() -> None:
    given = {"SKILLBANK_MCP_MAX_RUNNING": "1", "SKILLBANK_MCP_MAX_GPU_HOURS": "0.5"}

    assert read_agent_limits(given) == AgentLimits(1, 100, 0.5)
    with pytest.raises(RequestInvalid, match="SKILLBANK_MCP_MAX_JOBS_PER_DAY='many' is no limit"):
        read_agent_limits({"SKILLBANK_MCP_MAX_JOBS_PER_DAY": "many"})
