"""Bring a job's folder back from its results URI, to go on with it on another machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from skillbank.errors import FileConflict, FileDamaged, FileMissing
from skillbank.files.api import FileStore
from skillbank.files.disk import disk_errors
from skillbank.files.opening import Stores
from skillbank.staging.collecting import is_of_a_job
from skillbank.staging.manifest import MANIFEST_NAME, Manifest, ManifestEntry
from skillbank.staging.order import ORDER_FILE

_THREADS = 8
_TRIES = 3


def restore(uri: str, stores: Stores, folder: Path, keep: Collection[str] = ()) -> Manifest | None:
    """Bring every file that a job's manifest names, links too; what lies here already stays.

    Args:
        uri: The job's results URI.
        stores: Where it is kept.
        folder: The job's folder here.
        keep: Paths of files that are left as they are here.

    Returns:
        The manifest; None where no job left one.

    Raises:
        FileDamaged: A file is not what the manifest says.
        FilesError: A file cannot be brought.
    """
    store = stores.of(uri)
    uri = uri.rstrip("/")
    tries = 0
    while (manifest := read_manifest(store, uri)) is not None:
        tries += 1
        try:
            kept = {path: e for path, e in manifest.files.items() if path not in keep}
            _bring_all(store, uri, folder, kept)
        except (FileMissing, FileConflict, FileDamaged):
            if tries == _TRIES:
                raise
            continue  # its writer may have replaced it since the manifest was read
        return manifest
    return None


def read_manifest(store: FileStore, uri: str) -> Manifest | None:
    """The manifest at a job's results URI; None where there is none.

    Raises:
        FileDamaged: It is none of ours.
    """
    where = f"{uri.rstrip('/')}/{MANIFEST_NAME}"
    try:
        return Manifest.model_validate_json(store.read(where))
    except FileMissing:
        return None
    except ValidationError as error:
        raise FileDamaged(
            f"{where}: is no list of a job's files; expected the JSON that skillbank writes. Move "
            "it away, or name another results URI."
        ) from error


def _bring_all(
    store: FileStore, uri: str, folder: Path, entries: Mapping[str, ManifestEntry]
) -> None:
    for path in entries:
        require_inside(uri, folder, path)
    entries = {path: entry for path, entry in entries.items() if is_of_a_job(path)}
    files = {path: entry for path, entry in entries.items() if not entry.link}
    orders = {path: entry for path, entry in files.items() if path.endswith(f"/{ORDER_FILE}")}
    _bring_files(store, uri, folder, {p: entry for p, entry in files.items() if p not in orders})
    for path, entry in entries.items():
        if entry.link:
            _link(uri, folder, path, entry.link)
    # Last: whoever finds the order of an attempt here finds all that the attempt had.
    _bring_files(store, uri, folder, orders)


def _bring_files(
    store: FileStore, uri: str, folder: Path, files: Mapping[str, ManifestEntry]
) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        under_way = [
            pool.submit(_bring, store, f"{uri}/{entry.key or path}", folder / path, entry)
            for path, entry in files.items()
        ]
        for one in under_way:
            one.result()


def _bring(store: FileStore, uri: str, target: Path, entry: ManifestEntry) -> None:
    if target.is_file() and not target.is_symlink() and is_same(target, entry):
        return
    with disk_errors(target, "written", entry.size_bytes):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
    stored = store.download(uri, target)
    digest = stored.sha256 or _digest(target)
    # A file that is written over in place may be newer than the manifest that names it.
    if digest != entry.sha256 and (entry.is_frozen or stored.version == entry.version):
        target.unlink()
        raise FileDamaged(
            f"{uri}: the file was changed: its sha256 is {digest[:12]}..., recorded was "
            f"{entry.sha256[:12]}...; remove the job's results there, or choose another job."
        )


def _link(uri: str, folder: Path, path: str, target: str) -> None:
    require_inside(uri, folder, path)  # a link that was made a moment ago may lie on the way
    inside = os.path.normpath(PurePosixPath(path).parent / target)
    is_outside = PurePosixPath(target).is_absolute() or inside.startswith("..")
    if is_outside or not _is_below((folder / path).parent / target, folder):
        raise FileDamaged(f"{uri}: the link {path!r} leads out of the job's folder, to {target!r}.")
    link = folder / path
    draft = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    with disk_errors(link, "written"):
        link.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(link)


def require_inside(uri: str, folder: Path, path: str) -> None:
    """Make sure that a path of a manifest, with the links that lie here, stays in the folder.

    Raises:
        FileDamaged: It leads out of it.
    """
    parts = PurePosixPath(path).parts
    is_outside = not parts or PurePosixPath(path).is_absolute() or ".." in parts
    if is_outside or not _is_below((folder / path).parent, folder):
        raise FileDamaged(f"{uri}: the manifest names {path!r}, which leads out of the folder.")


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def is_same(path: Path, entry: ManifestEntry) -> bool:
    """Tell whether a file is what a manifest says of it."""
    return path.stat().st_size == entry.size_bytes and _digest(path) == entry.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
