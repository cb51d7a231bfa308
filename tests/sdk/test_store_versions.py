"""Databases of earlier versions: brought up to date whole, or left as they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sdk.toy import make_plan

from skillbank.errors import StoreInvalid
from skillbank.job import Job, JobState, Observation
from skillbank.store import JobStore, Marks

VERSION_1 = Path(__file__).resolve().parents[1] / "fixtures" / "jobs_version_1.sql"


@pytest.fixture
def old_root(tmp_path: Path) -> Path:
    """A root whose database version 1 made."""
    write_database(tmp_path / "jobs.db", VERSION_1.read_text(encoding="utf-8"))
    return tmp_path


def write_database(path: Path, script: str) -> None:
    db = sqlite3.connect(path)
    db.executescript(script)
    db.close()


def ask(path: Path, question: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(path)
    try:
        return db.execute(question).fetchall()
    finally:
        db.close()


def layout(path: Path) -> list[tuple[object, ...]]:
    return ask(path, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")


def test_every_record_of_version_1_is_kept(old_root: Path) -> None:
    store = JobStore(old_root)

    jobs = {job.id: job for job in store.newest(10)}

    assert list(jobs) == ["train-c", "train-b", "train-a"]
    assert jobs["train-a"] == Job(
        id="train-a",
        skill="toy_skill",
        action="train",
        state=JobState.COMPLETE,
        detail="",
        attempt=1,
        folder=old_root / "jobs" / "train-a",
        parent_job_id=None,
        route="direct",
        platform="local",
        created_at=1000.25,
        started_at=10.5,
        ended_at=20.25,
        exit_code=0,
    )
    resumed = jobs["train-b"]
    assert (resumed.state, resumed.attempt) == (JobState.RUNNING, 2)
    assert (resumed.parent_job_id, resumed.search_id) == ("train-a", None)
    assert store.marks(resumed) == Marks(100, 200)


def test_earlier_attempts_are_kept_with_their_details(old_root: Path) -> None:
    JobStore(old_root).newest(1)

    (row,) = ask(old_root / "jobs.db", "SELECT * FROM attempts WHERE exit_code = -9")

    told = "it's out of memory\nAdvice: less"
    assert row == ("train-b", 1, "ERROR", told, 2000.5, 11.0, 12.0, -9, 0, 0)


def test_a_migrated_database_is_laid_out_like_a_new_one(old_root: Path, tmp_path: Path) -> None:
    JobStore(old_root).newest(1)
    new = JobStore(tmp_path / "new")
    new.newest(1)

    assert layout(old_root / "jobs.db") == layout(new.path)
    versions = [ask(path, "PRAGMA user_version") for path in (old_root / "jobs.db", new.path)]
    assert versions == [[(2,)], [(2,)]]
    assert ask(old_root / "jobs.db", "PRAGMA foreign_key_check") == []
    assert ask(old_root / "jobs.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_migrated_database_takes_pauses_and_trials(old_root: Path) -> None:
    store = JobStore(old_root)
    running = store.get("train-b")

    paused = store.observe(running, Observation(JobState.PAUSED, "paused after epoch 3"))
    store.add(make_plan(old_root, "search-t001", search_id="search"))

    assert paused.state is JobState.PAUSED
    assert store.open_attempt("train-b", Marks()).attempt == 3
    assert [job.id for job in store.newest(10, search_id="search")] == ["search-t001"]


def test_old_keys_still_name_their_jobs(old_root: Path) -> None:
    store = JobStore(old_root)
    again = make_plan(old_root, "other", idempotency_key="once", request_hash="htrain-b")

    assert store.add(again).id == "train-b"


def test_the_guards_hold_for_old_records(old_root: Path) -> None:
    JobStore(old_root).newest(1)

    db = sqlite3.connect(old_root / "jobs.db")
    with pytest.raises(sqlite3.IntegrityError, match="never changes"):
        db.execute("UPDATE attempts SET state = 'LOST' WHERE job_id = 'train-a'")
    db.close()


def test_a_migration_that_fails_leaves_version_1_as_it_was(old_root: Path) -> None:
    """A record that no version could have written stops it in the middle."""
    path = old_root / "jobs.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.execute("UPDATE attempts SET state = 'ODD' WHERE job_id = 'train-c'")
    db.commit()
    db.close()
    before, rows = layout(path), ask(path, "SELECT * FROM jobs")

    with pytest.raises(StoreInvalid, match="CHECK constraint failed"):
        JobStore(old_root).newest(1)

    assert layout(path) == before
    assert ask(path, "SELECT * FROM jobs") == rows
    assert ask(path, "PRAGMA user_version") == [(1,)]


OPEN = """
import sys
from pathlib import Path
from skillbank.store import JobStore
sys.stdin.read(1)
print(*sorted(job.id for job in JobStore(Path(sys.argv[1])).newest(9)))
"""


def test_many_processes_may_open_an_old_database_at_once(old_root: Path) -> None:
    """Slow (1 s): six processes, of which one migrates while the others wait."""
    command = [sys.executable, "-c", OPEN, str(old_root)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    told = [process.communicate()[0] for process in processes]

    assert told == ["train-a train-b train-c\n"] * 6


@pytest.mark.parametrize("version", [0, 3, 99])
def test_a_database_of_an_unknown_version_is_refused_and_left_alone(
    old_root: Path, version: int
) -> None:
    path = old_root / "jobs.db"
    write_database(path, f"PRAGMA user_version = {version}")
    before = path.read_bytes()

    with pytest.raises(StoreInvalid, match=f"version {version}; this skillbank reads version 2"):
        JobStore(old_root).get("train-a")

    assert path.read_bytes() == before


def test_trials_are_listed_under_their_search_and_only_there(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.add(make_plan(tmp_path, "search"))
    store.add(make_plan(tmp_path, "other"))
    for number in range(3):
        trial = f"search-t00{number}"
        store.add(make_plan(tmp_path, trial, search_id="search"))
    store.observe(store.get("search-t001"), Observation(JobState.PAUSED))

    trials = [job.id for job in store.newest(10, search_id="search")]
    paused = [job.id for job in store.newest(10, JobState.PAUSED, search_id="search")]

    assert [job.id for job in store.newest(10)] == ["other", "search"]
    assert trials == ["search-t002", "search-t001", "search-t000"]
    assert paused == ["search-t001"]
    assert store.newest(10, JobState.PAUSED) == []
    assert store.get("search-t001").search_id == "search"


def test_the_beginning_of_a_search_means_the_search(tmp_path: Path) -> None:
    """Every trial's id begins with it too."""
    store = JobStore(tmp_path)
    store.add(make_plan(tmp_path, "train-abc"))
    for number in range(9):
        store.add(make_plan(tmp_path, f"train-abc-t00{number}", search_id="train-abc"))

    assert store.get("train-a").id == "train-abc"
    assert store.get("train-abc-t004").id == "train-abc-t004"


def test_trials_are_found_by_an_index(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.newest(1)
    question = "EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE search_id = 'x' ORDER BY created_at"

    (step,) = ask(store.path, question)

    assert "USING INDEX jobs_by_search" in str(step)
