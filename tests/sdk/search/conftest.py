"""A client that searches the bowl: a training whose loss is a formula.

Every training is a process of its own that takes some 0.4 s to start, so tests share searches.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import pytest

from skillbank.automl.result import SearchResult, read_result
from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.job import Job, JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.api import Platform
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform

BOWL = Path(__file__).resolve().parents[2] / "fixtures" / "bowl_runner"
PATIENCE_S = 240.0


@dataclass(frozen=True)
class Gates:
    """Holds trainings at a known epoch: `t002-e1` is the second epoch of trial 2.

    Attributes:
        folder: Where they are; a spec names it as `train.gates`.
    """

    folder: Path

    def close(self, *names: str) -> None:
        for name in names:
            (self.folder / f"closed-{name}").touch()

    def open(self, *names: str) -> None:
        for name in names:
            (self.folder / f"closed-{name}").unlink()

    def wait_for(self, name: str) -> int:
        """Pid of the process that stands at a gate, once it does."""
        mark = self.folder / f"at-{name}"
        wait_until(mark.exists, f"a training at {name}")
        return int(mark.read_text(encoding="ascii"))

    def are_passed(self, name: str) -> bool:
        return (self.folder / f"at-{name}").exists()


@dataclass(frozen=True)
class Bowl:
    """Searches the bowl below one root.

    Attributes:
        client: Runs the searches.
        gates: Hold the trainings of searches that are started with `holds=True`.
    """

    client: Client
    gates: Gates

    def with_own_gates(self) -> Bowl:
        """The same, with gates that hold no other search."""
        return Bowl(self.client, Gates(Path(mkdtemp(dir=self.gates.folder))))

    def start(
        self,
        overrides: Mapping[str, Any] | None = None,
        *,
        data: Mapping[str, str] | None = None,
        holds: bool = False,
        **automl: Any,
    ) -> Job:
        """Start a search; further arguments are its settings."""
        held = {"train.gates": str(self.gates.folder)} if holds else {}
        return self.client.create_job(
            "bowl-train", "train", overrides={**held, **(overrides or {})}, data=data, automl=automl
        )

    def end(self, job: Job) -> tuple[Job, SearchResult]:
        """A search when it has ended, and its result."""
        job = self.client.wait(job.id, PATIENCE_S)
        return job, read_result(job.results)

    def run(
        self,
        overrides: Mapping[str, Any] | None = None,
        *,
        data: Mapping[str, str] | None = None,
        **automl: Any,
    ) -> tuple[Job, SearchResult]:
        """A search from its start to its end."""
        return self.end(self.start(overrides, data=data, **automl))

    def trials(self, job: Job) -> list[Job]:
        """The jobs of a search, by id."""
        return sorted(self.client.jobs(limit=1000, search=job.id), key=lambda each: each.id)

    def kill(self, job: Job) -> None:
        """Kill, as `kill -9` does, the process of a job that runs, and wait until it is gone."""
        supervisor = psutil.Process(supervisor_pid(job))
        child = supervisor.children()[0]
        child.send_signal(signal.SIGKILL)

        def has_ended() -> bool:
            seen = self.client.job(job.id)  # a search that runs resumes its trial at once
            return seen.state.is_final or seen.attempt > job.attempt

        wait_until(has_ended, f"the end of {job.id}")


class Here(Platform):
    """This machine, on which the test itself runs the searches that it submits."""

    def submit(self, plan: JobPlan, attempt: int) -> None:
        AttemptFolder(plan.folder, attempt).path.mkdir(parents=True)

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        del plan, attempt
        return Observation(JobState.RUNNING)

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        raise AssertionError((plan, attempt))

    def logs(self, plan: JobPlan) -> str:
        raise AssertionError(plan)

    def gpus(self) -> int:
        return 0


def supervisor_pid(job: Job) -> int:
    path = job.folder / "attempts" / str(job.attempt) / "supervisor.json"
    return int(json.loads(path.read_bytes())["pid"])


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for a state, not for a time."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@contextmanager
def search_bowl(root: Path, num_slots: int = 4) -> Iterator[Bowl]:
    """Searches below a root; their own processes find the same skills."""
    gates = root / "gates"
    gates.mkdir(parents=True)
    path = os.pathsep.join(filter(None, [str(BOWL), os.environ.get("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setenv("SKILLBANK_SKILLS", str(BOWL / "skills"))
        patch.setenv("SKILLBANK_HOME", str(root))
        patch.setenv("SKILLBANK_LOCAL_SLOTS", str(num_slots))
        platform = LocalPlatform(root, gpus=(), num_slots=num_slots, grace_s=5.0)
        client = Client(root, bank=SkillBank([BOWL / "skills"]), platforms={"local": platform})
        yield Bowl(client, Gates(gates))
        client.close()


@pytest.fixture(scope="module")
def bowl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bowl]:
    """Searches of one file of tests, four trials at once."""
    with search_bowl(tmp_path_factory.mktemp("root")) as made:
        yield made


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """Jobs of the bowl, four at once; the search's own process finds the same skills."""
    with search_bowl(tmp_path / "root") as made:
        yield made.client
