"""From recordings of people to arrays for training: coordinates, sequences, labels, files."""

from __future__ import annotations

from skillbank_runners.pose_classification.conversion.window import Tally, Window, pad
from skillbank_runners.pose_classification.conversion.windows import convert, followed

__all__ = ["Tally", "Window", "convert", "followed", "pad"]
