"""Lists of people who name their picture, in any order: sorted into clips and frames.

The list is read twice: first every person's picture and place in the file are kept (24 bytes
each), then the people are read again in order of frames. So memory does not hold the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skillbank_runners.skeletons.importers.fields import (
    Mapping,
    Spot,
    as_frame,
    as_mapping,
    as_text,
    shown,
)
from skillbank_runners.skeletons.importers.files import Numbered, numbered
from skillbank_runners.skeletons.json_elements import ElementReader
from skillbank_runners.skeletons.poses import NO_TRACK


class Picture(NamedTuple):
    """Which frame of which clip a picture is; an empty clip: the file's only one."""

    clip: str
    frame: int


class PersonList:
    """The people of a file, found by clip.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clips: dict[str, int] = {}
        self._clip_of = array("q")
        self._frame_of = array("q")
        self._offset_of = array("q")

    def add(self, picture: Picture, offset: int) -> None:
        """Note a person that begins at a byte of the file."""
        self._clip_of.append(self._clips.setdefault(picture.clip, len(self._clips)))
        self._frame_of.append(picture.frame)
        self._offset_of.append(offset)

    def clips(self) -> list[str]:
        """Names of clips, in the order of their first person."""
        return list(self._clips)

    def first(self) -> tuple[Mapping, Spot]:
        """The person who comes first in the file."""
        return next((person, spot) for _, person, spot in self._at([0]))

    def people(self, clip: str) -> Iterator[tuple[int, Mapping, Spot]]:
        """(frame, person, where) of a clip in order of frames; within one, as in the file."""
        members = np.flatnonzero(np.asarray(self._clip_of) == self._clips[clip])
        frames = np.asarray(self._frame_of)[members]
        yield from self._at(members[np.argsort(frames, kind="stable")])

    def _at(self, members: object) -> Iterator[tuple[int, Mapping, Spot]]:
        with ElementReader.open(self.path) as reader:
            for member in np.asarray(members):
                offset = self._offset_of[member]
                spot = Spot(self.path, f"byte {offset}")
                yield self._frame_of[member], as_mapping(reader.at(offset), spot), spot


def picture_named(value: object, spot: Spot) -> Picture:
    """Clip and frame that an `image_id` tells: a number, or the name of a picture's file."""
    if not isinstance(value, str):
        return Picture("", as_frame(value, spot))
    clip, frame = split_name(as_text(value, spot))
    if frame is None:
        raise spot.invalid(f"found {shown(value)}, expected a name that ends in a frame's number")
    return Picture(clip, frame)


def split_name(name: str) -> Numbered:
    """Clip (with its folder) and frame of a picture's name such as `run/000012.jpg`."""
    folder, _, file = name.replace("\\", "/").rpartition("/")
    stem = file.rsplit(".", 1)[0] if "." in file else file
    clip, frame = numbered(stem)
    return Numbered("/".join(part for part in (folder, clip) if part), frame)


def track_of(person: Mapping, keys: tuple[str, ...], spot: Spot) -> int:
    """Track under the first key that is there; a list of one number is one, too."""
    for key in keys:
        value = person.get(key)
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if value is not None and value != []:
            return as_frame(value, spot.inside(key))
    return NO_TRACK
