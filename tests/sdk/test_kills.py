"""SIGKILL for everybody at random moments: no job hangs, and a resumed one ends as if nothing was.

tools/bench/kill.py does the same to real trainings.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.sdk.toy import FIXTURES, make_plan, make_toy_client

from skillbank.client import Client
from skillbank.job import Job, JobState
from skillbank.platforms.attempt import AttemptFolder

ROOT = Path(__file__).resolve().parents[2]
SPEC = {"train": {"num_epochs": 6, "steps_per_epoch": 4, "step_s": 0.01}}

# Submits one plan per number, each in a child that SIGKILLs itself at the numbered event (opening
# a file, renaming, connecting, locking, spawning, ...) after it began to submit.
DYING_SUBMITTER = """
import os, sys
from pathlib import Path
from tests.sdk.toy import make_plan, make_toy_client

def die_at(fatal):
    seen = 0
    def hook(event, _):
        nonlocal seen
        seen += 1
        if seen == fatal:
            os.kill(os.getpid(), 9)
    sys.addaudithook(hook)

root, spec = Path(sys.argv[1]), eval(sys.argv[2])
for fatal in map(int, sys.argv[3:]):
    child = os.fork()
    if child == 0:
        client = make_toy_client(root)
        plan = make_plan(root, f"job-{fatal}", spec=spec)
        die_at(fatal)
        client.submit(plan)
        os._exit(0)
    print(fatal, os.waitpid(child, 0)[1])
"""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
    return make_toy_client(tmp_path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run leaves that nobody disturbed."""
    root = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FIXTURES), prepend=os.pathsep)
        client = make_toy_client(root)
        job = client.submit(make_plan(root, "whole", spec=SPEC))
        assert client.wait(job.id, timeout_s=60).state is JobState.COMPLETE
    return left_by(job)


def left_by(job: Job) -> dict[str, bytes]:
    """Checkpoints and result of a job, byte for byte."""
    paths = [*job.results.glob("*.pth"), job.results / "result.txt"]
    return {path.name: path.read_bytes() for path in paths}


def kill_one(job: Job, victim: str) -> bool:
    """SIGKILL the supervisor, or the training, of an attempt; tell whether one was there."""
    identity = AttemptFolder(job.folder, job.attempt).identity()
    if identity is None:
        return False
    try:
        supervisor = psutil.Process(identity.pid)
        hit = supervisor if victim == "supervisor" else supervisor.children()[0]
        was_alive = hit.status() != psutil.STATUS_ZOMBIE
        hit.kill()
    except (psutil.NoSuchProcess, IndexError):
        return False
    return was_alive


def finish(client: Client, job_id: str) -> Job:
    """Resume a job until it is complete."""
    for _ in range(3):
        job = client.wait(job_id, timeout_s=60)
        if job.state is JobState.COMPLETE:
            return job
        assert job.state.can_resume, job
        client.resume(job_id)
    return client.wait(job_id, timeout_s=60)


def test_20_kills_at_random_moments_cost_nothing_but_time(
    client: Client, uninterrupted: dict[str, bytes]
) -> None:
    """Slow (about 20 s): some 16 trainings, each killed on its way, and again when resumed."""
    moments = random.Random(7)
    ids: list[str] = []
    num_kills = 0
    while num_kills < 20:
        ids.append(f"job-{len(ids)}")
        job = client.submit(make_plan(client.root, ids[-1], spec=SPEC))
        for victim in moments.sample(["supervisor", "trainer"], 2):
            time.sleep(moments.uniform(0.0, 0.5))
            is_hit = kill_one(job, victim)
            num_kills += is_hit
            job = client.wait(job.id, timeout_s=60)
            job = client.resume(job.id) if job.state.can_resume else job

    ended = [finish(client, job_id) for job_id in ids]

    assert {job.state for job in ended} == {JobState.COMPLETE}
    assert [left_by(job) for job in ended] == [uninterrupted] * len(ended)


def test_a_submitter_that_dies_at_any_step_leaves_nothing_that_hangs(
    client: Client, uninterrupted: dict[str, bytes]
) -> None:
    """Slow (about 15 s): 20 submitters die, and most of their jobs are run after all."""
    fatal = random.Random(11).sample(range(1, 115), 20)
    done = subprocess.run(
        [sys.executable, "-c", DYING_SUBMITTER, str(client.root), repr(SPEC), *map(str, fatal)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    num_killed = done.stdout.count(f" {int(signal.SIGKILL)}\n")
    recorded = {job.id for job in client.jobs(limit=100)}
    for event in fatal:
        if f"job-{event}" not in recorded:
            client.submit(make_plan(client.root, f"job-{event}", spec=SPEC))

    ended = [finish(client, f"job-{event}") for event in fatal]

    assert num_killed >= 15, done.stdout
    assert {job.state for job in ended} == {JobState.COMPLETE}
    assert [left_by(job) for job in ended] == [uninterrupted] * len(fatal)
