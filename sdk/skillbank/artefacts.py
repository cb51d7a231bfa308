"""List the checkpoints and other artefacts that a job left behind.

`artefacts.json` in a results folder says what is there; without it, file names do
(`model_epoch_EEE_step_SSSSS.pth`, `model_epoch_EEE.pth`, `*.onnx`, `*.engine`). Epochs count from
0. Links to the newest checkpoint (`pc_model_latest.pth`) are never listed: they are used only
when a path names them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from skillbank.errors import CheckpointNotFound, RequestInvalid, did_you_mean

_NAME = re.compile(r"model_epoch_(?P<epoch>\d+)(?:_step_(?P<step>\d+))?\.pth")


class ArtefactKind(StrEnum):
    """What a file that a job leaves behind is, as artefacts.json names it."""

    CHECKPOINT = "checkpoint"
    ONNX = "onnx"
    ENGINE = "engine"
    PREDICTIONS = "predictions"
    METRICS = "metrics"
    REPORT = "report"
    DATASET = "dataset"

    @classmethod
    def parse(cls, word: str) -> ArtefactKind:
        """Read a kind.

        Raises:
            RequestInvalid: There is none of this name.
        """
        try:
            return cls(word)
        except ValueError as error:
            raise RequestInvalid(
                f"kind: {word!r} is no kind of artefact; {did_you_mean(word, list(cls))}"
            ) from error


_PATTERNS = {ArtefactKind.ONNX: "*.onnx", ArtefactKind.ENGINE: "*.engine"}


@dataclass(frozen=True)
class Checkpoint:
    """One saved model, or another artefact of a job.

    Attributes:
        path: Where it lies.
        kind: What it is.
        epoch: Zero-indexed epoch after which it was written, None when unknown.
        step: Optimizer steps taken until then, None when unknown.
        metrics: Validation metrics that belong to it.
        sha256: Recorded digest; empty when none was recorded.
        size_bytes: Recorded size; the file's own when none was recorded.
        uri: Where it lies instead, when only the job's results URI has it; empty: at `path`.
    """

    path: Path
    kind: ArtefactKind = ArtefactKind.CHECKPOINT
    epoch: int | None = None
    step: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    sha256: str = ""
    size_bytes: int = 0
    uri: str = ""

    @property
    def location(self) -> str:
        """The path, or the URI, under which another job finds it."""
        return self.uri or str(self.path)

    @property
    def age(self) -> tuple[int, int]:
        """Sorts earlier checkpoints first."""
        return (-1 if self.epoch is None else self.epoch, -1 if self.step is None else self.step)

    @property
    def is_whole(self) -> bool:
        """Tell whether the file has the size that was recorded."""
        if self.uri:
            return True  # it was recorded as it went up
        return self.path.is_file() and self.path.stat().st_size == self.size_bytes

    def value(self, metric: str) -> float | None:
        """Its value of a metric; None when there is none, or it is not a number."""
        value = self.metrics.get(metric)
        return None if value is None or math.isnan(value) else float(value)

    def require_whole(self) -> None:
        """Make sure that the file has the size that was recorded.

        Raises:
            CheckpointNotFound: It has another, or is gone.
        """
        if not self.is_whole:
            found = self.path.stat().st_size if self.path.is_file() else 0
            raise CheckpointNotFound(
                f"{self.path}: the file is damaged: found {found} bytes, recorded were "
                f"{self.size_bytes}; choose another checkpoint, or run the job again."
            )

    def verify(self) -> None:
        """Make sure that the file is the one that was recorded, byte for byte.

        Raises:
            CheckpointNotFound: Its size or its digest is another.
        """
        self.require_whole()
        if not self.sha256 or self.uri:
            return
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise CheckpointNotFound(
                f"{self.path}: the file was changed: its sha256 is {found[:12]}..., recorded was "
                f"{self.sha256[:12]}...; choose another checkpoint, or run the job again."
            )

    def __str__(self) -> str:
        epoch = "" if self.epoch is None else f"epoch {self.epoch}"
        step = "" if self.step is None else f"step {self.step}"
        metrics = [f"{name} {value:.4g}" for name, value in self.metrics.items()]
        words = ", ".join(part for part in (epoch, step, *metrics) if part)
        return f"{self.path.name} ({words})" if words else self.path.name


def list_checkpoints(results: Path) -> list[Checkpoint]:
    """Checkpoints of a results folder that are still there, earliest first."""
    return list_artefacts(results, ArtefactKind.CHECKPOINT)


def recorded_checkpoints(results: Path) -> list[Checkpoint]:
    """Checkpoints that artefacts.json names, also those that were deleted since.

    Raises:
        CheckpointNotFound: artefacts.json cannot be read.
    """
    return [a for a in _recorded(results) if a.kind is ArtefactKind.CHECKPOINT]


def list_artefacts(results: Path, kind: ArtefactKind | None = None) -> list[Checkpoint]:
    """Artefacts of a results folder that are still there; checkpoints earliest first.

    Args:
        results: The folder.
        kind: Only those of this kind.

    Raises:
        CheckpointNotFound: artefacts.json cannot be read.
    """
    elsewhere = _kept_elsewhere(results)
    recorded = _recorded(results) or _by_name(results)
    found = [replace(a, uri=elsewhere.get((a.path, a.size_bytes), "")) for a in recorded]
    fitting = [a for a in found if kind in {None, a.kind} and (a.uri or _is_there(a.path))]
    return sorted(fitting, key=lambda artefact: artefact.age)


def newest_whole(results: Path) -> Checkpoint | None:
    """The newest checkpoint whose file is whole: what a job resumes from."""
    whole = [checkpoint for checkpoint in list_checkpoints(results) if checkpoint.is_whole]
    return whole[-1] if whole else None


def describe_contents(results: Path) -> str:
    """What a results folder holds, for the end of an error."""
    found = list_artefacts(results)
    return f"it has: {', '.join(map(str, found))}." if found else "it has no artefacts."


def from_path(path: Path) -> Checkpoint:
    """A file that no record tells about, described by its name and size."""
    kinds = {".onnx": ArtefactKind.ONNX, ".engine": ArtefactKind.ENGINE}
    match = _NAME.fullmatch(path.name)
    epoch, step = (match["epoch"], match["step"]) if match else (None, None)
    return Checkpoint(
        path,
        kinds.get(path.suffix, ArtefactKind.CHECKPOINT),
        None if epoch is None else int(epoch),
        None if step is None else int(step),
        size_bytes=path.stat().st_size,
    )


def _recorded(results: Path) -> list[Checkpoint]:
    path = results / "artefacts.json"
    if not path.is_file():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["artefacts"]
        return [_entry(results, entry) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointNotFound(
            f"{path}: cannot be read ({error!r}); expected the list of what the job left behind. "
            "Name a file by its path, or run the job again."
        ) from error


def _entry(results: Path, entry: Mapping[str, Any]) -> Checkpoint:
    metrics = {name: v for name, v in (entry.get("metrics") or {}).items() if v is not None}
    return Checkpoint(
        results / entry["path"],
        ArtefactKind(entry["kind"]),
        entry.get("epoch"),
        entry.get("step"),
        metrics,
        entry["sha256"],
        entry["size_bytes"],
    )


def _by_name(results: Path) -> list[Checkpoint]:
    files = [path for path in results.rglob("model_epoch_*.pth") if _NAME.fullmatch(path.name)]
    files += [path for pattern in _PATTERNS.values() for path in results.rglob(pattern)]
    return [from_path(path) for path in sorted(files) if _is_there(path)]


def _kept_elsewhere(results: Path) -> dict[tuple[Path, int], str]:
    """Path and size -> URI of the files that a mirrored folder does not hold itself.

    `manifest.json` beside the results tells, as whoever brought the folder here left it.
    """
    try:
        manifest = json.loads((results.parent / "manifest.json").read_bytes())
        listed = {
            (results.parent / path, entry["size_bytes"]): (
                f"{manifest['uri']}/{entry.get('key') or path}"
            )
            for path, entry in manifest["files"].items()
        }
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointNotFound(
            f"{results.parent / 'manifest.json'}: cannot be read ({error!r}); delete it, then ask "
            "again: it is brought anew from the job's results."
        ) from error
    return {key: uri for key, uri in listed.items() if not key[0].is_file()}


def _is_there(path: Path) -> bool:
    """Tell whether a file is there that is no link to another."""
    return path.is_file() and not path.is_symlink()
