"""Ask a bucket, with little patience, for what a job is going to read or write there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from skillbank.config import read_config
from skillbank.errors import FilesError
from skillbank.files.api import ABSENT
from skillbank.files.archive import is_archive
from skillbank.files.opening import Stores, hurried_stores
from skillbank.platforms.inspection import Check, CheckState
from skillbank.preflight.subject import Subject

_PATIENCE_S = 5.0


def look_into_bucket(uri: str, root: Path) -> str:
    """What lies under a URI, in a few words; empty: nothing.

    Args:
        uri: A file, a folder, or a path in an archive.
        root: Root folder of jobs, whose config.yaml says how buckets are reached.

    Raises:
        FilesError: It cannot be told.
    """
    stores = _stores(root)
    whole = _archive_of(uri)
    found = stores.of(whole).stat(whole)
    if found is not None:
        inside = "" if whole == uri else f"in {whole.rpartition('/')[2]}, "
        return f"{inside}{found.size_bytes} bytes"
    first = next(iter(stores.of(uri).list(uri)), None)
    return "" if first is None else "a folder"


def check_results(subject: Subject) -> Iterator[Check]:
    """Whether the job could leave its results where they are wanted; leaves nothing there."""
    plan = subject.plan
    if plan is None or not plan.results_uri:
        return
    uri = plan.results_uri
    probe = f"{uri}/.probe-{secrets.token_hex(4)}"
    try:
        store = _stores(subject.client.root).of(uri)
        store.write(probe, b"", ABSENT)
        store.delete(probe)
    except FilesError as error:
        expected = "a place that can be written, under a condition"
        fix = "config.yaml says how buckets are reached; --results names another place"
        yield Check("results", CheckState.FAIL, str(error), expected, fix, uri)
        return
    yield Check("results", CheckState.PASS, "can be written", about=uri)


def _stores(root: Path) -> Stores:
    return hurried_stores(read_config(root).storage, _PATIENCE_S)


def _archive_of(uri: str) -> str:
    """`s3://b/set.tar.gz` of `s3://b/set.tar.gz/train.npy`; any other URI as it is."""
    parts = uri.split("/")
    ends = (n for n in range(4, len(parts)) if is_archive("/".join(parts[:n])))
    return next(("/".join(parts[:n]) for n in ends), uri)
