"""What is done to a clip before the network sees it, in training and in every later action.

Axes: C channels, T frames, V joints, M people; D coordinates (C less a confidence channel).
Coordinates: any unit, any origin, and any right-handed system in 3D, such as a camera's with y
down or a motion capture's with y up. `alignment` brings both to y up, x from the body's left to
its right. Frames without a body are all zero: they stay zero, and are no part of a clip's length.
A joint of confidence 0 is missing and stays zero as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.augment import Clip
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec

if TYPE_CHECKING:
    from skillbank_runners.skeletons.layout import Layout

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# What a layout calls the joint where a limb leaves the trunk; the last pair is nova77's.
_HIPS = (("left_hip", "right_hip"), ("left_up_leg", "right_up_leg"))
_SHOULDERS = (("left_shoulder", "right_shoulder"), ("left_arm", "right_arm"))
_NO_LENGTH = 1e-6  # shorter than this is no direction and no scale


@dataclass(frozen=True)
class _Poses:
    """A clip taken apart.

    Attributes:
        place_DTVM: Coordinates.
        confidence_TVM: Confidence, where the data has it.
        is_there_TVM: Which joints are not missing.
    """

    place_DTVM: Floats
    confidence_TVM: Floats | None
    is_there_TVM: Mask


def preprocess(
    clip_CTVM: Clip,
    settings: PreprocessingSpec,
    layout: Layout,
    *,
    frame_rate: float | None = None,
) -> Clip:
    """The clip interpolated, resampled, centred, aligned and scaled; the same array if nothing is.

    The number of frames changes only with `settings.frame_rate`; `sample_frames` or a cut to
    `dataset.window_size` comes after this.

    Args:
        clip_CTVM: The clip as recorded.
        settings: What is done.
        layout: Its root joints are the middle of the hips; its joints' names say where hips and
            shoulders are.
        frame_rate: Frames per second of the clip; None: not known.

    Raises:
        RunnerError: The settings ask for what the data or its layout does not have.
    """
    steps = _steps(settings, layout, frame_rate)
    if not steps:
        return clip_CTVM
    poses = _take_apart(clip_CTVM, settings.has_confidence)
    for step in steps:
        poses = step(poses)
    return _put_together(poses)


_Step = Callable[[_Poses], _Poses]


def _steps(settings: PreprocessingSpec, layout: Layout, frame_rate: float | None) -> list[_Step]:
    steps: list[_Step] = []
    if settings.interpolate:
        steps.append(lambda poses: _fill_in(poses, settings.min_confidence))
    if settings.frame_rate and settings.frame_rate != frame_rate:
        ratio = settings.frame_rate / _known_rate(frame_rate)
        steps.append(lambda poses: _resample(poses, ratio))
    if settings.centring != "none":
        root = layout.root_joints
        steps.append(lambda poses: _centre(poses, root, settings.centring == "frame"))
    if settings.alignment != "none" or settings.scale != "none":
        trunk = *_pair(layout, _HIPS, "hips"), *_pair(layout, _SHOULDERS, "shoulders")
    if settings.alignment != "none":
        steps.append(lambda poses: _align(poses, trunk, settings.alignment == "frame"))
    if settings.scale != "none":
        steps.append(lambda poses: _divide_by_torso(poses, trunk))
    return steps


def reference_joints(settings: PreprocessingSpec, layout: Layout) -> tuple[tuple[int, ...], ...]:
    """What centring and alignment, as far as they are done, each need to see in a frame.

    A frame without all of these joints is moved, or turned, as one before it.
    """
    joints: list[tuple[int, ...]] = []
    if settings.centring != "none":
        joints.append(layout.root_joints)
    if settings.alignment != "none":
        joints.append((*_pair(layout, _HIPS, "hips"), *_pair(layout, _SHOULDERS, "shoulders")))
    return tuple(joints)


def real_frames(clip_CTVM: Clip) -> slice:
    """From the first frame with a body to the last; empty where there is none."""
    with_body = np.flatnonzero(clip_CTVM.any(axis=(0, 2, 3)))
    return slice(int(with_body[0]), int(with_body[-1]) + 1) if len(with_body) else slice(0, 0)


def sample_frames(
    clip_CTVM: Clip, num_frames: int, random: np.random.Generator | None = None
) -> Clip:
    """`num_frames` frames spread over the real length: section 3.2 of arXiv:2104.13586.

    The real length is cut into `num_frames` equal parts, and each gives one frame: a random one
    in training, the middle one otherwise. A clip shorter than that repeats frames in order.

    Args:
        clip_CTVM: The clip, with or without zeros around it.
        num_frames: Frames of the result.
        random: Draws the frame of each part; None: its middle.
    """
    real = real_frames(clip_CTVM)
    length = max(real.stop - real.start, 1)
    offset_T = np.full(num_frames, 0.5) if random is None else random.random(num_frames)
    index_T = ((np.arange(num_frames) + offset_T) * length / num_frames).astype(np.int64)
    return clip_CTVM[:, real.start + np.minimum(index_T, length - 1)]


def _take_apart(clip_CTVM: Clip, has_confidence: bool) -> _Poses:
    place_DTVM = clip_CTVM[:-1] if has_confidence else clip_CTVM
    has_body_TVM: Mask = np.any(place_DTVM, axis=(0, 2))[:, None, :]
    if not has_confidence:
        return _Poses(place_DTVM, None, np.broadcast_to(has_body_TVM, place_DTVM.shape[1:]))
    confidence_TVM = clip_CTVM[-1]
    return _Poses(place_DTVM, confidence_TVM, has_body_TVM & (confidence_TVM > 0))


def _put_together(poses: _Poses) -> Clip:
    place_DTVM = np.where(poses.is_there_TVM, poses.place_DTVM, np.float32(0))
    if poses.confidence_TVM is None:
        return place_DTVM.astype(np.float32)
    return np.concatenate([place_DTVM, poses.confidence_TVM[None]]).astype(np.float32)


def _fill_in(poses: _Poses, min_confidence: float) -> _Poses:
    """Missing joints on the line between the nearest frames of the same person that have them.

    Only frames with a body are filled, and only between a joint's first and last sighting. The
    confidence stays as it was, but for the least one above 0 that tells them from missing ones.
    """
    assert poses.confidence_TVM is not None
    place_DTVM = poses.place_DTVM.copy()
    confidence_TVM = poses.confidence_TVM.copy()
    has_body_TM: Mask = np.any(poses.is_there_TVM, axis=1)
    is_seen_TVM = poses.is_there_TVM & (confidence_TVM > min_confidence)
    is_there_TVM = is_seen_TVM.copy()
    for v, m in np.argwhere(~is_seen_TVM.all(axis=0) & is_seen_TVM.any(axis=0)):
        seen = np.flatnonzero(is_seen_TVM[:, v, m])
        gaps = np.flatnonzero(~is_seen_TVM[:, v, m] & has_body_TM[:, m])
        gaps = gaps[(gaps > seen[0]) & (gaps < seen[-1])]
        for place_TVM in place_DTVM:
            place_TVM[gaps, v, m] = np.interp(gaps, seen, place_TVM[seen, v, m])
        is_there_TVM[gaps, v, m] = True
        tiny = np.finfo(np.float32).tiny
        confidence_TVM[gaps, v, m] = np.maximum(confidence_TVM[gaps, v, m], tiny)
    return _Poses(place_DTVM, np.where(is_there_TVM, confidence_TVM, 0), is_there_TVM)


def _known_rate(frame_rate: float | None) -> float:
    if frame_rate is not None and frame_rate > 0:
        return frame_rate
    raise RunnerError(
        f"dataset.preprocessing.frame_rate: the frame rate of the data is {frame_rate or 'unknown'}"
        ", expected a number of frames per second to resample from; convert the data with "
        "dataset_convert, which records it, or set dataset.preprocessing.frame_rate to 0.0"
    )


def _resample(poses: _Poses, ratio: float) -> _Poses:
    """Frames in steps of 1 / ratio, on the line between two; next to a frame without: the nearer.

    The first frame stays the first; what follows the last recorded one is left out.
    """
    T = poses.is_there_TVM.shape[0]
    at_T = np.arange(int((T - 1) * ratio + 1e-9) + 1) / ratio
    return _read_at(poses, at_T)


def _read_at(poses: _Poses, at_T: npt.NDArray[np.float64]) -> _Poses:
    last = poses.is_there_TVM.shape[0] - 1
    before_T = np.minimum(at_T.astype(np.int64), last)
    after_T = np.minimum(before_T + 1, last)
    share_TVM = (at_T - before_T).astype(np.float32)[:, None, None]
    is_before, is_after = poses.is_there_TVM[before_T], poses.is_there_TVM[after_T]
    nearest_T = np.where(share_TVM[:, 0, 0] < 0.5, before_T, after_T)
    line_DTVM = (1 - share_TVM) * poses.place_DTVM[:, before_T] + share_TVM * poses.place_DTVM[
        :, after_T
    ]
    place_DTVM = np.where(is_before & is_after, line_DTVM, poses.place_DTVM[:, nearest_T])
    confidence = poses.confidence_TVM
    return _Poses(
        place_DTVM,
        None if confidence is None else confidence[nearest_T],
        poses.is_there_TVM[nearest_T],
    )


def _centre(poses: _Poses, root: tuple[int, ...], in_each_frame: bool) -> _Poses:
    """People keep their places to each other: the first one that is there is the origin for all."""
    middle_DTM = poses.place_DTVM[:, :, root].mean(axis=2)
    origin_DT, frames = _of_first_person(middle_DTM, np.all(poses.is_there_TVM[:, root], axis=1))
    if not len(frames):
        return poses
    if in_each_frame:
        origin_DT = origin_DT[:, _nearest_earlier(frames, origin_DT.shape[1])]
    else:
        origin_DT = origin_DT[:, frames[:1]]
    return replace(poses, place_DTVM=poses.place_DTVM - origin_DT[:, :, None, None])


def _align(poses: _Poses, trunk: tuple[int, ...], in_each_frame: bool) -> _Poses:
    """A rotation and nothing else, about the origin: no body is mirrored by it."""
    if len(poses.place_DTVM) != 3:
        raise RunnerError(
            "dataset.preprocessing.alignment: the data has "
            f"{len(poses.place_DTVM)} coordinates, expected 3 (x, y, z) to turn a body upright; "
            "set it to none"
        )
    up_DTM, right_DTM = _directions(poses.place_DTVM, trunk)
    is_clear_TM = (_cross(up_DTM, right_DTM) ** 2).sum(axis=0) > _NO_LENGTH**4
    is_there_TM = poses.is_there_TVM[:, trunk].all(axis=1) & is_clear_TM
    up_DT, frames = _of_first_person(up_DTM, is_there_TM)
    right_DT, _ = _of_first_person(right_DTM, is_there_TM)
    if not len(frames):
        return poses
    turn_TED = _rotations(up_DT[:, frames], right_DT[:, frames])
    T = up_DT.shape[1]
    if in_each_frame:
        index_T = np.searchsorted(frames, _nearest_earlier(frames, T))
        rows_DTR = poses.place_DTVM.reshape(3, T, -1)
        turned_TER = turn_TED[index_T] @ rows_DTR.transpose(1, 0, 2)
        turned = turned_TER.transpose(1, 0, 2).reshape(poses.place_DTVM.shape)
    else:
        turned = np.tensordot(turn_TED[0], poses.place_DTVM, axes=1)
    return replace(poses, place_DTVM=turned.astype(np.float32))


def _directions(place_DTVM: Floats, trunk: tuple[int, ...]) -> tuple[Floats, Floats]:
    """From hips to shoulders, and from the left shoulder to the right one; (D, T, M) each."""
    left_hip, right_hip, left, right = (place_DTVM[:, :, joint] for joint in trunk)
    up_DTM: Floats = (left + right - left_hip - right_hip) / np.float32(2)
    return up_DTM, right - left


def _rotations(up_DT: Floats, right_DT: Floats) -> Floats:
    """(T, 3, 3): its rows are the new x, y and z in the old coordinates."""
    y_DT = up_DT / np.linalg.norm(up_DT, axis=0)
    x_DT = right_DT - y_DT * (y_DT * right_DT).sum(axis=0)
    x_DT = x_DT / np.linalg.norm(x_DT, axis=0)
    return np.stack([x_DT, y_DT, _cross(x_DT, y_DT)]).transpose(2, 0, 1)


def _cross(a: Floats, b: Floats) -> Floats:
    """Cross product along the first axis; NumPy's own takes ten times as long on few vectors."""
    return a[[1, 2, 0]] * b[[2, 0, 1]] - a[[2, 0, 1]] * b[[1, 2, 0]]


