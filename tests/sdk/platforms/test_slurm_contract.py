"""SLURM passes the suite of all platforms, on a real cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.services.slurm import SlurmCluster

from skillbank.platforms.api import Platform
from skillbank.platforms.slurm import SlurmPlatform
from skillbank.testing import PlatformContract, ScriptPlan

# A job takes a whole node, so that three run at once; one whose node is lost is not run again.
_SETTINGS = {"cpus": 4, "grace": 1, "requeue": False}


class TestSlurm(PlatformContract):
    @pytest.fixture
    def cluster(self, slurm: SlurmCluster) -> SlurmCluster:
        return slurm

    @pytest.fixture
    def platform(self, cluster: SlurmCluster, root: Path) -> SlurmPlatform:
        platform = SlurmPlatform(root, settings=_SETTINGS)
        platform.cluster = cluster  # type: ignore[attr-defined] - for `lose_node`
        return platform

    def restart(self, platform: Platform, root: Path) -> SlurmPlatform:  # noqa: ARG002
        """What another process makes of the same config.yaml."""
        return SlurmPlatform(root, settings=_SETTINGS)

    def make_patient(self, platform: Platform, root: Path) -> SlurmPlatform:  # noqa: ARG002
        return SlurmPlatform(root, settings={**_SETTINGS, "grace": 30})

    def lose_node(self, platform: Platform, plan: ScriptPlan) -> None:
        """The whole machine, with SLURM's own processes."""
        cluster: SlurmCluster = platform.cluster  # type: ignore[attr-defined]
        cluster.kill_node(cluster.node_of(plan.job_id))

    @pytest.mark.parametrize("num_gpus", [1, 2, 3])
    def test_the_capacity_for_jobs_on_gpus_counts_gpus(
        self, platform: Platform, root: Path, num_gpus: int
    ) -> None:
        """Three nodes have two each, and no job of one node gets them from two."""
        plan = replace(self.make_plan(root, ""), num_gpus=num_gpus, resources={"cpus": 1})

        assert platform.capacity(plan) == 3 * (platform.gpus() // num_gpus)
