"""Jobs on a real API server, scheduler and Job controller of Kubernetes 1.20.

Runs where `tools/kube/build.sh` has built them (slow: 10 s until they are up).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.services.kube_control_plane import (
    ControlPlane,
    running_control_plane,
    why_no_control_plane,
)

from skillbank.platforms.api import Platform
from skillbank.platforms.kubernetes import KubernetesPlatform
from skillbank.testing import PlatformContract

pytestmark = pytest.mark.skipif(bool(why_no_control_plane()), reason=why_no_control_plane())

MACHINE = {"cpu": "64", "memory": "256Gi", "nvidia.com/gpu": "2"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("kube")) as plane:
        plane.add_node("node-1", MACHINE)
        plane.add_claim("work")
        yield plane


def make_platform(plane: ControlPlane, root: Path, **settings: object) -> KubernetesPlatform:
    usual = {
        "kubeconfig": str(plane.kubeconfig()),
        "image": "registry.test/skillbank:1",
        "volume": {"claim": "work", "mount": str(root)},
        "cpus": 16,
        "grace": "1s",
    }
    return KubernetesPlatform(root, name="cluster", settings={**usual, **settings})


class TestRealKubernetes(PlatformContract):
    loss_within_s = 15.0

    @pytest.fixture
    def platform(self, plane: ControlPlane, root: Path) -> Platform:
        self.plane = plane
        return make_platform(plane, root)

    def restart(self, platform: Platform, root: Path) -> Platform:  # noqa: ARG002
        return make_platform(self.plane, root)
