"""Pose classification: ST-GCN on sequences of skeletons. Importing this imports no torch."""

from skillbank_runners.pose_classification.spec import EXPERIMENT, SPECS

__all__ = ["EXPERIMENT", "SPECS"]
