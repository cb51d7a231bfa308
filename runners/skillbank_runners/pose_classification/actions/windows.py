"""Windows of tracks on their way through the network.

Axes: C channels or classes, T frames, V joints, M people, N windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch

from skillbank_runners.pose_classification.actions.merging import Floats
from skillbank_runners.pose_classification.actions.tracks import TrackKey
from skillbank_runners.pose_classification.augment import Clip
from skillbank_runners.pose_classification.network import STGCN


class TrackWindow(NamedTuple):
    """A stretch of a track as the network gets it.

    Attributes:
        track: Whose.
        first_frame: Number of its first frame.
        last_frame: Number of its last frame, itself included.
        num_frames: Frames in it, before padding.
        x_CTVM: Prepared as in training.
    """

    track: TrackKey
    first_frame: int
    last_frame: int
    num_frames: int
    x_CTVM: Clip


def classify(
    network: STGCN,
    windows: Iterable[TrackWindow],
    batch_size: int,
    device: torch.device,
) -> Iterator[tuple[TrackWindow, Floats]]:
    """Each window with its soft-max shares (C), in order; one batch is in memory at a time."""
    network = network.to(device).eval()
    with torch.inference_mode():
        for batch in _batches(windows, batch_size):
            x_NCTVM = torch.from_numpy(np.stack([window.x_CTVM for window in batch]))
            logits_NC = network(x_NCTVM.to(device)).cpu()
            shares_NC = logits_NC.double().softmax(dim=1).float().numpy()
            yield from zip(batch, shares_NC, strict=True)


def _batches(windows: Iterable[TrackWindow], size: int) -> Iterator[list[TrackWindow]]:
    """Windows in a row of the same length; length can depend on a recording's frame rate."""
    iterator = iter(windows)
    while batch := list(islice(iterator, size)):
        shapes = {window.x_CTVM.shape for window in batch}
        if len(shapes) == 1:
            yield batch
        else:
            yield from ([window] for window in batch)
