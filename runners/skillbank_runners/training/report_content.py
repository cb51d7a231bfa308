"""What a report shows, as plain values, and the small functions that build them.

Axes: N clips, C channels or classes, T frames, V joints, M people.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from skillbank_runners.training.hidden import HIDDEN, hide_in_command, is_secret
from skillbank_runners.training.run_info import code_revision, installed_versions

if TYPE_CHECKING:
    from skillbank_runners.training.classification_metrics import ClassificationMetrics

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]


class SkeletonLayout(Protocol):
    """What drawing a skeleton needs; `skeletons.layout.Layout` has it all."""

    @property
    def name(self) -> str:
        """Name of the layout, such as `human3.6m`."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """One name per joint."""

    @property
    def draw_edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints to join by a line."""

    @property
    def left_right_pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) joints."""


@dataclass(frozen=True)
class DataSource:
    """A file or folder that the run read.

    Attributes:
        key: Dotted spec key that names it.
        path: Where it is.
        size_bytes: Size of the file, or of all files below the folder.
        sha256: Hex digest of the content.
        detail: What is inside, such as `135 x 3 x 60 x 17 x 1, float16`.
    """

    key: str
    path: str
    size_bytes: int
    sha256: str
    detail: str = ""


@dataclass(frozen=True)
class SpecChange:
    """A spec key whose value is not the default; values as they print."""

    key: str
    default: str
    value: str


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch, under their kpi names (`train_loss`, `val_acc`, `lr`, ...)."""

    number: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Selection:
    """Which metric says what the best checkpoint is."""

    metric: str = "val_loss"
    minimize: bool = True


@dataclass(frozen=True)
class ClipSet:
    """Clips of one data set.

    Attributes:
        values: The clips, (N, C, T, V, M); a memory map will do.
        names: N names for people.
        class_names: Names in the order of class ids.
    """

    values: Floats
    names: Sequence[str]
    class_names: Sequence[str]


@dataclass(frozen=True)
class Clip:
    """One clip to draw, with what the network said.

    Attributes:
        name: The clip's name.
        values: Its joints, (C, T, V, M).
        predicted_class: Class with the highest score.
        predicted_share: Softmax of that score.
        true_class: The truth, or None where it is not known.
        true_share: Softmax of the true class's score.
    """

    name: str
    values: Floats
    predicted_class: str
    predicted_share: float
    true_class: str | None = None
    true_share: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Tell whether the truth is known and another class was predicted."""
        return self.true_class is not None and self.true_class != self.predicted_class


@dataclass(frozen=True)
class OnnxFacts:
    """What the check of an exported network found.

    Attributes:
        path: The ONNX file, relative to the results folder.
        opset: Its operator set.
        input: Name and shape, such as `input (batch, 3, 60, 17, 1)`.
        output: The same of what comes out.
        num_clips: Clips on which checkpoint and ONNX file were compared.
        max_difference: Largest absolute difference of their outputs.
        tolerance: Difference from which on the check fails.
    """

    path: str
    opset: int
    input: str
    output: str
    num_clips: int
    max_difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Tell whether the ONNX file computes what the checkpoint computes."""
        return self.max_difference <= self.tolerance


def library_versions() -> dict[str, str]:
    """What a result depends on, by version: Python, the libraries that are there, this code."""
    found = {"python": python_version(), **installed_versions(), "code": code_revision()}
    return {name: str(number) for name, number in found.items() if number}


def command_line() -> str:
    """This process's command, fit for a shell, without the values of secrets."""
    words = [Path(sys.orig_argv[0]).name, *sys.orig_argv[1:]]
    return shlex.join(hide_in_command(words))


@dataclass(frozen=True)
class RunFacts:
    """What ran.

    Attributes:
        network_arch: Such as `pose_classification`.
        action: Such as `train`.
        device: Where it computed, such as `cpu (2 threads)`.
        duration_s: Seconds from start to end of this process's work.
        seed: The run's seed; None where nothing random happens.
        status: How it ended.
        command: The command that repeats it.
        versions: Library -> version.
    """

    network_arch: str
    action: str
    device: str
    duration_s: float
    seed: int | None = None
    status: str = "SUCCESS"
    command: str = field(default_factory=command_line)
    versions: Mapping[str, str] = field(default_factory=library_versions)


