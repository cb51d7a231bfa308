"""What a checkpoint needs to name actions on a stream: network, preparation, window, names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.continual.coordinates import FrameConversion
from skillbank_runners.pose_classification.continual.network import ContinualSTGCN
from skillbank_runners.pose_classification.continual.people import Smoothing
from skillbank_runners.pose_classification.continual.pooling import PoolShape
from skillbank_runners.pose_classification.continual.preparation import (
    Preparation,
    check_streamable,
)
from skillbank_runners.pose_classification.network import STGCN, load_weights
from skillbank_runners.pose_classification.serving import ServingFacts, facts_of_checkpoint
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.pose_classification.streams import Streams
from skillbank_runners.training.checkpoints import State, read_checkpoint

_KEY = "checkpoint"
_SECTION = "dataset_convert"
_PREFIX = "model."  # of TAO's state dicts
_NEEDED = ("A", "data_bn.weight", "fcn.weight")
_OF_THE_PICTURE = ("input_width", "input_height")


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is named.

    Attributes:
        window_frames: Frames that an answer is about; None: as many as training's sequences had.
        top_k: Classes that are told of each person.
        max_age: Frames after which somebody who is not seen is forgotten.
        smoothing: How answers become steady; as the inference action has it.
        frame_rate: Frames per second of the stream; None: that of the training data.
        conversion: Settings of the dataset_convert that made the training data, where the
            checkpoint carries none; where it does, the size of the picture (`input_width`,
            `input_height`).
    """

    window_frames: int | None = None
    top_k: int = 1
    max_age: int = 30
    smoothing: Smoothing = field(default_factory=Smoothing)
    frame_rate: float | None = None
    conversion: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamModel:
    """A model that is ready for a stream.

    Attributes:
        network: Takes frames one by one.
        conversion: How poses become coordinates.
        preparation: What is done to them before the network gets them.
        class_names: In the order of the logits.
        pool_shape: What an answer is about.
        trained_frames: Frames of the clips that the network was trained on.
        settings: How the stream is named.
    """

    network: ContinualSTGCN
    conversion: FrameConversion
    preparation: Preparation
    class_names: tuple[str, ...]
    pool_shape: PoolShape
    trained_frames: int
    settings: StreamSettings

    @property
    def notes(self) -> Iterator[str]:
        """What the user should know before trusting it, one sentence each."""
        seen = 2 * self.network.delay + 1
        if self.trained_frames < seen:
            yield (
                f"trained on clips of {self.trained_frames} frames, but an answer on a "
                f"stream looks at {seen}: in training the frames around a clip were zeros, so "
                "answers may differ from those of the inference action; train on longer clips"
            )


def load_stream_model(checkpoint: Path, settings: StreamSettings) -> StreamModel:
    """Read a checkpoint and make it ready.

    Raises:
        RunnerError: It cannot be read, or not be used on a stream; every reason.
    """
    state = read_checkpoint(checkpoint, _KEY)
    what = f"{_KEY} {str(checkpoint)!r}"
    facts = facts_of_checkpoint(state, what)
    preprocessing = facts.preprocessing if facts else PreprocessingSpec()
    rate = settings.frame_rate or (facts.frame_rate if facts else None)
    check_streamable(preprocessing, rate, what=what)
    network = _network(state, facts, what)
    layout = facts.skeleton if facts else None
    converted = _conversion(facts, settings.conversion, network.A.shape[1], what)
    channels = (facts.channels or ()) if facts else ()
    conversion = FrameConversion(
        converted, layout.name if layout else "", is_flat="y" in channels and "z" not in channels
    )
    _check_channels(network, conversion, preprocessing, what)
    sequence, clip = _trained_on(facts, converted, settings.conversion)
    window = settings.window_frames or sequence
    return StreamModel(
        ContinualSTGCN(network),
        conversion,
        Preparation(preprocessing, layout, network.streams),
        _class_names(state, facts, network),
        PoolShape(window, max(window, clip), facts.clip_shape[3] if facts else 1),
        clip,
        settings,
    )


def _network(state: State, facts: ServingFacts | None, what: str) -> STGCN:
    weights: dict[str, Tensor] = {
        key.removeprefix(_PREFIX): value for key, value in state["state_dict"].items()
    }
    missing = [key for key in _NEEDED if key not in weights]
    if missing:
        raise RunnerError(
            f"{what}: no ST-GCN: its weights have no {', '.join(map(repr, missing))}; give a "
            "checkpoint of pose_classification train"
        )
    _, V, _ = weights["A"].shape
    network = STGCN(
        len(weights["fcn.weight"]),
        len(weights["data_bn.weight"]) // V,
        weights["A"].numpy(),
        edge_importance_weighting=any(key.startswith("edge_importance.") for key in weights),
    )
    if facts is not None and facts.preprocessing.streams != ("joint",):
        network.streams = Streams(
            facts.preprocessing.streams,
            facts.skeleton.parents,
            has_confidence=facts.preprocessing.has_confidence,
        )
    load_weights(network, weights, source=what)
    return network.eval()


def _conversion(
    facts: ServingFacts | None, given: Mapping[str, Any], num_joints: int, what: str
) -> DatasetConvertSpec:
    """Settings of the conversion that made the training data."""
    carried = facts.conversion if facts else None
    if carried is None and not given:
        raise RunnerError(
            f"{what} does not say how its training data was made from poses, so frames cannot be "
            f"prepared alike; say so with --set, such as --set pose_type=3dbp --set "
            f"focal_length=1200.0, under the names of {_SECTION}"
        )
    problems = [
        f"{key}: trained with {carried[key]!r}, --set says {value!r}"
        for key, value in given.items()
        if carried is not None
        and key in carried
        and key not in _OF_THE_PICTURE
        and carried[key] != value
    ]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise RunnerError(f"{what} was trained on other data:\n{listed}\nleave out --set for these")
    values = {"num_joints": num_joints, **(carried or {}), **given}
    try:
        return DatasetConvertSpec.model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise RunnerError(f"{_SECTION}: {'; '.join(problems)}") from error


def _check_channels(
    network: STGCN, conversion: FrameConversion, preprocessing: PreprocessingSpec, what: str
) -> None:
    channels = network.data_bn.num_features // network.A.shape[1]
    found = conversion.num_channels * len(preprocessing.streams)
    if channels != found:
        raise RunnerError(
            f"{what} takes {channels} channels, but its conversion and streams give {found}; check "
            f"pose_type and keep_confidence of {_SECTION} (--set)"
        )


def _class_names(state: State, facts: ServingFacts | None, network: STGCN) -> tuple[str, ...]:
    if facts is not None:
        return facts.class_names
    names = state.get("hyper_parameters", {}).get("class_names")
    return tuple(names or (f"class_{index}" for index in range(network.fcn.out_channels)))


def _trained_on(
    facts: ServingFacts | None, conversion: DatasetConvertSpec, given: Mapping[str, Any]
) -> tuple[int, int]:
    """Frames of a sequence of training, and of the clip that it was in: the rest were zeros."""
    clip, sequence = conversion.sequence_length_max, conversion.sequence_length
    if facts is None:
        return min(sequence, clip), clip
    clip = facts.clip_shape[1]
    if facts.conversion is None and "sequence_length" not in given:
        sequence = clip  # whether anything was added is not known
    if facts.preprocessing.frame_rate and facts.frame_rate:
        ratio = facts.preprocessing.frame_rate / facts.frame_rate
        clip, sequence = round(clip * ratio), round(sequence * ratio)
    if facts.window_size > 0:
        clip = facts.window_size
    return min(sequence, clip), clip
