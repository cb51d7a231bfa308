"""Who was seen in which frames: noted while recordings pass by on their way to the conversion."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skillbank_runners.pose_classification.actions.merging import Ints
from skillbank_runners.skeletons.poses import Observation, Recording


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


@dataclass(frozen=True)
class RecordingFacts:
    """What holds for a whole recording.

    Attributes:
        name: Of the recording.
        layout: Name of its skeleton.
        frame_rate: Frames per second; None where unknown.
        width: Of the picture in pixels; None where unknown.
        height: Of the picture in pixels; None where unknown.
    """

    name: str
    layout: str
    frame_rate: float | None
    width: int | None
    height: int | None


class TrackLog:
    """Frames of every track, 8 bytes each.

    Args:
        told: Is called with the number of observations so far, now and then.
    """

    def __init__(self, told: Callable[[int], None]) -> None:
        self._frames: dict[TrackKey, array[int]] = {}
        self._told = told
        self.recordings: dict[str, RecordingFacts] = {}
        self.num_observations = 0

    def watch(self, recordings: Iterable[Recording]) -> Iterator[Recording]:
        """The same recordings, whose observations are noted as they are read."""
        for recording in recordings:
            self.recordings[recording.name] = RecordingFacts(
                recording.name,
                recording.layout,
                recording.frame_rate,
                recording.width,
                recording.height,
            )
            yield replace(recording, observations=self._watch(recording))

    def frames(self, key: TrackKey) -> Ints:
        """Numbers of the frames of a track, ascending, each once."""
        return np.unique(np.frombuffer(self._frames[key], np.int64))

    @property
    def keys(self) -> list[TrackKey]:
        """Every track, in order of appearance."""
        return list(self._frames)

    def _watch(self, recording: Recording) -> Iterator[Observation]:
        for observation in recording.observations:
            key = TrackKey(recording.name, observation.camera, observation.object_id)
            frames = self._frames.get(key)
            if frames is None:
                frames = self._frames[key] = array("q")
            frames.append(observation.frame)
            self.num_observations += 1
            if self.num_observations % 256 == 0:
                self._told(self.num_observations)
            yield observation
