"""COCO keypoints: annotation files, and lists of results (cocodataset.org/#format-data).

Annotations: `{"images": [{"id", "file_name", "width", "height", "video_id"?, "frame_id"?}],
"annotations": [{"image_id", "category_id", "keypoints": [x, y, v, ...], "bbox"?, "track_id"?}],
"categories": [{"id", "name", "keypoints": [...]}]}`; v is 0 (not there), 1 (hidden) or 2 (seen).
CVAT writes the track into `attributes`.
Results: `[{"image_id", "category_id", "keypoints": [x, y, score, ...], "score"}]`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.body_joints import body_of, layout_of
from skillbank_runners.skeletons.importers.fields import (
    Mapping,
    Spot,
    as_frame,
    as_integer,
    as_mapping,
    as_numbers,
    as_points,
    as_text,
    box_of_sides,
    make_pose,
)
from skillbank_runners.skeletons.importers.files import find_files
from skillbank_runners.skeletons.importers.person_lists import (
    PersonList,
    Picture,
    picture_named,
    split_name,
    track_of,
)
from skillbank_runners.skeletons.json_elements import json_elements
from skillbank_runners.skeletons.poses import Observation, Recording, Space

LAYOUTS = {17: "coco17", 26: "halpe26"}
VISIBLE = 2.0
"""Visibility of a joint that is seen."""
_TRACK_KEYS = ("track_id", "instance_id")
_FRAME_KEYS = ("frame_id", "frame_number")
_VIDEO_KEYS = ("video_id", "vid_id")
_OPENED = frozenset({"images", "annotations"})


@dataclass
class _File:
    """What the first reading of a file tells.

    Attributes:
        people: Those with keypoints.
        pictures: Of an annotation file: image id -> clip and frame.
        images: The other way round.
        sizes: Clip -> width and height of its pictures.
        is_annotation: Whether the third value of a joint is a visibility.
    """

    people: PersonList
    pictures: dict[int, Picture] = field(default_factory=dict)
    images: dict[Picture, int] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_annotation: bool = False


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per video of each file: its `video_id`, or what file names have in common."""
    for source in find_files(path, [".json"]):
        file = _survey(source)
        for clip in file.people.clips():
            layout = _layout(file, options)
            width, height = file.sizes.get(clip, (options.width, options.height))
            yield Recording(
                name=f"{source.stem}/{clip}" if len(file.people.clips()) > 1 else source.stem,
                path=source,
                layout=layout,
                space=Space.IMAGE,
                observations=_observations(file, clip, layout),
                width=width,
                height=height,
                frame_rate=options.frame_rate,
            )


def _layout(file: _File, options: ReadOptions) -> str:
    person, spot = file.people.first()
    count = len(as_points(person.get("keypoints"), 3, spot.inside("keypoints")))
    return layout_of(count, LAYOUTS, options, spot.inside("keypoints"))


def _survey(path: Path) -> _File:
    """Find people, and the clip and frame of every picture, in a file of either kind."""
    file = _File(PersonList(path))
    image_ids, offsets = array("q"), array("q")
    for element in json_elements(path, _OPENED):
        spot = Spot(path, f"byte {element.offset}")
        if element.key == "images" and element.place >= 0:
            _note_image(file, as_mapping(element.value, spot), spot, element.place)
        elif element.place >= 0:
            person = as_mapping(element.value, spot)
            if "keypoints" not in person or not _has_joints(person, spot):
                continue
            file.is_annotation = element.key == "annotations"
            if file.is_annotation:
                image_ids.append(as_integer(person.get("image_id"), spot.inside("image_id")))
                offsets.append(element.offset)
            else:
                picture = picture_named(person.get("image_id"), spot.inside("image_id"))
                file.people.add(picture, element.offset)
    _place(file, image_ids, offsets)
    if not file.people.clips():
        raise Spot(path).invalid(
            "found nobody with 'keypoints', expected an annotation file with 'images' and"
            " 'annotations', or a list of results"
        )
    return file


def _has_joints(person: Mapping, spot: Spot) -> bool:
    """Whether any joint is labelled: COCO has people with 17 times 0, 0, 0."""
    return bool(as_numbers(person["keypoints"], spot.inside("keypoints")).any())


def _place(file: _File, image_ids: Iterable[int], offsets: Iterable[int]) -> None:
    """Add people to their pictures, which can stand behind them in the file."""
    for image_id, offset in zip(image_ids, offsets, strict=True):
        if image_id not in file.pictures:
            problem = f"found image_id {image_id}, which no entry of 'images' has"
            raise Spot(file.people.path, f"byte {offset}").invalid(problem)
        file.people.add(file.pictures[image_id], offset)


def _note_image(file: _File, image: Mapping, spot: Spot, place: int) -> None:
    image_id = as_integer(image.get("id"), spot.inside("id"))
    picture = _picture(image, spot, place)
    if image_id in file.pictures:
        raise spot.invalid(f"found a second image of id {image_id}")
    if picture in file.images:
        other = file.images[picture]
        advice = "give images a video_id and a frame_id"
        raise spot.invalid(f"found frame {picture.frame} again, as in image {other}; {advice}")
    file.pictures[image_id] = picture
    file.images[picture] = image_id
    if image.get("width") is not None and image.get("height") is not None:
        width, height = (as_frame(image[key], spot.inside(key)) for key in ("width", "height"))
        file.sizes.setdefault(picture.clip, (width, height))


def _picture(image: Mapping, spot: Spot, place: int) -> Picture:
    """By `video_id` and `frame_id`, else by the file's name, else by the place in the list."""
    name = image.get("file_name")
    text = "" if name is None else as_text(name, spot.inside("file_name"))
    clip, number = split_name(text)
    picture = (
        Picture(clip, number) if number is not None else Picture(text.rpartition("/")[0], place)
    )
    for key in _stated(image, _FRAME_KEYS):
        picture = picture._replace(frame=as_frame(image[key], spot.inside(key)))
    for key in _stated(image, _VIDEO_KEYS):
        video = image[key]
        is_text = isinstance(video, str)
        clip = as_text(video, spot) if is_text else str(as_integer(video, spot.inside(key)))
        picture = picture._replace(clip=clip)
    return picture


def _stated(image: Mapping, keys: tuple[str, ...]) -> list[str]:
    """The first of the keys that an image has, if any."""
    return [key for key in keys if image.get(key) is not None][:1]


def _observations(file: _File, clip: str, layout: str) -> Iterator[Observation]:
    for frame, person, spot in file.people.people(clip):
        points_V3 = as_points(person.get("keypoints"), 3, spot.inside("keypoints"))
        points_V3 = body_of(points_V3, layout, spot.inside("keypoints"))
        confidence_V = points_V3[:, 2] / VISIBLE if file.is_annotation else points_V3[:, 2]
        pose = make_pose(points_V3[:, :2], confidence_V)
        attributes = person.get("attributes")
        keeper = attributes if isinstance(attributes, dict) and "track_id" in attributes else person
        track = track_of(keeper, _TRACK_KEYS, spot)
        box = box_of_sides(person.get("bbox"), spot.inside("bbox"))
        yield Observation(frame, track, *pose, box=box)
