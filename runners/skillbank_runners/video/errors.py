"""What is raised where a video cannot be read, written or understood."""

from __future__ import annotations

from pathlib import Path

from skillbank_runners.errors import RunnerError


class VideoInvalid(RunnerError):
    """A video cannot be read.

    Args:
        path: Of the video.
        problem: What was found, what was expected and what to do next.
    """

    failure = "bad_configuration"

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path


class VideoMissing(RunnerError):
    """A package or model file that videos need is not installed."""

    failure = "bad_configuration"
