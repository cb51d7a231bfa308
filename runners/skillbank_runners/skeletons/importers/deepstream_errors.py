"""Say what is wrong with a DeepStream file: read what simdjson refused once more, slowly."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeVar

from skillbank_runners.skeletons.json_splitting import Chunk, Piece
from skillbank_runners.skeletons.poses import PoseFileInvalid

_EXPLAINED_BYTES = 4 * 2**20
"""A larger batch is not taken apart: as Python's own values it would need a dozen times that."""
_KINDS: dict[type, str] = {dict: "an object", int: "an integer", list: "a list"}
_OTHER = {"batches": "; set the key 'format' if the file is of another format"}
_PUBLISH = "record it again with the app's option --publish-pose"


_T = TypeVar("_T")


class _Wrong(Exception):
    """What is wrong with a batch, and where in it."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(problem)
        self.where = where


def explain(chunk: Chunk, key: str, num_joints: int, error: Exception) -> PoseFileInvalid:
    """The error to raise for a chunk that could not be read.

    Args:
        chunk: Which.
        key: Of the pose that is wanted.
        num_joints: V of the poses before; 0: there were none.
        error: What the fast reader said.
    """
    first_V = num_joints
    try:
        for piece in chunk.pieces():
            if len(piece.content) > _EXPLAINED_BYTES:
                break
            first_V = _check(piece, key, first_V)
    except _Wrong as wrong:
        where = f"byte {piece.offset}" + (f", {wrong.where}" if wrong.where else "")
        return PoseFileInvalid(chunk.path, where, str(wrong))
    except PoseFileInvalid as invalid:
        return invalid
    return PoseFileInvalid(
        chunk.path,
        f"after byte {chunk.offset}",
        f"cannot be read as batches of frames ({error})",
    )


def _check(piece: Piece, key: str, num_joints: int) -> int:
    """Check one batch; V of its poses."""
    batch = _decode(piece)
    frames = _get(batch, "batches", list, "the batch")
    assert isinstance(batch, dict)
    count = batch.get("num_frames_in_batch")
    if count is not None and count != len(frames):
        raise _Wrong("", f"num_frames_in_batch is {count!r}, but batches holds {len(frames)}")
    for index, frame in enumerate(frames):
        number = _get(frame, "frame_num", int, f"batches[{index}]")
        where = f"frame {number}"
        if type(frame.get("batch_id", 0)) is not int:
            raise _Wrong(where, f"batch_id is {frame['batch_id']!r}, expected an integer")
        if not -(2**63) <= number < 2**63:
            raise _Wrong(where, "frame_num does not fit into 64 bits")
        for person in _get(frame, "objects", list, where):
            num_joints = _check_person(person, where, key, num_joints)
    return num_joints


def _check_person(person: object, where: str, key: str, num_joints: int) -> int:
    identity = _get(person, "object_id", int, where)
    where = f"{where}, object {identity}"
    pose = _flat(_get(person, key, list, where))
    for number in pose:
        if type(number) not in (int, float):
            raise _Wrong(where, f"{key} holds {number!r}, expected numbers")
    found, rest = divmod(len(pose), 4)
    if rest or not found:
        raise _Wrong(where, f"{key} has {len(pose)} numbers, expected four per joint")
    if num_joints and found != num_joints:
        raise _Wrong(where, f"{key} has {found} joints, expected {num_joints} as before")
    _box(person, where)
    return found


def _box(person: object, where: str) -> None:
    assert isinstance(person, dict)
    box = person.get("bbox")
    if box is None:
        return
    if not isinstance(box, list) or len(box) != 4 or {*map(type, box)} - {int, float}:
        raise _Wrong(where, f"bbox is {str(box)[:60]}, expected left, top, width and height")


def _get(holder: object, key: str, kind: type[_T], where: str) -> _T:
    if not isinstance(holder, dict):
        raise _Wrong(where, f"found {str(holder)[:40]!r}, expected an object with {key!r}")
    if key not in holder:
        hint = f"; {_PUBLISH} {key}" if key.startswith("pose") else _OTHER.get(key, "")
        raise _Wrong(where, f"has no {key!r}, only {', '.join(map(repr, holder))}{hint}")
    value = holder[key]
    if type(value) is not kind:
        raise _Wrong(where, f"{key} is {str(value)[:40]!r}, expected {_KINDS[kind]}")
    return value


def _flat(values: list[Any]) -> list[Any]:
    """Poses may also be written as one list of four per joint."""
    if not any(isinstance(value, list) for value in values):
        return values
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def _decode(piece: Piece) -> object:
    try:
        return json.loads(piece.content, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise _Wrong("", f"no JSON {error.pos} characters on: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _Wrong("", f"not UTF-8 {error.start} bytes on") from error


def _finite(token: str) -> float:
    value = float(token)
    return value if math.isfinite(value) else _refuse(token)


def _refuse(token: str) -> NoReturn:
    raise _Wrong("", f"found the number {token}, expected finite ones")
