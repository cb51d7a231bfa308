"""Draw people's skeletons, ids and actions onto pictures and whole videos.

Axes: V joints, H rows, W columns.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from skillbank_runners.skeletons.poses import Box, Floats
from skillbank_runners.video.reading import Image, Video, open_video
from skillbank_runners.video.writing import VideoWriter

Colour = tuple[int, int, int]
"""Red, green and blue in [0, 255]."""
MIN_CONFIDENCE = 0.2
"""Joints of less confidence are not drawn."""
_GOLDEN = 0.618034
_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Overlay:
    """One person as drawn onto one picture.

    Attributes:
        joints_V2: Pixels from the top left corner of the upright picture.
        confidence_V: In [0, 1]; joints below MIN_CONFIDENCE are left out.
        object_id: Track of the person; chooses the colour.
        text: Stands at the person's head, such as `id 3  walking 0.93`; may have several lines.
        bones: Pairs of joints to join by a line.
        box: Drawn around the person, where given.
        colour: Instead of the one that belongs to the id.
    """

    joints_V2: Floats
    confidence_V: Floats
    object_id: int
    text: str = ""
    bones: Sequence[tuple[int, int]] = ()
    box: Box | None = None
    colour: Colour | None = None


class _Rectangle(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: _Rectangle) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def annotate(
    video: Path | Video,
    out: Path,
    overlay: Callable[[int], Sequence[Overlay]],
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a video with people drawn onto it, one picture in memory at a time.

    Args:
        video: To draw onto; it is not changed.
        out: MP4 file to write; it appears once it is complete.
        overlay: Gives the people of a frame, by the frame's number (from 0 on).
        progress: Told the number of pictures written so far.

    Returns:
        How many pictures were written.

    Raises:
        VideoInvalid: The video cannot be read.
        RunnerError: The file cannot be written.
    """
    source = video if isinstance(video, Video) else open_video(video)
    written = 0
    with VideoWriter(out, source.frame_rate) as writer:
        for frame in source.frames():
            image_HW3 = draw(frame.image_HW3, overlay(frame.number))
            writer.write(image_HW3, frame.time_s)
            written += 1
            if progress:
                progress(written)
    return written


def draw(image_HW3: Image, people: Sequence[Overlay]) -> Image:
    """A copy of a picture with people drawn onto it, (H, W, 3) uint8.

    Lines and letters grow with the picture. Labels stay inside it and keep off each other.
    """
    if not people:
        return image_HW3
    picture = PillowImage.fromarray(image_HW3)
    canvas = ImageDraw.Draw(picture)
    height, width = image_HW3.shape[:2]
    unit = max(1, round(min(height, width) / 300))
    for person in people:
        _draw_skeleton(canvas, person, unit)
    font = ImageFont.load_default(max(11, round(min(height, width) / 32)))
    taken: list[_Rectangle] = []
    for person in people:
        if person.text:
            taken.append(_draw_label(canvas, person, font, taken))
    return np.asarray(picture)


def colour_of(object_id: int) -> Colour:
    """The colour of a track: bright, and far from those of the ids next to it.

    Hues step by the golden ratio, which keeps any run of them apart.
    """
    hue = (0.45 + object_id * _GOLDEN) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85 if object_id % 2 else 0.7, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _draw_skeleton(canvas: ImageDraw.ImageDraw, person: Overlay, unit: int) -> None:
    """Bones and joints over a dark rim, so that they show on any background."""
    colour = person.colour or colour_of(person.object_id)
    is_there_V = (person.confidence_V >= MIN_CONFIDENCE) & np.isfinite(person.joints_V2).all(axis=1)
    points = [(float(x), float(y)) for x, y in person.joints_V2]
    bones = [(a, b) for a, b in person.bones if is_there_V[a] and is_there_V[b]]
    if person.box is not None:
        left, top, width, height = person.box
        corners = (left, top, left + max(0.0, width), top + max(0.0, height))
        canvas.rectangle(corners, outline=colour, width=unit)
    for shade, extra in ((_BLACK, unit), (colour, 0)):
        for a, b in bones:
            canvas.line([points[a], points[b]], fill=shade, width=2 * unit + extra)
        for point, is_there in zip(points, is_there_V, strict=True):
            if is_there:
                canvas.circle(point, 1.4 * unit + extra / 2, fill=shade)


def _draw_label(
    canvas: ImageDraw.ImageDraw,
    person: Overlay,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    taken: Sequence[_Rectangle],
) -> _Rectangle:
    """Text on a plate of the person's colour; where the plate lies."""
    colour = person.colour or colour_of(person.object_id)
    left, top, right, bottom = canvas.multiline_textbbox((0, 0), person.text, font=font)
    margin = max(2.0, (bottom - top) / 5)
    size = (right - left + 2 * margin, bottom - top + 2 * margin)
    plate = _place(person, size, canvas.im.size, taken)
    canvas.rectangle(plate, fill=colour, outline=_BLACK)
    ink = _BLACK if np.dot(colour, (0.299, 0.587, 0.114)) > 140 else _WHITE
    canvas.multiline_text(
        (plate.left + margin - left, plate.top + margin - top), person.text, fill=ink, font=font
    )
    return plate


def _place(
    person: Overlay,
    size: tuple[float, float],
    picture: tuple[int, int],
    taken: Sequence[_Rectangle],
) -> _Rectangle:
    """Above the person's head, inside the picture, below the labels that are there already."""
    width, height = size
    anchor = _head(person)
    left = min(max(0.0, anchor[0] - width / 2), max(0.0, picture[0] - 1 - width))
    top = min(max(0.0, anchor[1] - 1.5 * height), max(0.0, picture[1] - 1 - height))
    plate = _Rectangle(left, top, left + width, top + height)
    for other in sorted(taken, key=lambda each: each.top):
        if plate.overlaps(other) and other.bottom + height < picture[1]:
            plate = _Rectangle(left, other.bottom, left + width, other.bottom + height)
    return plate


def _head(person: Overlay) -> tuple[float, float]:
    """Middle of the top edge of the person, x and y in pixels."""
    if person.box is not None:
        return person.box.left + person.box.width / 2, person.box.top
    joints_V2 = person.joints_V2[person.confidence_V >= MIN_CONFIDENCE]
    joints_V2 = joints_V2[np.isfinite(joints_V2).all(axis=1)]
    if not len(joints_V2):
        return 0.0, 0.0
    low, high = joints_V2.min(axis=0), joints_V2.max(axis=0)
    return float(low[0] + high[0]) / 2, float(low[1])
