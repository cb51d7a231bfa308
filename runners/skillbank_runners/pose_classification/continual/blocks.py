"""ST-GCN's block, one frame at a time: section 3 of arXiv:2203.11009 with the strides kept.

Axes: R people that are dealt with at once, V joints, C channels in, D channels out, K partitions.
A block's frames have numbers from 0 on, at the rate at which the block gets them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skillbank_runners.pose_classification.continual.rings import FrameRing, Ints
from skillbank_runners.pose_classification.layers import KERNEL_FRAMES, Block, fold_norm

REACH = KERNEL_FRAMES // 2
"""Frames that a block looks ahead and back, at its own rate."""


class Frames(NamedTuple):
    """One frame of each of some people.

    Attributes:
        rows_R: The people.
        x_RVC: Their activations.
    """

    rows_R: Ints
    x_RVC: Tensor


class ContinualBlock:
    """A trained block whose frame convolution remembers instead of looking again.

    After frame n it can say what the offline block says of frame n - REACH, and does if the stride
    keeps that frame. Memory before frame 0 is zero, which is the offline block's padding.

    Args:
        block: Trained, in evaluation mode; nothing of it is shared.
        adjacency_KVV: Weighted adjacency of the block.
    """

    def __init__(self, block: Block, adjacency_KVV: Tensor) -> None:
        K, V, _ = adjacency_KVV.shape
        weight_KDC, self._joint_bias_VD = block.gcn.folded(adjacency_KVV, block.tcn[0])
        _, D, C = weight_KDC.shape
        self._mix = adjacency_KVV.permute(2, 0, 1).reshape(V * K, V).contiguous()
        self._joint_weight = weight_KDC.transpose(1, 2).reshape(K * C, D).contiguous()
        weight_DDL1, self._frame_bias_D = fold_norm(block.tcn[2], block.tcn[3])
        taps_LDD = weight_DDL1[..., 0].permute(2, 1, 0)
        self._frame_weight = taps_LDD.reshape(KERNEL_FRAMES * D, D).contiguous()
        self._around = _WayAround(block.residual)
        self.stride = block.stride
        self._activations = FrameRing(KERNEL_FRAMES, V, D)
        self._inputs = FrameRing(REACH + 1, V, C) if self._around.exists else None
        self._counts = np.zeros(0, np.int64)
        self.joint_products = V * K * V * C + V * K * C * D
        self.frame_products = V * KERNEL_FRAMES * D * D + V * self._around.products

    def reserve(self, num_rows: int) -> None:
        """Make room for so many people."""
        self._activations.reserve(num_rows)
        if self._inputs is not None:
            self._inputs.reserve(num_rows)
        self._counts = np.append(self._counts, np.zeros(num_rows - len(self._counts), np.int64))

    def clear(self, row: int) -> None:
        """Forget one person: its next frame is frame 0."""
        self._activations.clear(row)
        self._counts[row] = 0

    def step(self, frames: Frames) -> Frames:
        """Take the next frame of each person; the frames that are complete with it."""
        rows_R, x_RVC = frames
        if self._inputs is not None:
            self._inputs.write(rows_R, self._counts[rows_R], x_RVC)
        return self._push(rows_R, self._convolve_joints(x_RVC))

    def step_beyond(self, row: int) -> Frames:
        """Take one frame of the padding after a person's last; what is complete with it."""
        zeros = torch.zeros_like(self._joint_bias_VD)
        return self._push(np.array([row]), zeros[None])

    def steady(self, x_VC: Tensor) -> Tensor:
        """What comes out, (V, D), once the same frame has come in for long."""
        y_VD = self._convolve_joints(x_VC[None])[0]
        window = y_VD.repeat(1, KERNEL_FRAMES)
        return self._finish(window, x_VC[None] if self._around.exists else None)[0]

    def _push(self, rows_R: Ints, y_RVD: Tensor) -> Frames:
        newest_R = self._counts[rows_R]
        self._counts[rows_R] += 1
        self._activations.write(rows_R, newest_R, y_RVD)
        centres_R = newest_R - REACH
        is_due_R = (centres_R >= 0) & (centres_R % self.stride == 0)
        if not is_due_R.any():
            return Frames(rows_R[:0], y_RVD[:0])
        rows_R, newest_R, centres_R = rows_R[is_due_R], newest_R[is_due_R], centres_R[is_due_R]
        window = self._activations.window(rows_R, newest_R)
        before = None if self._inputs is None else self._inputs.read(rows_R, centres_R)
        return Frames(rows_R, self._finish(window, before))

    def _convolve_joints(self, x_RVC: Tensor) -> Tensor:
        R, V, _ = x_RVC.shape
        mixed = torch.matmul(self._mix, x_RVC).view(R, V, -1)
        y_RVD = torch.matmul(mixed, self._joint_weight)
        return y_RVD.add_(self._joint_bias_VD).relu_()

    def _finish(self, window: Tensor, x_RVC: Tensor | None) -> Tensor:
        """Convolve frames and add what goes around."""
        D = len(self._frame_bias_D)
        y_RVD = torch.addmm(self._frame_bias_D, window, self._frame_weight)
        y_RVD = y_RVD.view(-1, len(self._joint_bias_VD), D)
        if x_RVC is not None:
            y_RVD += self._around(x_RVC)
        return y_RVD.relu_()


class _WayAround:
    """A block's residual: none, the input itself, or a 1x1 convolution of it."""

    def __init__(self, residual: nn.Module | None) -> None:
        self.exists = residual is not None
        self.products = 0
        self._weight: Tensor | None = None
        self._bias: Tensor | None = None
        if isinstance(residual, nn.Sequential):
            weight, self._bias = fold_norm(*residual)
            self._weight = weight.flatten(1)
            self.products = self._weight.numel()

    def __call__(self, x_RVC: Tensor) -> Tensor:
        return x_RVC if self._weight is None else functional.linear(x_RVC, self._weight, self._bias)
