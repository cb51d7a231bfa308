"""A network's scores for a set of clips.

Axes: N clips, C classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from skillbank_runners.pose_classification.contract import ClipSet
from skillbank_runners.pose_classification.data import Batches, Feeding, build_loader
from skillbank_runners.pose_classification.network import STGCN


class Score(NamedTuple):
    """One class of one clip and its softmax share."""

    class_name: str
    share: float


def predict(
    network: STGCN,
    clips: ClipSet,
    feeding: Feeding,
    device: torch.device,
    *,
    num_workers: int = 1,
) -> Tensor:
    """Logits (N, C) in the order of the clips, on the CPU."""
    network = network.to(device).eval()
    with torch.inference_mode():
        logits = [
            network(batch.x_NCTVM.to(device)).cpu()
            for batch in build_loader(Batches(clips, feeding), num_workers)
        ]
    return torch.cat(logits).clone()


def top_scores(logits_NC: Tensor, names: tuple[str, ...], k: int) -> list[list[Score]]:
    """The k best classes of each clip, best first."""
    shares_NC = logits_NC.double().softmax(dim=1)
    best = shares_NC.topk(min(k, len(names)), dim=1)
    return [
        [Score(names[c], float(share)) for share, c in zip(shares, indices, strict=True)]
        for shares, indices in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def top_k_accuracy(logits_NC: Tensor, labels_N: Tensor, k: int) -> float:
    """Share of the clips whose class is among the k highest scores."""
    best_NK = logits_NC.topk(min(k, logits_NC.shape[1]), dim=1).indices
    return float((best_NK == labels_N[:, None]).any(dim=1).double().mean())
