"""Many jobs on real container engines: `python tools/bench/containers.py` (as root).

Fifty jobs are submitted at once to dockerd and to Podman's service, each started for this. Told per
engine: how long a submission takes, how long all jobs take, and what a look at a running job and at
a waiting one costs. The figures go into tools/bench/results/containers.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # run as a script: find `tests`

from tests.services.docker import Dockerd, Engine, Podman, running_engine  # noqa: E402

from skillbank.job import JobState  # noqa: E402
from skillbank.platforms.docker import DockerPlatform  # noqa: E402
from skillbank.testing import SLEEP, make_script_plan, start_and_wait, wait_until  # noqa: E402

ONCE = 'import pathlib, sys; pathlib.Path(sys.argv[1], "done").open("x").close()'
LOOKS = 100


def main() -> int:
    """Measure both engines, print and keep the figures; 1 where a job did not complete."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=50, help="jobs of each engine [%(default)s]")
    num_jobs = parser.parse_args().jobs
    found = {}
    for kind in (Dockerd, Podman):
        with running_engine(kind) as engine, TemporaryDirectory() as folder:
            found[kind.name] = measure(engine, Path(folder), num_jobs)
            print(kind.name, json.dumps(found[kind.name]))
    path = ROOT / "tools" / "bench" / "results" / "containers.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return int(any(one["complete"] != num_jobs for one in found.values()))


def measure(engine: Engine, root: Path, num_jobs: int) -> dict[str, float]:
    """Times in seconds, and how many jobs completed."""
    platform = DockerPlatform(root, settings=engine.settings)
    plans = [make_script_plan(root, ONCE, job_id=f"job-{n}") for n in range(num_jobs)]
    began = time.monotonic()
    submissions = [timed(partial(platform.submit, plan, 1)) for plan in plans]
    submitted_s = time.monotonic() - began
    states = [JobState.PENDING] * num_jobs
    while not all(state.is_final for state in states):
        time.sleep(0.1)
        states = [platform.poll(plan, 1).state for plan in plans]
    ended_s = time.monotonic() - began
    running, waiting = (make_script_plan(root, SLEEP, job_id=name) for name in ("runs", "waits"))
    start_and_wait(platform, running)
    wait_until(lambda: platform.poll(running, 1).state is JobState.RUNNING, "it runs")
    looks = [timed(lambda: platform.poll(running, 1)) for _ in range(LOOKS)]
    platform.submit(waiting, 1)
    anew = [look_anew(engine, root, lambda one: one.poll(waiting, 1)) for _ in range(20)]
    cancelled_s = timed(lambda: platform.cancel(running, 1))
    platform.cancel(waiting, 1)
    return {
        "complete": sum(state is JobState.COMPLETE for state in states),
        "submit_s_median": round(median(submissions), 3),
        "all_submitted_s": round(submitted_s, 1),
        "all_ended_s": round(ended_s, 1),
        "poll_running_s_median": round(median(looks), 5),
        "poll_waiting_by_a_new_process_s_median": round(median(anew), 4),
        "cancel_s": round(cancelled_s, 2),
    }


def look_anew(engine: Engine, root: Path, look: Callable[[DockerPlatform], object]) -> float:
    """Time of a look by a platform that knows nothing yet, as a new process makes it."""
    another = DockerPlatform(root, settings=engine.settings)
    return timed(lambda: look(another))


def timed(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
