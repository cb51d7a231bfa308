"""Networks whose every parameter matters, and what they say offline."""

import numpy as np
import torch
from torch import nn

from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.skeletons.layout import load_layout

TINY_BLOCKS = ((6, 1),) * 4 + ((8, 2), (8, 1), (8, 1), (10, 2), (10, 1), (10, 1))
"""Channels and strides of blocks that take no time; strides and depth are the real ones."""


def make_network(layout="nvidia", strategy="spatial", *, channels=3, classes=5, seed=0):
    """Random weights, edge importance and statistics that are far from 0 and 1."""
    torch.manual_seed(seed)
    network = STGCN(classes, channels, adjacency(load_layout(layout), strategy)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    for importance in network.edge_importance:
        nn.init.uniform_(importance, 0.5, 1.5)
    return network


def make_clip(frames, joints=34, *, channels=3, people=1, seed=1):
    """One clip (C, T, V, M)."""
    return np.random.default_rng(seed).normal(size=(channels, frames, joints, people)).astype("f4")


def offline_features(network, clip_CTVM):
    """Features (P, D) of each position of a clip of one person, by the offline network."""
    with torch.no_grad():
        x_NVTC = network._normalise_input(torch.from_numpy(clip_CTVM)[None])
        for block, adjacency_KVV in zip(network.blocks(), network.adjacencies(), strict=True):
            x_NVTC = block(x_NVTC, adjacency_KVV)
    return x_NVTC[0].mean(dim=0)


def offline_logits(network, clip_CTVM):
    with torch.no_grad():
        return network(torch.from_numpy(clip_CTVM.copy())[None])[0]


def feed(continual, row, clip_CTVM, person=0):
    """Features (P, D) that come while a person's frames are fed."""
    came = []
    for x_CV in clip_CTVM[..., person].transpose(1, 0, 2):
        _, features = continual.step(np.array([row]), torch.from_numpy(x_CV.T.copy())[None])
        came.append(features)
    return torch.cat(came)


def feed_all(continual, row, clip_CTVM):
    """Features of all positions, those after the end included."""
    return torch.cat([feed(continual, row, clip_CTVM), continual.close(row)])
