"""JSON of DeepStream's body pose app (deepstream-bodypose-3d), of any size, in flat memory.

A file is a list of batches, or one batch after another (JSON lines), compact or spread over lines:

    {"num_frames_in_batch": 1, "batches": [{"batch_id": 0, "frame_num": 7, "ntp_timestamp": 1,
     "num_obj_meta": 2, "objects": [{"object_id": 3, "bbox": [left, top, width, height],
     "pose25d": [x, y, zRel, confidence, ...], "pose3d": [x, y, z, confidence, ...]}]}]}

Both poses have four numbers per joint. `pose25d` is in pixels with a depth relative to the root,
`pose3d` in millimetres in the camera's axes. `num_obj_meta` may exceed the objects written, and
frame numbers may have gaps. simdjson parses some 300 people at a time, and hands over the numbers
of a pose as they lie in its memory (docs/decisions.md, "simdjson reads poses").

Axes: N people in frames, V joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from simdjson import Parser

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.deepstream_errors import explain
from skillbank_runners.skeletons.json_splitting import Chunk, Piece, read_chunks, read_pieces
from skillbank_runners.skeletons.pose_blocks import BlockObservations, Doubles, PoseBlock
from skillbank_runners.skeletons.poses import NO_TRACK, Box, PoseFileInvalid, Recording, Space

LAYOUT = "nvidia"
VALUES_PER_JOINT = 4
UNTRACKED = 2**64 - 1
"""DeepStream's `object_id` of someone whom its tracker does not follow."""

Parsed = Any
"""A value of simdjson's: whether it is of the right type shows when it is asked."""

_ENDINGS = (".json", ".jsonl", ".ndjson")
# What simdjson and its values raise where a file is not as expected; integers beyond 64 bits are a
# RuntimeError, and other values than lists and objects lack what is asked of them.
_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RuntimeError)


@dataclass(frozen=True)
class PoseKind:
    """What one `pose_type` takes.

    Attributes:
        key: Of the pose in an object.
        num_coordinates: D, of the four numbers of a joint.
        space: What they mean.
    """

    key: str
    num_coordinates: int
    space: Space


POSE_KINDS = {
    "3dbp": PoseKind("pose3d", 3, Space.WORLD),
    "25dbp": PoseKind("pose25d", 3, Space.IMAGE),
    "2dbp": PoseKind("pose25d", 2, Space.IMAGE),
}


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per file; of a folder, one per .json, .jsonl or .ndjson file in it.

    Raises:
        PoseFileInvalid: The folder has no such file.
    """
    kind = POSE_KINDS[options.pose_type]
    for file in _files(path):
        observations = BlockObservations(
            read_blocks(file, kind, with_boxes=True), read_blocks(file, kind)
        )
        yield Recording(
            name=file.stem,
            path=file,
            layout=options.layout or LAYOUT,
            space=kind.space,
            observations=observations,
            width=options.width,
            height=options.height,
            frame_rate=options.frame_rate,
        )


def read_frames(path: Path) -> Iterator[Piece]:
    """Each batch as it stands in the file, with its offset: to write the file anew, bit by bit.

    Raises:
        PoseFileInvalid: The file is damaged.
    """
    return read_pieces(path)


def read_blocks(path: Path, kind: PoseKind, *, with_boxes: bool = False) -> Iterator[PoseBlock]:
    """People of one file, some hundred at a time.

    Raises:
        PoseFileInvalid: The file is damaged, or its poses have not what `kind` takes.
    """
    reader = _Reader(path, kind, with_boxes)
    for chunk in read_chunks(path):
        block = reader.block(chunk)
        if len(block):
            yield block


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _ENDINGS)
    if not files:
        raise PoseFileInvalid(path, "", f"the folder has no file that ends in {_ENDINGS}")
    return files


@dataclass
class _Columns:
    """What is gathered of the people of a chunk."""

    frames: list[int] = field(default_factory=list)
    cameras: list[int] = field(default_factory=list)
    object_ids: list[int] = field(default_factory=list)
    poses: list[Any] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


class _Reader:
    """Reads the chunks of one file."""

    def __init__(self, path: Path, kind: PoseKind, with_boxes: bool) -> None:
        self._path = path
        self._kind = kind
        self._with_boxes = with_boxes
        self._parser = Parser()
        self._num_joints = 0

    def block(self, chunk: Chunk) -> PoseBlock:
        """People of the next chunk."""
        try:
            columns = self._columns(self._parser.parse(chunk.as_list()))
            joints_NV4 = self._joints(columns)
            frames_N = np.array(columns.frames, np.int64)
        except _UNREADABLE as error:
            raise explain(chunk, self._kind.key, self._num_joints, error) from error
        return PoseBlock(
            frames_N,
            list(zip(columns.cameras, _tracked(columns.object_ids), strict=True)),
            joints_NV4[:, :, : self._kind.num_coordinates],
            joints_NV4[:, :, 3],
            columns.boxes,
            chunk.end,
        )

    def _columns(self, batches: Parsed) -> _Columns:
        columns = _Columns()
        for batch in batches:
            frames = batch["batches"]
            count = batch.get("num_frames_in_batch")
            if count is not None and count != len(frames):
                raise ValueError("num_frames_in_batch differs")
            for frame in frames:
                self._add_people(columns, frame)
        numbers = (columns.frames, columns.cameras, columns.object_ids)
        if {type(number) for column in numbers for number in column} - {int}:
            raise TypeError("a number of a frame, camera or object is no integer")
        return columns

    def _add_people(self, columns: _Columns, frame: Parsed) -> None:
        key = self._kind.key
        people = list(frame["objects"])
        columns.frames += [frame["frame_num"]] * len(people)
        columns.cameras += [frame.get("batch_id", 0)] * len(people)
        columns.object_ids += [person["object_id"] for person in people]
        columns.poses += [person[key].as_buffer(of_type="d") for person in people]
        if self._with_boxes:
            boxes = [person["bbox"].as_buffer(of_type="d") for person in people]
            columns.boxes += [Box(*memoryview(box).cast("d")) for box in boxes]

    def _joints(self, columns: _Columns) -> Doubles:
        """(N, V, 4)."""
        sizes = {memoryview(pose).nbytes for pose in columns.poses}
        bytes_per_joint = VALUES_PER_JOINT * 8
        if sizes and not self._num_joints:
            self._num_joints = max(sizes) // bytes_per_joint
        if sizes - {self._num_joints * bytes_per_joint} or (sizes and not self._num_joints):
            raise ValueError("number of joints differs")
        flat = np.frombuffer(b"".join(columns.poses), np.float64)
        return flat.reshape(-1, self._num_joints or 1, VALUES_PER_JOINT)


def _tracked(object_ids: list[int]) -> list[int]:
    if UNTRACKED not in object_ids:
        return object_ids
    return [NO_TRACK if one == UNTRACKED else one for one in object_ids]
