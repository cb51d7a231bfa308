"""What a platform tells about itself before a job is sent to it: checks, files, resources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How a check ended; only FAIL keeps a job from being launched."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"

    @classmethod
    def worst(cls, states: Iterable[CheckState]) -> CheckState:
        """The gravest of several; PASS of none."""
        order = (cls.SKIPPED, cls.PASS, cls.WARN, cls.FAIL)
        return max(states, key=order.index, default=cls.PASS)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at before a launch.

    Attributes:
        name: What was looked at: `root`, `data`, `environment`, ...
        state: How it ended.
        found: What there is, in a sentence; further lines are details.
        expected: What should be there; empty when that is what was found.
        fix: Command or step that mends it; empty when nothing is to be done.
        about: Which of several: a spec key, a file.
    """

    name: str
    state: CheckState
    found: str
    expected: str = ""
    fix: str = ""
    about: str = ""


@dataclass(frozen=True)
class Needs:
    """What the jobs of one launch need of a platform.

    Attributes:
        num_gpus: GPUs that one of them holds; 0 on the CPU.
        disk_bytes: What they are going to write at most, as far as it can be told; 0: unknown.
        least_bytes: What they need even if they keep no more than one checkpoint.
        disk_reason: How those figures came about.
    """

    num_gpus: int = 0
    disk_bytes: int = 0
    least_bytes: int = 0
    disk_reason: str = ""


class FileKind(StrEnum):
    """What lies under a path."""

    MISSING = "missing"
    FILE = "file"
    FOLDER = "folder"
    PATTERN = "pattern"


@dataclass(frozen=True)
class FileFacts:
    """What a job would find under a path.

    Attributes:
        path: The path, or a pattern such as `poses/*.json`.
        kind: What lies there; MISSING also for a pattern that nothing fits.
        size_bytes: Size of the file, or of all that fit the pattern; 0 for a folder.
        num_files: Entries of a folder, or files that fit a pattern; 1 for a file.
        is_readable: Whether a job may read it.
        head: The first bytes of a file, at most HEAD_BYTES.
    """

    path: str
    kind: FileKind
    size_bytes: int = 0
    num_files: int = 1
    is_readable: bool = True
    head: bytes = b""


HEAD_BYTES = 4096


@dataclass(frozen=True)
class Gpu:
    """One GPU; its memory in bytes, 0 when the driver does not tell."""

    name: str
    memory_bytes: int = 0


@dataclass(frozen=True)
class Resources:
    """What one job can get of a platform.

    Attributes:
        cpus: Processor cores.
        memory_bytes: Memory in all.
        available_bytes: Memory that is free now.
        gpus: GPUs, as many as `Platform.gpus()`.
    """

    cpus: int
    memory_bytes: int
    available_bytes: int
    gpus: tuple[Gpu, ...] = ()
