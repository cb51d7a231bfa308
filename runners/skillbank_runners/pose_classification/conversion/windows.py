"""Tracks are cut into sequences with TAO's arithmetic, as they are read.

A sequence begins every `step = int(sequence_length * sequence_overlap)` frames of a stretch and has
`sequence_length` frames, fewer at its end; it is cut while `sequence_length_min` frames are left.
So the end of a stretch is in more than one sequence, as TAO has it.

Axes: C channels, T frames, V joints, N observations, R values per joint (see `stretches`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from skillbank_runners.pose_classification.conversion.arithmetic import (
    Arithmetic,
    channel_names,
)
from skillbank_runners.pose_classification.conversion.labels import LabelTable, RecordingLabels
from skillbank_runners.pose_classification.conversion.stretches import (
    Ints,
    Rows,
    RowStore,
    fill_gaps,
    split_at,
    split_at_gaps,
)
from skillbank_runners.pose_classification.conversion.window import Tally, Window
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.pose_blocks import BlockObservations, PoseBlock, blocks_of
from skillbank_runners.skeletons.poses import PoseFileInvalid, Recording

_NEVER = 2**62  # a gap that no recording has


def convert(
    recordings: Iterable[Recording],
    settings: DatasetConvertSpec,
    *,
    labels: LabelTable | None = None,
    tally: Tally | None = None,
) -> Iterator[Window]:
    """Sequences of everyone in some recordings, as soon as they are complete.

    People without tracks are followed first. Memory stays flat, however long the recordings and
    however many the people.

    Args:
        recordings: In any number; each is read once.
        settings: Section dataset_convert of the spec.
        labels: Classes beside those that recordings state.
        tally: Is added to.

    Raises:
        RunnerError: Damaged files, or poses that do not fit the settings.
    """
    tally = Tally() if tally is None else tally
    table = LabelTable.empty() if labels is None else labels
    for recording in recordings:
        tally.recordings += 1
        with RowStore() as store:
            cutter = _Cutter(recording, settings, table.of_recording(recording), store, tally)
            yield from cutter.windows()


@dataclass
class _Track:
    """One person of a recording, between two blocks.

    Attributes:
        camera: Where they are seen.
        object_id: Track within the camera.
        last_frame: Number of the last frame; None: none yet.
        last_row: That frame's values; kept only to fill the gap behind it.
        label: Class of the stretch that is open; -1: none so far.
        has_window: Whether that stretch has given a sequence.
    """

    camera: int
    object_id: int
    last_frame: int | None = None
    last_row: Rows | None = None
    label: int = -1
    has_window: bool = False


class _Cutter:
    """Cuts one recording."""

    def __init__(
        self,
        recording: Recording,
        settings: DatasetConvertSpec,
        labels: RecordingLabels,
        store: RowStore,
        tally: Tally,
    ) -> None:
        self._recording = followed(recording)
        self._settings = settings
        self._labels = labels
        self._store = store
        self._tally = tally
        self._arithmetic = Arithmetic(recording, settings)
        self._step = int(settings.sequence_length * settings.sequence_overlap)
        self._max_gap = {"join": _NEVER, "break": 0, "interpolate": settings.max_gap}[settings.gaps]
        self._numbers: dict[tuple[int, int], int] = {}
        self._tracks: list[_Track] = []
        self._last_frame: int | None = None

    def windows(self) -> Iterator[Window]:
        """All sequences of the recording."""
        for block in blocks_of(self._recording):
            yield from self._take(block)
        for number in self._store.numbers():
            yield from self._close(number)
        if self._recording.frame_rate:
            self._tally.frame_rates.add(self._recording.frame_rate)
        layout = self._arithmetic.layout
        self._tally.layouts[layout.name] = layout

    def _count(self, block: PoseBlock) -> None:
        steps = np.count_nonzero(np.diff(block.frames_N))
        self._tally.frames += int(steps) + (self._last_frame != int(block.frames_N[0]))
        self._last_frame = int(block.frames_N[-1])
        self._tally.people += len(block)
        self._tally.untracked += len(block) - len(block.tracked())
        if self._tally.told:
            self._tally.told(self._recording, block)

    def _take(self, block: PoseBlock) -> Iterator[Window]:
        """Hand the rows of a block to their tracks."""
        self._count(block)
        block = block.tracked()
        if not len(block):
            return
        numbers_N = self._numbers_of(block.tracks)
        order_N = np.argsort(numbers_N, kind="stable")
        values_RNV = self._arithmetic.planes(block)[:, order_N]
        names = channel_names(self._arithmetic.num_coordinates, self._settings)
        self._tally.channels.add(names)
        frames_N, numbers_N = block.frames_N[order_N], numbers_N[order_N]
        edges = [0, *(np.flatnonzero(np.diff(numbers_N)) + 1).tolist(), len(numbers_N)]
        for start, end in pairwise(edges):
            number = int(numbers_N[start])
            values, frames = values_RNV[:, start:end], frames_N[start:end]
            yield from self._extend(number, Rows(values, frames, np.full(len(frames), -1)))

    def _numbers_of(self, tracks: Sequence[tuple[int, int]]) -> Ints:
        """Number of each track, a new one for who is seen for the first time."""
        for track in dict.fromkeys(tracks):
            if track not in self._numbers:
                self._numbers[track] = len(self._tracks)
                self._tracks.append(_Track(*track))
                self._tally.tracks += 1
        return np.array([self._numbers[track] for track in tracks])

    def _extend(self, number: int, rows: Rows) -> Iterator[Window]:
        """Add rows to a track, and cut what they complete."""
        track = self._tracks[number]
        self._check_frames(track, rows.frames_T)
        has_before = track.last_row is not None
        if track.last_row is not None:
            rows = Rows.join(track.last_row, rows)
        if self._settings.gaps == "interpolate":
            track.last_row = rows.cut(len(rows) - 1).copy()
        first, *others = self._stretches(rows)
        yield from self._continue(number, first.cut(int(has_before)))
        for stretch in others:
            yield from self._close(number)
            track.label = -1
            yield from self._continue(number, stretch)
        track.last_frame = int(rows.frames_T[-1])

    def _stretches(self, rows: Rows) -> Iterator[Rows]:
        """Rows between breaks, gaps filled."""
        if self._settings.gaps == "join":
            return iter([rows])
        parts = split_at_gaps(rows, self._max_gap)
        return map(fill_gaps, parts) if self._settings.gaps == "interpolate" else parts

    def _check_frames(self, track: _Track, frames_T: Ints) -> None:
        twice = np.flatnonzero(frames_T[1:] == frames_T[:-1])
        if len(twice) or frames_T[0] == track.last_frame:
            frame = int(frames_T[twice[0]]) if len(twice) else int(frames_T[0])
            where = f"frame {frame}, camera {track.camera}"
            problem = f"object {track.object_id} is there twice, expected once per frame and camera"
            raise PoseFileInvalid(self._recording.path, where, problem)

    def _continue(self, number: int, rows: Rows) -> Iterator[Window]:
        """Add rows without a break to the open stretch, which ends where the class changes."""
        if not len(rows):
            return
        track = self._tracks[number]
        is_new = track.last_frame is not None and self._breaks(track.last_frame, rows)
        if is_new:
            yield from self._close(number)
            track.label = -1
        if self._labels.is_empty:
            yield from self._grow(number, rows)
            return
        labels_T = self._labels.of_track(track.camera, track.object_id, rows.frames_T)
        rows = replace(rows, labels_T=labels_T)
        bounds = _changes(labels_T, track.label)
        for index, part in enumerate(split_at(rows, bounds)):
            if index:
                yield from self._close(number)
            yield from self._grow(number, part)
        known = labels_T[labels_T >= 0]
        track.label = int(known[-1]) if len(known) else track.label

    def _breaks(self, last_frame: int, rows: Rows) -> bool:
        """Whether a gap lies between a track's last frame and these rows."""
        if self._settings.gaps == "join":
            return False
        step = int(rows.frames_T[0]) - last_frame
        return step < 1 or step > self._max_gap + 1

    def _grow(self, number: int, rows: Rows) -> Iterator[Window]:
        before = self._store.take(number)
        if before is not None:
            rows = Rows.join(before, rows)
        settings, track = self._settings, self._tracks[number]
        while len(rows) >= max(settings.sequence_length, settings.sequence_length_min):
            yield self._window(track, rows)
            rows = rows.cut(self._step)
        if len(rows):
            self._store.put(number, rows.copy())

    def _close(self, number: int) -> Iterator[Window]:
        """Cut what is left of the open stretch."""
        rows, track = self._store.take(number), self._tracks[number]
        while rows is not None and len(rows) >= self._settings.sequence_length_min:
            yield self._window(track, rows)
            rows = rows.cut(self._step)
        if rows is not None and not track.has_window:
            self._tally.short += 1
        track.has_window = False

    def _window(self, track: _Track, rows: Rows) -> Window:
        """The first sequence of some rows."""
        rows = rows.cut(0, self._settings.sequence_length)
        values = rows.values_RTV if self._settings.keep_confidence else rows.values_RTV[:-1]
        track.has_window = True
        self._tally.windows += 1
        return Window(
            source=self._recording.name,
            camera=track.camera,
            object_id=track.object_id,
            frames_T=rows.frames_T.copy(),
            x_CTV=np.ascontiguousarray(values),
            label=self._labels.name(rows.labels_T, self._settings.label_coverage),
            subject=self._labels.subject(track.camera, track.object_id),
            split=self._recording.split,
        )


def _changes(labels_T: Ints, before: int) -> npt.NDArray[np.intp]:
    """Where a class follows another; frames without a class belong to the class before them."""
    known = np.flatnonzero(labels_T >= 0)
    if not len(known):
        return known
    previous = np.concatenate([[before], labels_T[known][:-1]])
    is_change: npt.NDArray[np.bool_] = (labels_T[known] != previous) & (previous >= 0)
    return known[is_change]


def followed(recording: Recording) -> Recording:
    """The recording with tracks, where its file has none."""
    observations = recording.observations
    if isinstance(observations, BlockObservations) and observations.has_tracks():
        return recording
    from skillbank_runners.skeletons.linking import link_recording

    return link_recording(recording)
