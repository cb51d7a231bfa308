"""Overlapping windows become one action per frame.

1. A frame's share of a class is the mean of the soft-max shares of all windows that cover it.
2. A frame that no window covers takes the shares of the nearest covered frame, if that is less
   than `reach` frames away; otherwise its action is unknown.
3. Where nobody was seen for longer than `reach` frames a new run begins.
4. A run begins with the class of the highest mean share over its first `min_duration` frames.
   Class b takes over from class a at the first frame t with
   `share[u, b] - share[u, a] > hysteresis` for u = t, ..., t + min_duration - 1. Of several such
   classes the one with the highest mean share over these frames does.

Frames are counted as the person was seen, one after another.
Axes: F frames of one track, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skillbank_runners.pose_classification.actions.hysteresis import Hysteresis

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

UNKNOWN = -1
"""Class of a frame that no window says anything about."""


class ScoredWindow(NamedTuple):
    """What the network said about a stretch of a track.

    Attributes:
        first_frame: Number of its first frame.
        last_frame: Number of its last frame, itself included.
        shares_C: Soft-max of the scores, in [0, 1].
    """

    first_frame: int
    last_frame: int
    shares_C: Floats


@dataclass(frozen=True)
class Decision:
    """When an action gives way to another.

    Attributes:
        hysteresis: By how much the share of a new action must be higher, in [0, 1].
        min_duration: For how many frames in a row.
        reach: Frames over which a track may be interrupted, or frames remain uncovered.
    """

    hysteresis: float
    min_duration: int
    reach: int


@dataclass(frozen=True)
class TrackActions:
    """What one person does, frame by frame.

    Attributes:
        frames_F: Numbers of the frames in which the person was seen, ascending.
        classes_F: Class of each frame; UNKNOWN where no window says anything.
        scores_F: Share of that class; 0 where it is unknown.
        starts: Positions in `frames_F` at which a run begins.
    """

    frames_F: Ints
    classes_F: npt.NDArray[np.int16]
    scores_F: Floats
    starts: tuple[int, ...]


def decide(frames_F: Ints, shares_FC: Floats, settings: Decision) -> TrackActions:
    """The action of every frame.

    Args:
        frames_F: Numbers of the frames, ascending.
        shares_FC: Shares per frame, from `merge`; rows of NaN are unknown.
        settings: When an action gives way.
    """
    classes_F = np.full(len(frames_F), UNKNOWN, np.int16)
    starts = run_starts(frames_F, settings.reach)
    for start, end in zip(starts, (*starts[1:], len(frames_F)), strict=True):
        for low, high in _stretches(~np.isnan(shares_FC[start:end, 0])):
            span = slice(start + low, start + high)
            classes_F[span] = _decide_stretch(shares_FC[span], settings)
    known_F = classes_F != UNKNOWN
    scores_F = np.zeros(len(frames_F), np.float32)
    scores_F[known_F] = shares_FC[known_F, classes_F[known_F]]
    return TrackActions(frames_F, classes_F, scores_F, starts)


def merge(frames_F: Ints, windows: Sequence[ScoredWindow], reach: int) -> Floats:
    """Shares (F, C) per frame: the mean over windows, or NaN where none says anything.

    Args:
        frames_F: Numbers of the frames, ascending.
        windows: At least one.
        reach: Frames up to which an uncovered frame takes what the nearest covered one has.
    """
    sums_FC = np.zeros((len(frames_F), len(windows[0].shares_C)), np.float32)
    counts_F = np.zeros(len(frames_F), np.int32)
    for window in windows:
        low = np.searchsorted(frames_F, window.first_frame)
        high = np.searchsorted(frames_F, window.last_frame, side="right")
        sums_FC[low:high] += window.shares_C
        counts_F[low:high] += 1
    covered_F = counts_F > 0
    sums_FC[covered_F] /= counts_F[covered_F, None]
    sums_FC[~covered_F] = np.nan
    if covered_F.any() and not covered_F.all():
        _fill(frames_F, sums_FC, covered_F, _scaled(frames_F, reach))
    return sums_FC


def run_starts(frames_F: Ints, reach: int) -> tuple[int, ...]:
    """Positions of the frames that follow on an absence of more than `reach` frames, and 0."""
    if not len(frames_F):
        return ()
    breaks = np.flatnonzero(np.diff(frames_F) > _scaled(frames_F, reach)) + 1
    return (0, *breaks.tolist())


def _scaled(frames_F: Ints, reach: int) -> float:
    """The reach in frame numbers: a recording may hold only every other frame."""
    return reach * float(np.median(np.diff(frames_F))) if len(frames_F) > 1 else float(reach)


def _fill(
    frames_F: Ints, shares_FC: Floats, covered_F: npt.NDArray[np.bool_], reach: float
) -> None:
    """Give uncovered frames the shares of the nearest covered ones, in place."""
    positions = np.flatnonzero(covered_F)
    missing = np.flatnonzero(~covered_F)
    after = np.searchsorted(positions, missing).clip(max=len(positions) - 1)
    before = (after - 1).clip(min=0)
    candidates = np.stack([positions[before], positions[after]])
    distances = np.abs(frames_F[candidates] - frames_F[missing])
    choice = distances.argmin(axis=0)
    columns = np.arange(len(missing))
    near = distances[choice, columns] < reach
    shares_FC[missing[near]] = shares_FC[candidates[choice, columns][near]]


def _stretches(is_known_F: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """[start, end) of each row of True."""
    edges = np.diff(np.concatenate([[False], is_known_F, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    yield from zip(starts.tolist(), ends.tolist(), strict=True)


def _decide_stretch(shares_FC: Floats, settings: Decision) -> npt.NDArray[np.int16]:
    """Classes of consecutive known frames, after the rule 4 above."""
    duration = settings.min_duration
    current = int(shares_FC[:duration].mean(axis=0).argmax())
    rule = Hysteresis(settings.hysteresis, duration, current)
    classes_F = np.empty(len(shares_FC), np.int16)
    for frame, shares_C in enumerate(shares_FC):
        before, current = current, rule.update(shares_C)
        begin = frame if current == before else frame - duration + 1
        classes_F[begin : frame + 1] = current
    return classes_F
