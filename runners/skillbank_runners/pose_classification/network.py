"""ST-GCN, the spatial temporal graph convolutional network of arXiv:1801.07455.

Axes: N sequences, C channels (coordinates), T frames, V joints, M people, K graph partitions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from skillbank_runners.pose_classification.folded import FoldedSTGCN, fold
from skillbank_runners.pose_classification.layers import Block
from skillbank_runners.pose_classification.weights import load_weights

__all__ = ["STGCN", "FoldedSTGCN", "fold", "load_weights"]

# (channels out, stride) of the ten blocks, section 3.6 of the paper.
BLOCKS = ((64, 1),) * 4 + ((128, 2), (128, 1), (128, 1), (256, 2), (256, 1), (256, 1))


class STGCN(nn.Module):
    """ST-GCN with the public module's state dict: TAO's `.pth` weights fit without renaming.

    Args:
        num_classes: Length of the logits.
        in_channels: C of the input, such as 3 for x, y, z; with streams, what they make of it.
        adjacency_KVV: Partitioned, normalised adjacency (`graph.adjacency`).
        edge_importance_weighting: Learn a factor for every entry of the adjacency, per block.
        dropout: Probability of zeroing an activation, in all blocks but the first.

    Attributes:
        streams: Makes bones and motion out of the data's own channels, in front of everything
            else, and holds nothing that is learned; None: the network sees the data as it is.
    """

    A: Tensor

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        adjacency_KVV: npt.NDArray[np.float32],
        *,
        edge_importance_weighting: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.streams: nn.Module | None = None
        self.register_buffer("A", torch.tensor(adjacency_KVV, dtype=torch.float32))
        K, V, _ = self.A.shape
        self.data_bn = nn.BatchNorm1d(in_channels * V)
        blocks = []
        channels = in_channels
        for i, (out_channels, stride) in enumerate(BLOCKS):
            rate = dropout if i else None
            blocks.append(Block((channels, out_channels), stride, K, rate))
            channels = out_channels
        self.st_gcn_networks = nn.ModuleList(blocks)
        self.edge_importance: nn.ParameterList | None = None
        if edge_importance_weighting:
            self.edge_importance = nn.ParameterList(torch.ones(K, V, V) for _ in BLOCKS)
        self.fcn = nn.Conv2d(channels, num_classes, 1)

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        """Logits (N, classes) of sequences of any length T >= 1."""
        N, _, _, _, M = x_NCTVM.shape
        if self.streams is not None:
            x_NCTVM = self.streams(x_NCTVM)
        x_NVTC = self._normalise_input(x_NCTVM)
        for block, adjacency_KVV in zip(self.blocks(), self.adjacencies(), strict=True):
            x_NVTC = block(x_NVTC, adjacency_KVV)
        features_NC = x_NVTC.mean(dim=(1, 2)).view(N, M, -1).mean(dim=1)
        return functional.linear(features_NC, self.fcn.weight.flatten(1), self.fcn.bias)

    def blocks(self) -> list[Block]:
        """The ten blocks, with their type."""
        return [block for block in self.st_gcn_networks if isinstance(block, Block)]

    def adjacencies(self) -> list[Tensor]:
        """Weighted adjacency (K, V, V) of each block."""
        if self.edge_importance is None:
            return [self.A] * len(self.st_gcn_networks)
        return [self.A * importance for importance in self.edge_importance]

    def _normalise_input(self, x_NCTVM: Tensor) -> Tensor:
        """Normalise every coordinate of every joint over frames: (N * M, V, T, C)."""
        N, C, T, V, M = x_NCTVM.shape
        rows = x_NCTVM.permute(0, 4, 2, 3, 1).reshape(N * M * T, V * C)
        x: Tensor = self.data_bn(rows)
        return x.view(N * M, T, V, C).transpose(1, 2).contiguous()
