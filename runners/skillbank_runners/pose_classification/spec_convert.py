"""The dataset_convert section of the pose classification specs.

Keys that TAO lacks: format, source_layout, layout, frame_rate, gaps, max_gap, centring,
keep_confidence, and those of labels and of the split.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.skeletons.format_field import PoseFormat
from skillbank_runners.skeletons.layout_field import LayoutNameOrEmpty
from skillbank_runners.spec_fields import Real, Text, extras


class DatasetConvertSpec(SpecModel):
    """Conversion of tracked body poses (JSON of DeepStream's body pose app) into arrays."""

    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/dataset_convert."
    )
    data: Text = Field(
        default="",
        description="File of the tracked poses, a folder of such files, or a pattern such as "
        "'recordings/*.json'.",
    )
    format: PoseFormat = Field(default="deepstream", description="Format of the pose files.")
    pose_type: Literal["3dbp", "25dbp", "2dbp"] = Field(
        default="3dbp",
        description="Coordinates to take: 3D, 2D with relative depth (25dbp), or 2D.",
    )
    num_joints: int = Field(
        default=34,
        ge=1,
        description="Joints per pose of deepstream files; other formats have those of their "
        "layout.",
    )
    source_layout: LayoutNameOrEmpty = Field(
        default="",
        description="Layout of the files' poses: its name or the path of a layout file; empty: the "
        "format's own.",
    )
    layout: LayoutNameOrEmpty = Field(
        default="",
        description="Layout to convert poses to: its name or the path of a layout file; empty: the "
        "files' own.",
    )
    frame_rate: Real = Field(
        default=0.0,
        ge=0.0,
        description="Frames per second; 0.0: what the file says, if it does.",
    )
    input_width: int = Field(default=1920, ge=1, description="Width of the video in pixels.")
    input_height: int = Field(default=1080, ge=1, description="Height of the video in pixels.")
    focal_length: Real = Field(
        default=1200.0,
        ge=0.0,
        description="Focal length of the camera in pixels; 3D coordinates of deepstream files are "
        "divided by it.",
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
    gaps: Literal["join", "break", "interpolate"] = Field(
        default="join",
        description="Frames that a track lacks: join sets what is there side by side, as TAO does; "
        "break begins a new stretch after every gap; interpolate fills gaps of up to max_gap "
        "frames and breaks at longer ones.",
    )
    max_gap: int = Field(
        default=10,
        ge=1,
        description="Missing frames in a row that are filled at most.",
        json_schema_extra=extras(depends_on="dataset_convert.gaps == interpolate"),
    )
    centring: Literal["frame", "none"] = Field(
        default="frame",
        description="Whether 3D coordinates are about the root joint of each frame, as TAO has "
        "them, or stay where the body is in the room (none), for dataset.preprocessing.centring to "
        "decide.",
    )
    keep_confidence: bool = Field(
        default=False, description="Write the confidence of joints as the last channel."
    )
    labels: Text = Field(
        default="",
        description="CSV or JSON file with the class of files, cameras, objects or stretches of "
        "time; empty: labels that the recordings state, if they do. Labelled data become "
        "train_data.npy, train_label.pkl, val_data.npy and val_label.pkl.",
    )
    label_coverage: Real = Field(
        default=0.5,
        gt=0.0,
        le=1.0,
        description="Share of a sequence's frames that its class has to cover; below it the "
        "sequence counts as unlabelled and is left out.",
    )
    split: Literal["auto", "given", "subject", "camera", "file", "none"] = Field(
        default="auto",
        description="What is kept together on one side of training and validation. given: what the "
        "recordings state; auto: the first of given, subject, file and camera that there are two "
        "of; none: all for training.",
    )
    val_names: tuple[str, ...] = Field(
        default=(),
        description="Subjects, cameras or files of the validation set; empty: val_fraction of them "
        "by lot.",
    )
    val_fraction: Real = Field(
        default=0.2,
        gt=0.0,
        lt=1.0,
        description="Share of the subjects, cameras or files for validation, at least one.",
    )
    split_seed: int = Field(default=0, ge=0, description="Seed of that lot.")

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
        if self.val_names and self.split in ("given", "none"):
            problems.append(
                f"dataset_convert.val_names: found {', '.join(self.val_names)} with "
                f"dataset_convert.split {self.split!r}, which asks for no names; set split to "
                "subject, camera or file, or leave val_names out"
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
