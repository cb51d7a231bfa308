"""Observations many at a time, as arrays: what makes conversion fast.

Axes: N observations (a person in a frame), V joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from skillbank_runners.skeletons.poses import (
    NO_TRACK,
    Box,
    Observation,
    PoseFileInvalid,
    Recording,
)

MAX_FLOAT = float(np.finfo(np.float32).max)
BLOCK_SIZE = 512

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PoseBlock:
    """Observations in order of frames.

    Attributes:
        frames_N: Numbers of the frames.
        tracks: (camera, object_id) of each; ids are Python's integers, of up to 64 bits unsigned.
        joints_NVD: Coordinates, as exact as the file states them.
        confidence_NV: In [0, 1]; 0: the joint is missing.
        boxes: In pixels, one each; empty where there are none or nobody asked.
        end_byte: Of the file, after this block; 0: unknown.
    """

    frames_N: Ints
    tracks: Sequence[tuple[int, int]]
    joints_NVD: Doubles
    confidence_NV: Doubles
    boxes: Sequence[Box] = ()
    end_byte: int = 0

    def __len__(self) -> int:
        return len(self.frames_N)

    def tracked(self) -> PoseBlock:
        """Those that have a track; the block itself where all have."""
        if not any(object_id == NO_TRACK for _, object_id in dict.fromkeys(self.tracks)):
            return self
        kept = [n for n, (_, object_id) in enumerate(self.tracks) if object_id != NO_TRACK]
        return PoseBlock(
            self.frames_N[kept],
            [self.tracks[n] for n in kept],
            self.joints_NVD[kept],
            self.confidence_NV[kept],
            [self.boxes[n] for n in kept] if self.boxes else (),
            self.end_byte,
        )

    def observations(self) -> Iterator[Observation]:
        """The same one by one."""
        joints_NVD = self.joints_NVD.clip(-MAX_FLOAT, MAX_FLOAT).astype(np.float32)
        confidence_NV = self.confidence_NV.clip(0, 1).astype(np.float32)
        for n, (camera, object_id) in enumerate(self.tracks):
            yield Observation(
                int(self.frames_N[n]),
                object_id,
                joints_NVD[n],
                confidence_NV[n],
                camera,
                self.boxes[n] if self.boxes else None,
            )


class BlockObservations(Iterator[Observation]):
    """Observations of a reader that has them in blocks: take the one or the other.

    Attributes:
        blocks: Of all people, read independently of the observations.

    Args:
        blocks: With boxes, for who takes observations.
        bare_blocks: The same without boxes, for who takes blocks.
    """

    def __init__(self, blocks: Iterator[PoseBlock], bare_blocks: Iterator[PoseBlock]) -> None:
        self._observations = (one for block in blocks for one in block.observations())
        self.blocks: Iterator[PoseBlock] = bare_blocks

    def __next__(self) -> Observation:
        return next(self._observations)

    def has_tracks(self) -> bool:
        """Whether the first people have tracks, as then all but a few of the file have."""
        first = next(self.blocks, None)
        if first is None:
            return True
        self.blocks = chain([first], self.blocks)
        return all(object_id != NO_TRACK for _, object_id in first.tracks)


def blocks_of(recording: Recording) -> Iterator[PoseBlock]:
    """Observations of a recording in blocks.

    Raises:
        PoseFileInvalid: Its poses differ in their number of joints or coordinates.
    """
    if isinstance(recording.observations, BlockObservations):
        return recording.observations.blocks
    return _gathered(recording)


def _gathered(recording: Recording) -> Iterator[PoseBlock]:
    shape: tuple[int, ...] | None = None
    while people := list(islice(recording.observations, BLOCK_SIZE)):
        shape = shape or people[0].joints_VD.shape
        for person in people:
            if person.joints_VD.shape != shape or len(person.confidence_V) != shape[0]:
                raise PoseFileInvalid(
                    recording.path,
                    f"frame {person.frame}",
                    f"found a pose of shape {person.joints_VD.shape}, expected {shape} (joints, "
                    "coordinates) as in the frames before",
                )
        yield PoseBlock(
            frames_N=np.array([person.frame for person in people], np.int64),
            tracks=[(person.camera, person.object_id) for person in people],
            joints_NVD=np.stack([person.joints_VD for person in people]).astype(np.float64),
            confidence_NV=np.stack([person.confidence_V for person in people]).astype(np.float64),
        )
