"""Memory of a network that runs frame by frame: the last activations of many people.

Axes: R people that are dealt with at once, L frames kept, V joints, C channels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Ints = npt.NDArray[np.int64]


class FrameRing:
    """The last L frames of each person's activations; zeros where there were none yet.

    A person is a row. Frames have numbers from 0 on, and a frame overwrites the one L before it.

    Args:
        length: L.
        num_joints: V.
        channels: C.
    """

    def __init__(self, length: int, num_joints: int, channels: int) -> None:
        self._length = length
        self._store = torch.zeros(0, num_joints, channels)  # frames of all rows, L each
        self._joints_V1 = np.arange(num_joints)[:, None]
        self._frames_L = np.arange(length)

    def reserve(self, num_rows: int) -> None:
        """Make room for so many people; what is there stays."""
        missing = num_rows * self._length - len(self._store)
        if missing > 0:
            empty = self._store.new_zeros(missing, *self._store.shape[1:])
            self._store = torch.cat([self._store, empty])

    def clear(self, row: int) -> None:
        """Forget one person."""
        self._store[row * self._length : (row + 1) * self._length] = 0

    def write(self, rows_R: Ints, frames_R: Ints, x_RVC: Tensor) -> None:
        """Keep one frame of each of some people."""
        self._store.index_copy_(0, self._places(rows_R, frames_R), x_RVC)

    def read(self, rows_R: Ints, frames_R: Ints) -> Tensor:
        """One of the last L frames of each of some people; (R, V, C)."""
        return self._store.index_select(0, self._places(rows_R, frames_R))

    def window(self, rows_R: Ints, newest_R: Ints) -> Tensor:
        """The last L frames, oldest first, beside each other for each joint; (R * V, L * C)."""
        _, V, C = self._store.shape
        slots_RL = (newest_R[:, None] + 1 + self._frames_L) % self._length
        starts_R1L = ((rows_R[:, None] * self._length + slots_RL) * V)[:, None, :]
        index = torch.from_numpy((starts_R1L + self._joints_V1).ravel())
        return self._store.view(-1, C).index_select(0, index).view(-1, self._length * C)

    def total(self, rows_R: Ints) -> Tensor:
        """Sum over the last L frames of each of some people; (R, V, C)."""
        _, V, C = self._store.shape
        rows = torch.from_numpy(rows_R)
        return self._store.view(-1, self._length, V, C).index_select(0, rows).sum(dim=1)

    def _places(self, rows_R: Ints, frames_R: Ints) -> Tensor:
        return torch.from_numpy(rows_R * self._length + frames_R % self._length)
