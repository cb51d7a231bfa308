"""Readers of pose files, one module per format.

Each module has `read(path, options)`, which yields the recordings of a file or folder one after
another in bounded memory. Importing this package loads none of them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.poses import PoseFileInvalid, Recording


@dataclass(frozen=True)
class ReadOptions:
    """What a user may have to add to a file.

    Attributes:
        pose_type: `3dbp`, `25dbp` or `2dbp`: which coordinates of a file with several to take.
        layout: Name or path of the layout; empty: the format's own.
        width: Of the picture in pixels, where the file does not say.
        height: Of the picture in pixels, where the file does not say.
        frame_rate: Frames per second, where the file does not say; None: unknown.
    """

    pose_type: str = "3dbp"
    layout: str = ""
    width: int = 1920
    height: int = 1080
    frame_rate: float | None = None


class Reader(Protocol):
    """The `read` of a format's module."""

    def __call__(self, path: Path, options: ReadOptions) -> Iterator[Recording]:
        """Recordings of a file or folder; raises PoseFileInvalid."""


FORMATS = {
    "deepstream": "deepstream",
    "coco": "coco",
    "ultralytics": "ultralytics",
    "mediapipe": "mediapipe",
    "openpose": "openpose",
    "ntu": "ntu",
    "kinetics-skeleton": "kinetics_skeleton",
    "pyskl": "pyskl",
    "halpe26": "halpe26",
    "nova77": "nova77",
    "bvh": "bvh",
    "generic": "generic",
}
"""Name of a format -> its module here."""


def read_recordings(name: str, path: Path, options: ReadOptions) -> Iterator[Recording]:
    """Recordings of a file or folder of one format.

    Raises:
        RunnerError: No such format or file; PoseFileInvalid, now or while recordings are read.
    """
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise RunnerError(f"dataset_convert.format: found {name!r}, expected one of: {known}")
    _check_reachable(path)
    module = import_module(f"{__name__}.{FORMATS[name]}")
    return cast(Reader, module.read)(path, options)


def _check_reachable(path: Path) -> None:
    """Raise an error where there is nothing, or nothing that may be read."""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            with os.scandir(path):
                return
    except (FileNotFoundError, NotADirectoryError) as error:
        missing = f"dataset_convert.data: no such file or folder: {str(path)!r}"
        raise RunnerError(missing) from error
    except OSError as error:
        raise PoseFileInvalid(path, "", f"cannot be read: {error.strerror}") from error
