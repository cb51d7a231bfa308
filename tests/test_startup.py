"""What the command line does not load before it must: time itself is measured by tools/bench."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = {"torch", "numpy", "jsonschema", "matplotlib", "skillbank_runners", "pytorch_lightning"}


def modules_of(*arguments: str) -> set[str]:
    """Top-level modules that one command line has loaded when it is done."""
    code = f"""
import json, sys
from skillbank.cli import main
assert main({list(arguments)!r}) == 0
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr))


def test_help_loads_nothing_but_typer_and_the_standard_library() -> None:
    loaded = modules_of("--help")

    assert "typer" in loaded
    assert not loaded & (SLOW | {"pydantic", "rich", "yaml", "sqlite3", "mcp", "anyio"})


@pytest.mark.parametrize("arguments", [["skills"], ["skills", "--json"]])
def test_listing_the_skills_loads_no_schema_checker_and_no_store(arguments: list[str]) -> None:
    assert not modules_of(*arguments) & (SLOW | {"rich", "sqlite3", "psutil"})


def test_showing_an_action_loads_no_schema_checker() -> None:
    assert not modules_of("show", "tao-train-pose-classification", "train") & SLOW


@pytest.mark.parametrize("arguments", [["ask", "what can you do?"], ["capabilities"], ["jobs"]])
def test_questions_load_no_schema_checker_and_no_server(
    arguments: list[str], tmp_path: Path
) -> None:
    loaded = modules_of("--root", str(tmp_path), *arguments)

    assert not loaded & (SLOW | {"rich", "mcp", "anyio", "optuna"})


def test_importing_the_package_alone_loads_nothing_heavy() -> None:
    code = "import sys, skillbank; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not set(done.stdout.split()) & (
        SLOW | {"typer", "rich", "sqlite3", "pydantic", "yaml", "mcp"}
    )
