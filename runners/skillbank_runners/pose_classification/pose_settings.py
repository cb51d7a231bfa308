"""What the pose section of a spec means to the pipeline that carries it out."""

from __future__ import annotations

from pathlib import Path

from skillbank_runners.pose_classification.spec_pose import PoseSpec
from skillbank_runners.skeletons.linking import LinkSettings
from skillbank_runners.skeletons.smoothing import OneEuroSettings
from skillbank_runners.spec_reading import SpecInvalid
from skillbank_runners.video.estimators import EstimatorSettings
from skillbank_runners.video.pipeline import PoseSettings


def pose_settings(spec: PoseSpec) -> PoseSettings:
    """Settings of the pipeline.

    Raises:
        SpecInvalid: A cutoff frequency is 0.
    """
    smoothing = spec.smoothing
    problems = [
        f"pose.smoothing.{name}: found 0.0, expected more than 0 Hz; to switch smoothing off, set "
        "pose.smoothing.enable to false"
        for name in ("min_cutoff", "derivative_cutoff")
        if getattr(smoothing, name) == 0
    ]
    if problems and smoothing.enable:
        raise SpecInvalid(problems)
    return PoseSettings(
        estimator=spec.estimator,
        layout=spec.layout,
        focal_length=spec.focal_length,
        smoothing=OneEuroSettings(smoothing.min_cutoff, smoothing.beta, smoothing.derivative_cutoff)
        if smoothing.enable
        else None,
        linking=LinkSettings(max_age=spec.forget_after),
        estimation=EstimatorSettings(
            max_people=spec.max_people,
            min_confidence=spec.min_confidence,
            redetect_every=spec.redetect_every,
            num_threads=spec.num_threads,
            model_folder=Path(spec.model_folder).expanduser() if spec.model_folder else None,
        ),
    )
