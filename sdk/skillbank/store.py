"""Job records in one SQLite file that many processes write to at once."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any
from weakref import finalize

from skillbank.errors import JobConflict, JobNotFound, did_you_mean
from skillbank.job import Job, JobState, Observation
from skillbank.plan import JobPlan
from skillbank.store_schema import NOT_FINAL, explain, open_database

# A writer waits this long for its turn; a turn takes milliseconds.
_PATIENCE_S = 60.0

_COLUMNS = """
    jobs.id, skill, action, attempts.state, detail, attempts.attempt, parent_job_id, route,
    platform, jobs.created_at, started_at, ended_at, exit_code, search_id
"""
_NEWEST = "jobs JOIN attempts ON job_id = jobs.id AND attempts.attempt = jobs.attempt"


@dataclass(frozen=True)
class Marks:
    """Sizes of a job's growing files when an attempt began: what follows is the attempt's own."""

    log_bytes: int = 0
    status_bytes: int = 0


class JobStore:
    """The records below one root folder; made on first use.

    Args:
        root: Folder that holds `jobs.db` and `jobs/`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "jobs.db"
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._owner_pid = 0
        self._inherited: list[sqlite3.Connection] = []

    def add(self, plan: JobPlan, attempt: int = 1) -> Job:
        """Record a new job with its first attempt, PENDING.

        Args:
            plan: The job.
            attempt: Number of that attempt, for a job that was begun elsewhere.

        Returns:
            The new job, or the first one that was submitted under the same idempotency key.

        Raises:
            JobConflict: The id is taken, or the key belongs to another request.
        """
        with self._writing() as db:
            if first := self._find_earlier(db, plan):
                return first
            self._insert(db, plan, attempt)
            return self._get(db, plan.job_id)

    def find_earlier(self, plan: JobPlan) -> Job | None:
        """The job that was already submitted under the plan's idempotency key, if any.

        Raises:
            JobConflict: The plan was submitted already, or the key belongs to another request.
        """
        with self._reading() as db:
            return self._find_earlier(db, plan)

    def open_attempt(
        self, job_id: str, marks: Marks, platform: str | None = None, number: int | None = None
    ) -> Job:
        """Start the next attempt of a job, PENDING.

        Args:
            job_id: The job.
            marks: Where it begins in the job's growing files.
            platform: Where it runs; None: where the one before it ran.
            number: Its number; None: the next. Those between the two were begun elsewhere.

        Raises:
            JobConflict: The newest attempt still runs, or it completed.
        """
        with self._writing() as db:
            job = self._get(db, job_id)
            check_resumable(job)
            where = platform or job.platform
            db.execute("UPDATE jobs SET platform = ? WHERE id = ?", (where, job_id))
            db.execute(
                "INSERT INTO attempts(job_id, attempt, state, created_at, log_bytes, status_bytes)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    max(number or 0, job.attempt + 1),
                    JobState.PENDING,
                    time.time(),
                    marks.log_bytes,
                    marks.status_bytes,
                ),
            )
            return self._get(db, job_id)

    def observe(self, job: Job, seen: Observation) -> Job:
        """Record what a platform saw of an attempt; one that is already final stays as it is."""
        with self._writing() as db:
            db.execute(
                "UPDATE attempts SET state = ?, detail = ?, exit_code = ?, started_at = ?,"
                f" ended_at = ? WHERE job_id = ? AND attempt = ? AND {NOT_FINAL}",
                (
                    seen.state,
                    seen.detail,
                    seen.exit_code,
                    seen.started_at,
                    seen.ended_at,
                    job.id,
                    job.attempt,
                ),
            )
            return self._get(db, job.id)

    def get(self, job_id: str) -> Job:
        """The job of an id, or of the beginning of one that no other job shares.

        A search is meant, rather than its trials, whose ids begin with its own.

        Raises:
            JobNotFound: No job, or more than one, has an id that begins so.
        """
        with self._reading() as db:
            return self._get(db, job_id)

    def newest(
        self,
        limit: int,
        state: JobState | None = None,
        skill: str | None = None,
        search_id: str | None = None,
    ) -> list[Job]:
        """Up to `limit` jobs, newest first: trials of one search, or jobs that are no trials."""
        wanted = {"jobs.state": state, "skill": skill, "search_id": search_id}
        given = {column: value for column, value in wanted.items() if value is not None}
        claims = [f"{column} = ?" for column in given]
        where = " AND ".join([*claims, *([] if search_id else ["search_id IS NULL"])])
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM {_NEWEST} WHERE {where}"
                " ORDER BY jobs.created_at DESC, jobs.rowid DESC LIMIT ?",
                (*given.values(), limit),
            ).fetchall()
        return [self._job(row) for row in rows]

    def active(self) -> list[Job]:
        """Every job whose newest attempt is not final, as recorded."""
        with self._reading() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM {_NEWEST} WHERE jobs.{NOT_FINAL}").fetchall()
        return [self._job(row) for row in rows]

    def attempts(self, job_id: str) -> dict[int, Observation]:
        """What was seen of every attempt that began here, by number, the first one first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT attempt, state, detail, exit_code, started_at, ended_at FROM attempts"
                " WHERE job_id = ? ORDER BY attempt",
                (job_id,),
            ).fetchall()
        return {number: Observation(JobState(state), *rest) for number, state, *rest in rows}

    def marks(self, job: Job) -> Marks:
        """Where the newest attempt begins in the job's growing files."""
        with self._reading() as db:
            row = db.execute(
                "SELECT log_bytes, status_bytes FROM attempts WHERE job_id = ? AND attempt = ?",
                (job.id, job.attempt),
            ).fetchone()
        return Marks(*row)

    def close(self) -> None:
        """Release the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._owner_pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _insert(self, db: sqlite3.Connection, plan: JobPlan, attempt: int) -> None:
        now = time.time()
        db.execute(
            "INSERT INTO jobs(id, skill, action, route, platform, parent_job_id, created_at,"
            " idempotency_key, request_hash, attempt, state, search_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                plan.job_id,
                plan.skill,
                plan.action,
                plan.route,
                plan.platform,
                plan.parent_job_id,
                now,
                plan.idempotency_key,
                plan.request_hash,
                attempt,
                JobState.PENDING,
                plan.search_id,
            ),
        )
        db.execute(
            "INSERT INTO attempts(job_id, attempt, state, created_at) VALUES (?, ?, ?, ?)",
            (plan.job_id, attempt, JobState.PENDING, now),
        )

    def _find_earlier(self, db: sqlite3.Connection, plan: JobPlan) -> Job | None:
        row = db.execute(
            "SELECT id, request_hash, state FROM jobs WHERE idempotency_key = ?",
            (plan.idempotency_key,),
        ).fetchone()
        if row is not None and row[1] != plan.request_hash:
            raise JobConflict(
                f"idempotency key {plan.idempotency_key!r} belongs to job {row[0]}, which was "
                "asked for with other settings; repeat the same request, or use a new key."
                f"{_way_on(row[0], row[2])}"
            )
        if row is not None:
            return self._get(db, row[0])
        known = db.execute("SELECT state FROM jobs WHERE id = ?", (plan.job_id,)).fetchone()
        if known is not None:
            raise JobConflict(
                f"the plan of job {plan.job_id} was already submitted; a plan makes one job. See "
                f"it with 'skillbank status {plan.job_id}', or make a new plan."
                f"{_way_on(plan.job_id, known[0])}"
            )
        return None

    def _get(self, db: sqlite3.Connection, job_id: str) -> Job:
        rows = db.execute(
            f"SELECT {_COLUMNS} FROM {_NEWEST} WHERE jobs.id >= ? AND jobs.id < ?"
            " ORDER BY jobs.id != ?, search_id IS NOT NULL, jobs.id LIMIT 6",
            (job_id, f"{job_id}\U0010ffff", job_id),
        ).fetchall()
        found = [self._job(row) for row in rows]
        exact = [job for job in found if job.id == job_id]
        meant = exact or [job for job in found if job.search_id is None] or found
        if job_id and len(meant) == 1:
            return meant[0]
        raise JobNotFound(self._why_not_found(db, job_id, [job.id for job in found]))

    def _why_not_found(self, db: sqlite3.Connection, job_id: str, begin: Sequence[str]) -> str:
        if job_id and begin:
            return f"more than one job begins with {job_id!r}: {', '.join(begin)}; give more of it."
        recent = db.execute("SELECT id FROM jobs ORDER BY created_at DESC LIMIT 200").fetchall()
        hint = did_you_mean(job_id, (row[0] for row in recent[: 200 if job_id else 5]))
        return f"no job {job_id!r} below {self.root}; {hint} 'skillbank jobs' lists them."

    def _job(self, row: tuple[Any, ...]) -> Job:
        job_id, skill, action, state, detail, attempt, *rest = row
        folder = self.root / "jobs" / job_id
        return Job(job_id, skill, action, JobState(state), detail, attempt, folder, *rest)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explain(self.path):
            yield self._connect()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that has the write lock from its first statement on."""
        with self._lock, explain(self.path):
            db = self._connect()
            _begin(db)
            with db:  # commits, or rolls back when an error passes
                yield db

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None and self._owner_pid != os.getpid():
            # SQLite forbids to use, or close, a connection in a forked child.
            self._inherited.append(self._connection)
            self._connection = None
        if self._connection is None:
            self._connection = open_database(self.path, _PATIENCE_S)
            self._owner_pid = os.getpid()
            finalize(self, _close_own, self._connection, self._owner_pid)
        return self._connection


