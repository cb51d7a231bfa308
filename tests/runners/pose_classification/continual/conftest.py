"""Tiny networks with the real depth and strides."""

import pytest
from tests.runners.pose_classification.continual.checkpoints import make_facts, write_checkpoint
from tests.runners.pose_classification.continual.networks import TINY_BLOCKS

from skillbank_runners.pose_classification import network as stgcn


@pytest.fixture(scope="module")
def tiny_networks():
    """Streams are long; that the network of the real size is equal is test_network's matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stgcn, "BLOCKS", TINY_BLOCKS)
        yield


@pytest.fixture(scope="module")
def facts():
    return make_facts()


@pytest.fixture(scope="module")
def checkpoint(facts, tiny_networks, tmp_path_factory):  # noqa: ARG001 (before the network is made)
    return write_checkpoint(tmp_path_factory.mktemp("model") / "model.pth", facts)
