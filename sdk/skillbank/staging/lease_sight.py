"""Whether somebody still holds the lease at a results URI, told by one who only looks on.

A holder renews it every few seconds. Whether it does is told by the store's own clock, where the
store tells how old an object is; elsewhere by two looks at the object's version, between which
this machine measures the time by a clock that nobody sets. No machine's clock is compared with
another's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from skillbank.errors import FileMissing
from skillbank.files.api import FileStore, StoredFile
from skillbank.platforms.attempt import identify_boot, read_json, write_json
from skillbank.staging.claim import LEASE_NAME, LeaseRecord, steady_now

SILENT_S = 120.0
"""A lease that was not renewed for so long has no holder; its store may be away for a while."""

_LOOK_NAME = "lease_seen.json"


def is_lease_kept(
    store: FileStore, uri: str, folder: Path, now: Callable[[], float] = steady_now
) -> bool:
    """Tell whether somebody seems to write at a results URI; a first look may be too kind.

    Args:
        store: Where it is kept.
        uri: The results URI.
        folder: The job's folder here, where the looks are remembered.
        now: A clock that only grows, in seconds.

    Raises:
        FilesError: The place cannot be read.
    """
    where = f"{uri.rstrip('/')}/{LEASE_NAME}"
    found = store.stat(where)
    if found is None:
        return False
    try:
        if LeaseRecord.model_validate_json(store.read(where)).is_released:
            return False
    except (FileMissing, ValidationError):
        return False
    age_s = _age_by_looks(folder, found, now()) if found.age_s is None else found.age_s
    return age_s < SILENT_S


def forget_looks(folder: Path) -> None:
    """Begin to look anew: while the store was away, nobody could renew anything."""
    (folder / _LOOK_NAME).unlink(missing_ok=True)


def _age_by_looks(folder: Path, found: StoredFile, now_s: float) -> float:
    """For how long this machine has seen one and the same version, in seconds."""
    path, boot = folder / _LOOK_NAME, identify_boot()
    last = read_json(path)
    if last is None or (last["version"], last["boot"]) != (found.version, boot):
        write_json(path, {"version": found.version, "boot": boot, "since_s": now_s})
        return 0.0
    return now_s - float(last["since_s"])
