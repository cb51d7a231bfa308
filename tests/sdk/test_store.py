"""Job records: final states, idempotency, listings, and many processes at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.toy import make_plan

from skillbank.errors import JobConflict, JobNotFound, StoreInvalid
from skillbank.job import JobState, Observation
from skillbank.store import JobStore, Marks

ROOT = Path(__file__).resolve().parents[2]
FINAL = [state for state in JobState if state.is_final]
RUNNING = Observation(JobState.RUNNING, started_at=10.0)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path)


def add(store: JobStore, job_id: str, **changes: object) -> str:
    return store.add(make_plan(store.root, job_id, **changes)).id


def test_a_new_job_is_pending_and_in_its_first_attempt(store: JobStore) -> None:
    job = store.add(make_plan(store.root, "train-a"))

    assert (job.state, job.attempt, job.detail) == (JobState.PENDING, 1, "")
    assert job.folder == store.root / "jobs" / "train-a"


def test_a_record_survives_its_writer(store: JobStore) -> None:
    add(store, "train-a", parent_job_id="train-0", platform="far")

    found = JobStore(store.root).get("train-a")

    assert (found.parent_job_id, found.platform, found.route) == ("train-0", "far", "direct")


def test_an_observation_is_kept_whole(store: JobStore) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    seen = Observation(JobState.ERROR, "it broke", exit_code=3, started_at=10.5, ended_at=12.5)

    stored = store.observe(job, seen)

    kept = (stored.state, stored.detail, stored.exit_code, stored.started_at, stored.ended_at)
    assert Observation(*kept) == seen


@pytest.mark.parametrize("final", FINAL)
def test_a_final_state_is_not_overwritten(store: JobStore, final: JobState) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    store.observe(job, Observation(final, "the end"))

    later = store.observe(job, RUNNING)

    assert (later.state, later.detail) == (final, "the end")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attempts SET state = 'RUNNING'",
        "UPDATE attempts SET detail = 'better'",
        "DELETE FROM attempts",
        "INSERT INTO attempts(job_id, attempt, state, created_at) VALUES ('train-a', 2, 'odd', 0)",
    ],
)
@pytest.mark.parametrize("final", FINAL)
def test_the_database_itself_refuses_to_change_a_final_attempt(
    store: JobStore, final: JobState, statement: str
) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    store.observe(job, Observation(final))
    store.close()

    with sqlite3.connect(store.path) as other, pytest.raises(sqlite3.IntegrityError):
        other.execute(statement)
    other.close()


@pytest.mark.parametrize("final", [state for state in FINAL if state.can_resume])
def test_a_further_attempt_opens_after_an_unhappy_end(store: JobStore, final: JobState) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    store.observe(job, Observation(final, "the end", exit_code=1))

    again = store.open_attempt("train-a", Marks(log_bytes=10, status_bytes=20))

    assert (again.attempt, again.state, again.detail) == (2, JobState.PENDING, "")
    assert again.exit_code is None
    assert store.marks(again) == Marks(10, 20)


def test_an_attempt_keeps_its_number_when_others_ran_elsewhere_before_it(store: JobStore) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    store.observe(job, Observation(JobState.LOST))

    assert store.open_attempt("train-a", Marks(), number=4).attempt == 4
    assert list(store.attempts("train-a")) == [1, 4]


def test_what_a_late_watcher_saw_of_the_first_attempt_leaves_the_second_alone(
    store: JobStore,
) -> None:
    first = store.add(make_plan(store.root, "train-a"))
    store.observe(first, Observation(JobState.LOST))
    store.open_attempt("train-a", Marks())

    now = store.observe(first, Observation(JobState.COMPLETE))

    assert (now.attempt, now.state) == (2, JobState.PENDING)


def test_a_complete_job_has_no_further_attempt(store: JobStore) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    store.observe(job, Observation(JobState.COMPLETE))

    with pytest.raises(JobConflict, match=r"COMPLETE.*--base-checkpoint FILE.*resolve train-a"):
        store.open_attempt("train-a", Marks())


def test_a_running_job_has_no_further_attempt(store: JobStore) -> None:
    job = store.add(make_plan(store.root, "train-a"))
    store.observe(job, RUNNING)

    with pytest.raises(JobConflict, match=r"RUNNING.*skillbank cancel train-a"):
        store.open_attempt("train-a", Marks())


def test_the_same_request_under_one_key_is_the_first_job(store: JobStore) -> None:
    first = add(store, "train-a", idempotency_key="nightly")

    assert add(store, "train-b", idempotency_key="nightly") == first
    assert len(store.newest(10)) == 1


def test_another_request_under_the_same_key_is_refused(store: JobStore) -> None:
    add(store, "train-a", idempotency_key="nightly", request_hash="one")

    with pytest.raises(JobConflict, match="'nightly' belongs to job train-a"):
        add(store, "train-b", idempotency_key="nightly", request_hash="two")


def test_jobs_without_a_key_are_never_taken_for_one_another(store: JobStore) -> None:
    assert add(store, "train-a") != add(store, "train-b")


def test_a_plan_is_recorded_once(store: JobStore) -> None:
    add(store, "train-a")

    with pytest.raises(JobConflict, match="train-a was already submitted"):
        add(store, "train-a")


def test_the_beginning_of_an_id_is_enough(store: JobStore) -> None:
    add(store, "train-abc")
    add(store, "train-xyz")

    assert store.get("train-x").id == "train-xyz"


def test_a_whole_id_wins_over_longer_ones(store: JobStore) -> None:
    add(store, "train-a")
    add(store, "train-ab")

    assert store.get("train-a").id == "train-a"


def test_an_ambiguous_beginning_lists_what_it_may_mean(store: JobStore) -> None:
    add(store, "train-abc")
    add(store, "train-xyz")

    with pytest.raises(JobNotFound, match=r"more than one .*train-abc, train-xyz"):
        store.get("train-")


@pytest.mark.parametrize("wrong", ["trian-abc", "", "%", "train-abd"])
def test_an_unknown_id_is_answered_with_a_near_one(store: JobStore, wrong: str) -> None:
    add(store, "train-abc")

    with pytest.raises(JobNotFound, match="train-abc"):
        store.get(wrong)


def test_jobs_are_listed_newest_first(store: JobStore) -> None:
    for name in ("a", "b", "c"):
        add(store, f"train-{name}")

    assert [job.id for job in store.newest(2)] == ["train-c", "train-b"]


def test_a_listing_can_be_narrowed_by_state_and_skill(store: JobStore) -> None:
    for name, skill in (("a", "one"), ("b", "one"), ("c", "two")):
        add(store, f"train-{name}", skill=skill)
    store.observe(store.get("train-a"), Observation(JobState.COMPLETE))
    store.observe(store.get("train-c"), Observation(JobState.COMPLETE))

    assert [job.id for job in store.newest(9, JobState.COMPLETE)] == ["train-c", "train-a"]
    assert [job.id for job in store.newest(9, JobState.COMPLETE, "one")] == ["train-a"]
    assert [job.id for job in store.active()] == ["train-b"]


@pytest.mark.parametrize("content", [b"not a database at all, but text" * 50, b"x"])
def test_a_file_that_is_no_database_is_explained(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jobs.db").write_bytes(content)

    with pytest.raises(StoreInvalid, match=r"jobs\.db.*SKILLBANK_HOME"):
        JobStore(tmp_path).newest(1)


def test_a_damaged_database_is_explained(store: JobStore) -> None:
    for index in range(200):
        add(store, f"train-{index}")
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    store.path.write_bytes(content)

    with pytest.raises(StoreInvalid, match="Move it away"):
        store.newest(20)


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "jobs.db")
    other.execute("CREATE TABLE jobs (mine)")
    other.close()
    before = (tmp_path / "jobs.db").read_bytes()

    with pytest.raises(StoreInvalid, match="another program"):
        JobStore(tmp_path).newest(1)
    assert (tmp_path / "jobs.db").read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(store: JobStore) -> None:
    add(store, "train-a")
    store.close()
    newer = sqlite3.connect(store.path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()

    with pytest.raises(StoreInvalid, match="version 99"):
        JobStore(store.root).get("train-a")


def test_a_root_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreInvalid, match="a file is where a folder must be"):
        JobStore(tmp_path / "file" / "root").newest(1)


def test_listing_20_of_10_000_jobs_reads_no_more_than_it_must(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is measured by tools/bench/store.py; here the query must walk an index."""
    add(store, "train-a")
    with sqlite3.connect(store.path) as db:
        db.executemany(
            "INSERT INTO jobs SELECT ?, skill, action, route, platform, parent_job_id, ?, NULL,"
            " request_hash, 1, 'COMPLETE', NULL FROM jobs WHERE id = 'train-a'",
            ((f"j{index}", float(index)) for index in range(10_000)),
        )
        db.execute(
            "INSERT INTO attempts(job_id, attempt, state, created_at)"
            " SELECT id, 1, 'COMPLETE', created_at FROM jobs WHERE id LIKE 'j%'"
        )
    db.close()
    connect, asked = sqlite3.connect, []

    def listening(*args: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*args, **options)
        db.set_trace_callback(asked.append)
        return db

    monkeypatch.setattr(sqlite3, "connect", listening)

    listed = JobStore(store.root).newest(20, JobState.COMPLETE)

    assert [job.id for job in listed] == [f"j{index}" for index in range(9999, 9979, -1)]
    (query,) = [statement for statement in asked if "ORDER BY" in statement]
    with closing(connect(store.path)) as db:
        steps = [row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert steps
    assert not [step for step in steps if "TEMP B-TREE" in step], steps


FORK = """
import os, sys
from pathlib import Path
from skillbank.store import JobStore
from tests.sdk.toy import make_plan
store = JobStore(Path(sys.argv[1]))
store.add(make_plan(store.root, "train-a"))
child = os.fork()
if child == 0:
    store.add(make_plan(store.root, "train-b"))
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(*[job.id for job in store.newest(9)])
"""


def test_a_forked_child_uses_a_connection_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORK, str(tmp_path)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stderr, done.stdout) == ("", "train-b train-a\n")