@dataclass(frozen=True)
class ReportContent:
    """Everything that one report shows; a part left empty leaves its section out.

    Attributes:
        facts: What ran.
        changes: Spec keys that differ from the defaults; see `spec_changes`.
        data: What was read; see `data_source`.
        notes: Sentences that the reader should know, such as "no GPU: trained on the CPU".
        history: Metrics per epoch; see `training_history`.
        selection: How the best checkpoint is chosen.
        metrics: Result of an evaluation.
        predictions: Class -> number of clips taken for it; see `count_predictions`.
        clips: Clips to draw; see `choose_clips`.
        layout: Skeleton of these clips; without it none is drawn.
        onnx: Result of an export.
        timeline: Picture of who does what when, an SVG element.
    """

    facts: RunFacts
    changes: Sequence[SpecChange] = ()
    data: Sequence[DataSource] = ()
    notes: Sequence[str] = ()
    history: Sequence[Epoch] = ()
    selection: Selection = Selection()
    metrics: ClassificationMetrics | None = None
    predictions: Mapping[str, int] = field(default_factory=dict)
    clips: Sequence[Clip] = ()
    layout: SkeletonLayout | None = None
    onnx: OnnxFacts | None = None
    timeline: Markup | None = None


def spec_changes(spec: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[SpecChange, ...]:
    """Dotted keys whose values differ, in the spec's order; values of secrets are hidden.

    Args:
        spec: The run's settings, nested (`model_dump()`).
        defaults: The defaults, nested alike.
    """
    values, standard = _flatten(spec), _flatten(defaults)
    keys = [key for key in values if values[key] != standard.get(key)]
    return tuple(
        SpecChange(key, _show(standard.get(key)), HIDDEN if is_secret(key) else _show(value))
        for key, value in ((key, values[key]) for key in keys)
    )


def data_source(key: str, path: Path, detail: str = "") -> DataSource:
    """Digest of one file, or of a folder's files and their relative names."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digests = {file: _digest(file) for file in files}
    if path.is_dir():
        lines = [f"{digest}  {file.relative_to(path)}\n" for file, digest in digests.items()]
        digests[path] = hashlib.sha256("".join(lines).encode()).hexdigest()
    size_bytes = sum(file.stat().st_size for file in files)
    return DataSource(key, str(path), size_bytes, digests[path], detail)


def training_history(status_json: Path) -> tuple[Epoch, ...]:
    """Metrics per epoch from a status.json, over all attempts of a resumed run.

    A later line of an epoch overrides what an earlier one said, so an epoch that was cut off and
    run again counts once. A line cut off by a kill is passed over.
    """
    epochs: dict[int, dict[str, float]] = {}
    for text in status_json.read_text(encoding="utf-8").splitlines():
        try:
            line: dict[str, Any] = json.loads(text)
        except json.JSONDecodeError:
            continue
        numbers = {k: v for k, v in line.get("kpi", {}).items() if isinstance(v, int | float)}
        if numbers and isinstance(line.get("epoch"), int):
            epochs.setdefault(line["epoch"], {}).update(numbers)
    return tuple(Epoch(number, epochs[number]) for number in sorted(epochs))


def best_epoch(history: Sequence[Epoch], selection: Selection) -> Epoch | None:
    """First epoch with the best value of the metric; None where no epoch has it."""
    known = [epoch for epoch in history if selection.metric in epoch.metrics]
    sign = 1 if selection.minimize else -1
    return min(known, key=lambda epoch: sign * epoch.metrics[selection.metric], default=None)


def count_predictions(scores_NC: Floats, class_names: Sequence[str]) -> dict[str, int]:
    """Class -> number of clips whose highest score it has."""
    counts_C = np.bincount(scores_NC.argmax(axis=1), minlength=len(class_names))
    return {name: int(count) for name, count in zip(class_names, counts_C, strict=True)}


def choose_clips(
    clips: ClipSet, scores_NC: Floats, labels_N: Ints | None = None, limit: int = 8
) -> tuple[Clip, ...]:
    """Clips worth looking at: the true class's share is the lowest, or else the top share is.

    Args:
        clips: The data set.
        scores_NC: The network's outputs before softmax.
        labels_N: True class ids, where known.
        limit: How many.
    """
    shifted_NC = scores_NC.astype(np.float64) - scores_NC.max(axis=1, keepdims=True)
    shares_NC = np.exp(shifted_NC) / np.exp(shifted_NC).sum(axis=1, keepdims=True)
    predicted_N = shares_NC.argmax(axis=1)
    judged_N = predicted_N if labels_N is None else labels_N
    rows_N = np.arange(len(judged_N))
    chosen = np.argsort(shares_NC[rows_N, judged_N], kind="stable")[:limit]
    return tuple(
        Clip(
            name=clips.names[n],
            values=np.asarray(clips.values[n]),
            predicted_class=clips.class_names[predicted_N[n]],
            predicted_share=float(shares_NC[n, predicted_N[n]]),
            true_class=None if labels_N is None else clips.class_names[labels_N[n]],
            true_share=None if labels_N is None else float(shares_NC[n, labels_N[n]]),
        )
        for n in chosen.tolist()
    )


def _flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _show(value: object) -> str:
    return "-" if value in (None, "", {}) else str(value)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
