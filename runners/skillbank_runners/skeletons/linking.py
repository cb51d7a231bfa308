"""Say who is who from frame to frame: the one tracker of the house, for files and for videos.

In each frame the people seen are given to the people known, in three rounds: those seen in the
frame before, by where constant speed takes them; those lost for a while, likewise; and all who are
left by where they were last seen (arXiv:2203.14360, section 4.2). Within a round the assignment
with the highest likeness in total is taken (Hungarian method).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # ships no types

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.poses import NO_TRACK, Observation, Recording, Space
from skillbank_runners.skeletons.tracks import (
    Expectation,
    LocatedBy,
    Sight,
    Track,
    likeness,
    sight_of,
)


@dataclass(frozen=True)
class LinkSettings:
    """How people are followed.

    Attributes:
        max_age: Frames after which somebody unseen is forgotten; they come back as someone new.
        min_likeness: Below it nobody is taken for somebody known; in (0, 1).
        max_people: Most people in a frame of a camera; more is an error, not an endless wait.
        located_by: What tells where people are.
    """

    max_age: int = 30
    min_likeness: float = 0.1
    max_people: int = 200
    located_by: LocatedBy = LocatedBy.JOINTS


DEFAULTS = LinkSettings()

log = logging.getLogger(__name__)


def link_recording(recording: Recording, settings: LinkSettings = DEFAULTS) -> Recording:
    """The recording with a track for everyone; people of hip-centred 3D are located by boxes."""
    world = recording.space is Space.WORLD
    linked = _peeked if world else link
    return replace(recording, observations=linked(recording.observations, settings))


def _peeked(observations: Iterator[Observation], settings: LinkSettings) -> Iterator[Observation]:
    """Linked by boxes if the first person has one, else by joints."""
    first = next(observations, None)
    if first is None:
        return
    if first.box is not None:
        settings = replace(settings, located_by=LocatedBy.BOXES)
    yield from link(_chained(first, observations), settings)


def _chained(first: Observation, rest: Iterator[Observation]) -> Iterator[Observation]:
    yield first
    yield from rest


def link(
    observations: Iterable[Observation], settings: LinkSettings = DEFAULTS
) -> Iterator[Observation]:
    """The same people in the same order, each with the track they belong to.

    Whoever has a track already keeps company with it; whoever has none joins the likeliest person
    of their camera or opens a new track. Ids of new tracks count from 1 in the order of first
    sights. A file's own id that is taken by then is given another number, throughout. People of
    whom nothing tells where they are (no joint, no box) are left out. One frame is held at a time.

    Args:
        observations: In order of frames for each camera, all of a frame in a row; cameras may take
            turns, and each may count frames of its own.
        settings: How people are followed.

    Raises:
        RunnerError: Frames out of order, or too many people in one.
    """
    trackers: dict[int, _Tracker] = {}
    for frame, people in groupby(observations, key=lambda observation: observation.frame):
        yield from _linked(frame, people, trackers, settings)


def _linked(
    frame: int,
    people: Iterable[Observation],
    trackers: dict[int, _Tracker],
    settings: LinkSettings,
) -> Iterator[Observation]:
    by_camera: dict[int, list[Observation]] = {}
    order = []
    for person in people:
        present = by_camera.setdefault(person.camera, [])
        order.append((person.camera, len(present)))
        present.append(person)
        if len(present) > settings.max_people:
            raise RunnerError(
                f"frame {frame}: found more than {settings.max_people} people in camera"
                f" {person.camera}; is the file one of people over frames?"
            )
    ids = {
        camera: trackers.setdefault(camera, _Tracker(settings)).identify(frame, present)
        for camera, present in by_camera.items()
    }
    for camera, index in order:
        identity = ids[camera][index]
        if identity is not None:
            yield replace(by_camera[camera][index], object_id=identity)


class _Tracker:
    """The people known to one camera."""

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._tracks: list[Track] = []
        self._taken: set[int] = set()
        self._of_file: dict[int, int] = {}
        self._next = 1
        self._last_frame = -(2**63)
        self._unfollowed: dict[int, deque[tuple[int, Observation]]] = {}
        self._is_following = False

    def identify(self, frame: int, people: Sequence[Observation]) -> list[int | None]:
        """Track of each person of the next frame; None for those that cannot be placed."""
        if frame <= self._last_frame:
            raise RunnerError(
                f"frame {frame} comes after frame {self._last_frame}: people can only be followed"
                " in order of frames; sort the file by frame"
            )
        if not self._is_following:
            ids = [self._known(person) for person in people]
            if None not in ids:
                self._put_off(frame, ids, people)
                return ids
            self._begin_to_follow(frame)
        return self._identify(frame, people)

    def _put_off(
        self, frame: int, ids: Sequence[int | None], people: Sequence[Observation]
    ) -> None:
        """Keep the last two sights of each person: nobody need be followed yet."""
        for identity, person in zip(ids, people, strict=True):
            if identity is not None:
                sights = self._unfollowed.setdefault(identity, deque(maxlen=2))
                sights.append((frame, person))
        self._last_frame = frame
        if len(self._unfollowed) > 4 * self._settings.max_people:
            self._unfollowed = dict(self._lately(frame))

    def _lately(self, frame: int) -> list[tuple[int, deque[tuple[int, Observation]]]]:
        """People put off who are not forgotten yet, the latest of them."""
        youngest = frame - self._settings.max_age
        lately = [
            (i, sights) for i, sights in self._unfollowed.items() if sights[-1][0] >= youngest
        ]
        lately.sort(key=lambda one: one[1][-1][0])
        return lately[-2 * self._settings.max_people :]

    def _begin_to_follow(self, frame: int) -> None:
        """Somebody has no track: from here on everyone has a place and a speed."""
        self._is_following = True
        last_frame = self._last_frame
        sights = (
            (seen, identity, sight_of(person, self._settings.located_by))
            for identity, last_two in self._lately(frame)
            for seen, person in last_two
        )
        for seen, identity, sight in sorted(sights, key=lambda one: one[0]):
            self._remember(seen, [identity], [sight])
        self._unfollowed.clear()
        self._last_frame = last_frame

    def _identify(self, frame: int, people: Sequence[Observation]) -> list[int | None]:
        youngest = frame - self._settings.max_age
        self._tracks = [track for track in self._tracks if track.frame >= youngest]
        del self._tracks[: -2 * self._settings.max_people]
        sights = [sight_of(person, self._settings.located_by) for person in people]
        ids: list[int | None] = [self._known(person) for person in people]
        unknown = {
            i: sight
            for i, (sight, identity) in enumerate(zip(sights, ids, strict=True))
            if sight is not None and identity is None
        }
        present = {identity for identity in ids if identity is not None}
        free = [track for track in self._tracks if track.identity not in present]
        for i, track in self._assign(frame, unknown, free).items():
            ids[i] = track.identity
        for i in sorted(unknown):
            if ids[i] is None:
                ids[i] = self._new_id()
        self._remember(frame, ids, sights)
        return ids

    def _assign(self, frame: int, unknown: dict[int, Sight], free: list[Track]) -> dict[int, Track]:
        """Known people for unknown sights, in three rounds."""
        found: dict[int, Track] = {}
        rounds = (
            [(t, t.expected(frame)) for t in free if t.frame == self._last_frame],
            [(t, t.expected(frame)) for t in free if t.frame != self._last_frame],
            [(t, t.remembered()) for t in free],
        )
        for candidates in rounds:
            left = {i: sight for i, sight in unknown.items() if i not in found}
            taken = {track.identity for track in found.values()}
            open_ones = [(t, e) for t, e in candidates if t.identity not in taken]
            found |= self._round(left, open_ones)
        return found

    def _round(
        self, sights: dict[int, Sight], candidates: list[tuple[Track, Expectation]]
    ) -> dict[int, Track]:
        if not sights or not candidates:
            return {}
        indices = list(sights)
        seen = list(sights.values())
        likeness_TN = np.stack([likeness(expectation, seen) for _, expectation in candidates])
        least = self._settings.min_likeness
        # Clipped: to leave two apart costs the same as to join them at the least likeness.
        rows, columns = linear_sum_assignment(-np.maximum(likeness_TN, least))
        return {
            indices[n]: candidates[t][0]
            for t, n in zip(rows, columns, strict=True)
            if likeness_TN[t, n] >= least
        }

    def _known(self, person: Observation) -> int | None:
        """Track that the file gives, by our number."""
        if person.object_id == NO_TRACK:
            return None
        if person.object_id not in self._of_file:
            free = person.object_id not in self._taken
            self._of_file[person.object_id] = person.object_id if free else self._new_id()
            if not free:
                log.warning(
                    "frame %d: object %d of camera %d is called %d: somebody without an id of "
                    "their own has that number; rows of a label file mean the new numbers",
                    person.frame,
                    person.object_id,
                    person.camera,
                    self._of_file[person.object_id],
                )
        identity = self._of_file[person.object_id]
        self._taken.add(identity)
        return identity

    def _new_id(self) -> int:
        while self._next in self._taken:
            self._next += 1
        self._taken.add(self._next)
        return self._next

    def _remember(
        self, frame: int, ids: Sequence[int | None], sights: Sequence[Sight | None]
    ) -> None:
        known = {track.identity: track for track in self._tracks}
        for identity, sight in zip(ids, sights, strict=True):
            if identity is None or sight is None:
                continue
            if identity in known:
                known[identity].see(frame, sight)
            else:
                known[identity] = Track(identity, frame, sight)
        self._tracks = sorted(known.values(), key=lambda track: track.frame)
        self._last_frame = frame
