"""Jobs and looks that the tests of the local platform share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil

from skillbank.plan import Route
from skillbank.platforms.attempt import AttemptFolder, Identity
from skillbank.testing import SLEEP, ScriptPlan, make_script_plan, wait_until

# Starts a process in a session of its own, which no signal to a group reaches.
WITH_STRAY = (
    """
import subprocess
stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
pathlib.Path(sys.argv[1], "stray.pid").write_text(str(stray.pid))
"""
)  # fmt: skip
STRAY = "import pathlib, sys" + WITH_STRAY + SLEEP
SHOW_GPUS = """
import os, pathlib, sys
pathlib.Path(sys.argv[1], "gpus").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
"""


def supervisor_of(plan: ScriptPlan, attempt: int = 1) -> Identity:
    folder = AttemptFolder(plan.folder, attempt)
    wait_until(lambda: folder.identity() is not None, "the supervisor tells who it is")
    identity = folder.identity()
    assert identity is not None
    return identity


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_dead(*pids: int) -> None:
    """Return when they are gone: a process that was killed needs a moment for that."""
    wait_until(lambda: not any(is_alive(pid) for pid in pids), f"{pids} are gone")


def wait_until_none_runs(plan: ScriptPlan) -> None:
    """Return when no process of a job is left."""
    wait_until(lambda: not processes_of(plan), f"nothing of {plan.job_id} runs")


def processes_of(plan: ScriptPlan) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("SKILLBANK_JOB_FOLDER") == str(plan.folder):
            found.append(process.pid)
    return found


def make_search_plan(root: Path, script: str, **changes: object) -> ScriptPlan:
    plan = make_script_plan(root, script, job_id="search")
    return replace(plan, route=Route.AUTOML, **changes)  # type: ignore[arg-type]
