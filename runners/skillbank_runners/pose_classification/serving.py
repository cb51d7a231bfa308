"""What a network was trained on, as its checkpoint and its ONNX file carry it to every later use.

Training, evaluation, inference and whoever runs the ONNX file elsewhere turn a clip into the
network's input by `prepare` and these facts, and by nothing else.

Axes: C channels, T frames, V joints, M people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import JsonValue, ValidationError

from skillbank_runners.api import SpecModel
from skillbank_runners.errors import DataInvalid, RunnerError
from skillbank_runners.pose_classification.augment import Clip, fit_window
from skillbank_runners.pose_classification.contract import ClipSet, class_names
from skillbank_runners.pose_classification.dataset_facts import (
    DATASET_FILE,
    DatasetFacts,
    read_dataset_facts,
)
from skillbank_runners.pose_classification.preprocessing import preprocess, sample_frames
from skillbank_runners.pose_classification.spec import NetworkAction
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.skeletons.layout import Layout
from skillbank_runners.skeletons.layout_files import LayoutInvalid

CHECKPOINT_KEY = "serving"
"""Key below a checkpoint's `hyper_parameters`."""
METADATA_KEY = "skillbank.serving"
"""Key of an ONNX file's metadata; its value is JSON."""
_MEANING = ("pose_type", "centring")  # of a conversion's settings: what its numbers are


