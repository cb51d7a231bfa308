"""Every platform of the package passes the published suite; a new module is found by itself."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules

import pytest

import skillbank.platforms
from skillbank.platforms.api import Platform
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.staged import StagedPlatform
from skillbank.testing import PlatformContract


def find_platforms() -> list[type[Platform]]:
    names = [
        f"skillbank.platforms.{module.name}"
        for module in iter_modules(skillbank.platforms.__path__)
    ]
    classes = {
        value
        for name in names
        for value in vars(import_module(name)).values()
        if isinstance(value, type)
    }
    # Those that hand jobs to a scheduler need one: tests/sdk/platforms starts it, and has the suite
    # run on it.
    found = [
        c
        for c in classes
        if issubclass(c, Platform) and not issubclass(c, StagedPlatform) and not isabstract(c)
    ]
    return sorted(found, key=lambda platform: platform.__name__)


def make_platform(kind: type[Platform], root: Path, grace_s: float = 1.0) -> Platform:
    """A platform as the package makes it, from the root folder alone, but quick to test."""
    if kind is LocalPlatform:
        return LocalPlatform(root, gpus=(), num_slots=2, grace_s=grace_s)
    return kind(root)


def test_the_local_platform_is_found() -> None:
    assert LocalPlatform in find_platforms()


@pytest.mark.parametrize("kind", find_platforms(), ids=lambda kind: kind.__name__, scope="class")
class TestEveryPlatform(PlatformContract):
    @pytest.fixture
    def platform(self, kind: type[Platform], root: Path) -> Platform:
        return make_platform(kind, root)

    def make_patient(self, platform: Platform, root: Path) -> Platform:
        return make_platform(type(platform), root, grace_s=30.0)
