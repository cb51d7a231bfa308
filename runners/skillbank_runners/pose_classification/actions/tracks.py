"""Who was seen in which frames: noted while recordings pass by on their way to the conversion."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skillbank_runners.pose_classification.actions.merging import Ints
from skillbank_runners.skeletons.pose_blocks import BlockObservations, PoseBlock, blocks_of
from skillbank_runners.skeletons.poses import Recording


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
        told: Is called with the bytes read so far (0: unknown), now and then.
    """

    def __init__(self, told: Callable[[int], None]) -> None:
        self._frames: dict[tuple[str, int, int], array[int]] = {}
        self._told = told
        self.recordings: dict[str, RecordingFacts] = {}
        self.num_observations = 0

    def watch(self, recordings: Iterable[Recording]) -> Iterator[Recording]:
        """The same recordings, whose observations are noted as they are read, in blocks."""
        for recording in recordings:
            self.recordings[recording.name] = RecordingFacts(
                recording.name,
                recording.layout,
                recording.frame_rate,
                recording.width,
                recording.height,
            )
            blocks = self._watch(recording.name, blocks_of(recording))
            yield replace(recording, observations=BlockObservations(blocks, blocks))

    def frames(self, key: TrackKey) -> Ints:
        """Numbers of the frames of a track, ascending, each once."""
        return np.unique(np.frombuffer(self._frames[key], np.int64))

    @property
    def keys(self) -> list[TrackKey]:
        """Every track, in order of appearance."""
        return [TrackKey(*key) for key in self._frames]

    def _watch(self, name: str, blocks: Iterable[PoseBlock]) -> Iterator[PoseBlock]:
        for block in blocks:
            for track, frame in zip(block.tracks, block.frames_N.tolist(), strict=True):
                frames = self._frames.get((name, *track))
                if frames is None:
                    frames = self._frames[TrackKey(name, *track)] = array("q")
                frames.append(frame)
            self.num_observations += len(block)
            self._told(block.end_byte)
            yield block
