"""The dataset_convert section of the pose classification specs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Real, Text, extras


class DatasetConvertSpec(SpecModel):
    """Conversion of tracked body poses (JSON of DeepStream's body pose app) into arrays."""

    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/dataset_convert."
    )
    data: Text = Field(default="", description="JSON file of the tracked poses.")
    pose_type: Literal["3dbp", "25dbp", "2dbp"] = Field(
        default="3dbp",
        description="Coordinates to take: 3D, 2D with relative depth (25dbp), or 2D.",
    )
    num_joints: int = Field(default=34, ge=1, description="Joints per pose.")
    input_width: int = Field(default=1920, ge=1, description="Width of the video in pixels.")
    input_height: int = Field(default=1080, ge=1, description="Height of the video in pixels.")
    focal_length: Real = Field(
        default=1200.0,
        ge=0.0,
        description="Focal length of the camera in pixels; 3D coordinates are divided by it.",
        json_schema_extra=extras(math_cond="> 0.0"),
    )
    sequence_length_max: int = Field(
        default=300,
        ge=1,
        description="Frames of a sequence; shorter ones are padded.",
        json_schema_extra=extras(
            math_cond=">= depends_on", depends_on="dataset_convert.sequence_length_min"
        ),
    )
    sequence_length_min: int = Field(
        default=10, ge=1, description="Frames below which a sequence is left out."
    )
    sequence_length: int = Field(
        default=100, ge=1, description="Frames per cut of a long sequence."
    )
    sequence_overlap: Real = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Step from one cut to the next, as a share of sequence_length: 1.0 leaves no "
        "overlap, small values leave much.",
        json_schema_extra=extras(math_cond="> 0.0"),
    )

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        problems = []
        if self.focal_length == 0:
            problems.append("dataset_convert.focal_length: found 0.0, expected more than 0 pixels")
        if self.sequence_length_max < self.sequence_length_min:
            problems.append(
                f"dataset_convert.sequence_length_max: found {self.sequence_length_max}, expected "
                f"at least dataset_convert.sequence_length_min ({self.sequence_length_min})"
            )
        if int(self.sequence_length * self.sequence_overlap) < 1:
            problems.append(
                f"dataset_convert.sequence_overlap: found {self.sequence_overlap}, expected a step "
                f"of at least one of the {self.sequence_length} frames of "
                "dataset_convert.sequence_length"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self
