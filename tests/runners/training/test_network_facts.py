"""What a network costs, measured on networks whose cost is known."""

import pytest
import torch
from torch import nn

from skillbank_runners.training import network_facts as measured
from skillbank_runners.training.network_facts import network_facts


class Clock:
    """Stands still where nobody advances it; in the place of the module `time`."""

    def __init__(self):
        self.now_s = 0.0

    def perf_counter(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(measured, "time", made)
    return made


class Slow(nn.Module):
    """Takes as long as it is told; counts how often it was asked, and in which mode."""

    def __init__(self, clock, *seconds):
        super().__init__()
        self.clock = clock
        self.seconds = list(seconds)
        self.modes = []

    def forward(self, inputs):
        self.modes.append((self.training, torch.is_inference_mode_enabled()))
        self.clock.now_s += self.seconds[min(len(self.modes), len(self.seconds)) - 1]
        return inputs


ONE = torch.ones(1, 4)


def test_every_parameter_is_counted_once():
    layer = nn.Linear(4, 4)
    network = nn.Sequential(layer, nn.BatchNorm1d(4), layer)

    assert network_facts(network, ONE)["num_parameters"] == 4 * 4 + 4 + 4 + 4


def test_the_latency_is_the_median_of_the_passes_after_the_first(clock):
    facts = network_facts(Slow(clock, 0.1, 0.02, 0.11, 0.03), ONE)

    assert facts["latency_ms"] == pytest.approx(30)


def test_the_network_is_measured_as_it_answers(clock):
    network = Slow(clock, 0.0).train()

    network_facts(network, ONE)

    assert set(network.modes) == {(False, True)}
    assert len(network.modes) == 10


@pytest.mark.parametrize(("seconds", "passes"), [(0.3, 2), (0.1, 3)])
def test_a_slow_network_is_asked_less_often(clock, seconds, passes):
    """A quarter of a second is spent, and never less than one pass that counts."""
    network = Slow(clock, seconds)

    network_facts(network, ONE)

    assert len(network.modes) == passes