class ServingFacts(SpecModel):
    """What train used, in plain values.

    Attributes:
        version: Of this format.
        class_names: In the order of the logits.
        layout: The skeleton, as `Layout.to_dict` writes it: its file may be gone by now.
        clip_shape: (C, T, V, M) of the clips in the training file, before any step.
        channels: What the channels of the training file are, such as x, y, z; None: not told.
        window_size: Frames that the network sees; -1: as many as the clip has.
        preprocessing: The section dataset.preprocessing.
        frame_rate: Frames per second of the training file; None: not told.
        conversion: Settings of the dataset_convert that made the training file, from the
            dataset.json beside it, without paths; None where there is none.
    """

    version: Literal[1] = 1
    class_names: tuple[str, ...]
    layout: dict[str, JsonValue]
    clip_shape: tuple[int, int, int, int]
    channels: tuple[str, ...] | None = None
    window_size: int = -1
    preprocessing: PreprocessingSpec = PreprocessingSpec()
    frame_rate: float | None = None
    conversion: dict[str, JsonValue] | None = None

    @cached_property
    def skeleton(self) -> Layout:
        """The layout."""
        return Layout.from_dict(self.layout)

    def to_values(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """What an ONNX file carries."""
        return json.dumps(self.to_values(), ensure_ascii=False, allow_nan=False)


def facts_of_spec(
    spec: NetworkAction,
    layout: Layout,
    clip_shape: Sequence[int],
    dataset: DatasetFacts | None = None,
) -> ServingFacts:
    """What a spec says of the input, for clips of a shape (C, T, V, M)."""
    known = dataset or DatasetFacts()
    C, T, V, M = (int(size) for size in clip_shape)
    return ServingFacts(
        class_names=class_names(spec),
        layout=layout.to_dict(),
        clip_shape=(C, T, V, M),
        channels=known.channels,
        window_size=spec.dataset.window_size,
        preprocessing=spec.dataset.preprocessing,
        frame_rate=known.frame_rate,
        conversion=known.recipe,
    )


def prepare(clip_CTVM: Clip, facts: ServingFacts, *, frame_rate: float | None = None) -> Clip:
    """The network's input for one clip: exactly what evaluation feeds it.

    Args:
        clip_CTVM: As the training file held its clips, any number of frames.
        facts: What train used.
        frame_rate: Frames per second of this clip; None: that of the training file.

    Returns:
        (C, T', V, M), float32: T' is `window_size` where that is set.
    """
    clip_CTVM = preprocess_clip(clip_CTVM, facts, frame_rate=frame_rate)
    if facts.window_size < 0:
        return clip_CTVM
    if facts.preprocessing.sampling == "uniform":
        return sample_frames(clip_CTVM, facts.window_size)
    return fit_window(clip_CTVM, facts.window_size)


def preprocess_clip(
    clip_CTVM: Clip, facts: ServingFacts, *, frame_rate: float | None = None
) -> Clip:
    """The steps of `prepare` that come before the clip is cut to its length, and augmented."""
    clip_CTVM = np.asarray(clip_CTVM, dtype=np.float32)
    rate = facts.frame_rate if frame_rate is None else frame_rate
    return preprocess(clip_CTVM, facts.preprocessing, facts.skeleton, frame_rate=rate)


def frame_rate_of(clips: ClipSet, facts: ServingFacts) -> float | None:
    """Frames per second of a data file, which must mean what the training file meant.

    Raises:
        DataInvalid: Its dataset.json says that its coordinates, channels or joints are others.
    """
    dataset = read_dataset_facts(clips.data_path)
    if dataset is None:
        return None
    trained, found = facts.conversion or {}, dataset.conversion or {}
    pairs: dict[str, tuple[object, object]] = {"channels": (facts.channels, dataset.channels)}
    pairs |= {key: (trained.get(key), found.get(key)) for key in _MEANING}
    problems = [
        f"{key} {there!r}, but the network was trained with {here!r}"
        for key, (here, there) in pairs.items()
        if None not in (here, there) and here != there
    ]
    if joints := dataset.other_joints(facts.skeleton):
        problems.append(joints)
    if problems:
        where = clips.data_path.parent / DATASET_FILE
        hint = "convert the data as it was for training"
        raise DataInvalid([f"{where}: {problem}; {hint}" for problem in problems])
    return dataset.frame_rate


def read_serving(path: Path, key: str = "checkpoint") -> ServingFacts | None:
    """The facts that a checkpoint (.pth) or an ONNX file carries.

    Args:
        path: The file.
        key: Dotted key that names it, for messages.

    Returns:
        None where it carries none, as TAO's do.

    Raises:
        RunnerError: The file, or what it carries, cannot be read.
    """
    if path.suffix == ".onnx":
        return _read_onnx(path, key)
    from skillbank_runners.training.checkpoints import read_checkpoint

    return facts_of_checkpoint(read_checkpoint(path, key), f"{key}: {str(path)!r}")


def facts_of_checkpoint(state: Mapping[str, Any], what: str) -> ServingFacts | None:
    """The facts in a checkpoint that is loaded already; `what` names it in messages."""
    hyper_parameters = state.get("hyper_parameters")
    if not isinstance(hyper_parameters, Mapping) or CHECKPOINT_KEY not in hyper_parameters:
        return None
    return _parse(hyper_parameters[CHECKPOINT_KEY], what)


def _read_onnx(path: Path, key: str) -> ServingFacts | None:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no types

    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError, ValueError) as error:
        raise RunnerError(f"{key}: {str(path)!r} is no ONNX file that can be read") from error
    texts = [entry.value for entry in model.metadata_props if entry.key == METADATA_KEY]
    if not texts:
        return None
    try:
        values = json.loads(texts[0])
    except ValueError as error:
        raise RunnerError(
            f"{key}: {METADATA_KEY!r} of {str(path)!r} is no JSON ({error}); export it again"
        ) from error
    return _parse(values, f"{key}: {str(path)!r}")


def _parse(values: object, what: str) -> ServingFacts:
    try:
        facts = ServingFacts.model_validate(values)
        _ = facts.skeleton
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunnerError(
            f"{what}: what it says of its training cannot be read: {CHECKPOINT_KEY}.{where}: "
            f"found {first['input']!r}, {first['msg']}; it may come from another version"
        ) from error
    except LayoutInvalid as error:
        raise RunnerError(f"{what}: {CHECKPOINT_KEY}.layout: {error}") from error
    return facts
