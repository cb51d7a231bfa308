"""Remove files of a job that has ended from its results URI.

Whoever does so is the job's one writer meanwhile, as the job was: under its lease, the manifest
first ceases to name the files, then their objects go. So no reader sees a file that is half there,
and what a kill in between leaves is named as trash for whoever comes next.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import PurePosixPath

from skillbank.errors import FilesUnavailable
from skillbank.files.api import FileStore
from skillbank.staging.lease import StoreLease
from skillbank.staging.listing import Listing
from skillbank.staging.manifest import Manifest, ManifestEntry
from skillbank.staging.restoring import read_manifest
from skillbank.staging.shipping import Shipper

_TRIES = 10


def prune(
    uri: str, store: FileStore, paths: Collection[str], *, attempt: int, patience_s: float = 0.0
) -> None:
    """Remove files of a job that has ended, and links to them; those that are gone do no harm.

    Args:
        uri: The job's results URI.
        store: Where that is.
        paths: Of the files, below the job's folder.
        attempt: Newest attempt of the job; where a newer one has begun, nothing is removed.
        patience_s: How long to wait, in seconds, for a writer that did not say that it has ended.

    Raises:
        LeaseLost: Somebody may still write there, or a newer attempt does; nothing was removed.
        FilesError: The place refuses, or does not answer; asking again goes on where this stopped.
    """
    uri = uri.rstrip("/")
    found = read_manifest(store, uri)
    if found is None or not (found.trash or _doomed(found.files, paths)):
        return
    lease = StoreLease(store, uri, attempt=attempt)
    lease.take(patience_s)
    try:
        _remove(uri, store, lease, found, paths)
    finally:
        lease.release()


def _remove(
    uri: str, store: FileStore, lease: StoreLease, found: Manifest, paths: Collection[str]
) -> None:
    ship = Shipper(uri, store, lease)
    listing = Listing(uri, store, lease, found.attempt, ship)
    for _ in range(_TRIES):
        if not listing.is_open:
            listing.open()
        for path in _doomed(listing.files, paths):
            listing.drop(path)
        listing.save(is_urgent=True)
        if listing.is_saved:
            return
    raise FilesUnavailable(f"{uri}: its list of files could not be written in {_TRIES} tries.")


def _doomed(files: dict[str, ManifestEntry], paths: Collection[str]) -> list[str]:
    """The files, as far as they are named, and the links that would lead nowhere without them."""
    return [
        path
        for path, entry in files.items()
        if path in paths or (entry.link and _target(path, entry.link) in paths)
    ]


def _target(path: str, link: str) -> str:
    return os.path.normpath(PurePosixPath(path).parent / link)
