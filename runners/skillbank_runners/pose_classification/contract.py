"""Check data files against what the network needs, before anything is trained on them.

Axes: N clips, C channels, T frames, V joints, M people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import DataInvalid, RunnerError
from skillbank_runners.pose_classification.labels import Ints, read_labels
from skillbank_runners.pose_classification.spec import FilesSpec, NetworkAction
from skillbank_runners.skeletons.layout import Layout, all_layouts, load_layout

LAYOUT_KEY = "model.graph_layout"
Clips = npt.NDArray[np.floating[Any]]  # files of integers are read too

_NUM_AXES = 5
_CHUNK_BYTES = 64 * 2**20  # read at a time, so that files larger than the memory can be checked
_SHOWN = 5  # breaches of one kind that a message lists


@dataclass(frozen=True)
class Files:
    """Data and labels that the spec names under one section."""

    key: str
    paths: FilesSpec
    needs_labels: bool = True


@dataclass(frozen=True)
class ClipSet:
    """Clips that keep the contract, with their labels.

    Attributes:
        key: Section of the spec that names the files, such as `dataset.train_dataset`.
        data_path: File of the clips.
        label_path: File of the labels; None where there are none.
        x_NCTVM: The clips, mapped from the file and not yet in memory.
        labels_N: Classes in [0, num_classes); None where there are no labels.
        names: One per clip.
    """

    key: str
    data_path: Path
    label_path: Path | None
    x_NCTVM: Clips
    labels_N: Ints | None
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x_NCTVM)

    def __str__(self) -> str:
        shape = ", ".join(map(str, self.x_NCTVM.shape))
        return f"{self.key}: {len(self)} clips, shape ({shape}), from {self.data_path}"

    @property
    def files(self) -> dict[str, Path]:
        """Dotted key -> file."""
        paths = {f"{self.key}.data_path": self.data_path}
        if self.label_path is not None:
            paths[f"{self.key}.label_path"] = self.label_path
        return paths


def check_data(
    spec: NetworkAction, wanted: Sequence[Files], layout: Layout | None = None
) -> tuple[ClipSet, ...]:
    """Open and check every data file of an action.

    Args:
        spec: What the network needs.
        wanted: The files.
        layout: Skeleton of the network; None: that of `model.graph_layout`.

    Raises:
        LayoutInvalid: There is no such layout.
        DataInvalid: With every breach of every file.
    """
    layout = layout or load_layout(spec.model.graph_layout, LAYOUT_KEY)
    checks = [_SetCheck(spec, layout, files) for files in wanted]
    sets = [check.run() for check in checks]
    problems = [problem for check in checks for problem in check.problems]
    shapes = {
        clips.key: clips.x_NCTVM.shape
        for clips in sets
        if clips is not None and clips.x_NCTVM.ndim == _NUM_AXES
    }
    problems += _disagreements(shapes)
    if problems:
        raise DataInvalid(problems)
    return tuple(clips for clips in sets if clips is not None)


def class_names(spec: NetworkAction) -> tuple[str, ...]:
    """Names in the order of class ids; class_0, class_1, ... without a label map."""
    label_map = spec.dataset.label_map
    if label_map is None:
        return tuple(f"class_{i}" for i in range(spec.dataset.num_classes))
    return tuple(sorted(label_map, key=lambda name: label_map[name]))


def _disagreements(shapes: dict[str, tuple[int, ...]]) -> Iterator[str]:
    for axis, what in ((1, "C channels"), (3, "V joints"), (4, "M people")):
        sizes = {key: shape[axis] for key, shape in shapes.items()}
        if len(set(sizes.values())) > 1:
            found = ", ".join(f"{key} has {size}" for key, size in sizes.items())
            yield f"{what} differ: {found}; all files of a job need the same"


class _SetCheck:
    """Checks one pair of files and collects what is wrong with them."""

    def __init__(self, spec: NetworkAction, layout: Layout, files: Files) -> None:
        self.problems: list[str] = []
        self._spec = spec
        self._layout = layout
        self._files = files

    def run(self) -> ClipSet | None:
        """The clips, or None with `problems` where they cannot even be opened."""
        data_path = self._path("data_path", self._files.paths.data_path, needed=True)
        label_path = self._path(
            "label_path", self._files.paths.label_path, needed=self._files.needs_labels
        )
        x_NCTVM = self._open(data_path) if data_path else None
        if data_path is None or x_NCTVM is None:
            return None
        if self._check_shape(x_NCTVM, data_path):
            self._check_values(x_NCTVM, data_path)
        ids_N, names = self._labels(label_path, len(x_NCTVM)) if label_path else (None, None)
        names = names or tuple(f"clip_{i}" for i in range(len(x_NCTVM)))
        return ClipSet(self._files.key, data_path, label_path, x_NCTVM, ids_N, names)

    def _path(self, name: str, text: str, *, needed: bool) -> Path | None:
        key = f"{self._files.key}.{name}"
        path = Path(text).expanduser()
        if not text:
            if needed:
                self.problems.append(f"{key}: empty, expected the path of a file")
        elif "://" in text:
            self.problems.append(
                f"{key}: found {text!r}, expected a local file; copy it to this machine first"
            )
        elif not path.is_file():
            what = "a folder" if path.is_dir() else "no such file"
            self.problems.append(f"{key}: {what}: {text!r}{neighbours(path)}")
        else:
            return path
        return None

    def _open(self, path: Path) -> Clips | None:
        key = f"{self._files.key}.data_path"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            reason = str(error).partition(". ")[0]  # NumPy goes on to advise allow_pickle
            self.problems.append(
                f"{key}: {str(path)!r} is no .npy file of numbers ({reason}); "
                "write it with numpy.save"
            )
            return None
        if not isinstance(array, np.ndarray):
            self.problems.append(
                f"{key}: {str(path)!r} is an archive of arrays (.npz), expected one array (.npy)"
            )
            return None
        return array

    def _check_shape(self, x_NCTVM: Clips, path: Path) -> bool:
        """Whether values can be checked too."""
        where = f"{path.name}: shape {x_NCTVM.shape}"
        found = len(self.problems)
        if x_NCTVM.dtype.kind not in "fiu":
            self.problems.append(f"{path.name}: type {x_NCTVM.dtype}, expected numbers (float32)")
        if x_NCTVM.ndim != _NUM_AXES:
            self.problems.append(
                f"{where}: {x_NCTVM.ndim} axes, expected 5: (N clips, C channels, T frames, "
                "V joints, M people)"
            )
            return False
        for axis, size in zip("NCTVM", x_NCTVM.shape, strict=True):
            if size == 0:
                self.problems.append(f"{where}: axis {axis} is empty, expected at least 1")
        model = self._spec.model
        if x_NCTVM.shape[1] != model.input_channels:
            self.problems.append(
                f"{where}: {x_NCTVM.shape[1]} channels on axis 1, expected "
                f"{model.input_channels} (model.input_channels)"
            )
        self._check_joints(x_NCTVM.shape[3], where)
        return len(self.problems) == found

    def _check_joints(self, num_joints: int, where: str) -> None:
        name = self._spec.model.graph_layout
        expected = self._layout.num_joints
        if num_joints == expected:
            return
        known = all_layouts().values()
        fitting = [other.name for other in known if other.num_joints == num_joints]
        hint = f"layouts of {num_joints} joints: {', '.join(fitting) or 'none'}"
        self.problems.append(
            f"{where}: {num_joints} joints on axis 3, but model.graph_layout {name!r} has "
            f"{expected}; {hint}"
        )

    def _check_values(self, x_NCTVM: Clips, path: Path) -> None:
        infinite, empty = _scan(x_NCTVM)
        for index in infinite[:_SHOWN]:
            position = np.argwhere(~np.isfinite(x_NCTVM[index]))[0]
            c, t, v, m = (int(i) for i in position)
            self.problems.append(
                f"{path.name}: clip {index} holds {float(x_NCTVM[index, c, t, v, m])} at "
                f"[{index}, {c}, {t}, {v}, {m}] (clip, channel, frame, joint, person), "
                "expected finite numbers"
            )
        for index in empty[:_SHOWN]:
            self.problems.append(f"{path.name}: clip {index} is all zero, expected a skeleton")
        for found, what in ((infinite, "with such values"), (empty, "that are all zero")):
            if len(found) > _SHOWN:
                self.problems.append(f"{path.name}: {len(found) - _SHOWN} more clips {what}")

    def _labels(self, path: Path, num_clips: int) -> tuple[Ints | None, tuple[str, ...] | None]:
        key = f"{self._files.key}.label_path"
        try:
            labels = read_labels(path)
        except RunnerError as error:
            self.problems.append(f"{key}: {error}")
            return None, None
        if len(labels.ids_N) != num_clips:
            self.problems.append(
                f"{key}: {path.name} has {len(labels.ids_N)} labels, but the data has {num_clips} "
                "clips; they must belong together"
            )
        self._check_range(labels.ids_N, path)
        return labels.ids_N, labels.names

    def _check_range(self, ids_N: Ints, path: Path) -> None:
        num_classes = self._spec.dataset.num_classes
        wrong = np.flatnonzero((ids_N < 0) | (ids_N >= num_classes))
        for index in wrong[:_SHOWN]:
            self.problems.append(
                f"{path.name}: label {index} is {ids_N[index]}, out of range: expected "
                f"[0, {num_classes}) (dataset.num_classes)"
            )
        if len(wrong) > _SHOWN:
            self.problems.append(f"{path.name}: {len(wrong) - _SHOWN} more labels out of range")


def _scan(x_NCTVM: Clips) -> tuple[list[int], list[int]]:
    """Indices of the clips with NaN or infinity, and of those that are all zero."""
    infinite: list[int] = []
    empty: list[int] = []
    step = max(1, _CHUNK_BYTES // max(1, x_NCTVM[0].nbytes))
    for start in range(0, len(x_NCTVM), step):
        chunk = np.asarray(x_NCTVM[start : start + step])
        rows = chunk.reshape(len(chunk), -1)
        low_N, high_N = rows.min(axis=1), rows.max(axis=1)  # NaN anywhere makes both NaN
        bad_N = ~(np.isfinite(low_N) & np.isfinite(high_N))
        infinite += (np.flatnonzero(bad_N) + start).tolist()
        empty += (np.flatnonzero((low_N == 0) & (high_N == 0)) + start).tolist()
    return infinite, empty


def neighbours(path: Path) -> str:
    """What else of its kind is where a missing file was looked for, to end a message with."""
    if not path.parent.is_dir():
        return f" (no folder {str(path.parent)!r} either)"
    folder = path if path.is_dir() else path.parent
    names = sorted(file.name for file in folder.glob(f"*{path.suffix or '.npy'}"))
    return f"; that folder has {', '.join(names[:_SHOWN])}" if names else ""
