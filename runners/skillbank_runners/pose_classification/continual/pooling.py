"""Logits of the frames that lie in a sliding window, from the features of its positions.

Axes: R people that are dealt with at once, D features, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skillbank_runners.pose_classification.continual.network import ContinualSTGCN
from skillbank_runners.pose_classification.continual.rings import FrameRing, Ints


@dataclass(frozen=True)
class PoolShape:
    """What the offline network's average over frames and people becomes.

    Attributes:
        window_frames: Frames that an answer is about, up to its newest.
        clip_frames: Frames of the clips of training; those beyond `window_frames` were zeros
            after the clip's end. Equal to `window_frames`: nothing was added.
        num_people: M of the clips of training; all but one were absent, which is zeros.
    """

    window_frames: int
    clip_frames: int
    num_people: int = 1


class WindowPool:
    """The network's head over the newest positions of each person.

    With p positions known of w in the window, f_1 .. f_p their features, the clip of training w'
    positions long, z the features of a clip of zeros and M people:

        mean   = (f_1 + .. + f_p) / p                         where w' = w
        mean   = (f_1 + .. + f_p + (w' - p) z) / w'           where w' > w
        logits = head((mean + (M - 1) z) / M)

    Sums are made anew from the features at each position: nothing drifts however long a stream is.

    Args:
        network: Gives the features.
        shape: Of the window.
    """

    def __init__(self, network: ContinualSTGCN, shape: PoolShape) -> None:
        self._network = network
        self.num_positions = math.ceil(shape.window_frames / network.stride)
        self._clip_positions = math.ceil(shape.clip_frames / network.stride)
        self._num_people = shape.num_people
        self._empty_D = network.steady_features()
        self._features = FrameRing(self.num_positions, 1, network.num_features)
        self._counts = np.zeros(0, np.int64)

    def clear(self, row: int) -> None:
        """Forget what the window of a row holds, or make one for a new row."""
        if row >= len(self._counts):
            self._counts = np.append(self._counts, np.zeros(row + 1, np.int64))
            self._features.reserve(len(self._counts))
        self._features.clear(row)
        self._counts[row] = 0

    def push(self, rows_R: Ints, features_RD: Tensor) -> Tensor:
        """Logits (R, C) of the windows that end with a new position of each row."""
        self._features.write(rows_R, self._counts[rows_R], features_RD[:, None])
        self._counts[rows_R] += 1
        known_R1 = torch.from_numpy(self._counts[rows_R]).clamp(max=self.num_positions)[:, None]
        mean_RD = self._features.total(rows_R)[:, 0] / known_R1
        if self._clip_positions > self.num_positions:
            share_R1 = known_R1 / self._clip_positions
            mean_RD = mean_RD * share_R1 + self._empty_D * (1 - share_R1)
        M = self._num_people
        return self._network.logits(mean_RD / M + self._empty_D * ((M - 1) / M))
