"""Poses through the network: windows in, soft-max shares out, a line in results.txt for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from skillbank_runners.api import Run
from skillbank_runners.errors import DataInvalid, RunnerError
from skillbank_runners.pose_classification.actions.merging import ScoredWindow
from skillbank_runners.pose_classification.actions.output import (
    LINES_FILE,
    SEQUENCES_FILE,
    record,
)
from skillbank_runners.pose_classification.actions.sequences import sequence_files
from skillbank_runners.pose_classification.actions.sources import Poses
from skillbank_runners.pose_classification.actions.tracks import TrackKey, TrackLog
from skillbank_runners.pose_classification.actions.windows import TrackWindow, classify
from skillbank_runners.pose_classification.agreement import Opened
from skillbank_runners.pose_classification.augment import Clip
from skillbank_runners.pose_classification.contract import class_names
from skillbank_runners.pose_classification.conversion import Tally, Window, pad
from skillbank_runners.pose_classification.conversion.reading_progress import ReadingProgress
from skillbank_runners.pose_classification.data import plain_feeding
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.progress import Progress
from skillbank_runners.skeletons.pose_blocks import PoseBlock
from skillbank_runners.skeletons.poses import Recording


@dataclass(frozen=True)
class Scores:
    """What the network said.

    Attributes:
        tracks: Who was seen in which frames.
        tally: What the conversion met.
        windows: Windows of every track that has any.
        counts: Class -> number of windows taken for it.
    """

    tracks: TrackLog
    tally: Tally
    windows: dict[TrackKey, list[ScoredWindow]] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)


def score(opened: Opened[InferenceAction], run: Run, poses: Poses, device: torch.device) -> Scores:
    """Send every window through the network, a batch at a time, and write its lines.

    The poses are read twice: once to find out whether they can be read and how many windows they
    make, before the network begins, which takes far longer.

    Raises:
        RunnerError: Damaged poses, or such that do not fit the network.
    """
    spec = opened.spec
    scores = Scores(TrackLog(), Tally())
    _look_through(opened, run, poses, scores)
    progress = Progress(run, "named", "sequences", scores.tally.windows)
    size = spec.inference.batch_size
    windows = _windows(opened, poses, scores.tracks.frame_rates)
    scored = classify(
        opened.network(), windows, spec.dataset.batch_size if size < 0 else size, device
    )
    lines, table = _lines_path(spec, run), run.results / SEQUENCES_FILE
    with sequence_files(lines, table, class_names(spec)) as files:
        for window, shares_C in scored:
            files.write(window, shares_C)
            scores.counts[int(shares_C.argmax())] += 1
            of_track = scores.windows.setdefault(window.track, [])
            of_track.append(ScoredWindow(window.first_frame, window.last_frame, shares_C))
            progress.advance()
    record(run, lines, "sequences with ranked classes")
    record(run, table, "whose sequences these are")
    return scores


def _look_through(opened: Opened[InferenceAction], run: Run, poses: Poses, scores: Scores) -> None:
    """Note who is in which frames, and check that every window fits the network."""
    progress = ReadingProgress(run, [poses.path])

    def told(recording: Recording, block: PoseBlock) -> None:
        scores.tracks.note(recording, block)
        progress(recording, block)

    scores.tally.told = told
    for window, _ in poses.windows(scores.tally):
        _check_shape(opened, poses, window)


def _windows(
    opened: Opened[InferenceAction], poses: Poses, frame_rates: Mapping[str, float | None]
) -> Iterator[TrackWindow]:
    """Windows as the network gets them: converted, padded and prepared as in training."""
    prepare: dict[str, Callable[[Clip], Clip]] = {}
    for window, settings in poses.windows():
        num_frames = window.x_CTV.shape[1]
        clip_CTVM = pad(window, max(settings.sequence_length_max, num_frames))
        if window.source not in prepare:
            facts, rate = opened.facts(clip_CTVM.shape), frame_rates[window.source]
            feeding = plain_feeding(opened.spec.dataset, facts=facts, frame_rate=rate)
            prepare[window.source] = feeding.serve
        yield TrackWindow(
            track=TrackKey(window.source, window.camera, window.object_id),
            first_frame=int(window.frames_T[0]),
            last_frame=int(window.frames_T[-1]),
            num_frames=num_frames,
            x_CTVM=prepare[window.source](clip_CTVM),
        )


def _check_shape(opened: Opened[InferenceAction], poses: Poses, window: Window) -> None:
    num_channels, _, num_joints = window.x_CTV.shape
    expected = opened.spec.model.input_channels
    where = f"{poses.key}: {window.source!r}"
    problems = []
    if num_channels != expected:
        trained = opened.trained.channels if opened.trained else None
        names = f" ({', '.join(trained)})" if trained else ""
        problems.append(
            f"{where}: poses have {num_channels} values per joint, expected the {expected} that "
            f"the network was trained on{names}; format {poses.settings.format!r} with "
            f"dataset_convert.pose_type {poses.settings.pose_type!r} gives no others"
        )
    if num_joints != opened.layout.num_joints:
        problems.append(
            f"{where}: poses have {num_joints} joints, expected the {opened.layout.num_joints} of "
            f"the network's layout {opened.layout.name!r}"
        )
    if problems:
        raise DataInvalid(problems)


def _lines_path(spec: InferenceAction, run: Run) -> Path:
    text = spec.inference.output_file
    path = Path(text).expanduser() if text else run.results / LINES_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerError(
            f"inference.output_file: cannot write {str(path)!r}: {error.strerror}"
        ) from error
    return path
