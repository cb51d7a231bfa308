"""One array per person, as TAO writes them: object_<id>.npy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from skillbank_runners.pose_classification.conversion.npy import GrowingArray
from skillbank_runners.pose_classification.conversion.window import Window

_UNSAFE = re.compile(r"[^\w.+-]+")
_MAX_NAME = 100


class PersonKey(NamedTuple):
    """Whose array it is."""

    source: str
    camera: int
    object_id: int


class ObjectFiles:
    """Arrays that grow in a folder, one per person.

    Args:
        folder: Where they grow.
        sequence_length_max: T of every sequence.
    """

    def __init__(self, folder: Path, sequence_length_max: int) -> None:
        self._folder = folder
        self._sequence_length_max = sequence_length_max
        self._arrays: dict[PersonKey, GrowingArray] = {}

    def add(self, window: Window) -> None:
        """Add one sequence to the array of its person."""
        key = PersonKey(window.source, window.camera, window.object_id)
        array = self._arrays.get(key)
        if array is None:
            path = self._folder / f"{len(self._arrays)}.npy"
            array = self._arrays[key] = GrowingArray(path, self._sequence_length_max)
        array.append(window.x_CTV)

    def finish(self) -> dict[str, Path]:
        """Complete the files: name -> where it lies.

        Names say no more than is needed to tell people apart: `object_3.npy`, with cameras
        `object_3_camera_1.npy`, with several recordings `object_3_NAME.npy`.
        """
        has_sources = len({key.source for key in self._arrays}) > 1
        has_cameras = len({key.camera for key in self._arrays}) > 1
        files: dict[str, Path] = {}
        for key, array in self._arrays.items():
            array.finish()
            name = f"object_{key.object_id}"
            name += f"_camera_{key.camera}" * has_cameras
            name += f"_{_UNSAFE.sub('_', key.source)[:_MAX_NAME]}" * has_sources
            files[_free(name, files)] = array.path
        return files

    def counts(self) -> dict[str, int]:
        """Sequences of each person, by a name that a reader knows."""
        return {
            f"object {key.object_id} (camera {key.camera} of {key.source})": array.count
            for key, array in self._arrays.items()
        }

    def __len__(self) -> int:
        return len(self._arrays)


def _free(name: str, taken: dict[str, Path]) -> str:
    """The name, numbered where another source's name came to the same."""
    candidate, number = f"{name}.npy", 2
    while candidate in taken:
        candidate, number = f"{name}_{number}.npy", number + 1
    return candidate
