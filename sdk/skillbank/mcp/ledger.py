"""Who started what, how much an agent has used of what it may, and whether it may start more.

An agent's ledger is a file of JSON lines below the root, one per job or workflow that it started
or resumed. What they used is not written there but computed from the job records: restarting a
server, or killing it, forgets nothing. A lock makes checking and starting one step for all servers.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from skillbank.client import Client
from skillbank.errors import JobNotFound, LimitReached, RequestInvalid, WorkflowNotFound
from skillbank.job import Job, Observation
from skillbank.locks import wait_lock
from skillbank.plan import Route
from skillbank.settings import AgentLimits
from skillbank.store import JobStore

DAY_S = 86_400.0
_AGENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_MOST_TRIALS = 100_000

Held = dict[tuple[str, int], float]
"""Job and attempt -> GPU seconds."""


class Kind(StrEnum):
    """What an agent started."""

    JOB = "job"  # one attempt of it
    WORKFLOW = "workflow"  # with the jobs of all its steps


@dataclass(frozen=True)
class Entry:
    """Something that an agent started.

    Attributes:
        kind: A job or a workflow.
        id: Its id.
        attempt: 1 for the first; higher where the agent resumed it.
        num_jobs: New jobs that it makes; 0 where it was resumed.
        at: When, in seconds since the epoch.
    """

    kind: Kind
    id: str
    attempt: int
    num_jobs: int
    at: float


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


WriteDown = Callable[[Kind, str, int], None]


class Ledger:
    """What one agent started below a client's root.

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
        self._path = client.root / "agents" / f"{agent}.jsonl"

    @contextmanager
    def starting(self, num_gpus: int, num_jobs: int) -> Iterator[WriteDown]:
        """Hold the agent's lock while something is started that its limits allow.

        Args:
            num_gpus: GPUs that it holds; 0 on the CPU.
            num_jobs: New jobs that it makes; 0 where something is resumed.

        Yields:
            What writes down that a job or workflow, and which attempt of it, is the agent's.

        Raises:
            LimitReached: The agent has used up what it may.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = wait_lock(self._path.with_suffix(".lock"))
        try:
            self._check(self.usage(), num_gpus, num_jobs)
            now = self._clock()

            def write_down(kind: Kind, its_id: str, attempt: int) -> None:
                entry = Entry(kind, its_id, attempt, num_jobs, now)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(entry)) + "\n")

            yield write_down
        finally:
            os.close(lock)

    def usage(self) -> Usage:
        """What the agent has used until now."""
        since = self._clock() - DAY_S
        running: list[str] = []
        started: list[float] = []
        gpu_s: dict[tuple[str, int], float] = {}
        for entry in self._entries():
            try:
                is_running, held = self._look(entry)
            except (JobNotFound, WorkflowNotFound):
                continue  # it was written down, and then could not be started
            running += [entry.id] if is_running else []
            started += [entry.at] * entry.num_jobs if entry.at > since else []
            gpu_s |= held
        return Usage(
            tuple(dict.fromkeys(running)), tuple(sorted(started)), sum(gpu_s.values()) / 3600
        )

    def _entries(self) -> list[Entry]:
        if not self._path.is_file():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        # A server that was killed while it wrote leaves half a line: it had started nothing yet.
        read = [Entry(**json.loads(line)) for line in lines if line.endswith("}")]
        return list({(one.kind, one.id, one.attempt): one for one in read}.values())

    def _look(self, entry: Entry) -> tuple[bool, Held]:
        """Whether what an entry stands for runs, and the GPU seconds it held."""
        if entry.kind == Kind.WORKFLOW:
            workflow = self._client.workflow(entry.id)
            is_newest = workflow.attempt == entry.attempt
            held: Held = {}
            for step in workflow.steps:
                if step.job_id is not None:
                    held |= self._held(self._client.job(step.job_id), from_s=entry.at)
            return is_newest and not workflow.state.is_final, held
        job = self._client.job(entry.id)
        own = None if job.route == Route.AUTOML else entry.attempt
        held = self._held(job, from_s=entry.at, only=own)
        return job.attempt == entry.attempt and not job.state.is_final, held

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
        seen = enumerate(self._store.attempts(job.id), start=1)
        return {
            (job.id, number): num_gpus * self._seconds_of_today(attempt)
            for number, attempt in seen
            if (number == only if only else (attempt.started_at or 0.0) >= from_s)
        }

    def _seconds_of_today(self, attempt: Observation) -> float:
        now = self._clock()
        if attempt.started_at is None:
            return 0.0
        end = now if attempt.ended_at is None else attempt.ended_at
        return max(0.0, end - max(attempt.started_at, now - DAY_S))

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


def read_agent(name: str) -> str:
    """A name that an agent is known by, and that can be a file's.

    Raises:
        RequestInvalid: It cannot.
    """
    if not _AGENT.fullmatch(name):
        raise RequestInvalid(
            f"agent {name!r}: expected a name of at most 64 letters, digits, '.', '_' and '-', "
            "such as 'claude'."
        )
    return name


def _when(started: tuple[float, ...]) -> str:
    if not started:
        return ""
    return f"; the next may start at {datetime.fromtimestamp(started[0] + DAY_S):%Y-%m-%d %H:%M}"
