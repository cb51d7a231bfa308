"""People who walk through a picture, as a pose estimator without tracking sees them."""

import numpy as np

from skillbank_runners.skeletons.poses import NO_TRACK, Box, Observation

JOINTS = 17
HEIGHT = 200.0


def body(seed=0, at=(0.0, 0.0)):
    """One person's own joints about a place, in pixels; (JOINTS, 2)."""
    random = np.random.default_rng(seed)
    shape = random.uniform(-0.5, 0.5, size=(JOINTS, 2)) * [60.0, HEIGHT]
    shape[:2, 1] = -HEIGHT / 2, HEIGHT / 2
    return shape + np.asarray(at)


def seen(frame, joints, *, confidence=None, object_id=NO_TRACK, camera=0, box=None):
    if confidence is None:
        confidence = np.ones(len(joints))
    return Observation(
        frame,
        object_id,
        np.asarray(joints, np.float32),
        np.asarray(confidence, np.float32),
        camera,
        box,
    )


def box_of(joints):
    left, top = joints.min(axis=0)
    width, height = np.ptp(joints, axis=0)
    return Box(float(left), float(top), float(width), float(height))


def walk(places_MT2, *, noise=1.0, hidden=(), seed=0, boxes=False):
    """Frames of M people at given places; `hidden` has the (person, frame) pairs not seen.

    Returns a list with (person, observation) in a random order within each frame.
    """
    random = np.random.default_rng(seed)
    places = np.asarray(places_MT2, float)
    bodies = [body(seed + 100 + person) for person in range(len(places))]
    told = []
    for frame in range(places.shape[1]):
        for person in random.permutation(len(places)):
            if (person, frame) in set(hidden):
                continue
            joints = bodies[person] + places[person, frame]
            joints = joints + random.normal(size=joints.shape) * noise
            box = box_of(joints) if boxes else None
            told.append((int(person), seen(frame, joints, box=box)))
    return told


def line(start, stop, frames):
    """Places of somebody who walks from start to stop; (frames, 2)."""
    return np.linspace(start, stop, frames)
