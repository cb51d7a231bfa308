"""Jobs that the suites submit: Python scripts, with their plans and folders."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from skillbank.job import Observation
from skillbank.plan import JobPlan, Route
from skillbank.platforms.api import Platform

PATIENCE_S = 60.0
"""How long anything may take that should take a moment, in seconds."""

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


def make_script_plan(
    root: Path, script: str, *, job_id: str = "job-1", **changes: object
) -> ScriptPlan:
    """A plan of a script, with its folder written as a client writes it.

    Args:
        root: Root folder of the jobs.
        script: What the job does.
        job_id: Its id.
        changes: Other fields of the plan.
    """
    usual = ScriptPlan(
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
    plan = replace(usual, **changes)  # type: ignore[arg-type]
    plan.results.mkdir(parents=True)
    saved = JobPlan(**{each.name: getattr(plan, each.name) for each in fields(JobPlan)})
    (plan.folder / "plan.json").write_text(saved.to_json(), encoding="utf-8")
    (plan.folder / "spec.yaml").write_text("{}\n", encoding="utf-8")
    return plan


def wait_until(is_so: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Return as soon as something is so; fail the test when it never is.

    Args:
        is_so: Tells whether it is.
        what: What is waited for, in words.
        patience_s: When to give up.
    """
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {patience_s:g} s"
        time.sleep(0.01)


def wait_for_end(
    platform: Platform, plan: JobPlan, attempt: int = 1, patience_s: float = PATIENCE_S
) -> Observation:
    """The final observation of an attempt."""
    seen: list[Observation] = []

    def has_ended() -> bool:
        seen[:] = [platform.poll(plan, attempt)]
        return seen[0].state.is_final

    wait_until(has_ended, f"{plan.job_id} ends", patience_s)
    return seen[0]


def start_and_wait(platform: Platform, plan: JobPlan, patience_s: float = PATIENCE_S) -> None:
    """Submit a script that touches `running`, and return when it has."""
    platform.submit(plan, 1)
    wait_until((plan.results / "running").exists, f"{plan.job_id} runs", patience_s)
