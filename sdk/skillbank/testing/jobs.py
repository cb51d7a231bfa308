"""Jobs that the suites submit: Python scripts, with their plans and folders."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from skillbank.job import Observation
from skillbank.plan import JobPlan, Route
from skillbank.platforms.api import Platform

_PATIENCE_S = 60.0

# Tells that it runs, then sleeps for as long as anybody may wait.
SLEEP = """
import pathlib, sys, time
pathlib.Path(sys.argv[1], "running").touch()
time.sleep(600)
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP
POLITE = (
    """
import pathlib, signal, sys
def stop(*_):
    pathlib.Path(sys.argv[1], "stopped").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
"""
    + SLEEP
)


@dataclass(frozen=True)
class ScriptPlan(JobPlan):
    """A plan whose job is a Python script; it gets the results folder as its argument."""

    script: str = field(default="", kw_only=True)

    def command(self) -> list[str]:
        """Arguments of Python that do the job."""
        return ["-c", self.script, str(self.results)]


def make_script_plan(root: Path, script: str, *, job_id: str = "job-1") -> ScriptPlan:
    """A plan of a script, with its folder written as a client writes it."""
    plan = ScriptPlan(
        job_id=job_id,
        skill="skill-of-the-platform-suite",
        action="train",
        network_arch="none",
        route=Route.DIRECT,
        reason="the suite submits it",
        spec={},
        folder=root / "jobs" / job_id,
        script=script,
    )
    plan.results.mkdir(parents=True)
    (plan.folder / "plan.json").write_text(plan.to_json(), encoding="utf-8")
    (plan.folder / "spec.yaml").write_text("{}\n", encoding="utf-8")
    return plan


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Return as soon as something is so; fail the test when it never is."""
    deadline = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {_PATIENCE_S:g} s"
        time.sleep(0.01)


def wait_for_end(platform: Platform, plan: JobPlan, attempt: int = 1) -> Observation:
    """The final observation of an attempt."""
    wait_until(lambda: platform.poll(plan, attempt).state.is_final, f"{plan.job_id} ends")
    return platform.poll(plan, attempt)


def start_and_wait(platform: Platform, plan: JobPlan) -> None:
    """Submit a script that touches `running`, and return when it has."""
    platform.submit(plan, 1)
    wait_until((plan.results / "running").exists, f"{plan.job_id} runs")
