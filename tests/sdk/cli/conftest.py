"""Run command lines in this process, and leave jobs in a root for them to find."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from skillbank.cli import main
from skillbank.client import Client
from skillbank.job import Job, JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.api import Platform
from skillbank.request import AutomlPolicy, JobRequest

SKILL = "tao-train-pose-classification"


@dataclass(frozen=True)
class Done:
    """A command line that ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


CommandLine = Callable[..., Done]


@dataclass
class ScriptedPlatform(Platform):
    """A machine on which every job goes the same way: one observation, and its lines, per look."""

    course: Sequence[Observation]
    lines: Sequence[dict[str, Any]] = ()
    log: str = ""
    checkpoints: Sequence[dict[str, Any]] = ()
    has_report: bool = True
    looks: int = field(default=0, init=False)

    def submit(self, plan: JobPlan, attempt: int) -> None:  # noqa: ARG002
        (plan.folder / "log.txt").write_text(self.log, encoding="utf-8")
        for checkpoint in self.checkpoints:
            (plan.results / checkpoint["path"]).write_bytes(b"weights")
        artefacts = {"artefacts": [self._artefact(one) for one in self.checkpoints]}
        (plan.results / "artefacts.json").write_text(json.dumps(artefacts), encoding="utf-8")
        if self.has_report:
            (plan.results / "report.html").write_text("<html>", encoding="utf-8")

    def poll(self, plan: JobPlan, attempt: int) -> Observation:  # noqa: ARG002
        with (plan.results / "status.json").open("a", encoding="utf-8") as file:
            for line in self.lines[self.looks : self.looks + 1]:
                file.write(json.dumps(line) + "\n" if line else "")
        self.looks += 1
        return self.course[min(self.looks, len(self.course)) - 1]

    def cancel(self, plan: JobPlan, attempt: int) -> None:  # noqa: ARG002
        self.course = [Observation(JobState.CANCELED, "cancelled")]

    def logs(self, plan: JobPlan) -> str:
        return (plan.folder / "log.txt").read_text(encoding="utf-8")

    def gpus(self) -> int:
        return 0

    @staticmethod
    def _artefact(checkpoint: dict[str, Any]) -> dict[str, Any]:
        digest = hashlib.sha256(b"weights").hexdigest()
        return {"kind": "checkpoint", "sha256": digest, "size_bytes": 7, **checkpoint}


def observation(state: str, detail: str = "") -> Observation:
    is_final = JobState(state).is_final
    exit_code = {"COMPLETE": 0, "ERROR": 1}.get(state)
    return Observation(JobState(state), detail, exit_code, 1000.0, 1083.0 if is_final else None)


def epoch_line(epoch: int, **kpi: float) -> dict[str, Any]:
    return {
        "status": "RUNNING",
        "message": f"epoch {epoch} is done",
        "epoch": epoch,
        "max_epoch": 3,
        "eta": "0:00:20",
        "kpi": kpi,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def cli(root: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Call `skillbank --root ROOT ...`."""

    def call(*arguments: object) -> Done:
        status = main(["--root", str(root), *map(str, arguments)])
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A folder with files of the right names; planning looks no further."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture
def submit(root: Path, dataset: Path) -> Callable[[ScriptedPlatform], tuple[Client, Job]]:
    """Submit a train job to a platform; the client that follows it there."""

    def start(platform: ScriptedPlatform) -> tuple[Client, Job]:
        client = Client(root, platforms={"local": platform})
        request = JobRequest(
            SKILL, "train", data={"all": str(dataset)}, automl_policy=AutomlPolicy.OFF
        )
        return client, client.submit(client.plan_job(request))

    return start


@pytest.fixture
def complete_job(submit: Callable[[ScriptedPlatform], tuple[Client, Job]]) -> Job:
    """A train job that completed, with two checkpoints and a report."""
    checkpoints = [
        _checkpoint(1, val_loss=0.5, val_acc=0.8),
        _checkpoint(2, val_loss=0.7, val_acc=0.9),
    ]
    lines = [epoch_line(2, val_loss=0.7, val_acc=0.9)]
    platform = ScriptedPlatform([observation("COMPLETE")], lines, "one\ntwo\nthree\n", checkpoints)
    client, job = submit(platform)
    return client.job(job.id)


def _checkpoint(epoch: int, **metrics: float) -> dict[str, Any]:
    name = f"model_epoch_{epoch:03d}_step_{9 * (epoch + 1):05d}.pth"
    return {"path": name, "epoch": epoch, "step": 9 * (epoch + 1), "metrics": metrics}
