"""What this machine has and what its file systems can do, looked at without changing anything."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable
from glob import has_magic
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psutil

from skillbank.platforms.inspection import HEAD_BYTES, FileFacts, FileKind, Gpu, Resources

_QUERY_TIMEOUT_S = 30
_MIB = 2**20
# SQLite's WAL mode shares memory between processes, which these file systems cannot.
_REMOTE_KINDS = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "fuse.s3fs", "fuse.gcsfuse")


def machine_resources(visible_gpus: Collection[str]) -> Resources:
    """Cores, memory and GPUs of this machine that this process may use.

    Args:
        visible_gpus: Names of the GPUs, as CUDA_VISIBLE_DEVICES takes them.
    """
    memory = psutil.virtual_memory()
    return Resources(
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=memory.total,
        available_bytes=memory.available,
        gpus=_describe_gpus(visible_gpus),
    )


def read_gpu_table(text: str) -> dict[str, Gpu]:
    """GPUs by index and by UUID, from nvidia-smi's CSV of index, uuid, name and MiB."""
    gpus = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 4:
            memory = int(parts[3]) * _MIB if parts[3].isdecimal() else 0
            gpus[parts[0]] = gpus[parts[1]] = Gpu(parts[2], memory)
    return gpus


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def probe_folder(folder: Path) -> str:
    """What keeps files and locks from working in a folder; empty when nothing does.

    A file is made there for a moment and removed again.

    Raises:
        OSError: No file can be written.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".skillbank-probe-") as file:
        file.write(b"probe")
        file.flush()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return f"files cannot be locked: {error.strerror}"
        with Path(file.name).open("rb") as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return ""
            return "a lock keeps nobody out"


def file_system_of(folder: Path) -> tuple[str, bool]:
    """Kind of the file system that a folder lies on, and whether it is a remote one."""
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    where = folder.resolve()
    kind = next((mounts[up] for up in (where, *where.parents) if up in mounts), "")
    return kind, kind.startswith(_REMOTE_KINDS)


def look_at_path(path: str) -> FileFacts:
    """What this process finds under a path or a pattern."""
    place = Path(path)
    try:
        if place.is_dir():
            return _folder_facts(place)
        if place.exists():
            return _file_facts(place)
        if has_magic(path) and place.is_absolute():
            fitting = Path(place.anchor).glob(str(place.relative_to(place.anchor)))
            return _pattern_facts(path, fitting)
    except PermissionError:  # of a folder above it
        return FileFacts(path, FileKind.FILE, is_readable=False)
    except (OSError, ValueError):  # a name or a pattern that no file system knows
        pass
    return FileFacts(path, FileKind.MISSING, num_files=0)


def installed_versions(names: Collection[str]) -> dict[str, str]:
    """Versions of the distributions, or modules, that are there; nothing is imported."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            if name.isidentifier() and find_spec(name) is not None:
                found[name] = ""
    return found


def _describe_gpus(names: Collection[str]) -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi") if names else None
    known: dict[str, Gpu] = {}
    if program is not None:
        query = "--query-gpu=index,uuid,name,memory.total"
        command = [program, query, "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_QUERY_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return tuple(Gpu(f"GPU {name}") for name in names)
        known = read_gpu_table(done.stdout)
    return tuple(known.get(name, Gpu(f"GPU {name}")) for name in names)


def _folder_facts(place: Path) -> FileFacts:
    try:
        num_files = sum(1 for _ in place.iterdir())
    except PermissionError:
        return FileFacts(str(place), FileKind.FOLDER, num_files=0, is_readable=False)
    return FileFacts(str(place), FileKind.FOLDER, num_files=num_files)


def _file_facts(place: Path) -> FileFacts:
    size_bytes = place.stat().st_size
    if not place.is_file():  # reading a pipe or a device may never end
        return FileFacts(str(place), FileKind.FILE, size_bytes, is_readable=False)
    try:
        with place.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return FileFacts(str(place), FileKind.FILE, size_bytes, is_readable=False)
    return FileFacts(str(place), FileKind.FILE, size_bytes, head=head)


def _pattern_facts(pattern: str, fitting: Iterable[Path]) -> FileFacts:
    files = [path for path in fitting if path.is_file()]
    return FileFacts(
        pattern,
        FileKind.PATTERN if files else FileKind.MISSING,
        sum(path.stat().st_size for path in files),
        len(files),
        all(os.access(path, os.R_OK) for path in files),
    )
