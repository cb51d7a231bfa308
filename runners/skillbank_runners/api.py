"""What an action is given: its spec, checked, and a Run that it reports to."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict

from skillbank_runners.signals import StopRequest
from skillbank_runners.training.peers import Peers

Scalar = float | int | str | bool | None


class SpecModel(BaseModel):
    """Base of every spec: frozen, and unknown keys are errors.

    A key that is no name of a Python field, such as TAO's `_eig_val`, is the field's alias.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), serialize_by_alias=True
    )


class Status(StrEnum):
    """State written in a status line, under TAO's names."""

    STARTED = "STARTED"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class ArtefactKind(StrEnum):
    """What a file that a job leaves behind is."""

    CHECKPOINT = "checkpoint"
    ONNX = "onnx"
    ENGINE = "engine"
    PREDICTIONS = "predictions"
    METRICS = "metrics"
    REPORT = "report"
    DATASET = "dataset"


@dataclass(frozen=True)
class Artefact:
    """One file in the results folder, as `artefacts.json` records it.

    Attributes:
        kind: What the file is.
        path: Relative to the results folder, with forward slashes.
        sha256: Hex digest of the file.
        size_bytes: Size of the file.
        epoch: Zero-indexed epoch after which a checkpoint was written, else None.
        step: Number of optimizer steps taken when a checkpoint was written, else None.
        metrics: Validation metrics that belong to the file (`val_loss`, `val_acc`, ...).
    """

    kind: ArtefactKind
    path: str
    sha256: str
    size_bytes: int
    epoch: int | None = None
    step: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


class Run:
    """An action's link to the outside: where results go and where progress is told.

    Attributes:
        results: Folder of the results.
        action: The action.
        spec_path: The spec file.
        pause_after: Epochs, counted from the first of all, after which a training is to pause:
            it writes a checkpoint and raises `Paused`. None: it trains to its end.
        final_metrics: What the last line of a completed job will tell.
        stop: Tells when somebody wants the action to stop.
        peers: The processes that work on it together.
    """

    def __init__(
        self,
        results: Path,
        *,
        action: str = "",
        spec_path: Path | None = None,
        pause_after: int | None = None,
        stop: StopRequest | None = None,
        peers: Peers | None = None,
    ) -> None:
        self.results = results
        self.action = action
        self.spec_path = spec_path
        self.pause_after = pause_after
        self.final_metrics: dict[str, float] = {}
        self.stop = stop or StopRequest()
        self.peers = peers or Peers()

    def report(
        self,
        message: str,
        *,
        status: Status = Status.RUNNING,
        kpi: Mapping[str, float] | None = None,
        **values: Scalar,
    ) -> None:
        """Append one line to status.json for whoever follows the job.

        Args:
            message: One sentence for a person.
            status: State of the action.
            kpi: Metrics that hold from this line on, such as `val_loss`.
            values: Further keys of TAO's status format (`epoch`, `max_epoch`, `step`, `eta`,
                `time_per_epoch`, ...), written as they are.
        """
        now = datetime.now()
        line = {
            "date": f"{now.month}/{now.day}/{now.year}",
            "time": now.strftime("%H:%M:%S"),
            "status": status.value,
            "verbosity": "ERROR" if status is Status.FAILURE else "INFO",
            "message": message,
            **({"kpi": _finite(kpi)} if kpi else {}),
            **values,
        }
        with (self.results / "status.json").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def conclude(self, metrics: Mapping[str, float]) -> None:
        """Add metrics to the line that ends a completed job, such as the size of its network."""
        self.final_metrics |= metrics

    def record(self, artefact: Artefact) -> None:
        """Add or replace one entry of artefacts.json, atomically."""
        self.record_all([artefact])

    def record_all(self, artefacts: Sequence[Artefact]) -> None:
        """Add or replace entries of artefacts.json, all at once."""
        paths = {artefact.path for artefact in artefacts}
        entries = [a for a in self.artefacts() if a.path not in paths]
        self._write_artefacts([*entries, *artefacts])

    def forget(self, path: str) -> None:
        """Remove the entry of a file that was deleted."""
        self._write_artefacts([a for a in self.artefacts() if a.path != path])

    def artefacts(self) -> list[Artefact]:
        """Entries of artefacts.json, oldest first."""
        path = self.results / "artefacts.json"
        if not path.is_file():
            return []
        entries = json.loads(path.read_text(encoding="utf-8"))["artefacts"]
        return [Artefact(**{**entry, "kind": ArtefactKind(entry["kind"])}) for entry in entries]

    def _write_artefacts(self, artefacts: list[Artefact]) -> None:
        text = json.dumps({"artefacts": [asdict(a) for a in artefacts]}, indent=1)
        write_atomically(self.results / "artefacts.json", text.encode())


def describe_file(path: Path, results: Path, kind: ArtefactKind) -> Artefact:
    """Artefact entry of a finished file; `dataclasses.replace` adds epoch, step and metrics."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    relative = Path(os.path.relpath(path, results)).as_posix()
    return Artefact(kind, relative, digest, path.stat().st_size)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old or the new one and never a part."""
    with written_whole(path) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write piece by piece; it appears under its name when all went well, or not."""
    with placed_whole(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def placed_whole(path: Path) -> Iterator[Path]:
    """A free place beside `path`; what is made there gets that name when all went well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _finite(kpi: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN or infinity: such a metric is written as null."""
    return {
        name: value if value - value == 0 else None
        for name, value in ((name, float(value)) for name, value in kpi.items())
    }
