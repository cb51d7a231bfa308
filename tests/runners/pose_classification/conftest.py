"""What all trainings of these tests share."""

import pytest
from tests.runners.pose_classification.continual.networks import TINY_BLOCKS

from skillbank_runners.pose_classification import network as stgcn
from skillbank_runners.training import network_facts


@pytest.fixture(autouse=True)
def _hurried_latency(monkeypatch):
    """A training measures its network for a quarter of a second; here there are a hundred."""
    monkeypatch.setattr(network_facts, "_BUDGET_S", 0.0)


@pytest.fixture(scope="module")
def tiny_networks():
    """The real depth and strides; that the real width is equal is test_network's matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stgcn, "BLOCKS", TINY_BLOCKS)
        yield
