"""What the tests of SLURM share: the cluster of a worker, and a platform on it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.services.slurm import SlurmCluster, running_cluster, why_no_slurm


def start_cluster() -> Iterator[SlurmCluster]:
    """A cluster, where one can be started; in CI it has to be."""
    why_not = why_no_slurm()
    if why_not and "CI" in os.environ:
        pytest.fail(f"SLURM is part of the gate: {why_not}")
    if why_not:
        pytest.skip(f"no SLURM here: {why_not}")
    with running_cluster() as cluster:
        yield cluster
