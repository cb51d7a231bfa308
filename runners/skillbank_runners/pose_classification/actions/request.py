"""What an inference is asked to look at: arrays, poses or a video."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from skillbank_runners.pose_classification.spec import InferenceSpec
from skillbank_runners.spec_reading import SpecInvalid


class Source(StrEnum):
    """The key that names what to look at."""

    ARRAYS = "inference.test_dataset.data_path"
    POSES = "inference.poses"
    VIDEO = "inference.video"

    def path(self, settings: InferenceSpec) -> str:
        """What the spec says there; empty: nothing."""
        return {
            Source.ARRAYS: settings.test_dataset.data_path,
            Source.POSES: settings.poses,
            Source.VIDEO: settings.video,
        }[self]


def find_source(settings: InferenceSpec) -> Source:
    """What to look at; arrays where nothing is named, whose reader then says what is missing.

    Raises:
        SpecInvalid: More than one is named, or one that is not there; or an option is set that
            what is named cannot have.
    """
    named = [source for source in Source if source.path(settings)]
    problems = []
    if len(named) > 1:
        found = ", ".join(f"{source} {source.path(settings)!r}" for source in named)
        problems.append(f"found {found}; expected one of them: set the others to nothing")
    for source in named:
        if source is not Source.ARRAYS:
            problems += _missing(source, source.path(settings))
    if settings.annotated_video and Source.VIDEO not in named:
        problems.append(
            f"inference.annotated_video: found true without {Source.VIDEO}, expected the video "
            "to draw onto there"
        )
    if problems:
        raise SpecInvalid(problems)
    return named[0] if named else Source.ARRAYS


def _missing(source: Source, text: str) -> Iterator[str]:
    path = Path(text).expanduser()
    if "://" in text:
        yield f"{source}: found {text!r}, expected a local file; copy it to this machine first"
    elif source is Source.VIDEO and not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        yield f"{source}: {what}: {text!r}, expected a video file"
    elif not path.exists():
        yield f"{source}: no such file or folder: {text!r}"
