"""Fixtures of the platforms' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sdk.platforms.slurm_world import start_cluster
from tests.services.slurm import SlurmCluster


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[SlurmCluster]:
    """A controller and three nodes, for all tests of a worker."""
    yield from start_cluster()


@pytest.fixture
def slurm(slurm_cluster: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """The cluster, as this process's commands find it, without jobs and with all nodes."""
    monkeypatch.setenv("SLURM_CONF", str(slurm_cluster.conf))
    yield slurm_cluster
    slurm_cluster.clear()
