"""ST-GCN for inference: the same function with everything constant multiplied out beforehand.

Batch normalisation goes into the convolutions before it, edge importance into the adjacency, so a
block is two matrix products, one 9x1 convolution and two ReLUs.

Axes: N bodies (sequences times people), V joints, T frames, C channels, K partitions.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from skillbank_runners.pose_classification.layers import KERNEL_FRAMES, Block

if TYPE_CHECKING:
    from skillbank_runners.pose_classification.network import STGCN


def fold(model: STGCN) -> FoldedSTGCN:
    """Inference form of a trained network; it shares no memory with `model`."""
    with torch.no_grad():
        return FoldedSTGCN(model).eval()


class FoldedSTGCN(nn.Module):
    """What `fold` returns: x (N, C, T, V, M) to logits (N, classes), any N, T and M."""

    input_scale: Tensor
    input_shift: Tensor

    def __init__(self, model: STGCN) -> None:
        super().__init__()
        num_joints = model.A.shape[1]
        scale, shift = _scale_and_shift(model.data_bn)
        self.register_buffer("input_scale", scale.view(num_joints, -1).clone())
        self.register_buffer("input_shift", shift.view(num_joints, -1).clone())
        self.blocks = nn.ModuleList(
            FoldedBlock(block, adjacency)
            for block, adjacency in zip(model.st_gcn_networks, model.adjacencies(), strict=True)
            if isinstance(block, Block)
        )
        self.head = nn.Linear(model.fcn.in_channels, model.fcn.out_channels)
        self.head.load_state_dict(
            {"weight": model.fcn.weight.flatten(1), "bias": model.fcn.bias}, strict=True
        )

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        """Logits (N, classes)."""
        N, C, T, V, M = x_NCTVM.shape
        x = x_NCTVM.permute(0, 4, 3, 2, 1).reshape(N * M, V, T, C)
        x = x * self.input_scale[:, None, :] + self.input_shift[:, None, :]
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.head(x.mean(dim=(1, 2)).view(N, M, -1).mean(dim=1))
        return logits


class FoldedBlock(nn.Module):
    """One block with its three batch normalisations multiplied into the weights."""

    def __init__(self, block: Block, adjacency_KVV: Tensor) -> None:
        super().__init__()
        K, V, _ = adjacency_KVV.shape
        self.stride = block.stride
        scale, shift = _scale_and_shift(block.tcn[0])
        weight = block.gcn.conv.weight.view(K, len(scale), -1) * scale[:, None]
        assert block.gcn.conv.bias is not None
        bias_KD = block.gcn.conv.bias.view(K, -1)
        self.weight_KCD = nn.Parameter(weight.transpose(1, 2).contiguous())
        bias_VD = adjacency_KVV.sum(dim=1).t() @ bias_KD * scale + shift
        self.bias_V1D = nn.Parameter(bias_VD[:, None, :])
        self.mix_VKV = nn.Parameter(adjacency_KVV.permute(2, 0, 1).reshape(V, K * V))
        self.conv = _fold_conv(block.tcn[2], block.tcn[3])
        self.is_around = block.residual is not None
        self.around: nn.Conv2d | None = None
        if isinstance(block.residual, nn.Sequential):
            self.around = _fold_conv(*block.residual)

    def forward(self, x_NVTC: Tensor) -> Tensor:
        """(N, V, ceil(T / stride), C out)."""
        N, V, T, C = x_NVTC.shape
        K, _, D = self.weight_KCD.shape
        z = torch.matmul(x_NVTC.reshape(N, 1, V * T, C), self.weight_KCD)
        y = torch.matmul(self.mix_VKV, z.view(N, K * V, T * D)).view(N, V, T, D)
        y = self._convolve((y + self.bias_V1D).relu())
        if self.is_around:
            y = y + self._around(x_NVTC)
        return y.relu()

    def _convolve(self, x_NVTC: Tensor) -> Tensor:
        N, V, T, C = x_NVTC.shape
        image = x_NVTC.view(N * V, 1, T, C).permute(0, 3, 1, 2)
        weight = self.conv.weight.transpose(2, 3)
        padding = (0, KERNEL_FRAMES // 2)
        y = functional.conv2d(image, weight, self.conv.bias, (1, self.stride), padding)
        y = y.permute(0, 2, 3, 1)
        return y.reshape(N, V, y.shape[2], y.shape[3])

    def _around(self, x_NVTC: Tensor) -> Tensor:
        if self.around is None:
            return x_NVTC
        x_NVTC = x_NVTC[:, :, :: self.stride]
        return functional.linear(x_NVTC, self.around.weight.flatten(1), self.around.bias)


def _scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """The affine map that a batch normalisation is in evaluation, one value per channel each."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _fold_conv(conv: nn.Module, norm: nn.Module) -> nn.Conv2d:
    """A copy of the convolution that also does the normalisation after it."""
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    scale, shift = _scale_and_shift(norm)
    folded = copy.deepcopy(conv)
    folded.weight = nn.Parameter(conv.weight * scale[:, None, None, None])
    folded.bias = nn.Parameter(conv.bias * scale + shift)
    return folded
