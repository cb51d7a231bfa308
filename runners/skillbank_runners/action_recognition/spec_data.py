"""The dataset section of the action recognition specs: folders of frames, and what is made of them.

A data set is a folder of classes, a class a folder of videos, and a video a folder with the frames
in `rgb/` and the optical flow in `u/` (horizontal) and `v/` (vertical), one picture per frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Real, SearchRange, Text, extras

_MULTI_SCALE = "dataset.augmentation_config.train_crop_type == multi_scale_crop"
_PLACE = "dataset.augmentation_config"

Values = tuple[Real, ...]
Scale = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]


class AugmentationSpec(SpecModel):
    """How frames are cropped, flipped and normalised."""

    train_crop_type: Literal["random_crop", "multi_scale_crop", "no_crop"] = Field(
        default="random_crop",
        description="What training sees of a frame: a random part of model.input_height by "
        "model.input_width after resizing (random_crop), a part of one of several sizes "
        "(multi_scale_crop), or all of it, resized (no_crop).",
    )
    scales: tuple[Scale, ...] = Field(
        default=(1,),
        min_length=1,
        description="Sizes of parts for multi_scale_crop, as shares of the frame's smaller edge; "
        "one is drawn for each clip.",
        json_schema_extra=extras(depends_on=_MULTI_SCALE),
    )
    horizontal_flip_prob: Real = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Chance that a training clip is mirrored; 0 where left and right tell actions "
        "apart. Horizontal flow changes its sign with it.",
        json_schema_extra=extras(search=SearchRange(0.0, 0.5), is_recommended=False),
    )
    rgb_input_mean: Values = Field(
        default=(0.485, 0.456, 0.406),
        title="RGB Input Mean",
        description="Subtracted from the colours red, green and blue, which reach from 0 to 1; "
        "one value serves all three. ImageNet's by default.",
    )
    rgb_input_std: Values = Field(
        default=(0.229, 0.224, 0.225),
        title="RGB Input Std",
        description="Divides the colours after rgb_input_mean was subtracted; as many values.",
    )
    of_input_mean: Values = Field(
        default=(0.5,),
        title="Optical Flow Input Mean",
        description="Subtracted from the pictures of the flow, whose values reach from 0 to 1 with "
        "0.5 for no motion; one value, or one for u and one for v.",
    )
    of_input_std: Values = Field(
        default=(0.5,),
        title="Optical Flow Input Std",
        description="Divides the flow after of_input_mean was subtracted; as many values.",
    )
    val_center_crop: bool = Field(
        default=False,
        description="Validate, evaluate and infer on the middle of a frame, after its smaller edge "
        "was resized to crop_smaller_edge; false: on the whole frame, resized.",
    )
    crop_smaller_edge: int = Field(
        default=256,
        ge=1,
        description="Pixels to which a frame's smaller edge is resized before a part is cropped.",
    )

    @model_validator(mode="after")
    def _check_normalisation(self) -> Self:
        rgb = _mismatches("rgb", self.rgb_input_mean, self.rgb_input_std, 3)
        flow = _mismatches("of", self.of_input_mean, self.of_input_std, 2)
        if problems := [*rgb, *flow]:
            raise ValueError("\n".join(problems))
        return self


def _mismatches(kind: str, mean: Values, std: Values, channels: int) -> Iterator[str]:
    """What is wrong with a normalisation; no values at all leave pixels as they are."""
    if len(mean) not in (0, 1, channels) or len(mean) != len(std):
        yield (
            f"{_PLACE}.{kind}_input_mean: found {len(mean)} values, and {len(std)} in "
            f"{kind}_input_std, expected 1 or {channels} of each, or none to leave pixels as they "
            "are"
        )
    if any(value <= 0 for value in std):
        yield f"{_PLACE}.{kind}_input_std: found {list(std)}, expected values above 0"


class DatasetSpec(SpecModel):
    """The data and how it is fed to the network."""

    train_dataset_dir: Text = Field(
        default="",
        description="Folder of classes to learn from: CLASS/VIDEO with the frames in rgb/ and the "
        "flow in u/ and v/, whichever model.model_type needs.",
    )
    val_dataset_dir: Text = Field(
        default="", description="Folder of classes that measures every epoch."
    )
    label_map: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        default=None,
        description="Class name, which is its folder's -> index, every index from 0 on once; it "
        "says how many classes the network tells apart.",
    )
    batch_size: int = Field(default=2, ge=1, description="Clips per optimizer step and GPU.")
    workers: int = Field(
        default=8,
        ge=0,
        description="Processes that load data beside the training; 0: the training's own.",
    )
    clips_per_video: int = Field(
        default=1, ge=1, description="Clips drawn from each training video per epoch."
    )
    augmentation_config: AugmentationSpec = Field(
        default=AugmentationSpec(),
        title="Augmentation",
        description="How frames are cropped, flipped and normalised.",
    )

    @model_validator(mode="after")
    def _check_label_map(self) -> Self:
        found = None if self.label_map is None else sorted(self.label_map.values())
        if found is not None and found != list(range(len(found))):
            raise ValueError(
                f"dataset.label_map: found {len(found)} classes with the indices {found}, "
                f"expected every index from 0 to {max(len(found) - 1, 0)} once"
            )
        return self
