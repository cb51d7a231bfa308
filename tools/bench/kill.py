"""Kill real trainings at random moments and resume them: `python tools/bench/kill.py`.

Each run of ST-GCN on some clips of the example data loses its supervisor, its trainer, or the
process that submitted it, to SIGKILL at a random moment. Told per run: how soon the job was final,
how many attempts it took to complete, and whether its last checkpoint equals that of a run that
nobody disturbed, byte for byte. The table stands in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from skillbank.client import Client
from skillbank.job import Job, JobState
from skillbank.platforms.attempt import AttemptFolder
from skillbank_runners.pose_classification.labels import read_labels

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cmu_mocap"
SKILL = "tao-train-pose-classification"
VICTIMS = ("supervisor", "trainer", "caller")
# Every Nth clip of the example, and its first frames: seconds per epoch, not minutes.
CLIP_STRIDE, NUM_FRAMES = 8, 16
# A lost supervisor is seen within this time of asking; a whole run takes some ten seconds.
SEEN_WITHIN_S = 2.0
RUN_LIMIT_S = 300.0


@dataclass(frozen=True)
class Outcome:
    """What became of one run that was disturbed."""

    victim: str
    is_hit: bool
    moment_s: float
    state: JobState
    seen_s: float
    job: Job
    digest: str


def main() -> int:
    """Print a line per run; 1 when one hung, was lost for good, or ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20, help="runs to disturb [%(default)s]")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of a run [%(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="determines the moments [%(default)s]")
    parser.add_argument("--submit", type=Path, help=argparse.SUPPRESS)  # the caller's own process
    options = parser.parse_args()
    if options.submit is not None:
        return _be_caller(options.submit, options.epochs)
    # One thread per job: enough for so little, and quick also where others compute.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with TemporaryDirectory(prefix="skillbank-kill-") as folder:
        return _disturb(Path(folder), options)


def _be_caller(root: Path, epochs: int) -> int:
    client = Client(root)
    job = _submit(client, epochs)
    client.wait(job.id)
    return 0


def _disturb(root: Path, options: argparse.Namespace) -> int:
    _write_data(root / "data")
    client = Client(root)
    whole = client.wait(_submit(client, options.epochs).id, RUN_LIMIT_S)
    if whole.state is not JobState.COMPLETE:
        print(f"the undisturbed run failed: {whole.detail}")
        return 1
    length_s = _length_s(whole)
    expected = _digest(client, whole)
    print(f"undisturbed: {length_s:.1f} s, last checkpoint {expected[:12]}")
    print(f"{'run':>3}  {'victim':<10}  {'at':>6}  {'seen as':<8}  {'after':>7}  attempts  same")
    moments = random.Random(options.seed)
    num_runs = num_kills = num_good = 0
    while num_kills < options.kills:
        victim = VICTIMS[num_kills % len(VICTIMS)]
        outcome = _run(client, victim, moments.uniform(0.0, 0.9 * length_s), options.epochs)
        num_runs += 1
        num_kills += outcome.is_hit
        if not outcome.is_hit:
            length_s = _length_s(outcome.job)  # the machine is less busy than it was
        num_good += _print_outcome(num_runs, outcome, expected)
    print(f"{num_kills} kills; {num_good} of {num_runs} jobs ended in time with the same bytes")
    return 0 if num_good == num_runs else 1


def _length_s(job: Job) -> float:
    return (job.ended_at or 0.0) - (job.started_at or 0.0)


def _run(client: Client, victim: str, moment_s: float, epochs: int) -> Outcome:
    if victim == "caller":
        job, is_hit = _kill_caller(client, moment_s, epochs)
    else:
        job = _submit(client, epochs)
        time.sleep(moment_s)
        is_hit = _kill(client.job(job.id), victim)
    began = time.monotonic()
    # Nobody watches a job whose caller died; it goes on, and its end is what is waited for.
    seen = client.wait(job.id, RUN_LIMIT_S)
    seen_s = time.monotonic() - began
    job = seen
    while job.state.can_resume and job.attempt < 4:
        job = client.wait(client.resume(job.id).id, RUN_LIMIT_S)
    return Outcome(victim, is_hit, moment_s, seen.state, seen_s, job, _digest(client, job))


def _write_data(folder: Path) -> None:
    folder.mkdir()
    for split in ("train", "val"):
        data = np.load(EXAMPLE / f"{split}_data.npy", allow_pickle=False)
        ids = read_labels(EXAMPLE / f"{split}_label.pkl").ids_N
        np.save(folder / f"{split}_data.npy", data[::CLIP_STRIDE, :, :NUM_FRAMES])
        np.save(folder / f"{split}_label.npy", ids[::CLIP_STRIDE])


def _submit(client: Client, epochs: int) -> Job:
    """Whatever is random is on, and every epoch has a checkpoint of its own."""
    data = client.root / "data"
    files = {
        f"dataset.{split}_dataset.{kind}_path": str(data / f"{split}_{kind}.npy")
        for split in ("train", "val")
        for kind in ("data", "label")
    }
    random_settings = {
        "dataset.random_choose": True,
        "dataset.random_move": True,
        "dataset.window_size": NUM_FRAMES - 4,
        "model.dropout": 0.5,
        "train.checkpointer.enable_topk": False,
        "train.checkpointer.replace_periodic": False,
    }
    return client.create_job(
        SKILL,
        "train",
        spec=EXAMPLE / "train.yaml",
        overrides={"num_epochs": epochs, **files, **random_settings},
        automl_policy="off",
    )


def _kill(job: Job, victim: str) -> bool:
    """Kill a process of a job; tell whether there was one, and the job had not ended."""
    identity = AttemptFolder(job.folder, job.attempt).identity()
    if identity is None or job.state.is_final:
        return False
    try:
        supervisor = psutil.Process(identity.pid)
        (supervisor if victim == "supervisor" else supervisor.children()[0]).kill()
    except (psutil.NoSuchProcess, IndexError):
        return False
    return True


def _kill_caller(client: Client, moment_s: float, epochs: int) -> tuple[Job, bool]:
    """The job that a caller left, and whether it was there to be killed.

    One who died before there was a job is followed by another.
    """
    before = {job.id for job in client.jobs(limit=1000)}
    command = [sys.executable, __file__, "--submit", str(client.root), "--epochs", str(epochs)]
    caller = subprocess.Popen(command)
    time.sleep(moment_s)
    caller.kill()
    is_hit = caller.wait() == -signal.SIGKILL
    left = [job for job in client.jobs(limit=1000) if job.id not in before]
    return (left[0] if left else _submit(client, epochs)), is_hit


def _digest(client: Client, job: Job) -> str:
    """SHA-256 of the last checkpoint; empty when the job did not complete."""
    if job.state is not JobState.COMPLETE:
        return ""
    checkpoint = client.resolve(job.id, "latest").checkpoint
    digest = hashlib.sha256(checkpoint.path.read_bytes()).hexdigest()
    for path in job.results.glob("*.pth"):
        path.unlink()  # 37 MB each
    return digest


def _print_outcome(number: int, outcome: Outcome, expected: str) -> bool:
    is_same = outcome.digest == expected
    is_seen = outcome.state is not JobState.LOST or outcome.seen_s <= SEEN_WITHIN_S
    hit = outcome.victim if outcome.is_hit else "nobody"
    print(
        f"{number:>3}  {hit:<10}  {outcome.moment_s:>4.1f} s  {outcome.state:<8}  "
        f"{outcome.seen_s:>5.2f} s  {outcome.job.attempt:>8}  {'yes' if is_same else 'NO'}",
        flush=True,
    )
    return is_same and is_seen


if __name__ == "__main__":
    sys.exit(main())
