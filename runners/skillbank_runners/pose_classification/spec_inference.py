"""Keys of the inference section that TAO lacks: actions over time, from poses or from a video."""

from __future__ import annotations

from pydantic import Field

from skillbank_runners.skeletons.format_field import PoseFormat
from skillbank_runners.spec_fields import Real, Text, extras
from skillbank_runners.spec_sections import DeviceSpec


class ActionsSpec(DeviceSpec):
    """What people do over time."""

    poses: Text = Field(
        default="",
        description="File or folder of people's poses over time, in which to name their actions, "
        "instead of test_dataset.",
        json_schema_extra=extras(popular=True),
    )
    format: PoseFormat = Field(
        default="deepstream", description="Format of poses, as in dataset_convert."
    )
    video: Text = Field(
        default="",
        description="Video in which to find people and name their actions, instead of poses.",
        json_schema_extra=extras(popular=True),
    )
    step: int = Field(
        default=0,
        ge=0,
        description="Frames from one sequence to the next in poses and videos; small steps say "
        "more often what people do and cost more. 0: as the training data was converted.",
    )
    hysteresis: Real = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="By how much the score of a new action must beat that of the current one to "
        "take over.",
    )
    min_duration: int = Field(
        default=10,
        ge=1,
        description="Frames in a row for which it must do so; shorter actions are not told.",
    )
    frame_probabilities: bool = Field(
        default=False,
        description="Also write the score of every class in every frame (probabilities.npz).",
    )
    annotated_video: bool = Field(
        default=False,
        description="Also write the video with skeletons, ids and actions drawn (annotated.mp4).",
    )
