"""The dataset.preprocessing and dataset.augmentation sections: keys that TAO lacks.

Every default leaves clips as they are, so that a spec of TAO's means what it means there.
What `preprocessing` says is stored in the checkpoint and holds for every later action on it;
`augmentation` changes clips while training only.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Real, SearchRange, extras

Stream = Literal["joint", "bone", "motion"]

_INTERPOLATE = "dataset.preprocessing.interpolate == true"


def _up_to(high: float) -> dict[str, JsonValue]:
    """Keywords of a strength that is searched where the user names it, from none at all."""
    return extras(search=SearchRange(0.0, high), is_recommended=False)


class PreprocessingSpec(SpecModel):
    """What is done to every clip before the network sees it, in this order."""

    has_confidence: bool = Field(
        default=False,
        description="The last channel of the data is the confidence of each joint, in [0, 1]; a "
        "joint of confidence 0 is missing.",
    )
    interpolate: bool = Field(
        default=False,
        description="Fill in missing joints along the line between the frames around them; needs "
        "has_confidence.",
    )
    min_confidence: Real = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="With interpolate: joints of this confidence or less count as missing.",
        json_schema_extra=extras(depends_on=_INTERPOLATE),
    )
    frame_rate: Real = Field(
        default=0.0,
        ge=0.0,
        le=1000.0,
        description="Frames per second to resample clips to; needs the frame rate of the data. "
        "0.0: as recorded.",
    )
    centring: Literal["none", "frame", "first_frame"] = Field(
        default="none",
        description="Put the middle of the hips at the origin, in each frame (frame), or by where "
        "it is in the first one (first_frame), which keeps the way that the body goes.",
    )
    alignment: Literal["none", "frame", "first_frame"] = Field(
        default="none",
        description="Turn the body so that its spine points along +y and its shoulders from left "
        "to right along +x, in each frame (frame), or by the first one (first_frame), which keeps "
        "how the body turns. Needs 3D coordinates.",
    )
    scale: Literal["none", "torso"] = Field(
        default="none",
        description="Divide by the clip's mean distance from hips to shoulders (torso), so that "
        "neither the unit of the data nor the size of a person matters.",
    )
    sampling: Literal["pad", "uniform"] = Field(
        default="pad",
        description="How a clip comes to dataset.window_size frames: cut, or padded with zeros "
        "(pad); or by that many frames spread evenly over its real length (uniform), which shows "
        "the whole action whatever its duration.",
    )
    streams: tuple[Stream, ...] = Field(
        default=("joint",),
        min_length=1,
        description="What the network gets of each joint, as channels beside each other: its "
        "place (joint), its place from its parent joint (bone), its way to the next frame "
        "(motion).",
    )

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        if self.interpolate and not self.has_confidence:
            raise ValueError(
                "dataset.preprocessing.interpolate: found true without has_confidence, expected a "
                "confidence channel that says which joints are missing"
            )
        if len(set(self.streams)) < len(self.streams):
            raise ValueError(
                f"dataset.preprocessing.streams: found {', '.join(self.streams)}, expected each "
                "stream at most once"
            )
        return self


class AugmentationSpec(SpecModel):
    """Random changes of every clip in every epoch of a training."""

    rotation_deg: Real = Field(
        default=0.0,
        ge=0.0,
        le=180.0,
        description="Largest turn of the body about the vertical axis (y), in degrees; of 2D "
        "data: in the picture.",
        json_schema_extra=_up_to(45.0),
    )
    tilt_deg: Real = Field(
        default=0.0,
        ge=0.0,
        le=180.0,
        description="Largest further turn about each of the two horizontal axes, in degrees; 3D "
        "data only.",
        json_schema_extra=_up_to(30.0),
    )
    scale: Real = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Largest change of size along each axis, as a share: 0.1 is 0.9 to 1.1 times.",
        json_schema_extra=_up_to(0.3),
    )
    noise: Real = Field(
        default=0.0,
        ge=0.0,
        description="Standard deviation of the shift of each joint in each frame, in the unit of "
        "the preprocessed data.",
        json_schema_extra=_up_to(0.05),
    )
    flip: Real = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Chance that a clip is mirrored, with left and right joints swapped. Leave it "
        "at 0.0 where classes tell left from right, or clockwise from counter-clockwise.",
        json_schema_extra=_up_to(0.5),
    )
    joint_drop: Real = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Chance that a joint is missing (zero) throughout a clip.",
        json_schema_extra=_up_to(0.3),
    )
    time_warp: Real = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="How unevenly time passes: standard deviation of the logarithm of the speed in "
        "each quarter of the clip.",
        json_schema_extra=_up_to(0.5),
    )
    time_crop: Real = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Largest share of a clip's frames that is left out at its ends.",
        json_schema_extra=_up_to(0.5),
    )
