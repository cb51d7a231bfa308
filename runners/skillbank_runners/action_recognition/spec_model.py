"""The model section of the action recognition specs: streams, clips, backbone, weights."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import AtLeastOne, Real, SearchRange, Text, extras

_JOINT = "model.model_type == joint"
_NOT_RGB = "model.model_type != rgb"
_NOT_FLOW = "model.model_type != of"
_CONSECUTIVE = "model.sample_strategy == consecutive"


class ModelSpec(SpecModel):
    """The network."""

    model_type: Literal["rgb", "of", "joint"] = Field(
        default="rgb",
        description="What the network looks at: frames in colour (rgb), optical flow (of), or "
        "both, each with a backbone of its own (joint).",
    )
    backbone: Literal["resnet_18", "resnet_34", "resnet_50", "resnet_101", "resnet_152", "i3d"] = (
        Field(
            default="resnet_18",
            description="Network that sees the frames; more layers are slower and learn from more "
            "data. i3d is for input_type 3d only.",
        )
    )
    input_type: Literal["2d", "3d"] = Field(
        default="2d",
        description="Stack the frames of a clip as channels (2d), or convolve over time as well "
        "(3d), which is slower and sees motion.",
    )
    input_height: int = Field(default=224, ge=1, description="Pixels of the network's input, down.")
    input_width: int = Field(
        default=224, ge=1, description="Pixels of the network's input, across."
    )
    rgb_seq_length: int = Field(
        default=3,
        ge=1,
        title="RGB Sequence Length",
        description="Frames in colour per clip; longer clips show slower actions and cost more.",
        json_schema_extra=extras(depends_on=_NOT_FLOW),
    )
    of_seq_length: int = Field(
        default=10,
        ge=1,
        title="Optical Flow Sequence Length",
        description="Flow pictures, each of u and v, per clip.",
        json_schema_extra=extras(depends_on=_NOT_RGB),
    )
    sample_strategy: Literal["random_interval", "consecutive"] = Field(
        default="random_interval",
        description="Which frames make a clip: one from each of as many equal parts of the video "
        "(random_interval), or neighbours (consecutive).",
    )
    sample_rate: AtLeastOne = Field(
        default=1,
        description="Every how many frames a consecutive clip takes one: 2 leaves every second "
        "out.",
        json_schema_extra=extras(
            search=SearchRange(1, 4),
            is_recommended=False,
            math_cond=">= 1",
            depends_on=_CONSECUTIVE,
        ),
    )
    dropout_ratio: Real = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Chance that a unit before the last layer is silenced while training; more of "
        "it fits the training data less closely.",
        json_schema_extra=extras(search=SearchRange(0.0, 0.9)),
    )
    num_fc: int = Field(
        default=64,
        ge=1,
        title="Number of Fully Connected Units",
        description="Units of the layer that joins the two streams.",
        json_schema_extra=extras(
            search=SearchRange(16, 256, log=True), is_recommended=False, depends_on=_JOINT
        ),
    )
    imagenet_pretrained: bool = Field(
        default=False,
        title="ImageNet Pretrained",
        description="Start from weights that were learned on ImageNet's photos.",
    )
    rgb_pretrained_model_path: Text = Field(
        default="",
        title="RGB Pretrained Model Path",
        description="Checkpoint (.pth) whose weights the stream in colour starts from.",
        json_schema_extra=extras(depends_on=_NOT_FLOW),
    )
    rgb_pretrained_num_classes: int = Field(
        default=5,
        ge=0,
        title="RGB Pretrained Number of Classes",
        description="Classes that rgb_pretrained_model_path was trained on; 0: as many as now. A "
        "head for another number is initialised anew.",
        json_schema_extra=extras(depends_on=_NOT_FLOW),
    )
    of_pretrained_model_path: Text = Field(
        default="",
        title="Optical Flow Pretrained Model Path",
        description="Checkpoint (.pth) whose weights the stream of optical flow starts from.",
        json_schema_extra=extras(depends_on=_NOT_RGB),
    )
    of_pretrained_num_classes: int = Field(
        default=5,
        ge=0,
        title="Optical Flow Pretrained Number of Classes",
        description="Classes that of_pretrained_model_path was trained on; 0: as many as now. A "
        "head for another number is initialised anew.",
        json_schema_extra=extras(depends_on=_NOT_RGB),
    )
    joint_pretrained_model_path: Text = Field(
        default="",
        description="Checkpoint (.pth) of a joint network that training starts from; it replaces "
        "the weights of both streams.",
        json_schema_extra=extras(depends_on=_JOINT),
    )

    @model_validator(mode="after")
    def _check_backbone(self) -> Self:
        if self.backbone == "i3d" and self.input_type != "3d":
            raise ValueError(
                f"model.backbone: found 'i3d' with model.input_type {self.input_type!r}, expected "
                "model.input_type '3d', or one of the ResNets"
            )
        return self
