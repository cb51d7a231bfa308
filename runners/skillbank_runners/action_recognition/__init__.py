"""Action recognition: 2D and 3D networks on video clips and optical flow. Imports no torch."""

from skillbank_runners.action_recognition.spec import EXPERIMENT, SPECS

__all__ = ["EXPERIMENT", "SPECS"]
