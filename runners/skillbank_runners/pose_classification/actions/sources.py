"""The recordings that an inference looks at, and how they are converted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skillbank_runners.api import ArtefactKind, Run, describe_file
from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.actions.conversion_settings import (
    DEEPSTREAM,
    at_frame_rate,
    conversion_settings,
)
from skillbank_runners.pose_classification.agreement import Opened
from skillbank_runners.pose_classification.conversion import Tally, Window, convert
from skillbank_runners.pose_classification.conversion.sources import open_sources
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.progress import Progress
from skillbank_runners.skeletons.layout import (
    all_layouts,
    conversion_steps,
    load_layout,
)
from skillbank_runners.skeletons.pose_blocks import blocks_of
from skillbank_runners.skeletons.poses import Recording

POSES_FILE = "poses.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Poses:
    """Poses over time, that can be read as often as needed.

    Attributes:
        key: Dotted spec key that names them.
        path: File or folder.
        settings: How they are converted, `format` included.
        step: Frames from one sequence to the next; 0: as the settings say.
        trained_rate: Frames per second that sequences are resampled from in training; 0: they
            are not.
        name: Of the one recording, where its file has another name than what it was made of.
    """

    key: str
    path: Path
    settings: DatasetConvertSpec
    step: int = 0
    trained_rate: float = 0.0
    name: str = ""

    def recordings(self) -> Iterator[Recording]:
        """The recordings, one after another, each under a name of its own."""
        for recording in open_sources([self.path], self.settings):
            yield replace(recording, name=self.name or recording.name)

    def settings_at(self, frame_rate: float | None) -> DatasetConvertSpec:
        """How a recording of a frame rate is converted; None: not known, taken for training's."""
        is_other = bool(frame_rate and self.trained_rate)
        ratio = frame_rate / self.trained_rate if frame_rate and is_other else 1.0
        return at_frame_rate(self.settings, ratio, self.step)

    def windows(self, tally: Tally | None = None) -> Iterator[tuple[Window, DatasetConvertSpec]]:
        """Every window of every recording, and the settings that it was made with."""
        for recording in self.recordings():
            settings = self.settings_at(recording.frame_rate)
            for window in convert([recording], settings, tally=tally):
                yield window, settings

    def in_pixels(self) -> Poses:
        """The same poses as they stand in the picture."""
        return replace(self, settings=self.settings.model_copy(update={"pose_type": "2dbp"}))


def open_poses(opened: Opened[InferenceAction], run: Run, path: Path, key: str) -> Poses:
    """Poses as they come, in joints that the network knows or that can be turned into them.

    Raises:
        RunnerError: Damaged files, or joints that nothing turns into the network's.
    """
    del run
    spec = opened.spec
    settings = conversion_settings(spec, opened.trained)
    settings = settings.model_copy(update={"format": spec.inference.format})
    return _fitted(Poses(key, path, settings), opened)


def poses_of_video(opened: Opened[InferenceAction], run: Run, path: Path, key: str) -> Poses:
    """Poses found in a video, which are left in the results as poses.json.

    Raises:
        RunnerError: The video cannot be read, or nobody is in it.
    """
    from skillbank_runners.pose_classification.pose_settings import pose_settings
    from skillbank_runners.video.pipeline import write_poses
    from skillbank_runners.video.reading import open_video

    video = open_video(path)
    settings = conversion_settings(opened.spec, opened.trained)
    out = run.results / POSES_FILE
    progress = Progress(run, "looked at", "frames", video.num_frames)
    summary = write_poses(video, out, pose_settings(opened.spec.pose), progress.reach)
    run.record(describe_file(out, run.results, ArtefactKind.PREDICTIONS))
    log.info(
        "found people in %d of %d frames, %d in all: %s",
        summary.num_frames_with_people,
        summary.num_frames,
        len(summary.tracks),
        out,
    )
    if not summary.tracks:
        raise RunnerError(
            f"{key}: nobody was found in {str(path)!r} ({summary.num_frames} frames); expected "
            "people of at least a fifth of the picture's height; pose.min_confidence can be lowered"
        )
    of_video = {
        "format": DEEPSTREAM,
        "source_layout": summary.layout,
        "num_joints": load_layout(summary.layout).num_joints,
        "input_width": video.width,
        "input_height": video.height,
        "frame_rate": video.frame_rate,
    }
    settings = settings.model_copy(update=of_video)
    return _fitted(Poses(key, out, settings, name=path.stem), opened)


def _fitted(poses: Poses, opened: Opened[InferenceAction]) -> Poses:
    """The poses with the layout they have, and the one they are turned into."""
    recording = next(poses.recordings(), None)
    block = next(blocks_of(recording), None) if recording else None
    if recording is None or block is None:
        raise RunnerError(
            f"{poses.key}: no people found in {str(poses.path)!r}, expected poses of at least one"
        )
    # The name by which the network's layout can be loaded: its own may be that of a file.
    wanted, wanted_name = opened.layout, opened.spec.model.graph_layout
    num_joints = block.joints_NVD.shape[1]
    source, source_name = load_layout(recording.layout), recording.layout
    is_told = bool(poses.settings.source_layout)
    if not is_told and num_joints == wanted.num_joints != source.num_joints:
        # DeepStream's JSON can hold poses of any estimator.
        said = "%s: poses of %d joints are taken for the network's layout, %s"
        log.info(said, poses.key, num_joints, wanted.name)
        source, source_name = wanted, wanted_name
    if num_joints != source.num_joints:
        raise RunnerError(
            f"{poses.key}: found poses of {num_joints} joints in {str(poses.path)!r}, expected "
            f"{source.num_joints} of layout {source.name!r}; set dataset_convert.source_layout to "
            f"the layout that they have (of {num_joints} joints: {_layouts_of(num_joints)}); the "
            f"network's is {wanted.name!r} of {wanted.num_joints}"
        )
    is_other = bool(conversion_steps(source, wanted))
    if is_other:
        log.info("poses are turned from layout %s into %s", source.name, wanted.name)
    changes = {
        "num_joints": num_joints,
        "source_layout": source_name,
        "layout": wanted_name if is_other else "",
    }
    return replace(
        poses,
        settings=poses.settings.model_copy(update=changes),
        step=opened.spec.inference.step,
        trained_rate=_trained_rate(opened, recording.frame_rate),
    )


def _trained_rate(opened: Opened[InferenceAction], frame_rate: float | None) -> float:
    """Training's frame rate, where clips of others are resampled to it."""
    trained = opened.trained.frame_rate if opened.trained else None
    if trained is None:
        return 0.0
    is_resampled = bool(opened.spec.dataset.preprocessing.frame_rate)
    if frame_rate is None:
        log.warning(
            "the frame rate of the poses is not known and is taken for training's, %g; set "
            "dataset_convert.frame_rate",
            trained,
        )
    elif frame_rate != trained and not is_resampled:
        log.warning(
            "the poses have %g frames per second, the network was trained on %g and with "
            "dataset.preprocessing.frame_rate 0, which would make up for it",
            frame_rate,
            trained,
        )
    return trained if is_resampled else 0.0


def _layouts_of(num_joints: int) -> str:
    fitting = [one.name for one in all_layouts().values() if one.num_joints == num_joints]
    return ", ".join(fitting) or "none is known; a layout file can describe it"
