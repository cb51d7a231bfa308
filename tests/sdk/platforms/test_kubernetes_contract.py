"""Jobs on Kubernetes pass the published suite; pods run as processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.services.kube import FakeKube, running_kube

from skillbank.platforms.api import Platform
from skillbank.platforms.kubernetes import KubernetesPlatform
from skillbank.testing import PlatformContract, ScriptPlan


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[FakeKube]:
    with running_kube(tmp_path / "kube") as kube:
        yield kube


def make_platform(kube: FakeKube, root: Path, grace: str = "1s") -> KubernetesPlatform:
    settings = {
        "kubeconfig": str(kube.kubeconfig),
        "image": "registry.test/skillbank:1",
        "volume": {"claim": "work", "mount": str(root)},
        "cpus": 32,
        "grace": grace,
    }
    return KubernetesPlatform(root, name="cluster", settings=settings)


class TestKubernetes(PlatformContract):
    """The API server is a stand-in; the real one is asked in test_kubernetes_server.py."""

    num_jobs = 8  # each is two processes, which start in half a second of this machine's time

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "root"
        root.mkdir()
        return root

    @pytest.fixture
    def platform(self, kube: FakeKube, root: Path) -> Iterator[Platform]:
        self.kube = kube
        return make_platform(kube, root)

    def restart(self, platform: Platform, root: Path) -> Platform:  # noqa: ARG002
        return make_platform(self.kube, root)

    def make_patient(self, platform: Platform, root: Path) -> Platform:  # noqa: ARG002
        return make_platform(self.kube, root, grace="30s")

    def lose_node(self, platform: Platform, plan: ScriptPlan) -> None:  # noqa: ARG002
        self.kube.world.lose("node-1")
        self.kube.world.add_node("node-2")
