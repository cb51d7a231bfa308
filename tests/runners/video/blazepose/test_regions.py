"""Tilted squares: where they lie, what they show, and the way back from them to the picture."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skillbank_runners.video.blazepose.regions import (
    PART,
    Region,
    region_around,
    squares_to_search,
    whole_picture,
)


def points(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("rim", "degrees"),
    [
        ((100, 100), 0),
        ((200, 200), 90),
        ((0, 200), -90),
        ((100, 300), -180),
        ((200, 100), 45),
        ((0, 100), -45),
    ],
)
def test_the_square_around_a_body_leans_as_the_body_does(rim, degrees):
    region = region_around(points(100, 200)[()], points(*rim)[()])

    assert (region.x, region.y) == (100, 200)
    assert math.degrees(region.angle) == pytest.approx(degrees, abs=1e-4)
    assert region.side == pytest.approx(2.5 * math.dist((100, 200), rim))


@pytest.mark.parametrize(
    ("region", "there"),
    [
        (Region(50, 80, 20), (50, 70)),
        (Region(50, 80, 20, math.pi / 2), (60, 80)),
        (Region(50, 80, 20, -math.pi / 2), (40, 80)),
        (Region(50, 80, 20, math.pi), (50, 90)),
    ],
)
def test_the_top_of_a_square_is_where_the_head_is(region, there):
    assert region.to_picture(points((0.5, 0.0)))[0] == pytest.approx(there, abs=1e-4)
    assert region.to_picture(points((0.5, 0.5)))[0] == pytest.approx((region.x, region.y))


def test_corners_of_an_upright_square_are_corners_in_the_picture():
    corners = Region(50, 80, 20).to_picture(points((0, 0), (1, 1), (0, 1)))

    assert corners == pytest.approx(points((40, 70), (60, 90), (40, 90)))


def test_vectors_turn_with_the_square_and_keep_their_depth():
    turned = Region(0, 0, 9, math.pi / 2).turn(points((0, -1, 0.3), (1, 0, -0.2)))

    assert turned == pytest.approx(points((1, 0, 0.3), (0, 1, -0.2)), abs=1e-6)


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def crop(image, region, size):
    return region.crop(Image.fromarray(image), size)


def test_a_square_of_its_own_size_shows_the_very_pixels():
    image = noise(32, 24)

    assert (crop(image, Region(16, 12, 8), 8) == image[8:16, 12:20]).all()


def test_a_square_that_is_turned_shows_the_picture_turned():
    image = noise(16, 16)

    quarter = crop(image, Region(8, 8, 16, math.pi / 2), 16)

    assert np.abs(quarter - np.rot90(image)).max() <= 1


def test_outside_the_picture_it_is_black():
    seen = crop(np.full((10, 20, 3), 200, np.uint8), whole_picture(20, 10), 20)

    assert (seen[:5] == 0).all()
    assert (seen[15:] == 0).all()
    assert (seen[5:15] == 200).all()


def test_a_square_that_is_shrunk_passes_no_pixel_over():
    """Fine stripes become grey, not black or white."""
    stripes = np.zeros((80, 80, 3), np.uint8)
    stripes[:, ::2] = 200

    seen = crop(stripes, Region(40, 40, 80), 10)

    assert seen[1:-1, 1:-1] == pytest.approx(100, abs=2)


@pytest.mark.parametrize("shrink", [1, 2.5, 4, 7.3])
@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0])
def test_what_is_seen_in_a_square_is_found_again_in_the_picture(shrink, angle):
    """Letterbox and tilt are undone: a bright spot's place comes back."""
    size = 64
    image = np.zeros((500, 700, 3), np.uint8)
    spot = (371.5, 228.5)
    image[222:235, 365:378] = 255
    region = Region(350, 240, size * shrink, angle)

    seen = crop(image, region, size)[..., 0]
    ys, xs = np.mgrid[:size, :size] + 0.5
    middle = np.array([[(seen * xs).sum(), (seen * ys).sum()]]) / seen.sum() / size

    assert region.to_picture(middle)[0] == pytest.approx(spot, abs=0.3 + 0.1 * shrink)


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (Region(100, 100, 50), True),
        (Region(110, 100, 50), True),
        (Region(120, 100, 50), False),
        (Region(100, 100, 36), True),
        (Region(100, 100, 30), False),
        (Region(900, 100, 50), False),
    ],
)
def test_squares_that_share_half_of_their_area_are_near(other, near):
    region = Region(100, 100, 50)

    assert region.is_near(other) is near
    assert other.is_near(region) is near


def test_the_whole_picture_comes_first_in_a_search():
    assert squares_to_search(640, 480)[0] == Region(320, 240, 640)


@pytest.mark.parametrize(
    ("size", "count"), [((720, 720), 4), ((1920, 1080), 2), ((640, 480), 4), ((1080, 1920), 2)]
)
def test_a_few_squares_are_searched_for_people_far_away(size, count):
    squares = squares_to_search(*size)[1:]

    assert len(squares) == count
    assert {square.side for square in squares} == {PART * max(size)}


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_the_squares_of_a_search_cover_the_picture(width, height):
    squares = squares_to_search(width, height)[1:]

    for x in np.linspace(0, width, 9):
        for y in np.linspace(0, height, 9):
            assert any(
                abs(x - square.x) <= square.side / 2 + 1e-6
                and abs(y - square.y) <= square.side / 2 + 1e-6
                for square in squares
            )
