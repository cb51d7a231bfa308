"""Annotations of PYSKL (MMAction2): a pickle of clips with NumPy arrays.

    {"split": {"xsub_train": [names], "xsub_val": [names], ...}, "annotations": [
     {"frame_dir": name, "label": class index, "total_frames": T, "img_shape": (height, width),
      "original_shape": (height, width), "keypoint": (M, T, V, C), "keypoint_score": (M, T, V)}]}

or the bare list of annotations. C is 2 (pixels) or 3 (a camera's axes); float16 to float64. The
pickle is read whole, since pickles cannot be read otherwise, and runs no code. Of several protocols
of splitting (xsub, xview, ...) the first counts. A person whose joints are all 0 is not there.

Axes: M people, T frames, V joints, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skillbank_runners.safe_pickle import (
    ArrayStandIn,
    PickleBroken,
    PickleRefused,
    load_pickle,
)
from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import (
    Doubles,
    Spot,
    as_integer,
    as_list,
    as_mapping,
    as_text,
    make_pose,
)
from skillbank_runners.skeletons.importers.text_files import files_of
from skillbank_runners.skeletons.importers.world import world_pose
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import UNLISTED, Observation, Recording, Space

_LAYOUTS = {(17, 2): "coco17", (25, 3): "ntu25", (18, 2): "openpose18", (25, 2): "body25"}
_SPLITS = {"train": "train", "val": "val", "test": "test"}


@dataclass(frozen=True)
class _Poses:
    """Poses of one clip.

    Attributes:
        points_MTVD: Coordinates.
        confidence_MTV: In [0, 1]; 1 where the file has none.
    """

    points_MTVD: Doubles
    confidence_MTV: Doubles


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per annotation, its label the class index as text.

    Raises:
        PoseFileInvalid: The file is damaged, asks for foreign code, or holds something else.
    """
    for file in files_of(path, (".pkl", ".pickle")):
        spot = Spot(file)
        content = _load(spot)
        annotations, splits = content, {}
        if isinstance(content, dict):
            annotations = content.get("annotations")
            splits = _splits(content.get("split"), spot.inside("split"))
        for index, value in enumerate(as_list(annotations, spot.inside("annotations"))):
            yield _recording(value, splits, options, spot.inside(f"annotations[{index}]"))


def _load(spot: Spot) -> object:
    try:
        return load_pickle(spot.path, with_arrays=True)
    except PickleRefused as refusal:
        raise spot.invalid(
            f"asks for {str(refusal)!r}, which could run foreign code; it was not loaded. Expected "
            "lists, dicts, text, numbers and NumPy arrays of numbers"
        ) from None
    except PickleBroken as error:
        raise spot.invalid(f"is no readable pickle ({error})") from error


def _recording(
    value: object, splits: dict[str, str], options: ReadOptions, spot: Spot
) -> Recording:
    annotation = as_mapping(value, spot)
    name = as_text(annotation.get("frame_dir"), spot.inside("frame_dir"))
    poses = _poses(annotation, spot)
    num_joints, num_coordinates = poses.points_MTVD.shape[2:]
    height, width = _picture(annotation, options, spot)
    label = annotation.get("label")
    is_flat = num_coordinates == 2
    return Recording(
        name=name,
        path=spot.path,
        layout=_layout(num_joints, num_coordinates, options.layout, spot),
        space=Space.IMAGE if is_flat else Space.WORLD,
        observations=_observations(poses, is_flat),
        width=width if is_flat else None,
        height=height if is_flat else None,
        frame_rate=options.frame_rate,
        label=None if label is None else _label(label, spot.inside("label")),
        split=splits.get(name, UNLISTED) if splits else None,
    )


def _label(value: object, spot: Spot) -> str:
    if isinstance(value, str):
        return as_text(value, spot)
    return str(as_integer(value.item() if isinstance(value, np.generic) else value, spot))


def _poses(annotation: dict[str, object], spot: Spot) -> _Poses:
    points = _numbers(annotation.get("keypoint"), spot.inside("keypoint"))
    if points.ndim != 4 or points.shape[3] not in (2, 3) or not points.shape[2]:
        raise spot.inside("keypoint").invalid(
            f"found the shape {points.shape}, expected (people, frames, joints, 2 or 3)"
        )
    score = annotation.get("keypoint_score")
    if score is None:
        return _Poses(points, np.ones(points.shape[:3]))
    confidence = _numbers(score, spot.inside("keypoint_score"))
    if confidence.shape != points.shape[:3]:
        raise spot.inside("keypoint_score").invalid(
            f"found the shape {confidence.shape}, expected {points.shape[:3]} as of keypoint"
        )
    return _Poses(points, confidence)


def _numbers(value: object, spot: Spot) -> Doubles:
    array = value.array if isinstance(value, ArrayStandIn) else None
    if array is None or array.dtype.kind not in "iuf":
        raise spot.invalid(f"found {type(value).__name__}, expected a NumPy array of numbers")
    return array.astype(np.float64)


def _observations(poses: _Poses, is_flat: bool) -> Iterator[Observation]:
    make = make_pose if is_flat else world_pose
    num_people, num_frames = poses.points_MTVD.shape[:2]
    for frame in range(num_frames):
        for person in range(num_people):
            points_VD = poses.points_MTVD[person, frame]
            if points_VD.any():
                joints_VD, confidence_V = make(points_VD, poses.confidence_MTV[person, frame])
                yield Observation(frame, person, joints_VD, confidence_V)


def _layout(num_joints: int, num_coordinates: int, wanted: str, spot: Spot) -> str:
    name = wanted or _LAYOUTS.get((num_joints, num_coordinates), "")
    if not name:
        raise spot.invalid(
            f"found {num_joints} joints in {num_coordinates}D, of which no layout is known; name "
            "it by dataset_convert.source_layout"
        )
    expected = load_layout(name).num_joints
    if expected != num_joints:
        raise spot.invalid(f"found {num_joints} joints, but layout {name!r} has {expected}")
    return name


def _picture(annotation: dict[str, object], options: ReadOptions, spot: Spot) -> tuple[int, int]:
    """Height and width."""
    for key in ("original_shape", "img_shape"):
        shape = annotation.get(key)
        if isinstance(shape, tuple | list) and len(shape) == 2:
            sides = [as_integer(side, spot.inside(key)) for side in shape]
            if min(sides) > 0:
                return sides[0], sides[1]
    return options.height, options.width


def _splits(value: object, spot: Spot) -> dict[str, str]:
    """Clip -> side, by the first protocol of the file."""
    if value is None:
        return {}
    lists = as_mapping(value, spot)
    sides: dict[str, str] = {}
    protocol: str | None = None
    for key, names in lists.items():
        side = next((side for word, side in _SPLITS.items() if word in str(key)), None)
        if side is None:
            continue
        rest = str(key).replace(side, "", 1)
        protocol = rest if protocol is None else protocol
        if rest == protocol:
            inside = spot.inside(str(key)[:60])
            sides |= {as_text(name, inside): side for name in as_list(names, inside)}
    return sides
