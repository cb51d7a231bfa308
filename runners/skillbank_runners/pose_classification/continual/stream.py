"""From frames of people to what each of them does, one by one.

Axes: C channels, V joints, D channels of all streams.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from skillbank_runners.pose_classification.continual.coordinates import Sight
from skillbank_runners.pose_classification.continual.frames import FrameInvalid, PoseFrame
from skillbank_runners.pose_classification.continual.model import (
    StreamModel,
    StreamSettings,
    load_stream_model,
)
from skillbank_runners.pose_classification.continual.people import (
    Answer,
    Person,
    PersonKey,
    Reading,
)
from skillbank_runners.pose_classification.continual.pooling import WindowPool
from skillbank_runners.pose_classification.continual.preparation import (
    PersonPreparation,
    PreparedFrame,
)
from skillbank_runners.skeletons.importers.deepstream import PoseKind


class ClassScore(NamedTuple):
    """An action and its share, in [0, 1]."""

    action: str
    score: float


@dataclass(frozen=True)
class PersonAction:
    """What one person does.

    Attributes:
        object_id: Who.
        action: Name of the class; None: too few frames so far.
        score: Its share in [0, 1]; None with no action.
        since_frame: Number of the first frame that the action is told of.
        for_frame: Number of the last one: the newest that is known.
        top: The most likely classes, best first.
        is_last: The person is gone; this is one of the answers that were still due.
    """

    object_id: int
    action: str | None = None
    score: float | None = None
    since_frame: int | None = None
    for_frame: int | None = None
    top: tuple[ClassScore, ...] = ()
    is_last: bool = False


@dataclass(frozen=True)
class FrameActions:
    """What everybody in a frame does, as far as it is known by then.

    Attributes:
        camera: Of several.
        frame: Number of the frame that came.
        people: Those in the frame, in its order, each with the newest answer; then those who
            are gone, with the answers that were still due.
        is_end: No frame came: the stream is over, and these are the last answers.
    """

    camera: int
    frame: int
    people: tuple[PersonAction, ...]
    is_end: bool = False


def stream_actions(
    checkpoint: Path, frames: Iterable[PoseFrame], settings: StreamSettings | None = None
) -> Iterator[FrameActions]:
    """Name what people do while their frames come, by continual ST-GCN (arXiv:2203.11009).

    Each frame is looked at once, and costs about as much as 1/300 of a clip of 300 frames. The
    network is the trained one (`network.ContinualSTGCN` says what equals what); its answer for a
    frame needs the 76 frames after it, 77 with a motion stream, and is renewed every 4 frames.

    Args:
        checkpoint: Any ST-GCN of `train`; of others' checkpoints `settings.conversion` must tell
            how their data was made.
        frames: Everybody in a frame, in order of frames within each camera. The coordinates are
            those that `dataset_convert` reads: pixels, or millimetres about the camera.
        settings: Window, smoothing and the like; None: as in training.

    Yields:
        One value for each frame as soon as it came, and one per camera when `frames` end. Memory
        is bounded: somebody not seen for `settings.max_age` frames is forgotten.

    Raises:
        RunnerError: The checkpoint cannot be read, or not be used on a stream.
        FrameInvalid: A frame does not fit the model; its people are as they were before it.
    """
    stream = ActionStream(load_stream_model(checkpoint, settings or StreamSettings()))
    for frame in frames:
        yield stream.take(frame)
    yield from stream.end()


class ActionStream:
    """Follows everybody of a stream; `stream_actions` for those who feed frames by hand.

    Args:
        model: What names the actions.
    """

    def __init__(self, model: StreamModel) -> None:
        self._model = model
        self._pool = WindowPool(model.network, model.pool_shape)
        self._reading = Reading(model.network.stride, model.network.delay, self._pool.num_positions)
        self._people: dict[PersonKey, Person] = {}
        self._newest: dict[int, int] = {}

    @property
    def num_people(self) -> int:
        """People who are followed."""
        return len(self._people)

    @property
    def pose(self) -> PoseKind:
        """What to read of each person."""
        return self._model.conversion.pose

    def take(self, frame: PoseFrame) -> FrameActions:
        """Actions in the next frame.

        Raises:
            FrameInvalid: The frame does not fit; nothing of it was used.
        """
        sights = self._sights(frame)
        self._newest[frame.camera] = frame.number
        gone = self._part(frame.camera, frame.number - self._model.settings.max_age)
        due: list[tuple[Person, deque[PreparedFrame]]] = []
        for key, sight in sights.items():
            if self._is_interrupted(key, frame.number):
                gone += self._finish(key)
            person = self._people.get(key) or self._meet(key)
            due.append((person, self._come(person, sight)))
        self._feed(due)
        seen = [self._tell(key, self._people[key].answer) for key in sights]
        return FrameActions(frame.camera, frame.number, (*seen, *gone))

    def end(self) -> Iterator[FrameActions]:
        """The answers that are still due, per camera; everybody is forgotten."""
        for camera, newest in sorted(self._newest.items()):
            gone = self._part(camera, newest + 1)
            yield FrameActions(camera, newest, tuple(gone), is_end=True)
        self._newest.clear()

    def _sights(self, frame: PoseFrame) -> dict[PersonKey, Sight]:
        newest = self._newest.get(frame.camera)
        if newest is not None and frame.number <= newest:
            raise FrameInvalid(
                f"camera {frame.camera}: frame {frame.number} after frame {newest}, expected "
                "ascending numbers"
            )
        keys = [PersonKey(frame.camera, one.object_id) for one in frame.people]
        twice = [key.object_id for key in set(keys) if keys.count(key) > 1]
        if twice:
            raise FrameInvalid(
                f"frame {frame.number}: object_id {twice[0]} is there twice, expected the ids of a "
                "tracker, one per person"
            )
        return dict(zip(keys, self._model.conversion.sights(frame), strict=True))

    def _come(self, person: Person, sight: Sight) -> deque[PreparedFrame]:
        """What the network can be fed now that a person was seen."""
        before, person.sight = person.sight, sight
        frames = self._model.conversion.clip_frames(before, sight)
        return deque(one for frame in frames for one in person.preparation.push(*frame))

    def _meet(self, key: PersonKey) -> Person:
        row = self._model.network.add()
        self._pool.clear(row)
        preparation = PersonPreparation(self._model.preparation)
        person = Person(row, preparation, self._reading, self._model.settings.smoothing)
        self._people[key] = person
        return person

    def _is_interrupted(self, key: PersonKey, number: int) -> bool:
        """Whether training would have begun a new sequence here."""
        person = self._people.get(key)
        return person is not None and number - person.last_seen > self._model.conversion.max_step

    def _part(self, camera: int, before: int) -> list[PersonAction]:
        """Forget those of a camera who were last seen before a frame; their last answers."""
        gone = [
            key
            for key, person in self._people.items()
            if key.camera == camera and person.last_seen < before
        ]
        return [answer for key in gone for answer in self._finish(key)]

    def _finish(self, key: PersonKey) -> list[PersonAction]:
        """Forget someone; the answers that were still due."""
        person = self._people.pop(key)
        answers = self._feed([(person, deque(person.preparation.end()))])
        for features_D in self._model.network.close(person.row):
            logits_1C = self._pool.push(np.array([person.row]), features_D[None])
            answers.append(person.hear(logits_1C[0].numpy()))
        self._model.network.remove(person.row)
        return [self._tell(key, answer, is_last=True) for answer in answers]

    def _feed(self, due: list[tuple[Person, deque[PreparedFrame]]]) -> list[Answer]:
        """Let the network take everybody's frames, one of each at a time; the new answers."""
        answers = []
        while due := [(person, frames) for person, frames in due if frames]:
            taken = {person.row: (person, frames.popleft()) for person, frames in due}
            for person, frame in taken.values():
                person.note(frame.number)
            x_RVD = torch.stack([frame.x_VD for _, frame in taken.values()])
            rows_R, features_RD = self._model.network.step(np.array(list(taken)), x_RVD)
            logits_RC = self._pool.push(rows_R, features_RD).numpy()
            answers += [
                taken[int(row)][0].hear(logits_C)
                for row, logits_C in zip(rows_R, logits_RC, strict=True)
            ]
        return answers

    def _tell(
        self, key: PersonKey, answer: Answer | None, *, is_last: bool = False
    ) -> PersonAction:
        if answer is None:
            return PersonAction(key.object_id)
        names, shares_C = self._model.class_names, answer.shares_C
        best = (-shares_C).argsort(kind="stable")[: self._model.settings.top_k].tolist()
        return PersonAction(
            key.object_id,
            names[answer.class_id],
            float(shares_C[answer.class_id]),
            answer.since_frame,
            answer.for_frame,
            tuple(ClassScore(names[c], float(shares_C[c])) for c in best),
            is_last,
        )
