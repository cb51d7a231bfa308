"""Tiny networks with the real depth and strides."""

import pytest
from tests.runners.pose_classification.continual.checkpoints import make_facts, write_checkpoint


@pytest.fixture(scope="module")
def facts():
    return make_facts()


@pytest.fixture(scope="module")
def checkpoint(facts, tiny_networks, tmp_path_factory):  # noqa: ARG001 (before the network is made)
    return write_checkpoint(tmp_path_factory.mktemp("model") / "model.pth", facts)
