"""Measure SLURM as a platform on a real cluster of this machine: `python tools/bench/slurm.py`.

As root, with Debian's slurm-wlm and munge. Told: how long a submission and a poll take, how fifty
jobs at once fare, how soon a job whose node died runs again, and whether a job at the end of its
walltime is warned by SLURM itself, saves, and goes on. The figures stand in docs/slurm.md.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.sdk.platforms.test_slurm_faults import RESUMABLE  # noqa: E402
from tests.services.slurm import SlurmCluster, running_cluster  # noqa: E402

from skillbank.job import JobState  # noqa: E402 - the tests' cluster is found from the root
from skillbank.platforms.slurm import SlurmPlatform  # noqa: E402
from skillbank.testing import (  # noqa: E402
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

RESULTS = Path(__file__).parent / "results" / "slurm.json"
NUM_JOBS = 50
ONCE = 'import pathlib, sys; pathlib.Path(sys.argv[1], "done").open("x").close()'


def timed(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def measure_many(root: Path) -> dict[str, object]:
    """Fifty jobs at once: none is lost, none runs twice."""
    platform = SlurmPlatform(root)
    plans = [make_script_plan(root, ONCE, job_id=f"job-{n}") for n in range(NUM_JOBS)]
    began = time.perf_counter()
    submits = [timed(partial(platform.submit, plan, 1)) for plan in plans]
    polls: list[float] = []
    states: dict[str, JobState] = {}
    while len(states) < NUM_JOBS:
        for plan in plans:
            if plan.job_id not in states:
                polls.append(timed(partial(platform.poll, plan, 1)))
                state = platform.poll(plan, 1).state
                if state.is_final:
                    states[plan.job_id] = state
        time.sleep(0.2)
    return {
        "jobs": NUM_JOBS,
        "complete": sum(state is JobState.COMPLETE for state in states.values()),
        "ran": sum((plan.results / "done").exists() for plan in plans),
        "all_s": round(time.perf_counter() - began, 1),
        "submit_median_ms": round(1000 * median(submits)),
        "poll_median_ms": round(1000 * median(polls), 1),
        "polls": 2 * len(polls),
    }


def measure_node_failure(cluster: SlurmCluster, root: Path) -> dict[str, object]:
    """From the loss of the node to the end of the second run, with SLURM's own pause."""
    platform = SlurmPlatform(root)
    plan = make_script_plan(root, RESUMABLE)
    start_and_wait(platform, plan)
    cluster.kill_node(cluster.node_of(plan.job_id))
    took = timed(lambda: wait_for_end(platform, plan))
    return {"state": str(platform.poll(plan, 1).state), "to_complete_s": round(took, 1)}


def measure_walltime(root: Path) -> dict[str, object]:
    """SLURM itself warns a job of two minutes a minute before their end."""
    platform = SlurmPlatform(root, settings={"walltime": "2m", "warning": "60s"})
    plan = make_script_plan(root, RESUMABLE)
    start_and_wait(platform, plan)
    saved = plan.results / "saved"
    warned = timed(lambda: wait_until(saved.exists, "it is warned", 180))
    took = timed(lambda: wait_for_end(platform, plan))
    return {
        "warned_after_s": round(warned, 1),
        "goes_on_and_completes_after_s": round(took, 1),
        "state": str(platform.poll(plan, 1).state),
    }


def main() -> None:
    """Measure everything, print it, and keep it beside the other results."""
    began = time.perf_counter()
    with running_cluster() as cluster, TemporaryDirectory() as folder:
        os.environ["SLURM_CONF"] = str(cluster.conf)
        started_s = round(time.perf_counter() - began, 2)
        figures = {
            "cores": os.cpu_count(),
            "cluster_starts_s": started_s,
            "many": measure_many(Path(folder, "many")),
            "node_failure": measure_node_failure(cluster, Path(folder, "node")),
            "walltime": measure_walltime(Path(folder, "walltime")),
        }
    text = json.dumps(figures, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
