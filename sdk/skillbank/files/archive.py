"""Unpack archives of data sets, which come from strangers."""

from __future__ import annotations

from pathlib import Path


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a `.tar`, `.tar.gz`, `.tgz` or `.zip` file into a folder, whole or not at all."""
    raise NotImplementedError