SUBMIT_50 = """
import sys
from pathlib import Path
from tests.sdk.toy import make_plan, make_recording_client
root, writer = Path(sys.argv[1]), sys.argv[2]
client = make_recording_client(root)
for index in range(50):
    key = f"shared-{index}" if index % 10 == 0 else None
    client.submit(make_plan(root, f"job-{writer}-{index}", idempotency_key=key))
assert len(client.platforms["local"].submitted) == len(set(client.platforms["local"].submitted))
print(len(client.platforms["local"].submitted))
"""


def test_16_processes_submit_50_jobs_each_without_a_loss(tmp_path: Path) -> None:
    """Slow (about 10 s): 16 interpreters start, on as few cores as there are."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", SUBMIT_50, str(tmp_path), str(writer)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for writer in range(16)
    ]
    ended = [(*writer.communicate(), writer.returncode) for writer in writers]

    assert [error for _, error, code in ended if error or code] == []
    # 45 jobs of each writer have no key; each of the 5 shared keys belongs to one job in all.
    expected = {f"job-{w}-{i}" for w in range(16) for i in range(50) if i % 10}
    jobs = JobStore(tmp_path).newest(1000)
    assert len(jobs) == 16 * 45 + 5
    assert expected <= {job.id for job in jobs}
    assert sum(int(out) for out, _, _ in ended) == len(jobs)
    folders = {path.name for path in (tmp_path / "jobs").iterdir()}
    assert folders == {job.id for job in jobs}
