"""A client that searches the bowl: a training whose loss is a formula."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.platforms.local import LocalPlatform

BOWL = Path(__file__).resolve().parents[2] / "fixtures" / "bowl_runner"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Jobs of the bowl, four at once; the search's own process finds the same skills."""
    path = os.pathsep.join(filter(None, [str(BOWL), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("SKILLBANK_SKILLS", str(BOWL / "skills"))
    monkeypatch.setenv("SKILLBANK_LOCAL_SLOTS", "4")
    root = tmp_path / "root"
    made = Client(
        root,
        bank=SkillBank([BOWL / "skills"]),
        platforms={"local": LocalPlatform(root, gpus=(), num_slots=4, grace_s=5.0)},
    )
    yield made
    made.close()
