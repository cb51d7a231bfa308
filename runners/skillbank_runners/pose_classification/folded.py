"""ST-GCN for inference: the same function with everything constant multiplied out beforehand.

Batch normalisation goes into the convolutions before it and edge importance into the adjacency,
so a block is one matrix product and two convolutions. Activations are x_NCVT: then the product's
result, read as C*K channels, is already the 1x1 convolution's input, which sums over K on the way,
and the graph holds no transposition after its first node.

Axes: N bodies (sequences times people), C channels in, D channels out, V joints, T frames,
K partitions, M people.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skillbank_runners.pose_classification.layers import KERNEL_FRAMES, Block, fold_norm, norm_map

if TYPE_CHECKING:
    from skillbank_runners.pose_classification.network import STGCN


def fold(model: STGCN) -> FoldedSTGCN:
    """Inference form of a trained network, for export; it shares no memory with `model`."""
    with torch.no_grad():
        return FoldedSTGCN(model).eval()


class FoldedSTGCN(nn.Module):
    """What `fold` returns: x (N, C, T, V, M) to logits (N, classes), any N and T."""

    def __init__(self, model: STGCN) -> None:
        super().__init__()
        self.streams = deepcopy(model.streams)
        num_joints = model.A.shape[1]
        scale, shift = norm_map(model.data_bn)
        self.scale_CV1 = nn.Parameter(scale.view(num_joints, -1, 1).transpose(0, 1).clone())
        self.shift_CV1 = nn.Parameter(shift.view(num_joints, -1, 1).transpose(0, 1).clone())
        self.blocks = nn.ModuleList(
            _FoldedBlock(block, adjacency_KVV)
            for block, adjacency_KVV in zip(model.blocks(), model.adjacencies(), strict=True)
        )
        self.head = nn.Linear(model.fcn.in_channels, model.fcn.out_channels)
        self.head.load_state_dict(
            {"weight": model.fcn.weight.flatten(1), "bias": model.fcn.bias}, strict=True
        )

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        """Logits (N, classes)."""
        if self.streams is not None:
            x_NCTVM = self.streams(x_NCTVM)
        N, C, T, V, M = x_NCTVM.shape
        x_NCVT = x_NCTVM.permute(0, 4, 1, 3, 2).reshape(N * M, C, V, T)
        x_NCVT = x_NCVT * self.scale_CV1 + self.shift_CV1
        for block in self.blocks:
            x_NCVT = block(x_NCVT)
        logits: Tensor = self.head(x_NCVT.mean(dim=(2, 3)).view(N, M, -1).mean(dim=1))
        return logits


class _FoldedBlock(nn.Module):
    """One block with its three batch normalisations multiplied into the weights."""

    def __init__(self, block: Block, adjacency_KVV: Tensor) -> None:
        super().__init__()
        K, V, _ = adjacency_KVV.shape
        weight_KDC, bias_VD = block.gcn.folded(adjacency_KVV, block.tcn[0])
        _, D, C = weight_KDC.shape
        self.mix = nn.Parameter(adjacency_KVV.transpose(1, 2).reshape(K * V, V).clone())
        # The product's rows are (k, w) within each input channel: channels come as (c, k).
        self.joint_weight = nn.Parameter(weight_KDC.permute(1, 2, 0).reshape(D, C * K, 1, 1))
        self.joint_bias_DV1 = nn.Parameter(bias_VD.t()[:, :, None].clone())
        weight, bias = fold_norm(block.tcn[2], block.tcn[3])
        self.frame_weight = nn.Parameter(weight.transpose(2, 3).contiguous())
        self.frame_bias = nn.Parameter(bias)
        self.stride = block.stride
        self.goes_around = block.residual is not None
        self.around_weight: nn.Parameter | None = None
        self.around_bias: nn.Parameter | None = None
        if isinstance(block.residual, nn.Sequential):
            weight, bias = fold_norm(*block.residual)
            self.around_weight, self.around_bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x_NCVT: Tensor) -> Tensor:
        """(N, D, V, ceil(T / stride))."""
        N, _, V, T = x_NCVT.shape
        mixed = torch.matmul(self.mix, x_NCVT).reshape(N, -1, V, T)
        y = (functional.conv2d(mixed, self.joint_weight) + self.joint_bias_DV1).relu()
        padding = (0, KERNEL_FRAMES // 2)
        y = functional.conv2d(y, self.frame_weight, self.frame_bias, (1, self.stride), padding)
        if self.goes_around:
            y = y + self._around(x_NCVT)
        return y.relu()

    def _around(self, x_NCVT: Tensor) -> Tensor:
        if self.around_weight is None:
            return x_NCVT
        stride = (1, self.stride)
        return functional.conv2d(x_NCVT, self.around_weight, self.around_bias, stride)
