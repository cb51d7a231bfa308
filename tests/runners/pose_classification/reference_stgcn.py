"""The paper's ST-GCN, written out plainly for comparison: float64, loops, no speed.

Follows arXiv:1801.07455 (sections 3.2 to 3.6) and the public state dict's key names. It shares no
code with the network under test. Axes: N sequences, C channels, T frames, V joints, M people,
K partitions.
"""

import numpy as np
import torch
import torch.nn.functional as F

STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)
EPSILON = 1e-5


def textbook_adjacency(num_joints, edges, centre, strategy):
    """(K, V, V) float64, entry by entry, with distances beyond one hop taken as infinite."""
    neighbours = {v: {v} for v in range(num_joints)}
    for a, b in edges:
        neighbours[a].add(b)
        neighbours[b].add(a)

    def distance(a, b):
        return 0 if a == b else 1 if b in neighbours[a] else float("inf")

    num_partitions = {"uniform": 1, "distance": 2, "spatial": 3}[strategy]
    A = np.zeros((num_partitions, num_joints, num_joints))
    for receiver in range(num_joints):
        share = 1 / len(neighbours[receiver])
        for giver in neighbours[receiver]:
            A[_partition(strategy, giver, receiver, centre, distance), giver, receiver] = share
    return A


def _partition(strategy, giver, receiver, centre, distance):
    if strategy == "uniform" or giver == receiver:
        return 0
    if strategy == "distance":
        return 1
    return 2 if distance(giver, centre) < distance(receiver, centre) else 1


def reference_logits(state, x_NCTVM, *, training=False):
    """Logits (N, classes) from a float64 state dict; batch statistics if `training`.

    Dropout is not part of it: compare in training with a probability of 0.
    """
    N, C, T, V, M = x_NCTVM.shape
    x = x_NCTVM.permute(0, 4, 3, 1, 2).reshape(N * M, V * C, T)
    x = _norm(state, "data_bn", x, training)
    x = x.view(N, M, V, C, T).permute(0, 1, 3, 4, 2).reshape(N * M, C, T, V)
    for i, stride in enumerate(STRIDES):
        x = _block(state, i, stride, x, training)
    x = x.mean(dim=(2, 3)).view(N, M, -1).mean(dim=1)
    return x @ state["fcn.weight"][:, :, 0, 0].t() + state["fcn.bias"]


def _block(state, i, stride, x, training):
    name = f"st_gcn_networks.{i}"
    A = state["A"]
    if f"edge_importance.{i}" in state:
        A = A * state[f"edge_importance.{i}"]
    y = F.conv2d(x, state[f"{name}.gcn.conv.weight"], state[f"{name}.gcn.conv.bias"])
    n, _, t, v = y.shape
    y = torch.einsum("nkctv,kvw->nctw", y.view(n, len(A), -1, t, v), A)
    y = _norm(state, f"{name}.tcn.0", y, training).relu()
    weight, bias = state[f"{name}.tcn.2.weight"], state[f"{name}.tcn.2.bias"]
    y = F.conv2d(y, weight, bias, stride=(stride, 1), padding=(4, 0))
    y = _norm(state, f"{name}.tcn.3", y, training)
    if f"{name}.residual.0.weight" in state:
        weight, bias = state[f"{name}.residual.0.weight"], state[f"{name}.residual.0.bias"]
        around = F.conv2d(x, weight, bias, stride=(stride, 1))
        y = y + _norm(state, f"{name}.residual.1", around, training)
    elif i > 0:
        y = y + x
    return y.relu()


def _norm(state, name, x, training):
    """Batch normalisation over every axis but the second."""
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        mean, variance = x.mean(dim=axes), x.var(dim=axes, unbiased=False)
    else:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    x = (x - mean.view(shape)) / (variance.view(shape) + EPSILON).sqrt()
    return x * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)


def reference_shapes(num_classes, in_channels, num_partitions, num_joints, *, importance=True):
    """Every key of the public state dict with its shape."""
    K, V = num_partitions, num_joints
    shapes = {"A": (K, V, V)}
    shapes |= _norm_shapes("data_bn", in_channels * V)
    given = in_channels
    for i, (width, stride) in enumerate(
        zip((64,) * 4 + (128,) * 3 + (256,) * 3, STRIDES, strict=True)
    ):
        name = f"st_gcn_networks.{i}"
        shapes |= _conv_shapes(f"{name}.gcn.conv", width * K, given, (1, 1))
        shapes |= _norm_shapes(f"{name}.tcn.0", width)
        shapes |= _conv_shapes(f"{name}.tcn.2", width, width, (9, 1))
        shapes |= _norm_shapes(f"{name}.tcn.3", width)
        if i > 0 and (width != given or stride != 1):
            shapes |= _conv_shapes(f"{name}.residual.0", width, given, (1, 1))
            shapes |= _norm_shapes(f"{name}.residual.1", width)
        if importance:
            shapes[f"edge_importance.{i}"] = (K, V, V)
        given = width
    return shapes | _conv_shapes("fcn", num_classes, given, (1, 1))


def _conv_shapes(name, width, given, kernel):
    return {f"{name}.weight": (width, given, *kernel), f"{name}.bias": (width,)}


def _norm_shapes(name, width):
    keys = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{key}": (width,) for key in keys} | {f"{name}.num_batches_tracked": ()}
