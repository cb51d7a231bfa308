"""What a conversion gives: sequences, and a count of what was met on the way.

Axes: C channels, T frames, V joints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from skillbank_runners.pose_classification.conversion.arithmetic import Floats
from skillbank_runners.pose_classification.conversion.stretches import Ints
from skillbank_runners.skeletons.layout import Layout
from skillbank_runners.skeletons.pose_blocks import PoseBlock
from skillbank_runners.skeletons.poses import Recording


@dataclass(frozen=True)
class Window:
    """One sequence of one person.

    Attributes:
        source: Name of the recording.
        camera: Camera within it.
        object_id: Track within the camera.
        frames_T: Numbers of its frames.
        x_CTV: Converted coordinates, and confidence as the last channel where it is kept.
        label: Class that covers enough of it; None: there is none.
        subject: Who is recorded, where that is known.
        split: Side that the recording states, as `Recording.split` has it; None: none.
    """

    source: str
    camera: int
    object_id: int
    frames_T: Ints
    x_CTV: Floats
    label: str | None = None
    subject: str | None = None
    split: str | None = None


@dataclass
class Tally:
    """What was met on the way; grows while windows are taken.

    Attributes:
        told: Called after each block of a recording.
        recordings: Recordings read.
        frames: Frames with somebody in them.
        people: Observations: a person in a frame.
        untracked: Of them, those whom nobody followed in a file with tracks: they are left out.
        tracks: People followed.
        short: Stretches that are too short for a sequence.
        windows: Sequences.
        frame_rates: Of recordings that have one.
        layouts: Layouts of what was converted, by their names.
        channels: Names of the channels; several where recordings differ.
    """

    told: Callable[[Recording, PoseBlock], None] | None = None
    recordings: int = 0
    frames: int = 0
    people: int = 0
    untracked: int = 0
    tracks: int = 0
    short: int = 0
    windows: int = 0
    frame_rates: set[float] = field(default_factory=set)
    layouts: dict[str, Layout] = field(default_factory=dict)
    channels: set[tuple[str, ...]] = field(default_factory=set)


def pad(window: Window, sequence_length_max: int) -> Floats:
    """(C, sequence_length_max, V, 1): zeros behind the last frame, as TAO writes them."""
    C, T, V = window.x_CTV.shape
    padded = np.zeros((C, sequence_length_max, V, 1), np.float32)
    padded[:, :T, :, 0] = window.x_CTV
    return padded
