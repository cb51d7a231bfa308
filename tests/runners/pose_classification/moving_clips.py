"""Clips of a body that moves, with padding, for tests.

Axes: C channels, T frames, V joints, M people.
"""

import numpy as np

from skillbank_runners.skeletons.layout import load_layout

LAYOUT = load_layout("human3.6m")
LEFT_HIP, RIGHT_HIP, LEFT_SHOULDER, RIGHT_SHOULDER = (
    LAYOUT.joint_names.index(name)
    for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
)
# Padding is about as long as the clip here, and one frame inside has no body.
FIRST, LAST, WITHOUT_BODY = 2, 11, 6


def clip(*, frames=20, people=1, seed=0):
    """A body that stands, walks off and wobbles, between frames of zeros; metres, y up."""
    random = np.random.default_rng(seed)
    x = np.zeros((3, frames, LAYOUT.num_joints, people), dtype=np.float32)
    pose_DV = random.normal(0, 0.1, (3, LAYOUT.num_joints))
    pose_DV[:, [LEFT_HIP, RIGHT_HIP]] = [[-0.1, 0.1], [0.9, 0.9], [3.0, 3.0]]
    pose_DV[:, [LEFT_SHOULDER, RIGHT_SHOULDER]] = [[-0.2, 0.2], [1.4, 1.4], [3.0, 3.0]]
    pose_DV[:, list(LAYOUT.root_joints)] = [[0.0], [0.9], [3.0]]
    walk_DT = np.array([[0.1], [0.0], [-0.05]]) * np.arange(frames)
    x[:] = pose_DV[:, None, :, None] + walk_DT[:, :, None, None]
    x += random.normal(0, 0.01, x.shape)
    x[0] += np.arange(people)  # a metre apart
    x[:, :FIRST] = x[:, LAST + 1 :] = x[:, WITHOUT_BODY] = 0
    return x


def with_confidence(x, confidence=1.0):
    channel = np.where(x.any(axis=(0, 2))[:, None], confidence, 0)
    channel = np.broadcast_to(channel, x.shape[1:]).astype(np.float32)
    return np.concatenate([x, channel[None]])


def line(frames=20, real=16):
    """Joint coordinates that grow by 1 per frame, from 1, then zeros."""
    x = np.zeros((3, frames, LAYOUT.num_joints, 1), dtype=np.float32)
    x[:, :real] = np.arange(1, real + 1)[:, None, None]
    return x


def with_body(x):
    return np.flatnonzero(x.any(axis=(0, 2, 3)))
