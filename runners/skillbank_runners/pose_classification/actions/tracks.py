"""Who was seen in which frames: noted while recordings pass by on their way to the conversion."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from skillbank_runners.pose_classification.actions.merging import Ints
from skillbank_runners.skeletons.pose_blocks import PoseBlock
from skillbank_runners.skeletons.poses import NO_TRACK, Recording


class TrackKey(NamedTuple):
    """One person of one recording.

    Attributes:
        source: Name of the recording.
        camera: Camera within it.
        object_id: Track within the camera.
    """

    source: str
    camera: int
    object_id: int


class TrackLog:
    """Frames of every track, 8 bytes each."""

    def __init__(self) -> None:
        self._frames: dict[tuple[str, int, int], array[int]] = {}
        self.frame_rates: dict[str, float | None] = {}

    def note(self, recording: Recording, block: PoseBlock) -> None:
        """Take a block of a recording, as the conversion tells of it."""
        self.frame_rates[recording.name] = recording.frame_rate
        for track, frame in zip(block.tracks, block.frames_N.tolist(), strict=True):
            if track[1] == NO_TRACK:
                continue  # the conversion leaves them out: nobody knows who they are
            frames = self._frames.get((recording.name, *track))
            if frames is None:
                frames = self._frames[(recording.name, *track)] = array("q")
            frames.append(frame)

    def frames(self, key: TrackKey) -> Ints:
        """Numbers of the frames of a track, ascending, each once."""
        return np.unique(np.frombuffer(self._frames[key], np.int64))

    @property
    def keys(self) -> list[TrackKey]:
        """Every track, in order of appearance."""
        return [TrackKey(*key) for key in self._frames]
