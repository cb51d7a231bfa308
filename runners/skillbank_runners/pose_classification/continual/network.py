"""Continual ST-GCN: a trained ST-GCN that takes one frame at a time and never sees one twice.

Hedegaard et al., arXiv:2203.11009; the principle is that of arXiv:2204.03418. The paper removes
strides before training; here a trained network keeps them, so every layer runs at the rate that
it has offline.

Axes: R people that are dealt with at once, T frames, V joints, C channels of the input, M people
of an offline clip, D channels of the last block, P positions.

What equals what. Offline, the last block of a clip of T frames has ceil(T / 4) positions along
time; position p is centred on frame 4 p and depends on frames 4 p - 76 to 4 p + 76: 153 frames.

* A person's frames 0 .. T - 1, followed by `close`, give the features of all ceil(T / 4) positions
  that the offline network gives for the clip of these T frames: its zero padding included.
* Before `close`, position p comes with frame 4 p + 76.
* Of an offline clip that is the window of frames s .. s + T - 1 of a longer recording, the
  *interior* are its positions p with 4 p >= 76 and 4 p + 76 <= T - 1; T = 300: positions 19 to 55
  of 75. If s is a multiple of 4, they equal the stream's positions s / 4 + p. The other positions
  differ: offline they see zeros where the window ends, in the stream they see the frames there.

Equal means up to float32's rounding; the tests ask for 1e-4.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skillbank_runners.pose_classification.continual.blocks import REACH, ContinualBlock, Frames
from skillbank_runners.pose_classification.continual.rings import Ints
from skillbank_runners.pose_classification.layers import norm_map
from skillbank_runners.pose_classification.network import STGCN


class ContinualSTGCN:
    """A trained network as a step function over many people, each a row with memory of its own.

    Args:
        model: Trained, in evaluation mode; nothing of it is shared.

    Attributes:
        stride: Frames from one position to the next.
        delay: Frames after its centre with which a position comes.
    """

    @torch.no_grad()
    def __init__(self, model: STGCN) -> None:
        scale, shift = norm_map(model.data_bn)
        V = model.A.shape[1]
        self._scale_VC, self._shift_VC = scale.view(V, -1).clone(), shift.view(V, -1).clone()
        self._blocks = [
            ContinualBlock(block, adjacency_KVV)
            for block, adjacency_KVV in zip(model.blocks(), model.adjacencies(), strict=True)
        ]
        assert model.fcn.bias is not None
        self._head_weight_CD = model.fcn.weight.flatten(1).clone()
        self._head_bias_C = model.fcn.bias.clone()
        self.stride, self.delay = 1, 0
        for block in self._blocks:
            self.delay += REACH * self.stride
            self.stride *= block.stride
        self._free: list[int] = []
        self._num_rows = 0

    @property
    def num_features(self) -> int:
        """D."""
        return self._head_weight_CD.shape[1]

    @property
    def num_classes(self) -> int:
        """Length of the logits."""
        return self._head_weight_CD.shape[0]

    @property
    def multiply_adds(self) -> float:
        """Per frame and person, on average; an offline clip of T frames takes T times as many."""
        total, rate = 0.0, 1.0
        for block in self._blocks:
            total += rate * block.joint_products
            rate /= block.stride
            total += rate * block.frame_products
        return total

    def add(self) -> int:
        """Row of a new person, without frames."""
        if not self._free:
            more = max(1, self._num_rows)
            for block in self._blocks:
                block.reserve(self._num_rows + more)
            self._free = list(reversed(range(self._num_rows, self._num_rows + more)))
            self._num_rows += more
        return self._free.pop()

    def remove(self, row: int) -> None:
        """Forget a person; the row may be given to another."""
        for block in self._blocks:
            block.clear(row)
        self._free.append(row)

    @torch.no_grad()
    def step(self, rows_R: Ints, x_RVC: Tensor) -> tuple[Ints, Tensor]:
        """Take the next frame of each of some people.

        Args:
            rows_R: The people, each at most once; their numbers of frames may differ.
            x_RVC: Their frames as the offline network gets them.

        Returns:
            Those of the rows that a position is complete for, and its features, the mean of the
            last block over joints; (R', D). A row's positions come in order, from 0 on.
        """
        return self._go_on(Frames(rows_R, x_RVC * self._scale_VC + self._shift_VC), 0)

    @torch.no_grad()
    def close(self, row: int) -> Tensor:
        """Features (P, D) of the positions that a person's last frames are still due.

        The offline network's padding is fed after the last frame; the row must be removed then.
        """
        features = []
        for index, block in enumerate(self._blocks):
            for _ in range(REACH):
                _, y = self._go_on(block.step_beyond(row), index + 1)
                features.append(y)
        return torch.cat(features)

    @torch.no_grad()
    def steady_features(self) -> Tensor:
        """Features (D,) of an interior position of a clip that is all zero."""
        x_VC = self._shift_VC
        for block in self._blocks:
            x_VC = block.steady(x_VC)
        return x_VC.mean(dim=0)

    def logits(self, features_RD: Tensor) -> Tensor:
        """Logits of the classes from features, which may be means over positions."""
        return functional.linear(features_RD, self._head_weight_CD, self._head_bias_C)

    def _go_on(self, frames: Frames, start: int) -> tuple[Ints, Tensor]:
        """Pass frames through the blocks from one on, as far as they get."""
        for block in self._blocks[start:]:
            if not len(frames.rows_R):
                return np.zeros(0, np.int64), self._head_weight_CD.new_zeros(0, self.num_features)
            frames = block.step(frames)
        return frames.rows_R, frames.x_RVC.mean(dim=1)
