"""Run command lines in this process and look at what they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skillbank.cli import main

SKILL = "tao-train-pose-classification"


@dataclass(frozen=True)
class Done:
    """A command line that ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


CommandLine = Callable[..., Done]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def cli(root: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Call `skillbank --root ROOT ...`."""

    def call(*arguments: object) -> Done:
        status = main(["--root", str(root), *map(str, arguments)])
        return Done(status, *capsys.readouterr())

    return call
