"""What of a job's folder goes to its results URI, as it lies there at one moment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISDIR

RECORDS = "results/artefacts.json"
"""Names files of the results; goes up when those are there."""

RESULTS = "results"
"""Folder of what the job itself writes."""

ENDING = "exit.json"
"""Tells how an attempt ended; goes up after everything else."""

ENDINGS = (ENDING, "outcome.json")
"""What an attempt that runs again takes back."""

_ROOT_FILES = ("plan.json", "spec.yaml", "log.txt")
_UNFINISHED = (".tmp", ".part")
_OF_A_JOB = re.compile(r"plan\.json|spec\.yaml|log\.txt|attempts/\d+/[^/]+\.json|results/.+")
_OF_THE_SUBMITTER = ("handle.json", "supervisor.json", "verdict.json")
"""Mean something only where the attempt was submitted; elsewhere they would name another's."""


@dataclass(frozen=True)
class Found:
    """A file or link of the job's folder.

    Attributes:
        path: Below the job's folder, with `/`.
        size_bytes: Its size.
        stamp: Changes with every change of the file: inode, size, time of change.
        modified_at: When it was changed, in seconds since the epoch.
        link: Where it points, for a symbolic link to a file of this folder; else empty.
    """

    path: str
    size_bytes: int
    stamp: tuple[int, int, int]
    modified_at: float
    link: str = ""

    @property
    def has_plain_name(self) -> bool:
        """Whether its name, and where it points, are text, which manifests and buckets take."""
        return _is_text(self.path + self.link)

    @property
    def is_ending(self) -> bool:
        """Whether it tells that the attempt is over."""
        return self.path.startswith("attempts/") and self.path.endswith("/" + ENDING)


def collect(folder: Path, excludes: Sequence[str] = ()) -> dict[str, Found]:
    """Files that are ready to go, by path: no temporary names, nothing that is excluded.

    Args:
        folder: The job's folder.
        excludes: Patterns of paths below `results/`; one that ends with `/` means a folder.
    """
    patterns = [f"{one}*" if one.endswith("/") else one for one in excludes]
    found = {one.path: one for one in _all_of(folder)}
    return {
        path: one
        for path, one in found.items()
        if not any(fnmatchcase(path.removeprefix("results/"), p) for p in patterns)
        or not path.startswith("results/")
    }


def is_of_a_job(path: str) -> bool:
    """Tell whether a path, below a job's folder, is one that a job leaves at its results URI."""
    return _OF_A_JOB.fullmatch(path) is not None and not (
        path.startswith("attempts/") and path.endswith(_OF_THE_SUBMITTER)
    )


def shown(path: str) -> str:
    """A path as it can be printed, whatever its name holds."""
    return path.encode(errors="backslashreplace").decode()


def is_gone(path: Path) -> bool:
    """Tell whether surely no file lies there; a disk that does not answer says nothing."""
    try:
        return S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def named_by(records: bytes) -> set[str] | None:
    """Paths that `artefacts.json` names; None when it cannot be read, as while it is written."""
    try:
        entries = json.loads(records)["artefacts"]
        return {f"results/{os.path.normpath(entry['path'])}" for entry in entries}
    except (ValueError, KeyError, TypeError):
        return None


def _all_of(folder: Path) -> Iterator[Found]:
    for name in _ROOT_FILES:
        yield from _look(folder, folder / name)
    for path in sorted((folder / "attempts").glob("*/*.json")):
        if not _is_unfinished(path.name) and path.name not in _OF_THE_SUBMITTER:
            yield from _look(folder, path)
    yield from _below(folder, folder / "results")


def _below(root: Path, folder: Path) -> Iterator[Found]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:  # stands for what is in it, which cannot go, and is told
        yield Found(folder.relative_to(root).as_posix(), 0, (0, 0, 0), 0.0)
        return
    for entry in entries:
        if _is_unfinished(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(root, Path(entry.path))
        else:
            yield from _look(root, Path(entry.path))


def _look(root: Path, path: Path) -> Iterator[Found]:
    """The file as it is now; nothing where it vanished, or is no file."""
    name = path.relative_to(root).as_posix()
    try:
        if path.is_symlink() and (link := _inner_link(root, path)):
            yield Found(name, 0, (0, 0, hash(link)), 0.0, link)
            return
        stat = path.stat()
    except OSError:
        return
    if path.is_file():
        stamp = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        yield Found(name, stat.st_size, stamp, stat.st_mtime)


def _inner_link(root: Path, path: Path) -> str:
    """Target of a link that stays inside the folder wherever that lies; else empty."""
    target = path.readlink()
    inside = os.path.normpath(path.parent.relative_to(root) / target)
    leaves = target.is_absolute() or inside.startswith("..")
    return "" if leaves or not path.is_file() else target.as_posix()


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.endswith(_UNFINISHED)
