"""Who does what when: rows of a CSV or JSON file, and what recordings state themselves.

A row names a class and what it holds for: any of `file`, `camera`, `object_id`, `start_frame`,
`end_frame` (both included), `start_time`, `end_time` (seconds, the end not included). What a row
leaves empty it does not ask for. `subject` may say who that is.

    file,object_id,start_frame,end_frame,class,subject
    cam0,3,120,260,wave,anna

Where rows of different classes hold for the same frame, the one that names more of file, camera
and object counts; two that name equally many are an error.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.errors import DataInvalid
from skillbank_runners.pose_classification.conversion.stretches import Ints
from skillbank_runners.skeletons.poses import Recording

_FOREVER = 2**62
_SHOWN = 5


def _none_when_empty(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Text = Annotated[str | None, BeforeValidator(_none_when_empty), BeforeValidator(_text)]
_Whole = Annotated[int | None, BeforeValidator(_none_when_empty)]
_Seconds = Annotated[
    float | None, Field(ge=0, allow_inf_nan=False), BeforeValidator(_none_when_empty)
]


class LabelRow(SpecModel):
    """One row of a label file; see the head of this module."""

    file: _Text = None
    camera: _Whole = None
    object_id: _Whole = None
    start_frame: _Whole = None
    end_frame: _Whole = None
    start_time: _Seconds = None
    end_time: _Seconds = None
    class_name: Annotated[str, BeforeValidator(_text)] = Field(alias="class", min_length=1)
    subject: _Text = None

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        frames, times = (self.start_frame, self.end_frame), (self.start_time, self.end_time)
        if {*frames} != {None} and {*times} != {None}:
            raise ValueError("found frames and times, expected one of them")
        for start, end in (frames, times):
            if start is not None and end is not None and end < start:
                raise ValueError(f"ends at {end}, before its start {start}")
        return self

    @property
    def needs_frame_rate(self) -> bool:
        """Whether it holds for a stretch of time in seconds."""
        return self.start_time is not None or self.end_time is not None

    @property
    def rank(self) -> int:
        """How much of file, camera and object it names."""
        return sum(value is not None for value in (self.file, self.camera, self.object_id))

    def frames(self, frame_rate: float | None) -> tuple[int, int]:
        """First frame, and the one after the last."""
        if self.needs_frame_rate:
            assert frame_rate is not None
            start = math.ceil((self.start_time or 0.0) * frame_rate)
            end = _FOREVER if self.end_time is None else math.ceil(self.end_time * frame_rate)
            return start, end
        start = -_FOREVER if self.start_frame is None else self.start_frame
        return start, _FOREVER if self.end_frame is None else self.end_frame + 1


@dataclass(frozen=True)
class _Stretch:
    """A row on one recording."""

    number: int
    row: LabelRow
    start: int
    end: int
    class_id: int


class LabelTable:
    """All rows of a label file.

    Attributes:
        class_names: In the order of their numbers here; recordings add theirs.

    Args:
        rows: Of the file.
        path: Of the file, for messages.
    """

    def __init__(self, rows: Sequence[LabelRow], path: Path) -> None:
        self.path = path
        self._rows = list(enumerate(rows, start=1))
        self._used: set[int] = set()
        self._numbers: dict[str, int] = {}
        self._of_file: dict[str | None, list[tuple[int, LabelRow]]] = {}
        for number, row in self._rows:
            self._of_file.setdefault(row.file, []).append((number, row))

    @classmethod
    def empty(cls) -> LabelTable:
        """A table without rows."""
        return cls([], Path())

    @property
    def class_names(self) -> list[str]:
        """Every class so far, by number."""
        return list(self._numbers)

    def number_of(self, class_name: str) -> int:
        """Number of a class, a new one for a new class."""
        return self._numbers.setdefault(class_name, len(self._numbers))

    def of_recording(self, recording: Recording) -> RecordingLabels:
        """What holds for one recording.

        Raises:
            DataInvalid: A row gives times, and the frame rate is not known.
        """
        names = {recording.name, recording.path.name, recording.path.stem, str(recording.path)}
        rows = [row for name in (None, *sorted(names)) for row in self._of_file.get(name, [])]
        self._used |= {number for number, row in rows if row.file is not None}
        if recording.frame_rate is None and any(row.needs_frame_rate for _, row in rows):
            raise DataInvalid(
                [
                    f"{self.path}: gives times in seconds, but {recording.name!r} states no frame "
                    "rate; set dataset_convert.frame_rate"
                ]
            )
        stretches = [
            _Stretch(number, row, *row.frames(recording.frame_rate), self.number_of(row.class_name))
            for number, row in rows
        ]
        return RecordingLabels(self, recording, stretches)

    def unused(self) -> list[tuple[int, str]]:
        """(number, file) of rows whose file was not among the recordings."""
        return [
            (number, row.file)
            for number, row in self._rows
            if row.file is not None and number not in self._used
        ]


class RecordingLabels:
    """Classes of one recording's people.

    Attributes:
        is_empty: Whether nobody has a class.

    Args:
        table: Knows the numbers of classes.
        recording: Which.
        stretches: Rows that hold for it.
    """

    def __init__(
        self, table: LabelTable, recording: Recording, stretches: Sequence[_Stretch]
    ) -> None:
        self._table = table
        self._recording = recording
        self._stretches = stretches
        own = recording.label
        self._own_id = -1 if own is None else table.number_of(own)
        self.is_empty = own is None and not stretches
        self._of_track: dict[tuple[int, int], list[_Stretch]] = {}

    def of_track(self, camera: int, object_id: int, frames_T: Ints) -> Ints:
        """Number of the class of each frame of a person; -1: none."""
        labels_T = np.full(len(frames_T), self._own_id, np.int64)
        for one in self._fitting(camera, object_id):
            labels_T[(frames_T >= one.start) & (frames_T < one.end)] = one.class_id
        return labels_T

    def name(self, labels_T: Ints, coverage: float) -> str | None:
        """Class that covers at least that share of some frames."""
        known = labels_T[labels_T >= 0]
        if not len(known):
            return None
        counts = np.bincount(known)
        best = int(counts.argmax())
        return self._table.class_names[best] if counts[best] >= coverage * len(labels_T) else None

    def subject(self, camera: int, object_id: int) -> str | None:
        """Who a person is."""
        told = [one.row.subject for one in self._fitting(camera, object_id) if one.row.subject]
        return told[-1] if told else self._recording.subject

    def _fitting(self, camera: int, object_id: int) -> list[_Stretch]:
        """Rows for one person, those that name least first."""
        key = (camera, object_id)
        if key not in self._of_track:
            fitting = [
                one
                for one in self._stretches
                if one.row.camera in (None, camera) and one.row.object_id in (None, object_id)
            ]
            fitting.sort(key=lambda one: (one.row.rank, one.start))
            self._check(fitting)
            if len(self._of_track) > 4096:  # people who come and go do not pile up
                self._of_track.clear()
            self._of_track[key] = fitting
        return self._of_track[key]

    def _check(self, fitting: Sequence[_Stretch]) -> None:
        for before, after in pairwise(fitting):
            is_same_rank = before.row.rank == after.row.rank
            if is_same_rank and after.start < before.end and before.class_id != after.class_id:
                names = f"{before.row.class_name!r} and {after.row.class_name!r}"
                raise DataInvalid(
                    [
                        f"{self._table.path}: rows {before.number} and {after.number} give the "
                        f"same frames of {self._recording.name!r} the classes {names}"
                    ]
                )


def read_label_table(path: Path) -> LabelTable:
    """Rows of a .csv or .json file.

    Raises:
        DataInvalid: With everything that is wrong with it.
    """
    rows, problems = [], []
    for number, values in enumerate(_values(path), start=1):
        try:
            rows.append(LabelRow.model_validate(values))
        except ValidationError as error:
            problems += [f"{path}, row {number}: {_describe(one)}" for one in error.errors()]
    if problems:
        raise DataInvalid([*problems[:_SHOWN], *_more(len(problems) - _SHOWN)])
    if not rows:
        raise DataInvalid([f"{path}: has no rows, expected at least one"])
    return LabelTable(rows, path)


def _values(path: Path) -> Iterable[Mapping[str, object]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return _json_values(json.loads(text), path)
        reader = csv.DictReader(text.splitlines(), restkey="", strict=True)
        return list(reader)
    except OSError as error:
        raise DataInvalid(
            [f"dataset_convert.labels: {str(path)!r} cannot be read: {error.strerror}"]
        ) from error
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError, RecursionError) as error:
        raise DataInvalid([f"{path}: cannot be read as CSV or JSON: {error}"]) from error


def _json_values(content: object, path: Path) -> list[Mapping[str, object]]:
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise DataInvalid([f"{path}: expected a list of objects such as {{'class': 'wave'}}"])
    return content


def _describe(error: Mapping[str, object]) -> str:
    where = ".".join(map(str, error["loc"])) if isinstance(error["loc"], tuple) else ""
    if error["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in LabelRow.model_fields.items())
        return f"no such column: {where!r}; known: {known}"
    if error["type"] == "missing":
        return f"no {where!r}, which every row needs"
    return f"{where}: {error['msg']}" if where else str(error["msg"])


def _more(count: int) -> list[str]:
    return [f"{count} more problems"] if count > 0 else []
