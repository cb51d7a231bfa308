"""Several people followed through pictures, by networks that see coloured discs.

Each disc is a person: its middle is the hips, and the body reaches three radii around it.
"""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from skillbank_runners.video.blazepose import detection, landmarks
from skillbank_runners.video.blazepose.estimator import BlazePose
from skillbank_runners.video.estimators import EstimatorSettings

COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (250, 0, 250), (0, 250, 250)]
REACH = 3
SQUARE = np.array([[math.cos(i), math.sin(i)] for i in range(39)], np.float32)
"""Where the joints of a disc are, in radii from its middle."""


def picture(*discs, width=600, height=400):
    """Discs of (x, y, radius), each in its own colour; None: that one is not there."""
    image = Image.new("RGB", (width, height))
    for colour, disc in zip(COLOURS, discs, strict=False):
        if disc:
            x, y, radius = disc
            ImageDraw.Draw(image).circle((x, y), radius, fill=colour)
    return np.asarray(image)


def discs_in(square_HW3, least_radius):
    """(x, y, radius) in [0, 1] of each disc in a square, by its number."""
    found = {}
    side = len(square_HW3)
    rows_N, columns_N = np.nonzero(square_HW3.max(axis=2) > 60)
    pixels_N3 = square_HW3[rows_N, columns_N]
    for number, colour in enumerate(COLOURS):
        mine_N = np.abs(pixels_N3 - colour).max(axis=1) < 60
        radius = math.sqrt(mine_N.sum() / math.pi)
        if radius >= least_radius:
            x, y = (columns_N[mine_N] + 0.5).mean(), (rows_N[mine_N] + 0.5).mean()
            found[number] = (x / side, y / side, radius / side)
    return found


class DiscDetector:
    """Sees discs of at least 3 pixels; remembers how often it looked."""

    def __init__(self):
        self.looks = 0

    def run(self, square_HW3, min_score):
        assert square_HW3.shape == (detection.SIDE, detection.SIDE, 3)
        assert min_score == 0.5
        self.looks += 1
        found = discs_in(square_HW3, 3).values()
        points = [[(x, y), (x, y - REACH * r), (x, y), (x, y)] for x, y, r in found]
        count = len(points)
        return detection.Detections(
            np.array(points, np.float32).reshape(-1, 4, 2),
            np.zeros((count, 4), np.float32),
            np.ones(count, np.float32),
        )


class DiscLandmarker:
    """Sees the disc that is nearest to the middle of its square, if it is near."""

    def run(self, square_HW3):
        assert square_HW3.shape == (landmarks.SIDE, landmarks.SIDE, 3)
        found = discs_in(square_HW3, 2).values()
        near = [disc for disc in found if math.dist(disc[:2], (0.5, 0.5)) < 0.3]
        if not near:
            nothing = np.zeros((39, 2), np.float32)
            return landmarks.Landmarks(nothing, nothing[:, 0], np.zeros((39, 3)), 0.1)
        x, y, r = min(near, key=lambda disc: math.dist(disc[:2], (0.5, 0.5)))
        points = np.array([x, y], np.float32) + r * SQUARE
        points[landmarks.HIPS] = (x, y)
        points[landmarks.BODY_RIM] = (x, y - REACH * r)
        world = np.concatenate([SQUARE, np.zeros((39, 1), np.float32)], axis=1)
        return landmarks.Landmarks(points, np.ones(39, np.float32), world, 0.9)


def estimator(**settings):
    detector = DiscDetector()
    return BlazePose(detector, DiscLandmarker(), EstimatorSettings(**settings)), detector


def near(people, *places):
    """Whether there is one person at each place and nobody else."""
    found = [person.box for person in people]
    hips = [(box.left + box.width / 2, box.top + box.height / 2) for box in found]
    return len(hips) == len(places) and all(
        any(math.dist(hip, place) < 6 for hip in hips) for place in places
    )


def test_everybody_in_the_first_picture_is_found_at_once():
    pose, _ = estimator()

    people = pose.estimate(picture((150, 200, 20), (450, 180, 20)), 0.0)

    assert near(people, (150, 200), (450, 180))
    first = people[0]
    assert first.joints_V2.shape == (33, 2)
    assert first.world_V3.shape == (33, 3)
    assert first.confidence_V.shape == (33,)


def test_joints_lie_where_the_body_is_in_the_picture():
    pose, _ = estimator()

    (person,) = pose.estimate(picture((300, 200, 30)), 0.0)

    assert person.joints_V2 == pytest.approx(SQUARE[:33] * 30 + (300, 200), abs=2.5)


def test_people_are_followed_without_being_detected_again():
    pose, detector = estimator(redetect_every=1000)
    pose.estimate(picture((150, 200, 20), (450, 180, 20)), 0.0)
    looks = detector.looks

    for step in range(1, 10):
        people = pose.estimate(picture((150 + 6 * step, 200, 20), (450, 180 + 4 * step, 20)), 0.0)
        assert near(people, (150 + 6 * step, 200), (450, 180 + 4 * step))
    assert detector.looks == looks


def test_nobody_is_found_twice_even_where_they_meet():
    pose, _ = estimator(redetect_every=1)

    for step in range(11):
        x = 150 + 15 * step
        people = pose.estimate(picture((x, 200, 20), (450 - x, 200, 20)), 0.0)
        assert len(people) <= 2


def test_who_comes_later_is_found_within_a_round_of_looks():
    pose, _ = estimator(redetect_every=2)
    for _ in range(5):
        pose.estimate(picture((150, 200, 20)), 0.0)

    waits = 0
    while not near(
        pose.estimate(picture((150, 200, 20), (450, 180, 20)), 0.0), (150, 200), (450, 180)
    ):
        waits += 1
        assert waits <= 2 * 5


def test_who_leaves_is_no_longer_there():
    pose, _ = estimator()
    pose.estimate(picture((150, 200, 20), (450, 180, 20)), 0.0)

    people = pose.estimate(picture(None, (450, 180, 20)), 0.0)

    assert near(people, (450, 180))


def test_an_empty_picture_has_nobody_and_is_looked_at_every_frame():
    pose, detector = estimator(redetect_every=1000)

    for _ in range(4):
        assert pose.estimate(picture(), 0.0) == []
    looks = detector.looks
    assert pose.estimate(picture(), 0.0) == []
    assert detector.looks == looks + 1


def test_no_more_people_are_followed_than_asked_for():
    pose, detector = estimator(max_people=2, redetect_every=1)
    discs = [(100, 100, 20), (300, 100, 20), (500, 100, 20), (100, 300, 20)]

    for _ in range(6):
        assert len(pose.estimate(picture(*discs), 0.0)) == 2
    looks = detector.looks
    pose.estimate(picture(*discs), 0.0)
    assert detector.looks == looks, "with enough people there is nothing to look for"


def test_somebody_too_small_for_the_whole_picture_is_found_in_a_part_of_it():
    """12 pixels of 1280 are 2.1 of the detector's 224, which it passes over; of a part, 3.5."""
    pose, _ = estimator()

    people = pose.estimate(picture((1000, 200, 12), width=1280, height=720), 0.0)

    assert near(people, (1000, 200))


def test_a_box_holds_the_joints_with_a_margin():
    pose, _ = estimator()
    (person,) = pose.estimate(picture((300, 200, 30)), 0.0)

    low, high = person.joints_V2.min(axis=0), person.joints_V2.max(axis=0)
    box = person.box
    assert box.left < low[0]
    assert box.top < low[1]
    assert box.left + box.width > high[0]
    assert box.top + box.height > high[1]
    assert box.width < 1.3 * (high[0] - low[0])
