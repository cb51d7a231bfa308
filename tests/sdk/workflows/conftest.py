"""Workflows of the bowl, a formula that trains and evaluates in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.sdk.search.conftest import BOWL, Bowl, search_bowl, supervisor_pid, wait_until

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.api import Platform
from skillbank.workflows.workflow import Step, Workflow

SKILL = "bowl-train"
PATIENCE_S = 120.0

__all__ = ["BOWL", "Bowl", "search_bowl", "supervisor_pid"]


def train(**request: Any) -> dict[str, Any]:
    """A step that trains the bowl, without a search."""
    return {"skill": SKILL, "action": "train", "automl_policy": "off", **request}


def evaluate(parent: int | str | None = 0, **request: Any) -> dict[str, Any]:
    """A step that evaluates the bowl of an earlier one."""
    step = {"skill": SKILL, "action": "evaluate", **request}
    return step if parent is None else {**step, "parent": parent}


def states(workflow: Workflow) -> list[str]:
    """What each step does."""
    return [step.state.value for step in workflow.steps]


def kill_driver(workflow: Workflow) -> None:
    """Kill, as `kill -9` does, whoever answers for a workflow; its driver goes with it."""
    _kill(supervisor_pid(workflow))  # type: ignore[arg-type]  # the same files as a job's


def kill_supervisor(client: Client, step: Step) -> None:
    """Kill whoever answers for a step's job; the job goes with it."""
    assert step.job_id is not None
    _kill(supervisor_pid(client.job(step.job_id)))


def _kill(supervisor_pid: int) -> None:
    supervisor = psutil.Process(supervisor_pid)
    processes = [supervisor, *supervisor.children()]
    supervisor.kill()
    wait_until(lambda: not any(map(_runs, processes)), "the end of what was killed")


def _runs(process: psutil.Process) -> bool:
    """Tell whether a process runs; a zombie, which nobody has collected yet, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class InstantPlatform(Platform):
    """Completes every job at once, and keeps a line per start in `<root>/starts.txt`."""

    def __init__(self, root: Path) -> None:
        self._starts = root / "starts.txt"

    def submit(self, plan: JobPlan, attempt: int) -> None:
        (plan.results / "model_epoch_008_step_00009.pth").write_text("{}", encoding="ascii")
        with self._starts.open("a", encoding="ascii") as file:
            file.write(f"{plan.idempotency_key} {plan.job_id} {attempt}\n")

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        started = f"{plan.job_id} {attempt}"
        is_known = self._starts.exists() and any(line.endswith(started) for line in self.starts())
        return Observation(JobState.COMPLETE if is_known else JobState.LOST)

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        raise NotImplementedError

    def logs(self, plan: JobPlan) -> str:  # noqa: ARG002
        return ""

    def gpus(self) -> int:
        return 0

    def starts(self) -> list[str]:
        """Key, job and attempt of everything that was started."""
        return self._starts.read_text(encoding="ascii").splitlines()


def make_instant_client(root: Path, kind: type[Client] = Client) -> Client:
    """A client whose jobs are complete as soon as they are submitted."""
    root.mkdir(exist_ok=True)
    platform = InstantPlatform(root)
    return kind(root, bank=SkillBank([BOWL / "skills"]), platforms={"local": platform})


@pytest.fixture(scope="module")
def bowl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bowl]:
    """Jobs of one file of tests, four at once."""
    with search_bowl(tmp_path_factory.mktemp("root")) as made:
        yield made


@pytest.fixture
def gated(bowl: Bowl) -> Bowl:
    """The same, with gates of the test's own."""
    return bowl.with_own_gates()
