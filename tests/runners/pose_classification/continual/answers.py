"""What streams answer, in the form that tests compare."""

import numpy as np
from tests.runners.pose_classification.continual.checkpoints import NAMES
from tests.runners.pose_classification.continual.networks import offline_logits

from skillbank_runners.pose_classification.continual.model import StreamSettings
from skillbank_runners.pose_classification.continual.people import Smoothing

PLAIN = Smoothing(average_frames=1, hysteresis=0.0, min_duration=1)


def settings(**changes):
    return StreamSettings(**{"top_k": len(NAMES), "smoothing": PLAIN, **changes})


def shares(person):
    """Share of each class, in the order of the classes."""
    found = {one.action: one.score for one in person.top}
    return np.array([found[name] for name in NAMES])


def expected_shares(network, clip_CTVM):
    return offline_logits(network, clip_CTVM).double().softmax(dim=0).numpy()


def last_answers(actions):
    """The answers of those who are gone, in order of time."""
    return [one for frame in actions for one in frame.people if one.is_last]
