"""Files of random bytes, and their digests."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

_BLOCK_BYTES = 8 << 20


def write_random(path: Path, size_bytes: int) -> Path:
    """A file whose blocks differ."""
    block = random.Random(0).randbytes(_BLOCK_BYTES)
    with path.open("wb") as file:
        for start in range(0, size_bytes, _BLOCK_BYTES):
            file.write(start.to_bytes(8, "big") + block[8 : size_bytes - start])
    return path


def digest_of(path: Path) -> str:
    """Its sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