def _divide_by_torso(poses: _Poses, trunk: tuple[int, ...]) -> _Poses:
    up_DTM, _ = _directions(poses.place_DTVM, trunk)
    lengths = np.linalg.norm(up_DTM, axis=0)[poses.is_there_TVM[:, trunk].all(axis=1)]
    length = float(lengths.mean()) if lengths.size else 0.0
    if length < _NO_LENGTH:
        return poses
    return replace(poses, place_DTVM=poses.place_DTVM / np.float32(length))


def _of_first_person(value_DTM: Floats, is_there_TM: Mask) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Per frame the value of the first person who is there, and the frames that have one."""
    person_T = is_there_TM.argmax(axis=1)
    value_DT = np.take_along_axis(value_DTM, person_T[None, :, None], axis=2)[:, :, 0]
    return value_DT, np.flatnonzero(is_there_TM.any(axis=1))


def _nearest_earlier(frames: npt.NDArray[np.int64], num_frames: int) -> npt.NDArray[np.int64]:
    """For each frame the last one of `frames` up to it, or else the first of them."""
    index_T = np.searchsorted(frames, np.arange(num_frames), side="right") - 1
    return frames[np.maximum(index_T, 0)]


def _pair(layout: Layout, names: tuple[tuple[str, str], ...], what: str) -> tuple[int, int]:
    for left, right in names:
        if left in layout.joint_names and right in layout.joint_names:
            return layout.joint_names.index(left), layout.joint_names.index(right)
    wanted = " or ".join(f"{left!r} and {right!r}" for left, right in names)
    raise RunnerError(
        f"dataset.preprocessing: the layout {layout.name!r} names no {what}, expected joints "
        f"called {wanted}; name them in the layout, or set alignment and scale to none"
    )
