"""ST-GCN as textbooks and the public module compute it: what our form is measured against.

1x1 convolution, einsum with the adjacency, 9x1 convolution, batch normalisation, ReLU, in PyTorch's
default layout. Keys are those of the public state dict, so that both forms carry equal weights.

Axes: N bodies, C channels, T frames, V joints, M people, K partitions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BLOCKS = ((64, 1),) * 4 + ((128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1))


class TextbookSTGCN(nn.Module):
    """The same function as `STGCN`, written as the paper reads."""

    A: Tensor

    def __init__(self, num_classes: int, in_channels: int, adjacency_KVV: Tensor) -> None:
        super().__init__()
        K, V, _ = adjacency_KVV.shape
        self.register_buffer("A", adjacency_KVV)
        self.data_bn = nn.BatchNorm1d(in_channels * V)
        self.st_gcn_networks = nn.ModuleList()
        channels = in_channels
        for i, (width, stride) in enumerate(BLOCKS):
            block = _TextbookBlock(channels, width, stride, K)
            if i == 0:
                block.residual, block.tcn[4] = None, nn.Dropout(0)
            self.st_gcn_networks.append(block)
            channels = width
        self.edge_importance = nn.ParameterList(torch.ones(K, V, V) for _ in BLOCKS)
        self.fcn = nn.Conv2d(channels, num_classes, 1)

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        """Logits (N, classes)."""
        N, C, T, V, M = x_NCTVM.shape
        x = x_NCTVM.permute(0, 4, 3, 1, 2).contiguous().view(N * M, V * C, T)
        x = self.data_bn(x).view(N, M, V, C, T)
        x = x.permute(0, 1, 3, 4, 2).contiguous().view(N * M, C, T, V)
        for block, importance in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = block(x, self.A * importance)
        x = nn.functional.avg_pool2d(x, x.shape[2:])
        logits: Tensor = self.fcn(x.view(N, M, -1, 1, 1).mean(dim=1))
        return logits.view(N, -1)


class _TextbookBlock(nn.Module):
    def __init__(self, channels: int, width: int, stride: int, num_partitions: int) -> None:
        super().__init__()
        self.gcn = nn.ModuleDict({"conv": nn.Conv2d(channels, width * num_partitions, 1)})
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, (9, 1), (stride, 1), (4, 0)),
            nn.BatchNorm2d(width),
            nn.Dropout(0.5, inplace=True),
        )
        self.residual: nn.Module | None = nn.Identity()
        if channels != width or stride != 1:
            conv = nn.Conv2d(channels, width, 1, (stride, 1))
            self.residual = nn.Sequential(conv, nn.BatchNorm2d(width))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x_NCTV: Tensor, adjacency_KVV: Tensor) -> Tensor:
        """(N, width, ceil(T / stride), V)."""
        around = 0 if self.residual is None else self.residual(x_NCTV)
        x: Tensor = self.gcn["conv"](x_NCTV)
        N, _, T, V = x.shape
        x = x.view(N, len(adjacency_KVV), -1, T, V)
        x = torch.einsum("nkctv,kvw->nctw", x, adjacency_KVV).contiguous()
        y: Tensor = self.relu(self.tcn(x) + around)
        return y
