"""How poses become windows: as the training data was converted.

The settings of the conversion travel in the checkpoint. For one that carries none, those of the
spec hold, and what the spec leaves open follows from the arrays that the network was trained on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.serving import ServingFacts
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.spec_reading import SpecInvalid, leaves_open

DEEPSTREAM = "deepstream"
_SECTION = "dataset_convert"
_OF_THE_FILES = (
    "results_dir",
    "data",
    "format",
    "num_joints",
    "source_layout",
    "layout",
    "frame_rate",
    "labels",
    "label_coverage",
    "split",
    "val_names",
    "val_fraction",
    "split_seed",
)
"""Keys about the files of the training data; inference has files of its own."""
_OF_THE_PICTURE = ("input_width", "input_height")

log = logging.getLogger(__name__)


def conversion_settings(spec: InferenceAction, facts: ServingFacts | None) -> DatasetConvertSpec:
    """Settings to convert the poses with.

    Args:
        spec: Of the inference.
        facts: What the checkpoint records of its training.

    Raises:
        SpecInvalid: The spec contradicts the checkpoint; every key with both values.
        RunnerError: What the checkpoint carries cannot be read.
    """
    if facts is None or facts.conversion is None:
        return _of_arrays(spec, facts)
    settings = _carried(spec.dataset_convert, facts.conversion)
    found = DEEPSTREAM if spec.inference.video else spec.inference.format
    trained = facts.conversion.get("format", DEEPSTREAM)
    is_other_unit = (trained == DEEPSTREAM) != (found == DEEPSTREAM)
    if is_other_unit and settings.pose_type == "3dbp" and facts.preprocessing.scale == "none":
        log.warning(
            "the training data was converted from %s files and these poses are %s: only deepstream "
            "coordinates are millimetres and divided by %s.focal_length, so bodies have another "
            "size here than in training; train with dataset.preprocessing.scale=torso to be free "
            "of units",
            trained,
            found,
            _SECTION,
        )
    return settings


def at_frame_rate(settings: DatasetConvertSpec, ratio: float, step: int) -> DatasetConvertSpec:
    """The settings for a recording that has more or fewer frames per second than training had.

    Args:
        settings: For recordings of training's frame rate.
        ratio: This recording's frame rate by training's: sequences last as many seconds as there.
        step: Frames of this recording from one sequence to the next; 0: as the settings say.

    Raises:
        SpecInvalid: The step is longer than a sequence.
    """
    keys = ("sequence_length", "sequence_length_min", "sequence_length_max")
    lengths = {key: max(1, round(getattr(settings, key) * ratio)) for key in keys}
    settings = settings.model_copy(update=lengths)
    if step > settings.sequence_length:
        raise SpecInvalid(
            [
                f"inference.step: found {step}, expected at most the {settings.sequence_length} "
                f"frames of a sequence ({_SECTION}.sequence_length): frames in between would be "
                "left out"
            ]
        )
    # The conversion takes int(length * overlap), at least 1: half a frame keeps rounding away.
    wanted = max(1, step or int(settings.sequence_length * settings.sequence_overlap))
    overlap = min(1.0, (wanted + 0.5) / settings.sequence_length)
    return settings.model_copy(update={"sequence_overlap": overlap})


def _carried(said: DatasetConvertSpec, carried: dict[str, Any]) -> DatasetConvertSpec:
    """The settings of training, but for what belongs to the files and pictures at hand."""
    try:
        trained = DatasetConvertSpec.model_validate(carried)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise RunnerError(
            "inference.checkpoint: what it says of the conversion of its data cannot be read: "
            f"{_SECTION}.{key}: {first['msg']}; it may come from another version"
        ) from error
    own = {name: getattr(said, name) for name in _OF_THE_FILES}
    own |= {name: getattr(said, name) for name in _OF_THE_PICTURE if not leaves_open(said, name)}
    problems = [
        f"{_SECTION}.{name}: the training data was converted with {getattr(trained, name)!r}, the "
        f"spec says {getattr(said, name)!r}; leave it out to use what training had"
        for name in type(said).model_fields
        if name not in {*_OF_THE_FILES, *_OF_THE_PICTURE}
        and not leaves_open(said, name)
        and getattr(said, name) != getattr(trained, name)
    ]
    if problems:
        raise SpecInvalid(problems)
    log.info("poses are converted as the training data was")
    return trained.model_copy(update=own)


def _of_arrays(spec: InferenceAction, facts: ServingFacts | None) -> DatasetConvertSpec:
    """The spec's settings; what it leaves open is made to fit the network's input."""
    said = spec.dataset_convert
    open_keys = {
        name: value
        for name, value in _fitting(spec, facts)
        if leaves_open(said, name) and getattr(said, name) != value
    }
    listed = ", ".join(f"{_SECTION}.{name}={value!r}" for name, value in open_keys.items())
    log.warning(
        "the checkpoint does not say how its training data was converted from poses: the settings "
        "under %s are used%s",
        _SECTION,
        f", and to fit the network: {listed}" if listed else "",
    )
    try:
        return DatasetConvertSpec.model_validate(said.model_dump() | open_keys)
    except ValidationError as error:
        raise SpecInvalid(str(error.errors()[0]["ctx"]["error"]).splitlines()) from error


def _fitting(spec: InferenceAction, facts: ServingFacts | None) -> Iterator[tuple[str, Any]]:
    default = DatasetConvertSpec()
    num_frames = facts.clip_shape[1] if facts else spec.dataset.window_size
    if num_frames > 0:
        yield "sequence_length_max", num_frames
        yield "sequence_length", min(default.sequence_length, num_frames)
        yield "sequence_length_min", min(default.sequence_length_min, num_frames)
    channels = spec.model.input_channels
    has_confidence = spec.dataset.preprocessing.has_confidence
    yield "keep_confidence", has_confidence
    if channels - has_confidence == 2:
        yield "pose_type", "2dbp"
