"""Who is to be drawn onto a frame of a video, read from poses as the video runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Observation, Recording
from skillbank_runners.video.drawing import Overlay


def id_text(person: Observation) -> str:
    """What stands at somebody of whom nothing but the track is known."""
    return f"id {person.object_id}"


class PoseOverlays:
    """The people of each frame; asked for frames in ascending order, it reads the poses once.

    Args:
        recording: Poses in pixels of the video, in order of frames.
        text_of: What stands at a person.
    """

    def __init__(
        self, recording: Recording, text_of: Callable[[Observation], str] = id_text
    ) -> None:
        self._bones = load_layout(recording.layout).draw_edges
        self._text_of = text_of
        self._frames = _frames(recording)
        self._next = next(self._frames, None)

    def __call__(self, number: int) -> Sequence[Overlay]:
        """The people of a frame; none where nobody was found."""
        while self._next is not None and self._next[0] < number:
            self._next = next(self._frames, None)
        if self._next is None or self._next[0] > number:
            return ()
        return [self._overlay(person) for person in self._next[1]]

    def _overlay(self, person: Observation) -> Overlay:
        return Overlay(
            joints_V2=person.joints_VD[:, :2],
            confidence_V=person.confidence_V,
            object_id=person.object_id,
            text=self._text_of(person),
            bones=self._bones,
            box=person.box,
        )


def _frames(recording: Recording) -> Iterator[tuple[int, list[Observation]]]:
    for number, people in groupby(recording.observations, key=lambda person: person.frame):
        yield number, list(people)
