"""Kill searches at random moments and resume them: `python tools/bench/automl/kill.py`.

Each search of the bowl (a training whose loss is a formula) loses its driver, a trial, or both, to
SIGKILL at a random moment, and is resumed when it was lost. Told per search: whether it completed,
and whether its history equals that of a search that nobody disturbed: the same points in the same
order, each trained to the same epochs with the same values, none twice. Writes results/kill.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from skillbank.automl.result import read_result
from skillbank.client import Client
from skillbank.job import Job, JobState

BOWL = Path(__file__).resolve().parents[3] / "tests" / "fixtures" / "bowl_runner"
RESULTS = Path(__file__).parent / "results" / "kill.json"
VICTIMS = ("driver", "trial", "both")
LIMIT_S = 300.0

History = list[dict[str, object]]


@dataclass(frozen=True)
class Outcome:
    """What became of one search that was disturbed."""

    victim: str
    moment_s: float
    state: str
    attempts: int
    equals: bool
    killed: list[str]


def main() -> int:
    """Print a line per search; 1 when one hung or ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=12, help="searches to disturb [%(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="determines the moments [%(default)s]")
    parser.add_argument("--epoch-s", type=float, default=0.1, help="time of an epoch [%(default)s]")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(BOWL)
    os.environ["SKILLBANK_SKILLS"] = str(BOWL / "skills")
    os.environ["SKILLBANK_LOCAL_SLOTS"] = "1"
    draw = random.Random(arguments.seed)
    with TemporaryDirectory() as root:
        client = Client(root)
        began_s = time.monotonic()
        reference = history_of(client.wait(start(client, arguments.epoch_s).id))
        whole_s = time.monotonic() - began_s
        print(f"undisturbed: {len(reference)} trials in {whole_s:.1f} s")
        outcomes = []
        for number in range(arguments.kills):
            moment_s = draw.uniform(0.3, 0.95 * whole_s)
            victim = VICTIMS[number % len(VICTIMS)]
            outcome = disturb(client, victim, moment_s, (arguments.epoch_s, reference))
            print(f"{number + 1:3}  {outcome}", flush=True)
            outcomes.append(outcome)
    good = [o for o in outcomes if o.equals and o.state == JobState.COMPLETE]
    summary = {
        "what": "searches of the bowl, 8 recommendations of at most 9 epochs, one at a time, asha",
        "kills": len(outcomes),
        "hit": sum(bool(outcome.killed) for outcome in outcomes),
        "complete_and_equal": len(good),
        "outcomes": [vars(outcome) for outcome in outcomes],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"{len(good)} of {len(outcomes)} complete with the undisturbed history")
    return 0 if len(good) == len(outcomes) else 1


def start(client: Client, epoch_s: float) -> Job:
    """Submit one search."""
    return client.create_job(
        "bowl-train",
        "train",
        overrides={"train.epoch_s": epoch_s},
        automl={
            "algorithm": "asha",
            "max_recommendations": 8,
            "max_epochs": 9,
            "max_concurrent": 1,
            "final_evaluation": False,
        },
    )


def disturb(
    client: Client, victim: str, moment_s: float, expected: tuple[float, History]
) -> Outcome:
    """Run one search, kill at the moment, resume it as long as that is needed."""
    epoch_s, reference = expected
    job = start(client, epoch_s)
    time.sleep(moment_s)
    killed = kill(job, victim)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        job = client.wait(job.id, timeout_s=LIMIT_S)
        if job.state is JobState.COMPLETE:
            break
        job = client.resume(job.id)
    equals = job.state is JobState.COMPLETE and history_of(job) == reference
    return Outcome(victim, round(moment_s, 2), job.state.value, job.attempt, equals, killed)


def kill(job: Job, victim: str) -> list[str]:
    """Kill the processes of the driver, of its trials, or of both; what was hit."""
    folders = {"driver": job.id, "trial": f"{job.id}-t"}
    wanted = ["driver", "trial"] if victim == "both" else [victim]
    hit = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        folder = Path((process.info["environ"] or {}).get("SKILLBANK_JOB_FOLDER", "")).name
        line = process.info["cmdline"] or []
        supervised = [Path(word).name for word in line if f"/jobs/{job.id}" in word]
        for kind in wanted:
            named = [folder, *supervised] if kind == "trial" else [folder]
            is_trial = any(name.startswith(folders["trial"]) for name in named)
            is_driver = folder == folders["driver"] and not is_trial
            if (kind == "trial" and is_trial) or (kind == "driver" and is_driver):
                try:
                    process.send_signal(signal.SIGKILL)
                except psutil.NoSuchProcess:
                    continue
                hit.append(kind)
    return hit


def history_of(job: Job) -> History:
    """What a search tried and measured, without what depends on the clock."""
    return [
        {
            "trial": record.trial,
            "specs": dict(record.specs),
            "params": dict(record.params),
            "curve": [list(point) for point in record.curve],
            "state": record.state.value,
            "job": record.job_id.removeprefix(job.id),
        }
        for record in read_result(job.results).history
    ]


if __name__ == "__main__":
    sys.exit(main())
