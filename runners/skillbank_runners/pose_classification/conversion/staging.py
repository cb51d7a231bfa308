"""Results appear when all of them are complete, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from skillbank_runners.api import ArtefactKind, Run, describe_file

_PREFIX, _SUFFIX = ".dataset_convert.", ".tmp"


@contextmanager
def staging_folder(results: Path) -> Iterator[Path]:
    """A folder beside the results for what is not complete yet; gone in the end.

    What a killed process left there before goes too.
    """
    for left in results.glob(f"{_PREFIX}*{_SUFFIX}"):
        shutil.rmtree(left, ignore_errors=True)
    folder = results / f"{_PREFIX}{os.getpid()}{_SUFFIX}"
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(run: Run, files: Mapping[str, Path]) -> None:
    """Give complete files their names in the results, and drop those of an earlier conversion.

    Args:
        run: Whose results.
        files: Name in the results -> where it lies now, on the same file system.
    """
    for artefact in run.artefacts():
        if artefact.kind is ArtefactKind.DATASET and artefact.path not in files:
            (run.results / artefact.path).unlink(missing_ok=True)
            run.forget(artefact.path)
    for name, path in files.items():
        path.replace(run.results / name)
    with ThreadPoolExecutor() as threads:  # hashing lets other threads compute
        artefacts = threads.map(
            lambda name: describe_file(run.results / name, run.results, ArtefactKind.DATASET), files
        )
        run.record_all(list(artefacts))
