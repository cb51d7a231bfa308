"""AlphaPose's results and MMPose's predictions: Halpe-26 joints, or COCO's 17.

AlphaPose: `[{"image_id": "12.jpg", "category_id": 1, "keypoints": [x, y, c, ...], "score", "box":
[x, y, width, height], "idx"?}]` (doc/output.md of AlphaPose; `idx` with --pose_track). MMPose
(RTMPose, rtmlib): `{"meta_info": ..., "instance_info": [frame, ...]}` or the list of frames, with
`{"frame_id": 1, "instances": [{"keypoints": [[x, y], ...], "keypoint_scores": [...], "bbox":
[[left, top, right, bottom]], "bbox_score"}]}` (mmpose/structures/utils.py, `split_instances`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.body_joints import body_of, layout_of
from skillbank_runners.skeletons.importers.fields import (
    Mapping,
    Spot,
    as_frame,
    as_list,
    as_mapping,
    as_numbers,
    as_points,
    box_of_corners,
    box_of_sides,
    make_pose,
)
from skillbank_runners.skeletons.importers.files import find_files
from skillbank_runners.skeletons.importers.frame_objects import frame_objects
from skillbank_runners.skeletons.importers.person_lists import (
    PersonList,
    picture_named,
    track_of,
)
from skillbank_runners.skeletons.poses import Box, Observation, Recording, Space

LAYOUTS = {26: "halpe26", 17: "coco17"}
_FRAMES = "instance_info"
_TRACK_KEYS = ("idx", "track_id", "instance_id")


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per file, or per set of pictures whose names differ in their number."""
    for file in find_files(path, [".json"]):
        people = _alphapose_people(file)
        if people is None:
            yield _recording(file, file.stem, *_mmpose(file, options), options)
            continue
        person, spot = people.first()
        count = len(as_points(person.get("keypoints"), 3, spot.inside("keypoints")))
        layout = layout_of(count, LAYOUTS, options, spot.inside("keypoints"))
        for clip in people.clips():
            name = f"{file.stem}/{clip}" if len(people.clips()) > 1 else file.stem
            observations = _alphapose_observations(people, clip, layout)
            yield _recording(file, name, layout, observations, options)


def _recording(
    file: Path, name: str, layout: str, observations: Iterator[Observation], options: ReadOptions
) -> Recording:
    return Recording(
        name=name,
        path=file,
        layout=layout,
        space=Space.IMAGE,
        observations=observations,
        width=options.width,
        height=options.height,
        frame_rate=options.frame_rate,
    )


def _alphapose_people(file: Path) -> PersonList | None:
    """People of AlphaPose's results; None: the file is MMPose's."""
    people = PersonList(file)
    for element, person, spot in frame_objects(file, _FRAMES):
        if element.key == _FRAMES or "instances" in person or "keypoint_scores" in person:
            return None
        if element.place < 0 or element.key:
            problem = "expected AlphaPose's list of people (--format coco) or MMPose's frames"
            raise spot.invalid(f"found an object with {element.key[:80]!r}; {problem}")
        people.add(picture_named(person.get("image_id"), spot.inside("image_id")), element.offset)
    if not people.clips():
        raise Spot(file).invalid("found nobody in this file")
    return people


def _alphapose_observations(people: PersonList, clip: str, layout: str) -> Iterator[Observation]:
    for frame, person, spot in people.people(clip):
        points_V3 = as_points(person.get("keypoints"), 3, spot.inside("keypoints"))
        points_V3 = body_of(points_V3, layout, spot.inside("keypoints"))
        pose = make_pose(points_V3[:, :2], points_V3[:, 2])
        box = box_of_sides(person.get("box"), spot.inside("box"))
        yield Observation(frame, track_of(person, _TRACK_KEYS, spot), *pose, box=box)


def _mmpose(file: Path, options: ReadOptions) -> tuple[str, Iterator[Observation]]:
    """Layout, and the people of all frames."""
    for _, instance, spot in _instances(file):
        count = len(as_points(instance.get("keypoints"), 2, spot.inside("keypoints")))
        layout = layout_of(count, LAYOUTS, options, spot.inside("keypoints"))
        return layout, _mmpose_observations(file, layout)
    return options.layout or LAYOUTS[26], iter(())


def _instances(file: Path) -> Iterator[tuple[int, Mapping, Spot]]:
    """(frame, person, where) of all frames; a picture's file is a list of people: frame 0."""
    last = -1
    for _, entry, spot in frame_objects(file, _FRAMES):
        if "instances" not in entry:
            yield 0, entry, spot
            continue
        frame = as_frame(entry.get("frame_id"), spot.inside("frame_id"))
        if frame < last:
            raise spot.invalid(f"found frame {frame} after frame {last}, expected them in order")
        last = frame
        for number, person in enumerate(as_list(entry["instances"], spot.inside("instances"))):
            inside = spot.inside(f"instances[{number}]")
            yield frame, as_mapping(person, inside), inside


def _mmpose_observations(file: Path, layout: str) -> Iterator[Observation]:
    for frame, person, spot in _instances(file):
        points_V2 = as_points(person.get("keypoints"), 2, spot.inside("keypoints"))
        scores_V = as_numbers(person.get("keypoint_scores"), spot.inside("keypoint_scores"))
        if len(scores_V) != len(points_V2):
            raise spot.invalid(f"found {len(points_V2)} joints and {len(scores_V)} scores")
        points_V3 = body_of(np.column_stack([points_V2, scores_V]), layout, spot)
        pose = make_pose(points_V3[:, :2], points_V3[:, 2])
        box = _corner_box(person.get("bbox"), spot)
        yield Observation(frame, track_of(person, _TRACK_KEYS, spot), *pose, box=box)


def _corner_box(value: object, spot: Spot) -> Box | None:
    """`bbox` is left, top, right, bottom, inside a list of one."""
    if value is None:
        return None
    corners = as_numbers(value, spot.inside("bbox"))
    return box_of_corners(corners) if len(corners) == 4 else None
