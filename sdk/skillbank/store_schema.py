"""The tables of the job database, and how its file is made, opened and told from others."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from skillbank.errors import StoreInvalid
from skillbank.job import JobState

SCHEMA_VERSION = 2
_APPLICATION_ID = 0x736B626B  # "skbk": tells our files from other SQLite databases


def _listed(states: Iterator[JobState]) -> str:
    return ", ".join(f"'{state}'" for state in states)


_FINAL = _listed(state for state in JobState if state.is_final)
_ANY = _listed(iter(JobState))

NOT_FINAL = f"state NOT IN ({_FINAL})"
"""SQL that holds for rows that may still change."""

# `jobs.attempt` and `jobs.state` repeat the newest attempt's, kept by the triggers, so that a
# listing by state walks an index.
_TABLES = (
    f"""
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    skill TEXT NOT NULL,
    action TEXT NOT NULL,
    route TEXT NOT NULL,
    platform TEXT NOT NULL,
    parent_job_id TEXT,
    created_at REAL NOT NULL,
    idempotency_key TEXT UNIQUE,
    request_hash TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_ANY})),
    search_id TEXT
) STRICT""",
    f"""
CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_ANY})),
    detail TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    exit_code INTEGER,
    log_bytes INTEGER NOT NULL DEFAULT 0,
    status_bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, attempt)
) STRICT, WITHOUT ROWID""",
)

_GUARDS = (
    "CREATE INDEX jobs_by_age ON jobs (created_at)",
    "CREATE INDEX jobs_by_state ON jobs (state, created_at)",
    "CREATE INDEX jobs_by_skill ON jobs (skill, created_at)",
    # Few jobs are trials; the others are listed by the indices above.
    "CREATE INDEX jobs_by_search ON jobs (search_id, created_at) WHERE search_id IS NOT NULL",
    f"""
CREATE TRIGGER a_final_attempt_never_changes BEFORE UPDATE ON attempts
WHEN OLD.state IN ({_FINAL})
BEGIN SELECT RAISE(ABORT, 'this attempt has ended; its record never changes'); END""",
    """
CREATE TRIGGER an_attempt_is_never_deleted BEFORE DELETE ON attempts
BEGIN SELECT RAISE(ABORT, 'the record of an attempt is never deleted'); END""",
    f"""
CREATE TRIGGER an_attempt_opens_after_the_last_ended BEFORE INSERT ON attempts
WHEN EXISTS (SELECT 1 FROM attempts WHERE job_id = NEW.job_id AND {NOT_FINAL})
BEGIN SELECT RAISE(ABORT, 'the last attempt has not ended'); END""",
    """
CREATE TRIGGER a_job_shows_its_newest_attempt AFTER INSERT ON attempts
BEGIN UPDATE jobs SET attempt = NEW.attempt, state = NEW.state WHERE id = NEW.job_id; END""",
    """
CREATE TRIGGER a_job_follows_its_newest_attempt AFTER UPDATE OF state ON attempts
BEGIN UPDATE jobs SET state = NEW.state WHERE id = NEW.job_id AND attempt = NEW.attempt; END""",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

# Version 1 knew neither PAUSED nor searches. A CHECK cannot be altered, so both tables are made
# anew; `DROP TABLE` takes their indices and triggers along.
_FROM_VERSION_1 = (
    "CREATE TEMP TABLE old_jobs AS SELECT rowid AS place, * FROM jobs",
    "CREATE TEMP TABLE old_attempts AS SELECT * FROM attempts",
    "DROP TABLE attempts",
    "DROP TABLE jobs",
    *_TABLES,
    """
INSERT INTO jobs(rowid, id, skill, action, route, platform, parent_job_id, created_at,
    idempotency_key, request_hash, attempt, state)
SELECT place, id, skill, action, route, platform, parent_job_id, created_at,
    idempotency_key, request_hash, attempt, state FROM old_jobs""",
    """
INSERT INTO attempts(job_id, attempt, state, detail, created_at, started_at, ended_at, exit_code,
    log_bytes, status_bytes)
SELECT job_id, attempt, state, detail, created_at, started_at, ended_at, exit_code,
    log_bytes, status_bytes FROM old_attempts""",
    *_GUARDS,
    "DROP TABLE old_attempts",
    "DROP TABLE old_jobs",
)
_MIGRATIONS = {1: _FROM_VERSION_1}


def open_database(path: Path, patience_s: float) -> sqlite3.Connection:
    """Connection to the job database, which is made if there is none, or brought up to date.

    Raises:
        StoreInvalid: The file is something else, or of a newer version.
    """
    if not path.exists():
        _create_database(path)
    db = sqlite3.connect(path, timeout=patience_s, isolation_level=None, check_same_thread=False)
    with ExitStack() as until_checked:
        until_checked.callback(db.close)
        _check_origin(db, path)
        _bring_up_to_date(db, path)
        # In WAL mode NORMAL survives every crash of a process; a power cut may lose the newest
        # records, never tear one.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        until_checked.pop_all()
    return db


@contextmanager
def explain(path: Path) -> Iterator[None]:
    """Turn SQLite's complaints about a database file into a StoreInvalid that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreInvalid(
            f"the job database {path} cannot be used ({error}); expected a database that skillbank "
            "made, on a local disk that can be written. Move it away to start a new one (job "
            "folders stay where they are), or choose another root with SKILLBANK_HOME."
        ) from error


def _create_database(path: Path) -> None:
    """Make a complete file elsewhere and link it: nobody ever opens half a database."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".jobs-") as folder:
            made = Path(folder, "jobs.db")
            with closing(sqlite3.connect(made)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                for statement in (*_TABLES, *_GUARDS):
                    db.execute(statement)
            try:
                os.link(made, path)
            except FileExistsError:
                return  # somebody else was faster, with the same content
    except OSError as error:
        is_file = isinstance(error, (FileExistsError, NotADirectoryError))
        reason = "a file is where a folder must be" if is_file else error.strerror
        raise StoreInvalid(
            f"no job database can be made at {path} ({reason}); expected a folder that can "
            "be written. Choose another root with SKILLBANK_HOME."
        ) from error


def _check_origin(db: sqlite3.Connection, path: Path) -> None:
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    if application_id != _APPLICATION_ID:
        raise StoreInvalid(
            f"{path} is a database of another program (application id {application_id}); expected "
            "one that skillbank made. Move it away, or choose another root with SKILLBANK_HOME."
        )


def _bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    """Migrate an older database in one transaction: it is of one version or of the other."""
    version = _version(db)
    if version == SCHEMA_VERSION:
        return
    if version not in _MIGRATIONS:
        raise StoreInvalid(
            f"the job database {path} has version {version}; this skillbank reads version "
            f"{SCHEMA_VERSION}. Use the release that made it, or choose another root with "
            "SKILLBANK_HOME."
        )
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("BEGIN IMMEDIATE")
    with db:  # commits, or rolls back when an error passes
        # Read again: somebody else may have been faster.
        for statement in _MIGRATIONS.get(_version(db), ()):
            db.execute(statement)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
