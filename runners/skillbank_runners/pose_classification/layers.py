"""ST-GCN's block: a graph convolution over joints, then a convolution over frames.

Axes: N bodies (sequences times people), V joints, T frames, C channels, K partitions of the graph.
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
        self.conv = nn.Conv2d(in_channels, out_channels * num_partitions, 1)

    def forward(self, x_NVTC: Tensor, adjacency_KVV: Tensor) -> Tensor:
        """Each joint's mixture of its neighbours' channels, as (N, V, T, C out)."""
        N, V, T, C = x_NVTC.shape
        K = adjacency_KVV.shape[0]
        assert self.conv.bias is not None
        weight_KDC = self.conv.weight.view(K, -1, C)
        D = weight_KDC.shape[1]
        bias_VD = adjacency_KVV.sum(dim=1).t() @ self.conv.bias.view(K, D)
        if x_NVTC.device.type == "cpu":
            return graph_convolution(x_NVTC, adjacency_KVV, weight_KDC, bias_VD)
        z = torch.matmul(x_NVTC.reshape(N, 1, V * T, C), weight_KDC.transpose(1, 2))
        mix_VKV = adjacency_KVV.permute(2, 0, 1).reshape(V, K * V)
        y_NVTD = torch.matmul(mix_VKV, z.view(N, K * V, T * D)).view(N, V, T, D)
        return y_NVTD + bias_VD[:, None, :]


class Block(nn.Module):
    """Graph convolution, 9-frame convolution and a way around both."""

    def __init__(
        self, channels: tuple[int, int], stride: int, num_partitions: int, dropout: float
    ) -> None:
        super().__init__()
        in_channels, out_channels = channels
        self.stride = stride
        self.dropout = dropout
        self.gcn = GraphConv(in_channels, out_channels, num_partitions)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(
                out_channels,
                out_channels,
                (KERNEL_FRAMES, 1),
                (stride, 1),
                (KERNEL_FRAMES // 2, 0),
            ),
            nn.BatchNorm2d(out_channels),
            nn.Dropout(dropout),
        )
        self.residual = self._residual(in_channels, out_channels)

    def _residual(self, in_channels: int, out_channels: int) -> nn.Module | None:
        """The way around: nothing around the first block, which takes raw coordinates in."""
        if in_channels < out_channels // 2:
            return None
        if in_channels == out_channels and self.stride == 1:
            return nn.Identity()
        conv = nn.Conv2d(in_channels, out_channels, 1, (self.stride, 1))
        return nn.Sequential(conv, nn.BatchNorm2d(out_channels))

    def forward(self, x_NVTC: Tensor, adjacency_KVV: Tensor) -> Tensor:
        """(N, V, ceil(T / stride), C out)."""
        y_NVTC = self._normalise(self.tcn[0], self.gcn(x_NVTC, adjacency_KVV)).relu()
        y_NVTC = self._normalise(self.tcn[3], self._convolve_frames(y_NVTC))
        if self.residual is None:
            return functional.dropout(y_NVTC, self.dropout, self.training).relu()
        around_NVTC = self._around(x_NVTC)
        is_dropping = self.training and 0 < self.dropout < 1
        if is_dropping and y_NVTC.device.type == "cpu":
            return drop_add_relu(y_NVTC, around_NVTC, self.dropout)
        y_NVTC = functional.dropout(y_NVTC, self.dropout, self.training)
        return (y_NVTC + around_NVTC).relu()

    def _convolve_frames(self, x_NVTC: Tensor) -> Tensor:
        """9x1 convolution, with frames as an image's width: oneDNN's fast case both ways."""
        N, V, T, C = x_NVTC.shape
        conv = _conv(self.tcn[2])
        image = x_NVTC.view(N * V, 1, T, C).permute(0, 3, 1, 2)
        weight = conv.weight.transpose(2, 3)
        padding = (0, KERNEL_FRAMES // 2)
        y = functional.conv2d(image, weight, conv.bias, (1, self.stride), padding)
        y = y.permute(0, 2, 3, 1)
        return y.reshape(N, V, y.shape[2], y.shape[3])

    def _around(self, x_NVTC: Tensor) -> Tensor:
        if isinstance(self.residual, nn.Identity):
            return x_NVTC
        assert isinstance(self.residual, nn.Sequential)
        conv = _conv(self.residual[0])
        x_NVTC = x_NVTC[:, :, :: self.stride]
        y_NVTC = functional.linear(x_NVTC, conv.weight.flatten(1), conv.bias)
        return self._normalise(self.residual[1], y_NVTC)

    @staticmethod
    def _normalise(norm: nn.Module, x_NVTC: Tensor) -> Tensor:
        y: Tensor = norm(x_NVTC.permute(0, 3, 1, 2))
        return y.permute(0, 2, 3, 1)


def _conv(module: nn.Module) -> nn.Conv2d:
    """The convolution at a place of a Sequential, whose items have no type of their own."""
    assert isinstance(module, nn.Conv2d)
    return module
