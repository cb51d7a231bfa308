"""Ultralytics' YOLO-pose results: `to_json()` in files, and the label files of `save_txt`.

JSON: a frame is a list of `{"name", "class", "confidence", "box": {"x1", "y1", "x2", "y2"},
"keypoints": {"x": [...], "y": [...], "visible": [...]}, "track_id"}`. A file holds one frame (its
number at the end of its name), a list of frames, or a frame per line. Coordinates are pixels, or
relative to the picture (`normalize=True`): see `Units`. Text: ultralytics_text.
docs.ultralytics.com/reference/engine/results says what the fields mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    Doubles,
    Mapping,
    Spot,
    as_integer,
    as_list,
    as_mapping,
    as_numbers,
    box_of_corners,
    make_pose,
    shown,
)
from skillbank_runners.skeletons.importers.files import find_files, joints_of, numbered
from skillbank_runners.skeletons.json_elements import Element, json_elements
from skillbank_runners.skeletons.poses import NO_TRACK, Observation, Recording, Space

LAYOUT = "coco17"
NORMALISED_UP_TO = 1.01
PIXELS_FROM = 2.0
"""Nobody's box ends within two pixels of the corner of the picture."""


class Units:
    """Tells pixels from coordinates relative to the picture; the first person settles a clip.

    Args:
        options: Size of the picture.
    """

    def __init__(self, options: ReadOptions) -> None:
        self._size = np.array([options.width, options.height], dtype=np.float64)
        self._normalised: bool | None = None

    def factor(self, coordinates: Doubles, spot: Spot) -> Doubles:
        """What to multiply x and y by, to have pixels."""
        finite = coordinates[np.isfinite(coordinates)]
        highest = float(np.abs(finite).max()) if finite.size else 0.0
        if highest:
            if NORMALISED_UP_TO < highest < PIXELS_FROM:
                problem = f"found coordinates up to {highest:.3g}, neither pixels nor within 0 to 1"
                raise spot.invalid(problem)
            normalised = highest <= NORMALISED_UP_TO
            if self._normalised not in {None, normalised}:
                raise spot.invalid("found pixels and relative coordinates mixed in one clip")
            self._normalised = normalised
        return self._size if self._normalised else np.ones(2)


@dataclass(frozen=True)
class _Source:
    """Where frames of a clip come from: files of one frame each, or (no frames) one with all."""

    name: str
    path: Path
    frames: list[tuple[int, Path]] = field(default_factory=list)


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per file of frames, or per set of files that differ in their number."""
    from skillbank_runners.skeletons.importers.ultralytics_text import read_text

    layout = options.layout or LAYOUT
    num_joints = joints_of(layout)
    files = find_files(path, [".json", ".jsonl", ".ndjson", ".txt"])
    texts = [file for file in files if file.suffix == ".txt"]
    documents = [file for file in files if file.suffix != ".txt"]
    for source in _sources(documents or texts, is_text=not documents):
        if documents:
            observations = _observations(source, options, num_joints)
        else:
            observations = read_text(source.frames, options, num_joints)
        yield Recording(
            name=source.name,
            path=source.path,
            layout=layout,
            space=Space.IMAGE,
            observations=observations,
            width=options.width,
            height=options.height,
            frame_rate=options.frame_rate,
        )


def _sources(files: list[Path], *, is_text: bool) -> list[_Source]:
    """Clips of the files, in the order of their first file."""
    clips: dict[tuple[Path, str], _Source] = {}
    for file in files:
        if is_text and file.name == "classes.txt":
            continue
        if not is_text and not _is_one_frame(file):
            clips[file, ""] = _Source(file.stem, file)
            continue
        name, number = numbered(file.stem)
        named = _Source(name or file.parent.name, file.parent)
        frames = clips.setdefault((file.parent, name), named).frames
        frames.append((len(frames) if number is None else number, file))
    for source in clips.values():
        _put_in_order(source)
    return list(clips.values())


def _put_in_order(source: _Source) -> None:
    source.frames.sort()
    for (first, file), (second, other) in pairwise(source.frames):
        if first == second:
            raise Spot(other).invalid(f"found a second file of frame {first}, beside {file.name!r}")


def _is_one_frame(file: Path) -> bool:
    """Whether a file holds the detections of one frame, and not frames."""
    return not any(e.document or isinstance(e.value, list) for e in json_elements(file))


def _observations(source: _Source, options: ReadOptions, num_joints: int) -> Iterator[Observation]:
    units = Units(options)
    for frame, detection, spot in _detections(source):
        yield _person(detection, frame, units, num_joints, spot)


def _detections(source: _Source) -> Iterator[tuple[int, Mapping, Spot]]:
    """(frame, detection, where) of all people."""
    for frame, file in source.frames:
        for element in json_elements(file):
            for _, detection, spot in _of_element(element, file):
                yield frame, detection, spot
    if not source.frames:
        for element in json_elements(source.path):
            yield from _of_element(element, source.path)


def _of_element(element: Element, path: Path) -> Iterator[tuple[int, Mapping, Spot]]:
    """Detections of an element: all of a frame in a list of frames, or one of a line's list."""
    spot = Spot(path, f"byte {element.offset}")
    if element.place < 0:
        raise spot.invalid(f"found {shown(element.value)}, expected a list of detections")
    if not isinstance(element.value, list):
        yield element.document, as_mapping(element.value, spot), spot
        return
    if element.document:
        raise spot.invalid("found a list of frames in a line, expected the people of one frame")
    for number, detection in enumerate(element.value):
        inside = spot.inside(f"detection {number}")
        yield element.place, as_mapping(detection, inside), inside


def _person(
    detection: Mapping, frame: int, units: Units, num_joints: int, spot: Spot
) -> Observation:
    if "keypoints" not in detection:
        raise spot.invalid("found a detection without 'keypoints', expected a YOLO-pose model's")
    keypoints = as_mapping(detection["keypoints"], spot.inside("keypoints"))
    x_V = as_numbers(keypoints.get("x"), spot.inside("keypoints.x"))
    y_V = as_numbers(keypoints.get("y"), spot.inside("keypoints.y"))
    visible_V = np.ones(len(x_V))
    if keypoints.get("visible") is not None:
        visible_V = as_numbers(keypoints["visible"], spot.inside("keypoints.visible"))
    if not len(x_V) == len(y_V) == len(visible_V) == num_joints:
        counts = f"{len(x_V)} x, {len(y_V)} y and {len(visible_V)} visible"
        raise spot.invalid(f"found {counts}, expected {num_joints} joints")
    corners = _corners(detection.get("box"), spot.inside("box"))
    factor = units.factor(np.concatenate([x_V, y_V, corners]), spot)
    joints, confidence = make_pose(np.stack([x_V, y_V], axis=1) * factor, visible_V)
    box = box_of_corners(corners * np.tile(factor, 2))
    return Observation(frame, _track(detection, spot), joints, confidence, box=box)


def _corners(value: object, spot: Spot) -> Doubles:
    """x1, y1, x2, y2; NaN where there is no box."""
    if value is None:
        return np.full(4, np.nan)
    box = as_mapping(value, spot)
    corners: list[object] = [box.get(key) for key in ("x1", "y1", "x2", "y2")]
    return as_numbers(as_list(corners, spot), spot)


def _track(detection: Mapping, spot: Spot) -> int:
    value = detection.get("track_id")
    return NO_TRACK if value is None else as_integer(value, spot.inside("track_id"))
