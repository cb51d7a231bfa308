"""How much an agent has used of what it may start, and whether it may start more.

Its ledger says what it started; what that used is computed from the job records: restarting a
server, or killing it, forgets nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from skillbank.client import Client
from skillbank.errors import JobNotFound, LimitReached, WorkflowNotFound
from skillbank.job import Job, Observation
from skillbank.mcp.ledger import Entry, Kind, Ledger
from skillbank.plan import Route
from skillbank.settings import AgentLimits
from skillbank.store import JobStore

DAY_S = 86_400.0
_MOST_TRIALS = 100_000
_NEVER_STARTED = -1.0  # it was written down, and then could not be started

Held = dict[tuple[str, int], float]
"""Job and attempt -> GPU seconds."""
WriteDown = Callable[[Kind, str, int], None]
"""Notes that a job or workflow, and which attempt of it, is the agent's."""


@dataclass(frozen=True)
class Usage:
    """What an agent has used.

    Attributes:
        running: Its jobs and workflows that have not ended.
        started: When it started each job, or step of a workflow, of the last 24 hours.
        gpu_hours: GPUs times hours held in the last 24 hours, by jobs that still run too.
    """

    running: tuple[str, ...]
    started: tuple[float, ...]
    gpu_hours: float


class Look(NamedTuple):
    """What an entry stands for now: whether it runs, when it ended, the GPU seconds it held."""

    runs: bool
    ended_at: float | None
    held: Held


class Allowance:
    """What one agent may start below a client's root, and has used of it.

    Args:
        client: Knows the jobs.
        agent: Name of the agent.
        limits: What it may start.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        client: Client,
        agent: str,
        limits: AgentLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits
        self._client = client
        self._agent = agent
        self._clock = clock
        self._store = JobStore(client.root)
        self._ledger = Ledger(client.root / "agents", agent)

    @contextmanager
    def starting(self, num_gpus: int, num_jobs: int) -> Iterator[WriteDown]:
        """Let something be started that the limits allow, and nothing else meanwhile.

        Args:
            num_gpus: GPUs that it holds; 0 on the CPU.
            num_jobs: New jobs that it makes; 0 where something is resumed.

        Yields:
            What writes down the job or workflow.

        Raises:
            LimitReached: The agent has used up what it may.
        """
        with self._ledger.hold():
            usage, past = self._survey()
            self._ledger.put_aside(past)
            self._check(usage, num_gpus, num_jobs)
            now = self._clock()
            yield lambda kind, its_id, attempt: self._ledger.add(
                Entry(kind, its_id, attempt, num_jobs, now)
            )

    def usage(self) -> Usage:
        """What the agent has used until now."""
        return self._survey()[0]

    def _survey(self) -> tuple[Usage, list[Entry]]:
        """What was used, and the entries that will never count again."""
        since = self._clock() - DAY_S
        running: dict[str, None] = {}
        started: list[float] = []
        held: Held = {}
        past: list[Entry] = []
        for entry in self._ledger.entries():
            look = self._look(entry)
            if entry.at <= since and not look.runs and (look.ended_at or 0.0) <= since:
                past.append(entry)
                continue
            if look.runs:
                running[entry.id] = None
            if entry.at > since and look.ended_at != _NEVER_STARTED:
                started += [entry.at] * entry.num_jobs
            held |= look.held
        usage = Usage(tuple(running), tuple(sorted(started)), sum(held.values()) / 3600)
        return usage, past

    def _look(self, entry: Entry) -> Look:
        try:
            if entry.kind is Kind.WORKFLOW:
                return self._look_at_workflow(entry)
            job = self._client.job(entry.id)
        except (JobNotFound, WorkflowNotFound):
            return Look(runs=False, ended_at=_NEVER_STARTED, held={})
        own = None if job.route == Route.AUTOML else entry.attempt
        runs = job.attempt == entry.attempt and not job.state.is_final
        return Look(runs, job.ended_at, self._held(job, from_s=entry.at, only=own))

    def _look_at_workflow(self, entry: Entry) -> Look:
        workflow = self._client.workflow(entry.id)
        jobs = [self._client.job(step.job_id) for step in workflow.steps if step.job_id]
        held = {key: s for job in jobs for key, s in self._held(job, from_s=entry.at).items()}
        runs = workflow.attempt == entry.attempt and not workflow.state.is_final
        return Look(runs, workflow.ended_at, held)

    def _held(self, job: Job, from_s: float, only: int | None = None) -> Held:
        """GPU seconds of a job's attempts, or of its trials', within the last 24 hours.

        Args:
            job: The job; a search holds no GPU itself.
            from_s: Attempts that began before were somebody else's.
            only: Only this attempt.
        """
        if job.route == Route.AUTOML:
            trials = self._client.jobs(_MOST_TRIALS, search=job.id)
            return {key: s for one in trials for key, s in self._held(one, from_s).items()}
        num_gpus = self._client.plan_of(job.id).num_gpus
        if not num_gpus:
            return {}
        seen = self._store.attempts(job.id)
        starts = [attempt.started_at for attempt in seen.values()]
        ends = [
            self._end_of(attempt, job, next_start)
            for attempt, next_start in zip(seen.values(), [*starts[1:], None], strict=True)
        ]
        return {
            (job.id, number): num_gpus * self._seconds_of_today(attempt.started_at, end)
            for (number, attempt), end in zip(seen.items(), ends, strict=True)
            if (number == only if only else (attempt.started_at or 0.0) >= from_s)
        }

    def _end_of(self, attempt: Observation, job: Job, next_start: float | None) -> float:
        """When an attempt ended: of a lost one nobody knows, so when it last printed something."""
        if attempt.ended_at is not None or not attempt.state.is_final:
            return self._clock() if attempt.ended_at is None else attempt.ended_at
        log = job.folder / "log.txt"
        last_sign = log.stat().st_mtime if log.is_file() else 0.0
        return last_sign if next_start is None else min(last_sign, next_start)

    def _seconds_of_today(self, started_at: float | None, ended_at: float) -> float:
        if started_at is None:
            return 0.0
        return max(0.0, ended_at - max(started_at, self._clock() - DAY_S))

    def _check(self, usage: Usage, num_gpus: int, num_jobs: int) -> None:
        """Raise LimitReached when more may not be started."""
        limits, who = self.limits, f"agent {self._agent!r}"
        if len(usage.running) >= limits.running:
            raise LimitReached(
                f"{who} has {len(usage.running)} jobs that have not ended "
                f"({', '.join(usage.running)}) and may have {limits.running:g}: wait for one to "
                "end, or cancel one."
            )
        if len(usage.started) + num_jobs > limits.jobs_per_day and num_jobs:
            raise LimitReached(
                f"{who} has started {len(usage.started)} jobs in the last 24 hours, may start "
                f"{limits.jobs_per_day:g}, and asks for {num_jobs} more{_when(usage.started)}. The "
                "owner of the server raises it with '--max-jobs-per-day'."
            )
        if num_gpus and usage.gpu_hours >= limits.gpu_hours_per_day:
            raise LimitReached(
                f"{who} has held GPUs for {usage.gpu_hours:.2f} hours in the last 24 hours and may "
                f"for {limits.gpu_hours_per_day:g}. Start it later, ask for no GPU, or let the "
                "owner of the server raise it with '--max-gpu-hours'."
            )


def _when(started: tuple[float, ...]) -> str:
    if not started:
        return ""
    return f"; the next may start at {datetime.fromtimestamp(started[0] + DAY_S):%Y-%m-%d %H:%M}"
