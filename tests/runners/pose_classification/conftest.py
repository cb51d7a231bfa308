"""What all trainings of these tests share."""

import pytest

from skillbank_runners.training import network_facts


@pytest.fixture(autouse=True)
def _hurried_latency(monkeypatch):
    """A training measures its network for a quarter of a second; here there are a hundred."""
    monkeypatch.setattr(network_facts, "_BUDGET_S", 0.0)
