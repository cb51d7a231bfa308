"""From a video to the file of its people's poses: find, follow, smooth, write.

Every step is a generator over the one before, so that one picture is in memory at a time.

Axes: V joints of the estimator, W joints of the layout that is written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import cast

import numpy as np

from skillbank_runners.skeletons.layout import Layout, convert_joints, load_layout
from skillbank_runners.skeletons.linking import LinkSettings, link
from skillbank_runners.skeletons.poses import NO_TRACK, Box, Floats, Observation
from skillbank_runners.skeletons.smoothing import OneEuroSettings, Smoother
from skillbank_runners.video.estimators import (
    EstimatorSettings,
    Person,
    PoseEstimator,
    check_person,
    make_estimator,
)
from skillbank_runners.video.placing import place
from skillbank_runners.video.pose_file import PoseFileWriter, Written
from skillbank_runners.video.reading import Video

_HIPS = ("left_hip", "right_hip")


@dataclass(frozen=True)
class PoseSettings:
    """How poses are made from a video.

    Attributes:
        estimator: Name of the estimator, or `package.module:factory`.
        layout: That is written; empty: the estimator's own.
        focal_length: Of the camera in pixels; 0: unknown, then `pose3d` is centred on the hips.
        smoothing: None: joints are written as they are found.
        linking: How people are followed.
        estimation: What the estimator is told.
    """

    estimator: str = "blazepose"
    layout: str = "nvidia34"
    focal_length: float = 0.0
    smoothing: OneEuroSettings | None = field(default_factory=OneEuroSettings)
    linking: LinkSettings = field(default_factory=LinkSettings)
    estimation: EstimatorSettings = field(default_factory=EstimatorSettings)


@dataclass
class PoseSummary:
    """What was found.

    Attributes:
        num_frames: Pictures that could be read.
        num_frames_with_people: Of these.
        layout: Name or path of the layout that was written.
        tracks: Id of a person -> number of frames with them, in the order of first sights.
    """

    num_frames: int = 0
    num_frames_with_people: int = 0
    layout: str = ""
    tracks: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pose(Observation):
    """A person in a frame, with their joints in metres beside those in the picture."""

    world_V3: Floats | None = None
    time_s: float = 0.0


def write_poses(
    video: Video,
    out: Path,
    settings: PoseSettings,
    progress: Callable[[int], None] | None = None,
) -> PoseSummary:
    """Write the people of a video as DeepStream's JSON.

    Args:
        video: To read.
        out: File to write; it appears once it is complete.
        settings: How.
        progress: Told the number of pictures looked at so far.

    Raises:
        VideoInvalid: The video cannot be read to its end.
        VideoMissing: A package or network that the estimator needs is not there.
        RunnerError: No such estimator or layout; the file cannot be written.
    """
    estimator = make_estimator(settings.estimator, settings.estimation)
    source = load_layout(estimator.layout, "pose.estimator")
    target = load_layout(settings.layout, "pose.layout") if settings.layout else source
    summary = PoseSummary(layout=settings.layout or estimator.layout)
    times: deque[tuple[int, float]] = deque()
    # link replaces ids only, so what it yields are still poses.
    poses = cast(
        Iterator[_Pose], link(_found(video, estimator, source, times, progress), settings.linking)
    )
    smoothed = _smoothed(poses, settings.smoothing) if settings.smoothing else poses
    with PoseFileWriter(out) as file:
        for number, people in groupby(smoothed, key=lambda pose: pose.frame):
            _write_empty(file, summary, times, before=number)
            written = [_written(each, video, settings, source, target) for each in people]
            _, time_s = times.popleft()
            file.write(number, time_s, written)
            _count(summary, written)
        _write_empty(file, summary, times)
    return summary


def _found(
    video: Video,
    estimator: PoseEstimator,
    layout: Layout,
    times: deque[tuple[int, float]],
    progress: Callable[[int], None] | None,
) -> Iterator[_Pose]:
    """People as the estimator sees them; `times` gets every frame, with people or not."""
    for done, frame in enumerate(video.frames(), start=1):
        times.append((frame.number, frame.time_s))
        for person in estimator.estimate(frame.image_HW3, frame.time_s):
            check_person(person, layout.num_joints, f"frame {frame.number}")
            yield _pose(person, frame.number, frame.time_s)
        if progress:
            progress(done)


def _pose(person: Person, number: int, time_s: float) -> _Pose:
    return _Pose(
        number,
        NO_TRACK,
        person.joints_V2,
        person.confidence_V,
        box=person.box,
        world_V3=person.world_V3,
        time_s=time_s,
    )


def _smoothed(poses: Iterable[_Pose], settings: OneEuroSettings) -> Iterator[_Pose]:
    image, world = Smoother(settings), Smoother(settings)
    for pose in poses:
        who, when = pose.object_id, (pose.frame, pose.time_s)
        is_there_V = pose.confidence_V > 0
        joints_V2 = image.step(who, *when, pose.joints_VD, is_there_V)
        world_V3 = pose.world_V3
        if world_V3 is not None:
            world_V3 = world.step(who, *when, world_V3, is_there_V)
        yield replace(pose, joints_VD=joints_V2, world_V3=world_V3)


def _written(
    pose: _Pose, video: Video, settings: PoseSettings, source: Layout, target: Layout
) -> Written:
    """A person in the layout and the units of the file."""
    world_V3 = pose.world_V3
    both = pose.joints_VD if world_V3 is None else np.concatenate([pose.joints_VD, world_V3], 1)
    joints_WD, confidence_W = convert_joints(both, pose.confidence_V, source, target)
    world_W3 = None if world_V3 is None else joints_WD[:, 2:]
    depth_W = np.zeros(len(joints_WD), np.float32) if world_W3 is None else world_W3[:, 2]
    if world_W3 is not None and settings.focal_length > 0:
        middle = (video.width / 2, video.height / 2)
        world_W3 = world_W3 + place(
            world_W3, joints_WD[:, :2], confidence_W, settings.focal_length, middle
        )
    box = pose.box or _box(pose.joints_VD)
    return Written(pose.object_id, box, joints_WD[:, :2], confidence_W, world_W3, depth_W)


def _box(joints_V2: Floats) -> Box:
    low, high = joints_V2.min(axis=0), joints_V2.max(axis=0)
    return Box(float(low[0]), float(low[1]), *(float(value) for value in high - low))


def _write_empty(
    file: PoseFileWriter,
    summary: PoseSummary,
    times: deque[tuple[int, float]],
    before: int | None = None,
) -> None:
    """Frames in which nobody is, up to a frame or to the end."""
    while times and (before is None or times[0][0] < before):
        number, time_s = times.popleft()
        file.write(number, time_s, [])
        _count(summary, [])


def _count(summary: PoseSummary, people: list[Written]) -> None:
    summary.num_frames += 1
    summary.num_frames_with_people += bool(people)
    for person in people:
        summary.tracks[person.object_id] = summary.tracks.get(person.object_id, 0) + 1
