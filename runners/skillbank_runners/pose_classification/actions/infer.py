"""Name what people do over time: poses or a video in; JSON, text, table, picture and video out."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from skillbank_runners.api import Run
from skillbank_runners.pose_classification.actions import output
from skillbank_runners.pose_classification.actions.merging import (
    Decision,
    TrackActions,
    decide,
    merge,
)
from skillbank_runners.pose_classification.actions.output import Found, SharesFile
from skillbank_runners.pose_classification.actions.request import Source
from skillbank_runners.pose_classification.actions.scoring import Scores, score
from skillbank_runners.pose_classification.actions.sources import (
    Poses,
    open_poses,
    poses_of_video,
)
from skillbank_runners.pose_classification.actions.tracks import TrackKey
from skillbank_runners.pose_classification.agreement import Opened
from skillbank_runners.pose_classification.contract import class_names
from skillbank_runners.pose_classification.reporting import begin
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.progress import Progress, counted
from skillbank_runners.training.devices import choose_devices
from skillbank_runners.training.report import data_source
from skillbank_runners.training.run_info import write_run_info

log = logging.getLogger(__name__)


def run_actions(opened: Opened[InferenceAction], run: Run, source: Source) -> None:
    """Do all of it.

    Raises:
        RunnerError: Files that cannot be read or do not fit the network, or nobody in them.
    """
    spec = opened.spec
    path = Path(source.path(spec.inference)).expanduser()
    devices = choose_devices(spec.inference)
    record = replace(begin(spec, run, [], devices.note), layout=opened.layout)
    read = poses_of_video if source is Source.VIDEO else open_poses
    poses = read(opened, run, path, source.value)
    began_s = time.monotonic()
    scores = score(opened, run, poses, devices.first)
    found = _found(opened, run, poses, scores)
    notes = _tell(run, found, scores, time.monotonic() - began_s)
    output.write_table(run, found)
    output.write_picture(run, found, path.name)
    output.write_poses(run, found)
    if spec.inference.annotated_video:
        output.draw_video(run, found, path)
    files = {source.value: path} if path.is_file() else {}
    write_run_info(run, spec, device=devices.note, data=files, values={"seed": None})
    counts = {name: scores.counts[i] for i, name in enumerate(found.class_names)}
    record.write_report(
        data=[data_source(source.value, path, f"{scores.tally.people} poses")],
        predictions=counts,
        timeline=output.timeline_element(found),
        notes=[f"checkpoint: {opened.path}", *notes],
    )


def _found(opened: Opened[InferenceAction], run: Run, poses: Poses, scores: Scores) -> Found:
    """The action of everybody in every frame; one track's shares are in memory at a time."""
    spec = opened.spec
    names = class_names(spec)
    keys = scores.tracks.keys
    progress = Progress(run, "merged sequences of", "people", len(keys))
    tracks: dict[TrackKey, TrackActions] = {}
    path = run.results / output.SHARES_FILE
    with ExitStack() as stack:
        file = None
        if spec.inference.frame_probabilities:
            many = len({key.source for key in keys}) > 1
            file = stack.enter_context(SharesFile(path, names, has_many_sources=many))
        for key in keys:
            frames_F = scores.tracks.frames(key)
            rate = scores.tracks.frame_rates[key.source]
            reach = poses.settings_at(rate).sequence_length_min
            rule = Decision(spec.inference.hysteresis, spec.inference.min_duration, reach)
            windows = scores.windows.get(key, ())
            if windows:
                shares_FC = merge(frames_F, windows, reach)
            else:
                shares_FC = np.full((len(frames_F), len(names)), np.nan, np.float32)
            tracks[key] = decide(frames_F, shares_FC, rule)
            if file is not None:
                file.write(key, frames_F, shares_FC)
            progress.advance()
    if file is not None:
        output.record(run, path, "scores of all classes in every frame")
    return Found(poses, tracks, scores.tracks.frame_rates, names)


def _tell(run: Run, found: Found, scores: Scores, passed_s: float) -> list[str]:
    """Sum up in the log, and what a reader of the report should know."""
    known = sum(int((actions.classes_F >= 0).sum()) for actions in found.tracks.values())
    poses = sum(len(actions.frames_F) for actions in found.tracks.values())
    speed = poses / max(passed_s, 1e-9)
    least = found.poses.settings.sequence_length_min
    notes = []
    if known < poses:
        notes.append(
            f"the action is not known of {poses - known} of {poses} poses: their people were seen "
            f"for less than {least} frames (dataset_convert.sequence_length_min)"
        )
    if scores.tally.untracked:
        notes.append(
            f"{scores.tally.untracked} sights of people are left out: the file's tracker gave them "
            "no id"
        )
    if None in found.frame_rates.values():
        notes.append(
            "the frame rate is not known, so the timeline counts frames; set "
            "dataset_convert.frame_rate to have seconds"
        )
    for note in notes:
        log.warning("%s", note)
    run.report(
        f"named the actions of {counted(len(found.tracks), 'person', 'people')} in {poses} poses, "
        f"by {counted(scores.tally.windows, 'sequence', 'sequences')}, at {speed:.0f} poses per "
        "second"
    )
    run.conclude(
        {
            "people": float(len(found.tracks)),
            "sequences": float(scores.tally.windows),
            "poses": float(poses),
            "poses_named": known / poses,
            "poses_per_second": speed,
        }
    )
    return notes
