"""run_info.json: what is needed to repeat a job and to compare two."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import JsonValue

from skillbank_runners.api import Run, SpecModel, write_atomically
from skillbank_runners.training.hidden import hide_in_command, hide_in_spec

_PACKAGES = ("skillbank", "torch", "pytorch-lightning", "numpy", "onnx", "onnxruntime")
_GIT_TIMEOUT_S = 5


def write_run_info(
    run: Run,
    spec: SpecModel,
    *,
    device: str,
    data: Mapping[str, Path],
    values: Mapping[str, JsonValue],
) -> None:
    """Write results/run_info.json.

    Args:
        run: The job.
        spec: Its spec, recorded by digest.
        device: What it computes on.
        data: Dotted key -> file that was read; recorded with its digest.
        values: Further facts, such as the seed.
    """
    settings = hide_in_spec(json.loads(spec.model_dump_json()))
    text = json.dumps(settings)
    info: dict[str, JsonValue] = {
        "action": run.action,
        "command": list(hide_in_command(sys.argv)),
        "device": device,
        "versions": {"python": platform.python_version(), **installed_versions()},
        "code_revision": code_revision(),
        "spec_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "spec": settings,
        "data": {key: describe(path) for key, path in data.items()},
        **values,
    }
    content = json.dumps(info, indent=1, allow_nan=False) + "\n"
    write_atomically(run.results / "run_info.json", content.encode())


def describe(path: Path) -> dict[str, JsonValue]:
    """Path, size and sha256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": str(path), "sha256": digest, "size_bytes": path.stat().st_size}


def installed_versions() -> dict[str, JsonValue]:
    """Version of every package that results depend on; null for one that is not installed."""
    return {name: _version(name) for name in _PACKAGES}


def code_revision() -> str | None:
    """Git revision of the source that runs, `-dirty` where changed; None in an installed wheel."""
    source = Path(__file__).resolve().parent
    root = source.parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
