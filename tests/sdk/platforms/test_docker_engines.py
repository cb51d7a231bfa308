"""Jobs in real containers, of dockerd and of Podman: the suite that all platforms must pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.services.docker import Engine, dockerd, podman  # noqa: F401 - fixtures

from skillbank.platforms.api import Platform
from skillbank.platforms.docker import DockerPlatform
from skillbank.testing import PlatformContract


class _EngineContract(PlatformContract):
    """Slow: a container takes about a second, most of it Python's start in it."""

    @pytest.fixture
    def platform(
        self, engine: Engine, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> DockerPlatform:
        monkeypatch.setenv("SKILLBANK_LOCAL_SLOTS", "2")
        engine.clear()
        return DockerPlatform(root, settings=engine.settings)

    def restart(self, platform: Platform, root: Path) -> Platform:
        assert isinstance(platform, DockerPlatform)
        return DockerPlatform(root, settings=platform._given)

    def make_patient(self, platform: Platform, root: Path) -> Platform:
        assert isinstance(platform, DockerPlatform)
        return DockerPlatform(root, settings={**platform._given, "grace": "30s"})


class TestOnDockerd(_EngineContract):
    @pytest.fixture
    def engine(self, dockerd: Engine) -> Engine:  # noqa: F811 - the fixture
        return dockerd


class TestOnPodman(_EngineContract):
    num_jobs = 10  # fifty, as on dockerd, take another half a minute: tools/bench/containers.py

    @pytest.fixture
    def engine(self, podman: Engine) -> Engine:  # noqa: F811 - the fixture
        return podman
