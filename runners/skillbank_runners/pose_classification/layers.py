"""ST-GCN's block: a graph convolution over joints, then a convolution over frames.

Axes: N bodies (sequences times people), V joints, T frames, C channels, D channels out,
K partitions of the graph.
Activations lie in memory as x_NVTC. So a frame's neighbours are one row apart, a 1x1 convolution
is one matrix product with V*T long rows, the adjacency is another with T*C long rows, and no step
needs a transposed copy. Parameters keep the public module's names and shapes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from skillbank_runners.pose_classification.functions import drop_add_relu, graph_convolution

KERNEL_FRAMES = 9


class GraphConv(nn.Module):
    """K graph-weighted 1x1 convolutions, summed: eq. 10 of arXiv:1801.07455."""

    def __init__(self, in_channels: int, out_channels: int, num_partitions: int) -> None:
        super().__init__()
        self.num_partitions = num_partitions
        self.conv = nn.Conv2d(in_channels, out_channels * num_partitions, 1)

    def forward(self, x_NVTC: Tensor, adjacency_KVV: Tensor) -> Tensor:
        """Each joint's mixture of its neighbours' channels, as (N, V, T, D)."""
        return _convolve_joints(x_NVTC, adjacency_KVV, *self._weights(adjacency_KVV))

    def folded(self, adjacency_KVV: Tensor, norm: nn.Module) -> tuple[Tensor, Tensor]:
        """Weight (K, D, C) and bias (V, D) that also do the normalisation after it."""
        weight_KDC, bias_VD = self._weights(adjacency_KVV)
        scale, shift = norm_map(norm)
        return weight_KDC * scale[:, None], bias_VD * scale + shift

    def _weights(self, adjacency_KVV: Tensor) -> tuple[Tensor, Tensor]:
        """Weight (K, D, C), and the bias as the adjacency mixes it (V, D)."""
        K = self.num_partitions
        assert self.conv.bias is not None
        weight_KDC = self.conv.weight.view(K, -1, self.conv.in_channels)
        return weight_KDC, adjacency_KVV.sum(dim=1).t() @ self.conv.bias.view(K, -1)


class Block(nn.Module):
    """Graph convolution, 9-frame convolution and a way around both."""

    def __init__(
        self, channels: tuple[int, int], stride: int, num_partitions: int, dropout: float | None
    ) -> None:
        """A dropout of None makes the first block, which has neither dropout nor a way around."""
        super().__init__()
        in_channels, out_channels = channels
        self.stride = stride
        self.dropout = dropout or 0.0
        self.gcn = GraphConv(in_channels, out_channels, num_partitions)
        kernel, padding = (KERNEL_FRAMES, 1), (KERNEL_FRAMES // 2, 0)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, kernel, (stride, 1), padding),
            nn.BatchNorm2d(out_channels),
            nn.Dropout(self.dropout),
        )
        self.residual: nn.Module | None = None
        if dropout is not None:
            self.residual = _way_around(in_channels, out_channels, stride)

    def forward(self, x_NVTC: Tensor, adjacency_KVV: Tensor) -> Tensor:
        """(N, V, ceil(T / stride), D)."""
        if not self.training and not torch.is_grad_enabled():
            return self._infer(x_NVTC, adjacency_KVV)
        y_NVTC = _normalise(self.tcn[0], self.gcn(x_NVTC, adjacency_KVV)).relu()
        conv = _conv(self.tcn[2])
        y_NVTC = _normalise(self.tcn[3], self._convolve_frames(y_NVTC, conv.weight, conv.bias))
        if self.residual is None:
            return functional.dropout(y_NVTC, self.dropout, self.training).relu()
        around_NVTC = self._around(x_NVTC)
        is_dropping = self.training and 0 < self.dropout < 1
        if is_dropping and y_NVTC.device.type == "cpu":
            return drop_add_relu(y_NVTC, around_NVTC, self.dropout)
        y_NVTC = functional.dropout(y_NVTC, self.dropout, self.training)
        return (y_NVTC + around_NVTC).relu()

    def _infer(self, x_NVTC: Tensor, adjacency_KVV: Tensor) -> Tensor:
        """The same in evaluation, normalisation multiplied into the weights, results in place."""
        weights = self.gcn.folded(adjacency_KVV, self.tcn[0])
        y_NVTC = _convolve_joints(x_NVTC, adjacency_KVV, *weights).relu_()
        y_NVTC = self._convolve_frames(y_NVTC, *fold_norm(self.tcn[2], self.tcn[3]))
        if isinstance(self.residual, nn.Sequential):
            weight, bias = fold_norm(*self.residual)
            y_NVTC += functional.linear(x_NVTC[:, :, :: self.stride], weight.flatten(1), bias)
        elif self.residual is not None:
            y_NVTC += x_NVTC
        return y_NVTC.relu_()

    def _around(self, x_NVTC: Tensor) -> Tensor:
        if not isinstance(self.residual, nn.Sequential):
            return x_NVTC
        conv = _conv(self.residual[0])
        x_NVTC = x_NVTC[:, :, :: self.stride]
        y_NVTC = functional.linear(x_NVTC, conv.weight.flatten(1), conv.bias)
        return _normalise(self.residual[1], y_NVTC)

    def _convolve_frames(self, x_NVTC: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """9x1 convolution, with frames as an image's width: oneDNN's fast case both ways."""
        N, V, T, C = x_NVTC.shape
        image = x_NVTC.reshape(N * V, 1, T, C).permute(0, 3, 1, 2)
        padding = (0, KERNEL_FRAMES // 2)
        y = functional.conv2d(image, weight.transpose(2, 3), bias, (1, self.stride), padding)
        y = y.permute(0, 2, 3, 1)
        return y.reshape(N, V, y.shape[2], y.shape[3])


def norm_map(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Scale and shift that a batch normalisation is in evaluation, one per channel each."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def fold_norm(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that also does the normalisation after it."""
    conv = _conv(conv)
    assert conv.bias is not None
    scale, shift = norm_map(norm)
    return conv.weight * scale[:, None, None, None], conv.bias * scale + shift


def _way_around(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    conv = nn.Conv2d(in_channels, out_channels, 1, (stride, 1))
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def _convolve_joints(
    x_NVTC: Tensor, adjacency_KVV: Tensor, weight_KDC: Tensor, bias_VD: Tensor
) -> Tensor:
    """(N, V, T, D), per sequence on a CPU and over the whole batch elsewhere."""
    if x_NVTC.device.type == "cpu":
        return graph_convolution(x_NVTC, adjacency_KVV, weight_KDC, bias_VD)
    N, V, T, C = x_NVTC.shape
    K, D, _ = weight_KDC.shape
    z = torch.matmul(x_NVTC.reshape(N, 1, V * T, C), weight_KDC.transpose(1, 2))
    mix_VKV = adjacency_KVV.permute(2, 0, 1).reshape(V, K * V)
    y_NVTD = torch.matmul(mix_VKV, z.view(N, K * V, T * D)).view(N, V, T, D)
    return y_NVTD + bias_VD[:, None, :]


def _normalise(norm: nn.Module, x_NVTC: Tensor) -> Tensor:
    y: Tensor = norm(x_NVTC.permute(0, 3, 1, 2))
    return y.permute(0, 2, 3, 1)


def _conv(module: nn.Module) -> nn.Conv2d:
    """The convolution at a place of a Sequential, whose items have no type of their own."""
    assert isinstance(module, nn.Conv2d)
    return module
