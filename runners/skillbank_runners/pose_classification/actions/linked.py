"""Ids that were given to people whose own file has none, for finding them again in that file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from skillbank_runners.pose_classification.conversion import followed
from skillbank_runners.skeletons.pose_blocks import BlockObservations
from skillbank_runners.skeletons.poses import NO_TRACK, Recording

_Seen = dict[tuple[int, tuple[float, ...]], list[int]]


class LinkedIds:
    """Who is who, frame by frame; asked in the order of the file, it reads the poses once.

    Args:
        recording: Of a file without tracks, read as for the conversion, so that ids agree.
    """

    def __init__(self, recording: Recording) -> None:
        people = followed(recording).observations
        self._frames = groupby(people, key=lambda person: person.frame)
        self._frame = -1
        self._seen: _Seen = {}

    def find(self, camera: int, frame: int, box: Sequence[float]) -> int:
        """Id of the next person with this box in a frame; NO_TRACK of somebody not followed."""
        while self._frame < frame:
            self._advance(frame)
        ids = self._seen.get((camera, tuple(box))) if self._frame == frame else None
        return ids.pop(0) if ids else NO_TRACK

    def _advance(self, frame: int) -> None:
        self._frame, people = next(self._frames, (frame, iter(())))
        self._seen = {}
        for person in people:
            box = tuple(map(float, person.box or ()))
            self._seen.setdefault((person.camera, box), []).append(person.object_id)


def linked_ids(recording: Recording) -> LinkedIds | None:
    """The ids, or None where the file has its own."""
    observations = recording.observations
    if isinstance(observations, BlockObservations) and observations.has_tracks():
        return None
    return LinkedIds(recording)
