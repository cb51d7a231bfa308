"""What inference functions look at: the job, its parent, its trial, and the key that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skillbank.artefacts import ArtefactKind


@dataclass(frozen=True)
class Parent:
    """What an inference function may know of the parent job.

    Attributes:
        job_id: Its id.
        action: Its action.
        state: Its state, in a word.
        is_complete: Whether it ended well.
        results: Its results folder.
    """

    job_id: str
    action: str
    state: str
    is_complete: bool
    results: Path

    @property
    def advice(self) -> str:
        """What to do about one that is not complete: its state decides."""
        if self.state in {"PENDING", "QUEUED", "RUNNING"}:
            return f"Wait for it with 'skillbank wait {self.job_id}',"
        return f"Continue it with 'skillbank resume {self.job_id}',"


@dataclass(frozen=True)
class Trial:
    """One recommendation of an AutoML study.

    Attributes:
        results: The trial's results folder.
        base_checkpoint: The study's pretrained model.
        num_epochs: Epoch budget of this rung, None when the trial runs to its end.
    """

    results: Path
    base_checkpoint: str | None = None
    num_epochs: int | None = None


@dataclass(frozen=True)
class Setting:
    """What an inference function may look at.

    Attributes:
        results: This job's results folder.
        parent: The parent job.
        selection: Which of the parent's checkpoints: a rule, a path, or None for the default.
        metric: Metric, and its direction, that `best` goes by.
        base_checkpoint: Pretrained model that the caller named.
        encryption_key: Reference to the user's key (`env:NAME`), never the key itself.
        trial: The AutoML recommendation that the job carries out.
        spec: The spec as built so far.
    """

    results: Path
    parent: Parent | None = None
    selection: str | None = None
    metric: tuple[str, str] = ("val_loss", "minimize")
    base_checkpoint: str | None = None
    encryption_key: str | None = None
    trial: Trial | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ask:
    """The spec key that a function is to fill.

    Attributes:
        key: Dotted key.
        kind: What the key takes.
        optional: Whether the action runs without it.
        arguments: What follows the function's name in skill_info.yaml.
    """

    key: str
    kind: ArtefactKind = ArtefactKind.CHECKPOINT
    optional: bool = False
    arguments: tuple[str, ...] = ()
