"""Who is to be drawn onto a frame of a video, with their id and action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from skillbank_runners.pose_classification.actions.action_json import Find
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Observation, Recording
from skillbank_runners.video.drawing import Overlay


class Overlays:
    """The people of each frame; asked for frames in ascending order, it reads the poses once.

    Args:
        recording: Poses in pixels of the video, in order of frames.
        find: Tells the actions.
    """

    def __init__(self, recording: Recording, find: Find) -> None:
        self._bones = load_layout(recording.layout).draw_edges
        self._find = find
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
        action, score = self._find(person.camera, person.object_id, person.frame)
        said = f"{action} {score:.2f}" if action else "?"
        return Overlay(
            joints_V2=person.joints_VD[:, :2],
            confidence_V=person.confidence_V,
            object_id=person.object_id,
            text=f"id {person.object_id}  {said}",
            bones=self._bones,
            box=person.box,
        )


def _frames(recording: Recording) -> Iterator[tuple[int, list[Observation]]]:
    for number, people in groupby(recording.observations, key=lambda person: person.frame):
        yield number, list(people)
