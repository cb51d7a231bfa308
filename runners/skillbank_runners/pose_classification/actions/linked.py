"""Ids that were given to people whose own file has none, for finding them again in that file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from skillbank_runners.pose_classification.conversion import followed
from skillbank_runners.skeletons.pose_blocks import BlockObservations
from skillbank_runners.skeletons.poses import NO_TRACK, Observation, Recording

_Seen = dict[tuple[int, tuple[float, ...]], list[int]]


class LinkedIds:
    """Who is who, frame by frame; asked in the order of the file, it reads the poses once.

    Args:
        recording: Of a file without tracks, read as for the conversion, so that ids agree.
    """

    def __init__(self, recording: Recording) -> None:
        people = followed(recording).observations
        groups = groupby(people, key=lambda person: person.frame)
        self._frames = ((frame, _seen(group)) for frame, group in groups)
        self._now: tuple[int, _Seen] = (-1, {})
        self._next = next(self._frames, None)

    def find(self, camera: int, frame: int, box: Sequence[float]) -> int:
        """Id of the next person with this box in a frame; NO_TRACK of somebody not followed."""
        # Cameras may count frames of their own, so numbers rise and fall: only their order tells.
        if self._now[0] != frame and self._next is not None and self._next[0] == frame:
            self._now, self._next = self._next, next(self._frames, None)
        ids = self._now[1].get((camera, tuple(box))) if self._now[0] == frame else None
        return ids.pop(0) if ids else NO_TRACK


def _seen(people: Iterable[Observation]) -> _Seen:
    """People of a frame, found by camera and box."""
    seen: _Seen = {}
    for person in people:
        box = tuple(map(float, person.box or ()))
        seen.setdefault((person.camera, box), []).append(person.object_id)
    return seen


def linked_ids(recording: Recording) -> LinkedIds | None:
    """The ids, or None where the file has its own."""
    observations = recording.observations
    if isinstance(observations, BlockObservations) and observations.has_tracks():
        return None
    return LinkedIds(recording)
