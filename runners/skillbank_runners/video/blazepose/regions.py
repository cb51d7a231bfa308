"""Tilted squares of a picture, in which the landmark network sees a person upright.

Coordinates are continuous: pixel (0, 0) covers [0, 1) in x and y. N points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from skillbank_runners.skeletons.poses import Floats

MARGIN = 1.25
"""A region is this many times as large as the circle around the body."""
PART = 0.6
"""Side of a square to search, as a share of the picture's longer side."""


@dataclass(frozen=True, slots=True)
class Region:
    """A tilted square.

    Attributes:
        x: Of its middle, in pixels.
        y: Of its middle, in pixels.
        side: In pixels.
        angle: By which it is turned clockwise, in radians, in [-pi, pi).
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_picture(self, points_N2: Floats) -> Floats:
        """Pixels of points that are given in [0, 1] of the square's own axes."""
        turned_N2 = (points_N2 - 0.5) @ self._turn().T * self.side + (self.x, self.y)
        return turned_N2.astype(np.float32)

    def turn(self, vectors_N3: Floats) -> Floats:
        """Vectors in the square's axes, in the picture's axes; the third value is depth."""
        turned = vectors_N3.astype(np.float32, copy=True)
        turned[:, :2] = vectors_N3[:, :2] @ self._turn().T
        return turned

    def crop(self, picture: PillowImage.Image, size: int) -> Floats:
        """What the square shows, (size, size, 3) float32 in [0, 255]; black outside the picture.

        A square that is shrunk to half or less is averaged first, so that no pixel is passed over.
        """
        shrink = max(1, int(self.side / size))
        if shrink > 1:
            picture = picture.reduce(shrink)
        scale = self.side / size / shrink
        a, b = scale * math.cos(self.angle), -scale * math.sin(self.angle)
        middle = size / 2
        left = self.x / shrink - (a + b) * middle
        top = self.y / shrink - (a - b) * middle
        square = picture.transform(
            (size, size),
            PillowImage.Transform.AFFINE,
            (a, b, left, -b, a, top),
            PillowImage.Resampling.BILINEAR,
        )
        return np.asarray(square, dtype=np.float32)

    def is_near(self, other: Region) -> bool:
        """Whether both squares probably show the same person: they share half of their area."""
        width = min(self.x + self.side / 2, other.x + other.side / 2)
        width -= max(self.x - self.side / 2, other.x - other.side / 2)
        height = min(self.y + self.side / 2, other.y + other.side / 2)
        height -= max(self.y - self.side / 2, other.y - other.side / 2)
        shared = max(0.0, width) * max(0.0, height)
        return shared >= 0.5 * (self.side**2 + other.side**2 - shared)

    def _turn(self) -> Floats:
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        return np.array([[cosine, -sine], [sine, cosine]], dtype=np.float32)


def whole_picture(width: int, height: int) -> Region:
    """The smallest upright square that holds a picture in its middle."""
    return Region(width / 2, height / 2, max(width, height))


def squares_to_search(width: int, height: int) -> list[Region]:
    """The whole picture, then squares of part of its longer side that cover it together.

    The detector sees a picture as 224 x 224 pixels, in which somebody far away is too small.
    """
    side = PART * max(width, height)
    xs, ys = _middles(width, side), _middles(height, side)
    return [whole_picture(width, height), *(Region(x, y, side) for y in ys for x in xs)]


def _middles(length: int, side: float) -> list[float]:
    """Middles of as few stretches as cover a length, evenly spread."""
    count = math.ceil(length / side)
    if count == 1:
        return [length / 2]
    step = (length - side) / (count - 1)
    return [side / 2 + index * step for index in range(count)]


def region_around(middle_2: Floats, rim_2: Floats) -> Region:
    """The square around a body.

    Args:
        middle_2: Middle of the hips, in pixels.
        rim_2: A point on the circle around the whole body, above the head of a person upright:
            where it lies says how far the body leans.
    """
    across, down = (float(value) for value in rim_2 - middle_2)
    lean = math.pi / 2 - math.atan2(-down, across)
    angle = (lean + math.pi) % (2 * math.pi) - math.pi
    side = 2 * MARGIN * math.hypot(across, down)
    return Region(float(middle_2[0]), float(middle_2[1]), side, angle)
