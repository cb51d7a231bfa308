"""Files and folders of any place, kept on this machine's disk and shared by its jobs.

    objects/ab/abcdef...        contents by sha256, read-only
    index/12/1234...            a symbolic link: digest of URI and version -> sha256
    trees/<id>/<name>           what jobs are given: hard links to contents, under their own names
    trees/<id>/.tree.json       what the tree is; its time is that of its last use
    coming/                     what is on its way; goes on after a kill
    users/                      one locked file for each process: the trees that it uses

A tree holds the contents that are in it, so evicting an object never takes a file from a job; and
a tree is evicted only when no living process has named it as its own.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skillbank.errors import FileMissing, FilesFull
from skillbank.files.api import Progress, StoredFile
from skillbank.files.archive import folder_of, stem_of, unpack
from skillbank.files.cache_names import (
    digest_of,
    key_of,
    plain_path,
    require_names,
    sha256_of_file,
)
from skillbank.files.cache_space import FOLDERS, TREE_FILE, Space, Users
from skillbank.files.disk import disk_errors, hold, is_young, sync_disk
from skillbank.files.opening import Stores

_THREADS = 16
_LOCK_DIGITS = 3
"""Hexadecimal digits of a digest that choose the lock: 4,096 locks for any number of objects."""

_TRIES = 5
_NO_LINKS = (errno.EMLINK, errno.EPERM, errno.EXDEV, errno.ENOTSUP)


@dataclass(frozen=True)
class Fetched:
    """What the cache gives for a URI.

    Attributes:
        path: The file or folder, read-only.
        uri: Where it came from.
        version: Of the object; empty for a folder.
        sha256: Digest of the file or archive; of a folder, that of its names and digests.
        size_bytes: Of all its files, as they came.
        num_files: How many came.
    """

    path: Path
    uri: str
    version: str
    sha256: str
    size_bytes: int
    num_files: int


class Cache:
    """Content-addressed copies of files, each fetched once, whoever asks.

    Threads, processes and machines may share a folder. What `fetch` and its like returned stays
    until `close`, or the end of the process.

    Args:
        folder: Where it lies.
        stores: Where files come from.
        max_bytes: Size beyond which what was not used for longest goes; None: no limit. What is in
            use stays, also beyond it.
        progress: Told of bytes that arrive; may be changed at any time.
    """

    def __init__(
        self,
        folder: Path,
        stores: Stores,
        *,
        max_bytes: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._folder = folder
        self._stores = stores
        self.progress = progress
        with disk_errors(folder, "written"):
            for name in FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
        self._users = Users(folder)
        self._space = Space(folder, max_bytes)

    def close(self) -> None:
        """Let go of what was in use: it may be evicted from now on."""
        self._users.close()

    def fetch(self, uri: str) -> Path:
        """A read-only copy of a file, under its own name.

        Raises:
            FileMissing: Nothing lies there.
            FilesFull: The disk is full, also after everything that nobody uses has gone.
            FilesError: It cannot be brought.
        """
        return self.get_file(uri).path

    def fetch_folder(self, uri: str, wanted: Callable[[str], bool] | None = None) -> Path:
        """A read-only view of a folder.

        Args:
            uri: The folder.
            wanted: Told the relative name of a file, says whether it is needed; None: all are.

        Raises:
            FileMissing: No (wanted) file lies below it.
            RequestInvalid: A name in it cannot be one of a file here.
            FilesError: As `fetch`.
        """
        return self.get_folder(uri, wanted).path

    def fetch_unpacked(self, uri: str) -> Path:
        """The folder that an archive holds; see `archive` for which that is.

        Raises:
            RequestInvalid: It holds what may not be unpacked.
            FilesError: As `fetch`.
        """
        return self.get_unpacked(uri).path

    def get_file(self, uri: str) -> Fetched:
        """As `fetch`, with what is known of the file."""
        uri = plain_path(uri)
        stored = self._stat(uri)
        name = PurePosixPath(uri).name
        tree, digests = self._assemble({name: stored}, uri)
        return Fetched(tree / name, uri, stored.version, digests[name], stored.size_bytes, 1)

    def get_folder(self, uri: str, wanted: Callable[[str], bool] | None = None) -> Fetched:
        """As `fetch_folder`, with what is known of the folder."""
        folder = plain_path(uri).rstrip("/") + "/"
        files = self._list(folder, wanted)
        name = PurePosixPath(folder).name or "folder"
        tree, digests = self._assemble({f"{name}/{p}": one for p, one in files.items()}, folder)
        size = sum(one.size_bytes for one in files.values())
        return Fetched(tree / name, folder, "", digest_of(digests), size, len(files))

    def get_unpacked(self, uri: str) -> Fetched:
        """As `fetch_unpacked`, with what is known of the archive."""
        archive = self.get_file(uri)
        return self.unpack_file(archive.path, archive)

    def unpack_file(self, archive: Path, known: Fetched | None = None) -> Fetched:
        """The folder that an archive on this machine holds, unpacked once for each content.

        Args:
            archive: The file.
            known: What is known of it.
        """
        if known is None:
            digest = sha256_of_file(archive)
            known = Fetched(archive, str(archive), "", digest, archive.stat().st_size, 1)
        stem = stem_of(archive.name)
        tree_id = digest_of({f"unpacked/{archive.name}": known.sha256})

        def fill(draft: Path) -> tuple[str, int]:
            unpack(archive, draft / stem)
            return tree_id, _protect(draft / stem)

        tree = self._use(tree_id)
        if tree is None:
            with disk_errors(self._folder, "written"):
                lock = hold(self._folder / "locks" / f"tree-{tree_id[:_LOCK_DIGITS]}")
            try:
                tree = self._use(tree_id) or self._grow(fill, known.uri)
            finally:
                os.close(lock)
        return Fetched(
            folder_of(tree / stem, archive.name),
            known.uri,
            known.version,
            known.sha256,
            known.size_bytes,
            1,
        )

    # ------------------------------------------------------------------ objects

    def _assemble(self, files: Mapping[str, StoredFile], uri: str) -> tuple[Path, dict[str, str]]:
        """Folder with these files, in use by this process, and their digests."""
        known = {name: self._recall(one) for name, one in files.items()}
        digests = {name: digest for name, digest in known.items() if digest is not None}
        if len(digests) == len(files) and (tree := self._use(digest_of(digests))):
            return tree, digests
        num_bytes = sum(one.size_bytes for name, one in files.items() if known[name] is None)
        self._space.make_room(num_bytes)

        def fill(draft: Path) -> tuple[str, int]:
            digests.update(self._bring_all(files, draft))
            return digest_of(digests), 0

        return self._grow(fill, uri), digests

    def _bring_all(self, files: Mapping[str, StoredFile], draft: Path) -> dict[str, str]:
        for folder in {(draft / name).parent for name in files}:
            folder.mkdir(parents=True, exist_ok=True)
        pool = ThreadPoolExecutor(min(_THREADS, len(files)))
        try:
            under_way = {
                name: pool.submit(self._obtain_at, one, draft / name) for name, one in files.items()
            }
            return {name: future.result() for name, future in under_way.items()}
        finally:
            pool.shutdown(cancel_futures=True)  # after a failure, the rest need not come

    def _obtain_at(self, stored: StoredFile, target: Path) -> str:
        """Put a file's content under a name; its digest. It is in use from now on."""
        for _ in range(_TRIES):
            digest = self._obtain(stored)
            if _link(self._object(digest), target):
                return digest
        raise FilesFull(
            f"{self._folder}: files are evicted from the cache faster than a job can take them; "
            "raise SKILLBANK_CACHE_MAX, or run fewer jobs at once."
        )

    def _obtain(self, stored: StoredFile) -> str:
        """Digest of a file whose content is in the cache now."""
        digest = self._recall(stored)
        if digest is not None:
            return digest
        key = key_of(stored)
        with disk_errors(self._folder, "written"):
            lock = hold(self._folder / "locks" / key[:_LOCK_DIGITS])
        try:
            # Whoever waited here finds what the other brought.
            return self._recall(stored) or self._bring(stored)
        finally:
            os.close(lock)

    def _bring(self, stored: StoredFile) -> str:
        coming = self._folder / "coming" / key_of(stored)
        began_at = time.time()
        arrived = self._download(stored, coming)
        with disk_errors(coming, "written", stored.size_bytes):
            digest = arrived.sha256 or sha256_of_file(coming)
            target = self._object(digest)
            target.parent.mkdir(exist_ok=True)
            if _has_size(target, arrived.size_bytes):  # the same content under another URI
                coming.unlink()
            else:
                coming.chmod(0o444)
                coming.replace(target)
            if not is_young(arrived.modified_at, began_at):  # else it may change unseen
                _point(self._index(arrived), digest)
        return digest

    def _download(self, stored: StoredFile, coming: Path) -> StoredFile:
        store = self._stores.of(stored.uri)
        try:
            return store.download(stored.uri, coming, self.progress)
        except FilesFull:
            if not self._space.free(stored.size_bytes):
                raise
        return store.download(stored.uri, coming, self.progress)

    def _recall(self, stored: StoredFile) -> str | None:
        """Digest of what was brought before, if it is still there, which is a use of it."""
        try:
            digest = self._index(stored).readlink().name
            target = self._object(digest)
            if target.stat().st_size != stored.size_bytes:
                return None
        except OSError:
            return None
        with suppress(OSError):  # a file of another user's
            os.utime(target)
        return digest

    def _index(self, stored: StoredFile) -> Path:
        key = key_of(stored)
        return self._folder / "index" / key[:2] / key

    def _object(self, digest: str) -> Path:
        return self._folder / "objects" / digest[:2] / digest

    # ------------------------------------------------------------------ trees

    def _use(self, tree_id: str) -> Path | None:
        """A tree that is there, kept from being evicted; None where there is none."""
        tree = self._folder / "trees" / tree_id
        with disk_errors(tree, "written"), self._users.claiming(tree_id):
            try:
                os.utime(tree / TREE_FILE)
            except FileNotFoundError:
                return None
        return tree

    def _grow(self, fill: Callable[[Path], tuple[str, int]], uri: str) -> Path:
        """Make a tree, whole or not at all; of two who make the same, one wins.

        Args:
            fill: Fills a folder; returns the id of the tree, and how many bytes are its own.
            uri: Where it came from.
        """
        trees = self._folder / "trees"
        with disk_errors(trees, "written"), self._users.drafting() as draft:
            tree_id, own_bytes = fill(draft)
            about = {"uri": uri, "own_bytes": own_bytes}
            (draft / TREE_FILE).write_text(json.dumps(about), encoding="utf-8")
            draft.chmod(0o755)
            if own_bytes:
                sync_disk(draft)  # before its name tells that it is whole
            with self._users.claiming(tree_id):
                try:
                    draft.rename(trees / tree_id)
                except OSError:
                    if not (trees / tree_id).is_dir():  # else somebody else was faster
                        raise
                    os.utime(trees / tree_id / TREE_FILE)
        return trees / tree_id

    # ------------------------------------------------------------------ the rest

    def has_file(self, uri: str) -> bool:
        """Whether a file lies there, of which nothing is fetched."""
        return self._stores.of(uri).stat(plain_path(uri)) is not None

    def _stat(self, uri: str) -> StoredFile:
        found = self._stores.of(uri).stat(uri)
        if found is None:
            raise FileMissing(
                f"{uri}: there is no such file; check the name, or end it with '/' where a folder "
                "is meant."
            )
        return found

    def _list(self, folder: str, wanted: Callable[[str], bool] | None) -> dict[str, StoredFile]:
        found = {
            name: one
            for one in self._stores.of(folder).list(folder)
            if (name := one.uri[len(folder) :]) and not name.endswith("/")
            if wanted is None or wanted(name)
        }
        if not found:
            which = "file" if wanted is None else "file of those that are wanted"
            raise FileMissing(f"{folder}: no {which} lies there; check the name of the folder.")
        require_names(folder, found)
        return found


def _has_size(path: Path, size_bytes: int) -> bool:
    """Whether a file is there that nobody cut short since."""
    return path.is_file() and path.stat().st_size == size_bytes


def _link(content: Path, target: Path) -> bool:
    """Give a content a further name; False where it was evicted in this moment."""
    try:
        os.link(content, target)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        try:
            shutil.copyfile(content, target)
        except FileNotFoundError:
            return False
        target.chmod(0o444)
    return True


def _protect(folder: Path) -> int:
    """Make the files of a folder read-only; their bytes."""
    num_bytes = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o444)
            num_bytes += path.stat().st_size
    return num_bytes


def _point(index: Path, digest: str) -> None:
    index.parent.mkdir(exist_ok=True)
    draft = index.with_name(f".{index.name}")  # one at a time: its lock is held
    draft.unlink(missing_ok=True)
    draft.symlink_to(digest)
    draft.replace(index)
