"""From recordings of people to arrays for training: coordinates, sequences, labels, files."""

from __future__ import annotations

from skillbank_runners.pose_classification.conversion.windows import (
    Tally,
    Window,
    convert,
    followed,
    pad,
)

__all__ = ["Tally", "Window", "convert", "followed", "pad"]
