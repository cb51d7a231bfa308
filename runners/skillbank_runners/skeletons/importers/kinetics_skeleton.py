"""Kinetics-skeleton: one JSON file per clip, as ST-GCN publishes its data set.

`{"data": [{"frame_index": 1, "skeleton": [{"pose": [x0, y0, ...], "score": [c0, ...]}]}],
"label": "...", "label_index": 3}`, 18 joints of OpenPose, coordinates in 0 to 1 of the picture
(github.com/open-mmlab/mmskeleton, doc/SKELETON_DATA.md). Beside the folder `kinetics_train` may
lie `kinetics_train_label.json`: `{clip: {"has_skeleton": bool, "label": ..., "label_index": n}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    Spot,
    as_frame,
    as_list,
    as_mapping,
    as_numbers,
    as_points,
    as_text,
    make_pose,
    within_reason,
)
from skillbank_runners.skeletons.importers.files import find_files, joints_of
from skillbank_runners.skeletons.json_elements import json_elements
from skillbank_runners.skeletons.poses import NO_TRACK, Observation, Recording, Space

LAYOUT = "openpose18"
_LABEL_FILE = "_label.json"
_DATA = frozenset({"data"})


@dataclass(frozen=True)
class _ClipLabel:
    """What a label file says of a clip."""

    label: str | None
    has_skeleton: bool


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """Clips of a file or folder; those that the label file says have no skeleton are left out."""
    layout = options.layout or LAYOUT
    num_joints = joints_of(layout)
    labels: dict[Path, dict[str, _ClipLabel]] = {}
    for clip in find_files(path, [".json"]):
        if path.is_dir() and clip.name.endswith(_LABEL_FILE):
            continue
        if clip.parent not in labels:
            labels[clip.parent] = _label_file(clip.parent)
        known = labels[clip.parent].get(clip.stem)
        label = _label(clip)
        if known is not None and not known.has_skeleton:
            continue
        yield Recording(
            name=clip.stem,
            path=clip,
            layout=layout,
            space=Space.IMAGE,
            observations=_observations(clip, options, num_joints),
            width=options.width,
            height=options.height,
            frame_rate=options.frame_rate,
            label=label if label is not None or known is None else known.label,
            split=_split(clip.parent.name),
        )


def _split(folder: str) -> str | None:
    return next((split for split in ("train", "val") if folder.endswith(f"_{split}")), None)


def _label(clip: Path) -> str | None:
    """Class name that the clip states."""
    label = None
    known = False
    for element in json_elements(clip, _DATA):
        known = known or element.key in {"data", "label", "label_index"}
        if element.key == "label" and element.value is not None:
            label = as_text(element.value, Spot(clip, "label"))
    if not known:
        problem = "found no object with 'data' and 'label', expected a clip of Kinetics-skeleton"
        raise Spot(clip).invalid(problem)
    return label


def _label_file(folder: Path) -> dict[str, _ClipLabel]:
    """What `<folder>_label.json` beside a folder says; empty where there is none."""
    path = folder.parent / f"{folder.name}{_LABEL_FILE}"
    if not path.is_file():
        return {}
    labels = {}
    for element in json_elements(path, _DATA):
        spot = Spot(path, f"byte {element.offset}").inside(repr(element.key[:80]))
        entry = as_mapping(element.value, spot)
        text = entry.get("label")
        label = None if text is None else as_text(text, spot.inside("label"))
        labels[element.key] = _ClipLabel(label, entry.get("has_skeleton") is not False)
    return labels


def _observations(clip: Path, options: ReadOptions, num_joints: int) -> Iterator[Observation]:
    last = -1
    for element in json_elements(clip, _DATA):
        if element.key != "data":
            continue
        spot = Spot(clip, f"byte {element.offset}, data[{max(element.place, 0)}]")
        entry = as_mapping(element.value, spot)
        frame = as_frame(entry.get("frame_index"), spot.inside("frame_index"))
        if frame < last:
            raise spot.invalid(f"found frame {frame} after frame {last}, expected them in order")
        last = frame
        for number, person in enumerate(as_list(entry.get("skeleton"), spot.inside("skeleton"))):
            yield _person(person, frame, options, num_joints, spot.inside(f"skeleton[{number}]"))


def _person(
    value: object, frame: int, options: ReadOptions, num_joints: int, spot: Spot
) -> Observation:
    person = as_mapping(value, spot)
    points_V2 = as_points(person.get("pose"), 2, spot.inside("pose"))
    score_V = as_numbers(person.get("score"), spot.inside("score"))
    if len(points_V2) != num_joints or len(score_V) != num_joints:
        found = f"found {len(points_V2)} joints and {len(score_V)} scores"
        raise spot.invalid(f"{found}, expected {num_joints} of each")
    pixels_V2 = within_reason(points_V2) * np.array([options.width, options.height])
    return Observation(frame, NO_TRACK, *make_pose(pixels_V2, score_V))
