"""Windows through a network, in batches."""

import numpy as np
import pytest
import torch

from skillbank_runners.pose_classification.actions.tracks import TrackKey
from skillbank_runners.pose_classification.actions.windows import TrackWindow, classify

CPU = torch.device("cpu")


class Sum(torch.nn.Module):
    """Logits 0 and the sum of the window; remembers the shapes it was given."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def forward(self, x_NCTVM):
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.shapes.append(tuple(x_NCTVM.shape))
        sums_N = x_NCTVM.flatten(1).sum(dim=1)
        return torch.stack([torch.zeros_like(sums_N), sums_N], dim=1)


def window(index, frames=4):
    x_CTVM = np.full((1, frames, 1, 1), index / frames, np.float32)
    return TrackWindow(TrackKey("a", 0, 1), index, index + frames - 1, frames, x_CTVM)


def shares(index):
    return [1 / (1 + np.exp(index)), 1 / (1 + np.exp(-index))]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_every_window_gets_its_own_soft_max_in_order(size):
    network = Sum()

    found = list(classify(network, (window(i) for i in range(7)), size, CPU))

    assert [one.first_frame for one, _ in found] == list(range(7))
    for index, (_, shares_C) in enumerate(found):
        assert shares_C == pytest.approx(shares(index), abs=1e-6)
    assert max(shape[0] for shape in network.shapes) == min(size, 7)


def test_windows_of_other_lengths_do_not_share_a_batch():
    network = Sum()
    windows = [window(0), window(1, frames=6), window(2), window(3)]

    found = list(classify(network, windows, 2, CPU))

    assert [one.num_frames for one, _ in found] == [4, 6, 4, 4]
    assert found[1][1] == pytest.approx(shares(1), abs=1e-6)
    assert network.shapes == [(1, 1, 4, 1, 1), (1, 1, 6, 1, 1), (2, 1, 4, 1, 1)]


def test_no_more_than_a_batch_is_read_ahead():
    read = []

    def windows():
        for index in range(10):
            read.append(index)
            yield window(index)

    first = next(classify(Sum(), windows(), 3, CPU))

    assert first[0].first_frame == 0
    assert read == [0, 1, 2]


def test_without_windows_there_is_nothing_to_say():
    assert list(classify(Sum(), [], 3, CPU)) == []
