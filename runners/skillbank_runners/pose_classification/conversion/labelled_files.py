"""Training and validation arrays with their labels, ready for train.

Axes: C channels, T frames, V joints.
"""

from __future__ import annotations

import math
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.conversion.npy import GrowingArray
from skillbank_runners.pose_classification.conversion.split import Origin, Split, choose_split
from skillbank_runners.pose_classification.conversion.window import Window
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec

_SIDES = ("train", "val")
_SHOWN = 5  # recordings that an error lists


@dataclass
class _Side:
    """One of the two data sets.

    Attributes:
        array: Its sequences.
        names: Of the sequences.
        classes: Of the sequences.
    """

    array: GrowingArray
    names: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)


class LabelledFiles:
    """Sequences with a class; they are parted when all of them are known.

    Args:
        folder: Where files grow.
        settings: Of the conversion.
    """

    def __init__(self, folder: Path, settings: DatasetConvertSpec) -> None:
        self._folder = folder
        self._settings = settings
        self._path = folder / "sequences.raw"
        self._file = self._path.open("wb")
        self._shapes: list[tuple[int, ...]] = []
        self._origins: dict[Origin, int] = {}
        self._origin_of: list[int] = []
        self._names: list[str] = []
        self._classes: list[str] = []
        self.num_unlabelled = 0
        self._unlabelled_sources: dict[str, None] = {}
        self.num_left_out = 0

    def add(self, window: Window) -> None:
        """Take one sequence; one without a class is counted only."""
        if window.label is None:
            self.num_unlabelled += 1
            if len(self._unlabelled_sources) < _SHOWN:
                self._unlabelled_sources[window.source] = None
            return
        self._file.write(window.x_CTV.data)
        self._shapes.append(window.x_CTV.shape)
        origin = Origin(window.source, window.camera, window.subject, window.split)
        self._origin_of.append(self._origins.setdefault(origin, len(self._origins)))
        self._names.append(_name(window))
        self._classes.append(window.label)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Sorted; as numbers where all are numbers."""
        names = set(self._classes)
        key = int if all(name.isdecimal() for name in names) else str
        return tuple(sorted(names, key=key))

    def finish(self) -> tuple[dict[str, Path], Split]:
        """Part the sequences: name -> where it lies, and how they were parted.

        Raises:
            RunnerError: Nothing has a label, or there is nothing to part by.
        """
        self._file.close()
        if not self._names:
            raise RunnerError(
                f"dataset_convert.labels: {self._settings.labels or 'no file'}: none of "
                f"{self.num_unlabelled} sequences has a label; check the rows' column file (here "
                f"are {', '.join(map(repr, self._unlabelled_sources))}), object ids and frames"
            )
        split = choose_split(list(self._origins), self._settings)
        sides = {side: _Side(self._array(side)) for side in _SIDES}
        self._part(sides, split)
        files: dict[str, Path] = {}
        for side, content in sides.items():
            if content.names:
                content.array.finish()
                files[f"{side}_data.npy"] = content.array.path
                files[f"{side}_label.pkl"] = self._write_labels(side, content)
        return files, split

    def shares(self) -> Iterator[str]:
        """Sequences of each class, for a reader."""
        counts = Counter(self._classes)
        for name in self.class_names:
            yield f"{name}: {counts[name]} sequences"

    def _array(self, side: str) -> GrowingArray:
        path = self._folder / f"{side}_data.npy"
        return GrowingArray(path, self._settings.sequence_length_max)

    def _part(self, sides: dict[str, _Side], split: Split) -> None:
        with self._path.open("rb") as raw:
            for index, origin in enumerate(self._origin_of):
                side = sides[_SIDES[int(split.is_val[origin])]]
                shape = self._shapes[index]
                values = np.frombuffer(raw.read(4 * math.prod(shape)), np.float32)
                if split.is_left_out[origin]:
                    self.num_left_out += 1
                    continue
                side.array.append(values.reshape(shape))
                side.names.append(self._names[index])
                side.classes.append(self._classes[index])
        self._path.unlink()

    def _write_labels(self, side: str, content: _Side) -> Path:
        numbers = {name: number for number, name in enumerate(self.class_names)}
        path = self._folder / f"{side}_label.pkl"
        path.write_bytes(pickle.dumps([content.names, [numbers[one] for one in content.classes]]))
        return path


def _name(window: Window) -> str:
    first, last = int(window.frames_T[0]), int(window.frames_T[-1])
    return f"{window.source}/camera {window.camera}/object {window.object_id}/{first}-{last}"
