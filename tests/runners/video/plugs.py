"""Pose estimators of a user's own, as `pose.estimator` names them."""

import numpy as np

from skillbank_runners.skeletons.poses import Box
from skillbank_runners.video.estimators import Person

NUM_JOINTS = 17
BODY = np.array([[(i % 5) * 2.0, i * 1.5] for i in range(NUM_JOINTS)], np.float32)
"""Joints of everybody, in pixels from the place of their first."""


def person_at(x, y, *, confidence=1.0, world=True):
    joints = BODY + np.array([x, y], np.float32)
    depth = np.zeros((NUM_JOINTS, 1), np.float32)
    return Person(
        joints,
        np.full(NUM_JOINTS, confidence, np.float32),
        Box(x, y, 8.0, 24.0),
        np.concatenate([BODY / 100, depth], axis=1) if world else None,
    )


class Bright:
    """Sees a person at every column that begins to be bright; knows no depth where it is blue."""

    layout = "coco17"

    def __init__(self, settings):
        self.settings = settings

    def estimate(self, image_HW3, time_s):
        assert image_HW3.dtype == np.uint8
        assert time_s >= 0
        bright = image_HW3.max(axis=2).mean(axis=0) > 60
        starts = np.flatnonzero(bright[1:] & ~bright[:-1]) + 1
        is_blue = image_HW3[..., 2].mean() > 2 * image_HW3[..., 0].mean()
        people = [person_at(float(x), 10.0, world=not is_blue) for x in starts]
        return people[: self.settings.max_people]


class Broken:
    """Gives what it was told to, wrong as it may be."""

    layout = "coco17"

    def __init__(self, person):
        self._person = person

    def estimate(self, image_HW3, time_s):
        del image_HW3, time_s
        return [self._person]


def bright(settings):
    return Bright(settings)


def with_nan(settings):
    del settings
    person = person_at(5.0, 5.0)
    person.joints_V2[3, 0] = np.nan
    return Broken(person)


def too_few_joints(settings):
    del settings
    whole = person_at(5.0, 5.0)
    return Broken(Person(whole.joints_V2[:9], whole.confidence_V, whole.box))


def too_sure(settings):
    del settings
    return Broken(person_at(5.0, 5.0, confidence=1.5))


def unknown_layout(settings):
    one = Bright(settings)
    one.layout = "octopus"
    return one


NO_FUNCTION = 3