def _close_own(connection: sqlite3.Connection, owner_pid: int) -> None:
    if os.getpid() == owner_pid:
        connection.close()


def _way_on(job_id: str, state: str) -> str:
    """What tries a job that failed once more; such a one may have been refused by its platform."""
    if not JobState(state).is_failure:
        return ""
    return (
        f" Job {job_id} ended as {state}: 'skillbank resume {job_id}' tries it again, with "
        "'--resource KEY=VALUE' where a resource was wrong."
    )


def _begin(db: sqlite3.Connection) -> None:
    """Take the write lock; SQLite reports some collisions without waiting, so ask again."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            # The low byte is the primary code: SQLITE_BUSY_RECOVERY, SQLITE_BUSY_SNAPSHOT, ...
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def check_resumable(job: Job) -> None:
    """Refuse a job that cannot have a further attempt.

    Raises:
        JobConflict: It completed, or its newest attempt has not ended.
    """
    if job.state is JobState.COMPLETE:
        raise JobConflict(
            f"job {job.id} is COMPLETE, so there is nothing to resume; to train on from its "
            "weights, submit a new job with '--base-checkpoint FILE': "
            f"'skillbank resolve {job.id}' names one."
        )
    if not job.state.can_resume:
        raise JobConflict(
            f"job {job.id} is {job.state} (attempt {job.attempt}); only a job that has ended can "
            f"be resumed. Wait for it, or stop it with 'skillbank cancel {job.id}'."
        )
