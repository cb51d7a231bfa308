"""Files that an inference over time leaves: poses with actions, table, picture, video."""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from markupsafe import Markup

from skillbank_runners.api import ArtefactKind, Run, describe_file, write_atomically, written_whole
from skillbank_runners.pose_classification.actions.action_json import ActionTable
from skillbank_runners.pose_classification.actions.conversion_settings import DEEPSTREAM
from skillbank_runners.pose_classification.actions.merging import Floats, Ints, TrackActions
from skillbank_runners.pose_classification.actions.picture import (
    lanes,
    timeline_png,
    timeline_svg,
)
from skillbank_runners.pose_classification.actions.rewriting import rewrite, write_deepstream
from skillbank_runners.pose_classification.actions.sources import Poses
from skillbank_runners.pose_classification.actions.timeline import segments, timeline_csv
from skillbank_runners.pose_classification.actions.tracks import TrackKey
from skillbank_runners.pose_classification.conversion import followed
from skillbank_runners.progress import Progress
from skillbank_runners.skeletons.poses import Recording

LINES_FILE = "results.txt"
SEQUENCES_FILE = "sequences.csv"
TABLE_FILE = "timeline.csv"
PICTURE_FILE = "timeline.png"
POSES_FILE = "poses_with_actions.json"
POSES_FOLDER = "poses_with_actions"
VIDEO_FILE = "annotated.mp4"
SHARES_FILE = "probabilities.npz"

_MB = 10**6

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        poses: In what.
        tracks: Who does what.
        frame_rates: Recording -> frames per second; None where unknown.
        class_names: In the order of class ids.
    """

    poses: Poses
    tracks: Mapping[TrackKey, TrackActions]
    frame_rates: Mapping[str, float | None]
    class_names: Sequence[str]

    def table(self, source: str) -> ActionTable:
        """Actions in one recording."""
        return ActionTable(source, self.tracks, self.class_names)


class SharesFile:
    """probabilities.npz: `class_names`, and `frames` and `shares` of each track, one at a time.

    The arrays of a track are called `camera_<camera>/object_<id>/frames` and `.../shares`, with
    the recording's name in front where there are several recordings.

    Args:
        path: File to write; it appears once it is complete.
        class_names: In the order of class ids.
        has_many_sources: Whether there are several recordings.
    """

    def __init__(self, path: Path, class_names: Sequence[str], *, has_many_sources: bool) -> None:
        self._whole = written_whole(path)
        self._class_names = class_names
        self._has_many_sources = has_many_sources

    def __enter__(self) -> Self:
        self._zip = zipfile.ZipFile(self._whole.__enter__(), "w", zipfile.ZIP_DEFLATED)
        self._add("class_names", np.array(list(self._class_names)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._whole.__exit__(kind, error, trace)

    def write(self, key: TrackKey, frames_F: Ints, shares_FC: Floats) -> None:
        """Add a track; rows of NaN are frames that no window says anything about."""
        name = f"camera_{key.camera}/object_{key.object_id}"
        if self._has_many_sources:
            name = f"{key.source}/{name}"
        self._add(f"{name}/frames", frames_F)
        self._add(f"{name}/shares", shares_FC)

    def _add(self, name: str, array: np.ndarray) -> None:
        with self._zip.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, array, allow_pickle=False)


def write_table(run: Run, found: Found) -> None:
    """timeline.csv."""
    rows = (one for key, actions in found.tracks.items() for one in segments(key, actions))
    text = timeline_csv(rows, found.class_names, found.frame_rates)
    path = run.results / TABLE_FILE
    write_atomically(path, text.encode())
    record(run, path, "timeline")


def write_picture(run: Run, found: Found, title: str) -> None:
    """timeline.png."""
    png = timeline_png(lanes(found.tracks, found.frame_rates), found.class_names, title)
    path = run.results / PICTURE_FILE
    write_atomically(path, png)
    record(run, path, "timeline to look at")


def timeline_element(found: Found) -> Markup:
    """The timeline for the report."""
    return timeline_svg(lanes(found.tracks, found.frame_rates), found.class_names)


def write_poses(run: Run, found: Found) -> None:
    """poses_with_actions.json, or a folder with one for each of several recordings."""
    recordings = found.poses.recordings()
    first = next(recordings)
    second = next(recordings, None)
    if second is None:
        _write_recording(run, found, first, run.results / POSES_FILE)
        return
    names: set[str] = set()
    (run.results / POSES_FOLDER).mkdir(exist_ok=True)
    for recording in found.poses.recordings():
        name = re.sub(r"[^\w.-]+", "_", recording.name)
        name = name if name not in names else f"{name}_{len(names)}"
        names.add(name)
        _write_recording(run, found, recording, run.results / POSES_FOLDER / f"{name}.json")


def _write_recording(run: Run, found: Found, recording: Recording, target: Path) -> None:
    find = found.table(recording.name).find
    if found.poses.settings.format == DEEPSTREAM:
        total = recording.path.stat().st_size // _MB
        progress = Progress(run, "wrote", "MB of poses with actions", total)
        rewrite(recording, target, find, lambda done: progress.reach(done // _MB))
    else:
        total = sum(
            len(actions.frames_F)
            for key, actions in found.tracks.items()
            if key.source == recording.name
        )
        progress = Progress(run, "wrote", "poses with actions", total)
        write_deepstream(followed(recording), target, find, progress.advance)
    record(run, target, "poses with actions")


def draw_video(run: Run, found: Found, video: Path) -> None:
    """annotated.mp4."""
    from skillbank_runners.pose_classification.actions.overlay import Overlays
    from skillbank_runners.video.drawing import annotate
    from skillbank_runners.video.reading import open_video

    (recording,) = found.poses.in_pixels().recordings()
    overlays = Overlays(recording, found.table(recording.name).find)
    opened = open_video(video)
    target = run.results / VIDEO_FILE
    progress = Progress(run, "drew", "frames", opened.num_frames)
    annotate(opened, target, overlays, progress.reach)
    record(run, target, "annotated video")


def record(run: Run, path: Path, what: str) -> None:
    """List a finished file among the artefacts of the job."""
    run.record(describe_file(path, run.results, ArtefactKind.PREDICTIONS))
    log.info("%s: %s", what, path)
