"""Names and digests in a cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from skillbank.errors import RequestInvalid
from skillbank.files.api import StoredFile

_SHOWN = 10


def plain_path(uri: str) -> str:
    """A `file://` URI as the path that it means; anything else as it is."""
    if not uri.startswith("file://"):
        return uri
    path = unquote(uri.removeprefix("file://"))
    return path if path.startswith("/") else "/" + path.partition("/")[2]


def key_of(stored: StoredFile) -> str:
    """Under what the cache knows one version of a file."""
    return hashlib.sha256(f"{stored.uri}\0{stored.version}".encode()).hexdigest()


def digest_of(digests: Mapping[str, str]) -> str:
    """One digest of names and digests."""
    digest = hashlib.sha256()
    for name in sorted(digests):
        digest.update(f"{digests[name]} {name}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_names(folder: str, names: Iterable[str]) -> None:
    """Refuse names that cannot be those of files below one folder.

    Raises:
        RequestInvalid: Some cannot; the first ones are told.
    """
    given = set(names)
    bad = [name for name in given if _is_odd(name)]
    above = {str(parent) for name in given for parent in PurePosixPath(name).parents}
    bad += [f"{name} (a file, and a folder of others)" for name in given & above]
    if bad:
        listed = "\n".join(f"  - {name!r}" for name in sorted(bad)[:_SHOWN])
        raise RequestInvalid(
            f"{folder}: {len(bad)} names there cannot be files of one folder on a disk:\n{listed}"
            "\nRename these objects, or choose a folder without them."
        )


def _is_odd(name: str) -> bool:
    parts = name.split("/")
    too_long = any(len(os.fsencode(part)) > 255 for part in parts)
    return too_long or "\0" in name or any(part in {"", ".", ".."} for part in parts)
