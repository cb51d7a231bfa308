"""How far the reading of pose files is, in MB of what there is to read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skillbank_runners.api import Run
from skillbank_runners.progress import Progress
from skillbank_runners.skeletons.pose_blocks import PoseBlock
from skillbank_runners.skeletons.poses import Recording

_MB = 10**6


class ReadingProgress:
    """Told of every block, tells the run.

    Args:
        run: Gets the status lines.
        paths: All files and folders to read.
    """

    def __init__(self, run: Run, paths: Sequence[Path]) -> None:
        self._bar = Progress(run, "read", "MB", max(1, sum(map(_size, paths)) // _MB))
        self._current: Path | None = None
        self._before = 0  # bytes of the paths that are done

    def __call__(self, recording: Recording, block: PoseBlock) -> None:
        """Count a block."""
        if recording.path != self._current:
            if self._current is not None:
                self._before += _size(self._current)
            self._current = recording.path
        self._bar.reach((self._before + block.end_byte) // _MB)


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else 0
