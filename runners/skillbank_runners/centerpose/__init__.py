"""CenterPose: where one category's objects are in space, from a picture. Imports no torch."""

from skillbank_runners.centerpose.spec import EXPERIMENT, SPECS

__all__ = ["EXPERIMENT", "SPECS"]
