"""The pose section of the pose classification specs: people's poses out of a video."""

from __future__ import annotations

from pydantic import Field

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Real, Text, extras


class PoseSmoothingSpec(SpecModel):
    """The One-Euro filter, which takes the tremor out of joints."""

    enable: bool = Field(default=True, description="Smooth joints over time.")
    min_cutoff: Real = Field(
        default=1.0,
        ge=0.0,
        description="Cutoff frequency of a joint at rest in Hz; lower is calmer.",
        json_schema_extra=extras(math_cond="> 0.0", depends_on="pose.smoothing.enable == true"),
    )
    beta: Real = Field(
        default=20.0,
        ge=0.0,
        description="By how many Hz the cutoff rises per body size and second of a joint's speed; "
        "higher lets fast movements lag less.",
        json_schema_extra=extras(depends_on="pose.smoothing.enable == true"),
    )
    derivative_cutoff: Real = Field(
        default=1.0,
        ge=0.0,
        description="Cutoff frequency of the speed itself in Hz.",
        json_schema_extra=extras(math_cond="> 0.0", depends_on="pose.smoothing.enable == true"),
    )


class PoseSpec(SpecModel):
    """People, their joints and who is who, in a video."""

    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/pose."
    )
    video: Text = Field(
        default="",
        description="Video file to find people in.",
        json_schema_extra=extras(popular=True),
    )
    estimator: Text = Field(
        default="blazepose",
        description="What finds the joints: blazepose, or package.module:factory of your own.",
    )
    layout: Text = Field(
        default="nvidia34",
        description="Skeleton to write: a name, a layout file, or empty for the estimator's own.",
    )
    max_people: int = Field(
        default=4, ge=1, le=50, description="Most people to follow at a time; each costs time."
    )
    min_confidence: Real = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Confidence below which a person is taken for none.",
    )
    redetect_every: int = Field(
        default=5, ge=1, description="Frames from one look for new people to the next."
    )
    forget_after: int = Field(
        default=30,
        ge=1,
        description="Frames after which somebody out of sight is forgotten; who comes back later "
        "gets a new id.",
    )
    focal_length: Real = Field(
        default=0.0,
        ge=0.0,
        description="Focal length of the camera in pixels, to place people before it; 0: unknown, "
        "then pose3d is centred on the hips.",
    )
    smoothing: PoseSmoothingSpec = Field(
        default=PoseSmoothingSpec(), description="Smoothing over time."
    )
    annotated_video: bool = Field(
        default=False,
        description="Also write the video with skeletons and ids drawn (annotated.mp4).",
    )
    num_threads: int = Field(
        default=2, ge=1, le=256, description="Processor cores that one estimator uses."
    )
    model_folder: Text = Field(
        default="",
        description="Folder of the estimator's networks; empty: where "
        "python -m skillbank_runners.video.models puts them.",
    )
