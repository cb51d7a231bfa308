"""Poses of one's own making, with the layout that `dataset_convert.source_layout` names.

- `.npy`: an array of numbers, read frame by frame: (T, V, D), (M, T, V, D), or (N, C, T, V, M) as
  training arrays are, which is N recordings.
- `.npz`: one or more such arrays, each with its own name.
- `.csv`: importers/generic_table.py.

D and C are x, y | x, y, z, and one more for a confidence where `pose_type` leaves one over: x, y,
confidence with `2dbp`; x, y, z, confidence with `3dbp` and `25dbp`. A joint with NaN is missing,
and so is one at (0, 0) of a picture; a person whose values are all 0 is not there.

Axes: N clips, M people, T frames, V joints, D or C coordinates.
"""

from __future__ import annotations

import io
import math
import mmap
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import make_pose
from skillbank_runners.skeletons.importers.generic_table import read_table
from skillbank_runners.skeletons.importers.text_files import files_of
from skillbank_runners.skeletons.importers.world import world_pose
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Observation, PoseFileInvalid, Recording, Space

Array = npt.NDArray[np.generic]


class _Header(NamedTuple):
    """Of an array in a .npy file."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype[Any]


MAX_ARRAY_BYTES = 1 << 30
"""Of an array in a .npz file, which is unpacked into memory; .npy files may be of any size."""
_FORGET_EVERY = 5000
"""Observations; some megabytes of a file in frames, more of one in Fortran order."""
_ORDER = {3: "TVD", 4: "MTVD", 5: "NCTVM"}
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    EOFError,
    MemoryError,
    NotImplementedError,  # a way of packing that zipfile does not know
    OSError,
    OverflowError,
    RuntimeError,  # an encrypted file; a header nested too deep
    SyntaxError,
    TypeError,
    ValueError,
)
_WANTED = "(T, V, D), (M, T, V, D) or (N, C, T, V, M)"


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """Recordings of .npy, .npz and .csv files.

    Raises:
        RunnerError: No layout is given.
        PoseFileInvalid: The folder has no such file, or a file is damaged.
    """
    if not options.layout:
        raise RunnerError(
            "dataset_convert.source_layout: empty, expected the layout of the poses; files of the "
            "format generic do not say what their joints are. Name a layout, or write a layout "
            "file (docs/layouts.md) and give its path"
        )
    for file in files_of(path, (".npy", ".npz", ".csv")):
        match file.suffix.lower():
            case ".npy":
                array, mapping = _open_npy(file)
                for recording in _clips(file, file.stem, array, options):
                    observations = _forgetting(recording.observations, mapping)
                    yield replace(recording, observations=observations)
            case ".npz":
                for name, array in _open_npz(file):
                    yield from _clips(file, name, array, options)
            case _:
                yield read_table(file, options)


def _clips(path: Path, name: str, array: Array, options: ReadOptions) -> Iterator[Recording]:
    """The recordings of one array: one, or as many as its N."""
    order = _ORDER.get(array.ndim, "")
    if not order or array.dtype.kind not in "iuf":
        raise PoseFileInvalid(
            path,
            name,
            f"found {array.dtype} of the shape {array.shape}, expected numbers: {_WANTED}",
        )
    num_joints = array.shape[order.index("V")]
    expected = load_layout(options.layout).num_joints
    if num_joints != expected:
        raise PoseFileInvalid(
            path,
            name,
            f"found {num_joints} joints on axis {order.index('V')} of the shape {array.shape}, but "
            f"layout {options.layout!r} has {expected}; expected {_WANTED}",
        )
    if order == "NCTVM":
        for index, clip_CTVM in enumerate(array):
            yield _recording(path, f"{name}_{index}", clip_CTVM.transpose(3, 1, 2, 0), options)
    else:
        yield _recording(path, name, array[None] if order == "TVD" else array, options)


def _recording(path: Path, name: str, poses_MTVD: Array, options: ReadOptions) -> Recording:
    num_values = poses_MTVD.shape[3]
    if num_values not in (2, 3, 4):
        raise PoseFileInvalid(path, name, f"found {num_values} values per joint, expected 2 to 4")
    wanted = 2 if options.pose_type == "2dbp" else 3
    num_coordinates = min(num_values, wanted)
    is_image = num_coordinates == 2 or options.pose_type == "25dbp"
    return Recording(
        name=name,
        path=path,
        layout=options.layout,
        space=Space.IMAGE if is_image else Space.WORLD,
        observations=_observations(poses_MTVD, num_coordinates, is_image),
        width=options.width if is_image else None,
        height=options.height if is_image else None,
        frame_rate=options.frame_rate,
    )


def _observations(poses_MTVD: Array, num_coordinates: int, is_image: bool) -> Iterator[Observation]:
    make = make_pose if is_image else world_pose
    num_people, num_frames, num_joints, num_values = poses_MTVD.shape
    for frame in range(num_frames):
        for person in range(num_people):
            pose_VD = np.asarray(poses_MTVD[person, frame], np.float64)
            if not pose_VD.any():
                continue
            has_more = num_values > num_coordinates
            certain_V = pose_VD[:, num_coordinates] if has_more else np.ones(num_joints)
            yield Observation(frame, person, *make(pose_VD[:, :num_coordinates], certain_V))


def _forgetting(observations: Iterator[Observation], mapping: mmap.mmap) -> Iterator[Observation]:
    """The same; what was read of the file is let go, so that a large one does not fill memory."""
    for index, observation in enumerate(observations):
        yield observation
        if index % _FORGET_EVERY == 0 and hasattr(mapping, "madvise"):
            mapping.madvise(mmap.MADV_DONTNEED)


def _open_npy(path: Path) -> tuple[Array, mmap.mmap]:
    """The array, left on disk, and the mapping that it is read through."""
    try:
        with path.open("rb") as file:
            header = _read_header(file, path.stat().st_size)
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return _as_array(content, file.tell(), header), content
    except _UNREADABLE as error:
        raise PoseFileInvalid(path, "", f"is no .npy file of numbers ({error})") from error


def _open_npz(path: Path) -> Iterator[tuple[str, Array]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size > MAX_ARRAY_BYTES:
                    raise PoseFileInvalid(
                        path,
                        member.filename,
                        f"found {member.file_size} bytes, expected at most {MAX_ARRAY_BYTES}; save "
                        "it as .npy",
                    )
                yield member.filename.removesuffix(".npy"), _parse_npy(archive.read(member))
    except _UNREADABLE as error:
        raise PoseFileInvalid(path, "", f"is no .npz file of numbers ({error})") from error


def _parse_npy(content: bytes) -> Array:
    """The array of a .npy file in memory."""
    file = io.BytesIO(content)
    header = _read_header(file, len(content))
    return _as_array(content, file.tell(), header)


def _as_array(content: bytes | mmap.mmap, offset: int, header: _Header) -> Array:
    """The numbers behind a header, which share the content's memory."""
    numbers = np.frombuffer(content, header.dtype, offset=offset)
    return numbers.reshape(header.shape, order=header.order)


def _read_header(file: BinaryIO, size_bytes: int) -> _Header:
    """What a .npy file says of its array, which may not be more than is there."""
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version} of the .npy format")
    shape, is_fortran, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are not read")
    claimed_bytes = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 1 or claimed_bytes != size_bytes - file.tell():
        raise ValueError(f"its header says {shape} of {dtype}, the file holds {size_bytes} bytes")
    return _Header(shape, "F" if is_fortran else "C", dtype)
