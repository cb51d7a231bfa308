"""What a stream keeps of each person, in bounded memory.

Axes: C classes.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skillbank_runners.pose_classification.actions.hysteresis import Hysteresis
from skillbank_runners.pose_classification.continual.coordinates import Sight
from skillbank_runners.pose_classification.continual.preparation import PersonPreparation

Shares = npt.NDArray[np.float64]


class PersonKey(NamedTuple):
    """Who.

    Attributes:
        camera: Camera.
        object_id: Track within the camera.
    """

    camera: int
    object_id: int


@dataclass(frozen=True)
class Smoothing:
    """How answers become steady; by default as the inference action has it.

    Attributes:
        average_frames: Frames over which shares are averaged.
        hysteresis: By how much the share of a new action must be higher, in [0, 1].
        min_duration: For how many frames in a row.
    """

    average_frames: int = 1
    hysteresis: float = 0.1
    min_duration: int = 10


class Answer(NamedTuple):
    """What one person does.

    Attributes:
        class_id: The action.
        shares_C: Share of each class, in [0, 1].
        since_frame: Number of the first frame that the answer is about.
        for_frame: Number of the last one.
    """

    class_id: int
    shares_C: Shares
    since_frame: int
    for_frame: int


class Reading(NamedTuple):
    """How positions of the network relate to frames.

    Attributes:
        stride: Frames from one position to the next.
        delay: Frames after which a position comes.
        num_positions: Positions that an answer is about.
    """

    stride: int
    delay: int
    num_positions: int


class Person:
    """Someone who is followed, from the first frame on.

    Attributes:
        row: Of the network's memory.
        preparation: Of the person's frames.
        sight: The newest.
        answer: The newest; None: there was none.

    Args:
        row: Of the network's memory.
        preparation: Of the person's frames.
        reading: How positions relate to frames.
        smoothing: How answers become steady.
    """

    def __init__(
        self, row: int, preparation: PersonPreparation, reading: Reading, smoothing: Smoothing
    ) -> None:
        self.row = row
        self.preparation = preparation
        self.sight: Sight | None = None
        self.answer: Answer | None = None
        self._reading = reading
        span = reading.delay + reading.stride * (reading.num_positions + 1)
        self._numbers: deque[int] = deque(maxlen=span)
        self._num_fed = 0
        self._num_answers = 0
        per_answer = reading.stride
        self._shares: deque[Shares] = deque(maxlen=math.ceil(smoothing.average_frames / per_answer))
        self._hysteresis = Hysteresis(
            smoothing.hysteresis, math.ceil(smoothing.min_duration / per_answer)
        )

    @property
    def last_seen(self) -> int:
        """Number of the frame in which the person was seen last."""
        assert self.sight is not None
        return self.sight.number

    def note(self, number: int) -> None:
        """Remember the number of the frame that the network gets next."""
        self._numbers.append(number)
        self._num_fed += 1

    def hear(self, logits_C: npt.NDArray[np.floating]) -> Answer:
        """Take the network's next answer."""
        exponents = np.exp(logits_C.astype(np.float64) - logits_C.max())
        self._shares.append(exponents / exponents.sum())
        shares_C: Shares = np.mean(self._shares, axis=0)
        newest = self._num_answers
        oldest = max(0, newest - self._reading.num_positions + 1)
        self._num_answers += 1
        self.answer = Answer(
            self._hysteresis.update(shares_C), shares_C, self._number(oldest), self._number(newest)
        )
        return self.answer

    def _number(self, position: int) -> int:
        """Number of the frame that a position is centred on."""
        index = position * self._reading.stride
        return self._numbers[index - (self._num_fed - len(self._numbers))]
