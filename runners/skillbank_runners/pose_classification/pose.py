"""Find people in a video and write their poses as dataset_convert and inference read them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from skillbank_runners.api import ArtefactKind, Run, describe_file
from skillbank_runners.pose_classification.spec import PoseAction
from skillbank_runners.progress import Progress, counted
from skillbank_runners.spec_reading import SpecInvalid

if TYPE_CHECKING:
    from skillbank_runners.video.pipeline import PoseSummary
    from skillbank_runners.video.reading import Video

POSES_FILE = "poses.json"
ANNOTATED_FILE = "annotated.mp4"
MOST_IDS = 8
"""Ids that are listed one by one in the log."""

log = logging.getLogger(__name__)


def main(spec: PoseAction, run: Run) -> None:
    """Write poses.json, and the video with skeletons drawn where asked."""
    from skillbank_runners.pose_classification.pose_settings import pose_settings
    from skillbank_runners.video.pipeline import write_poses
    from skillbank_runners.video.reading import open_video

    settings = pose_settings(spec.pose)
    video = open_video(_path(spec.pose.video))
    log.info(
        "%s: %d x %d pixels, %.3g frames per second",
        video.path,
        video.width,
        video.height,
        video.frame_rate,
    )
    out = run.results / POSES_FILE
    began_s = time.monotonic()
    progress = Progress(run, "looked at", "frames", video.num_frames)
    summary = write_poses(video, out, settings, progress.reach)
    speed = summary.num_frames / max(time.monotonic() - began_s, 1e-9)
    run.record(describe_file(out, run.results, ArtefactKind.PREDICTIONS))
    _tell(run, video, summary, speed)
    if spec.pose.annotated_video:
        _draw(run, video, out, summary)


def _path(text: str) -> Path:
    if not text:
        raise SpecInvalid(["pose.video: empty, expected a video file"])
    if "://" in text:
        raise SpecInvalid(
            [f"pose.video: found {text!r}, expected a local file; copy it to this machine first"]
        )
    path = Path(text).expanduser()
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no such file"
        raise SpecInvalid([f"pose.video: {kind}: {text!r}, expected a video file"])
    return path


def _tell(run: Run, video: Video, summary: PoseSummary, speed: float) -> None:
    share = summary.num_frames_with_people / max(1, summary.num_frames)
    people = len(summary.tracks)
    log.info(
        "found people in %d of %d frames, %d in all; %.1f frames per second",
        summary.num_frames_with_people,
        summary.num_frames,
        people,
        speed,
    )
    for identity, count in list(summary.tracks.items())[:MOST_IDS]:
        log.info("id %d: %d frames", identity, count)
    if people > MOST_IDS:
        log.info("and %d further ids", people - MOST_IDS)
    log.info(
        "dataset_convert needs of this video: dataset_convert.input_width=%d "
        "dataset_convert.input_height=%d",
        video.width,
        video.height,
    )
    found = counted(people, "person", "people")
    run.report(f"found {found} in {counted(summary.num_frames, 'frame', 'frames')}")
    run.conclude(
        {
            "frames": summary.num_frames,
            "share_with_people": share,
            "people": people,
            "frames_per_second": speed,
        }
    )


def _draw(run: Run, video: Video, poses: Path, summary: PoseSummary) -> None:
    from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
    from skillbank_runners.video.drawing import annotate
    from skillbank_runners.video.overlays import PoseOverlays

    options = ReadOptions("25dbp", summary.layout, video.width, video.height, video.frame_rate)
    (recording,) = read_recordings("deepstream", poses, options)
    out = run.results / ANNOTATED_FILE
    progress = Progress(run, "drew", "frames", summary.num_frames)
    annotate(video, out, PoseOverlays(recording), progress.reach)
    run.record(describe_file(out, run.results, ArtefactKind.PREDICTIONS))
    log.info("annotated video: %s", out)
