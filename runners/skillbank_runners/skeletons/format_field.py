"""The spec fields' list of pose formats: the keys of `importers.FORMATS`, without its imports."""

from __future__ import annotations

from typing import Literal

PoseFormat = Literal[
    "deepstream",
    "coco",
    "ultralytics",
    "mediapipe",
    "openpose",
    "ntu",
    "kinetics-skeleton",
    "pyskl",
    "halpe26",
    "nova77",
    "bvh",
    "generic",
]
