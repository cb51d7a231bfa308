"""The two steps of a block that plain autograd does slowly on a CPU, one sequence at a time.

Taken over a whole batch, a graph convolution writes K activations' worth of products to memory
and reads them back; taken per sequence, in buffers that are used again, they stay in the cache.
docs/performance.md has the figures. Both functions are exact, in a fixed order, so that equal
seeds give equal bits.

Axes: N bodies (sequences times people), V joints (givers), W joints (receivers, equal to V),
T frames, C channels in, D channels out, K partitions.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LEVELS = 1 << 16  # a dropout probability is rounded to 16 bits


class _Context(Protocol):
    """What autograd hands to a function to remember things by."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    threshold: int
    scale: float

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep tensors for `backward`."""


def graph_convolution(
    x_NVTC: Tensor, adjacency_KVW: Tensor, weight_KDC: Tensor, bias_WD: Tensor
) -> Tensor:
    """Mix joints, then channels, per partition, and sum: eq. 10 of arXiv:1801.07455.

    Args:
        x_NVTC: Activations.
        adjacency_KVW: Weighted adjacency.
        weight_KDC: The 1x1 convolution, per partition.
        bias_WD: Its bias, already mixed by the adjacency.

    Returns:
        (N, W, T, D).
    """
    out: Tensor = _GraphConvolution.apply(  # type: ignore[no-untyped-call]  # torch has no type
        x_NVTC.contiguous(), adjacency_KVW, weight_KDC, bias_WD
    )
    return out


def drop_add_relu(x: Tensor, around: Tensor, probability: float) -> Tensor:
    """relu(dropout(x) + around), with sixteen random bits per value instead of a float.

    The probability is rounded to 1/65536, and what is kept is scaled by that rounded value.

    Args:
        x: Dense.
        around: Dense, of the same shape.
        probability: Of zeroing a value of x; 0 < probability < 1.
    """
    out: Tensor = _DropAddRelu.apply(  # type: ignore[no-untyped-call]  # torch has no type
        x, around, probability
    )
    return out


class _GraphConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: _Context, x_NVTC: Tensor, adjacency_KVW: Tensor, weight_KDC: Tensor, bias_WD: Tensor
    ) -> Tensor:
        N, V, T, C = x_NVTC.shape
        K, D, _ = weight_KDC.shape
        mix = _mix(adjacency_KVW)
        mixed = x_NVTC.new_empty(K * V, T * C)
        mixed_KRC = mixed.view(K, V * T, C)
        y_NWTD = bias_WD[:, None, :].expand(N, V, T, D).contiguous()
        for x_VTC, y_WTD in zip(x_NVTC, y_NWTD, strict=True):
            torch.mm(mix, x_VTC.view(V, T * C), out=mixed)
            for mixed_RC, weight_DC in zip(mixed_KRC, weight_KDC, strict=True):
                y_WTD.view(V * T, D).addmm_(mixed_RC, weight_DC.t())
        ctx.save_for_backward(x_NVTC, adjacency_KVW, weight_KDC)
        return y_NWTD

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad_NWTD: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        """Gradients of x, adjacency, weight and bias; what was mixed is mixed again, not kept."""
        x_NVTC, adjacency_KVW, weight_KDC = ctx.saved_tensors
        N, V, T, C = x_NVTC.shape
        K, D, _ = weight_KDC.shape
        mix = _mix(adjacency_KVW)
        unmix = mix.t().contiguous()
        mixed, grad_mixed = x_NVTC.new_empty(2, K * V, T * C)
        grad_x = torch.empty_like(x_NVTC) if ctx.needs_input_grad[0] else None
        grad_mix, grad_weight = torch.zeros_like(mix), torch.zeros_like(weight_KDC)
        grad_bias = grad_NWTD.new_zeros(V, D)
        for n in range(N):
            x = x_NVTC[n].view(V, T * C)
            grad_RD = grad_NWTD[n].reshape(V * T, D)
            grad_bias += grad_RD.view(V, T, D).sum(dim=1)
            torch.mm(mix, x, out=mixed)
            for k in range(K):
                grad_weight[k].addmm_(grad_RD.t(), mixed.view(K, V * T, C)[k])
                torch.mm(grad_RD, weight_KDC[k], out=grad_mixed.view(K, V * T, C)[k])
            grad_mix.addmm_(grad_mixed, x.t())
            if grad_x is not None:
                torch.mm(unmix, grad_mixed, out=grad_x[n].view(V, T * C))
        return grad_x, grad_mix.view(K, V, V).transpose(1, 2), grad_weight, grad_bias


def _mix(adjacency_KVW: Tensor) -> Tensor:
    """(K * W, V): one row of givers per partition and receiver."""
    return adjacency_KVW.transpose(1, 2).reshape(-1, adjacency_KVW.shape[1])


class _DropAddRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, x: Tensor, around: Tensor, probability: float) -> Tensor:
        dropped = min(round(probability * _LEVELS), _LEVELS - 1)
        ctx.threshold = dropped - _LEVELS // 2
        ctx.scale = _LEVELS / (_LEVELS - dropped)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        noise = bits.view(torch.int16)[: x.numel()].view(x.shape)
        keep = torch.empty_like(x[0])
        y = torch.empty_like(x)
        for i in range(len(x)):
            torch.ge(noise[i], ctx.threshold, out=keep)
            torch.addcmul(around[i], x[i], keep, value=ctx.scale, out=y[i]).relu_()
        ctx.save_for_backward(y, noise)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        """Gradients of x and around."""
        y, noise = ctx.saved_tensors
        grad_x, grad_around = torch.empty_like(y), torch.empty_like(y)
        keep = torch.empty_like(y[0])
        for i in range(len(y)):
            torch.gt(y[i], 0, out=keep)
            torch.mul(grad[i], keep, out=grad_around[i])
            torch.ge(noise[i], ctx.threshold, out=keep)
            torch.mul(grad_around[i], keep, out=grad_x[i]).mul_(ctx.scale)
        return grad_x, grad_around, None
