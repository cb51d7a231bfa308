"""Find the pose files that a spec names, and open them one after another."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from skillbank_runners.pose_classification.contract import neighbours
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Recording
from skillbank_runners.spec_reading import SpecInvalid

_SECTION = "dataset_convert"
_KEY = f"{_SECTION}.data"


def find_sources(data: str) -> list[Path]:
    """Files and folders that `dataset_convert.data` names.

    Raises:
        SpecInvalid: There is none.
    """
    if not data:
        raise SpecInvalid([f"{_KEY}: empty, expected a pose file, a folder or a pattern"])
    if "://" in data:
        raise SpecInvalid(
            [f"{_KEY}: found {data!r}, expected a local file; copy it to this machine first"]
        )
    path = Path(data).expanduser()
    try:
        exists = path.exists()
    except OSError as error:
        told = f"{_KEY}: {data[:200]!r} cannot be reached: {error.strerror}"
        raise SpecInvalid([told]) from error
    if exists:
        return [path]
    if not glob.has_magic(data):
        raise SpecInvalid([f"{_KEY}: no such file or folder: {data!r}{neighbours(path)}"])
    found = sorted(_fitting(path))
    if not found:
        raise SpecInvalid([f"{_KEY}: nothing fits the pattern {data!r}"])
    return found


def _fitting(pattern: Path) -> Iterator[Path]:
    """Files and folders that fit a pattern; `**` stands for any folders."""
    parts = pattern.parts
    first = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    yield from Path(*parts[:first]).glob(str(Path(*parts[first:])))


def open_sources(paths: Sequence[Path], settings: DatasetConvertSpec) -> Iterator[Recording]:
    """Recordings of all files, each under a name of its own.

    Raises:
        LayoutInvalid: There is no such layout.
        PoseFileInvalid: A file cannot be read.
    """
    for key, layout in (("source_layout", settings.source_layout), ("layout", settings.layout)):
        if layout:
            load_layout(layout, f"{_SECTION}.{key}")
    options = ReadOptions(
        pose_type=settings.pose_type,
        layout=settings.source_layout,
        width=settings.input_width,
        height=settings.input_height,
        frame_rate=settings.frame_rate or None,
    )
    seen: dict[str, int] = {}
    for path in paths:
        for recording in read_recordings(settings.format, path, options):
            count = seen[recording.name] = seen.get(recording.name, 0) + 1
            name = recording.name if count == 1 else f"{recording.name}_{count}"
            yield replace(recording, name=name)
