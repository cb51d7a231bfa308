"""What is done to the frames of one person before the network gets them, one by one.

The maths is `preprocessing.preprocess` itself, on a clip of at most four frames: the one that came,
and those before it that say where the body is and how it stands. The result is what `preprocess`
makes of the person's whole clip, whose first frame is the first that shows all joints that it looks
at (the root's, for alignment also hips and shoulders); frames before that one are left out.

Axes: C channels, T frames, V joints, D channels of all streams.
"""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.augment import Clip
from skillbank_runners.pose_classification.preprocessing import (
    preprocess,
    reference_joints,
)
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.skeletons.layout import Layout

_KEY = "dataset.preprocessing"


class PreparedFrame(NamedTuple):
    """A frame as the network gets it.

    Attributes:
        number: Of the frame.
        x_VD: Its joints in all streams.
    """

    number: int
    x_VD: Tensor


def check_streamable(settings: PreprocessingSpec, frame_rate: float | None, *, what: str) -> None:
    """Refuse what cannot be done before a clip is complete.

    Args:
        settings: What training did.
        frame_rate: Frames per second of the stream; None: not told.
        what: Names the model, for messages.

    Raises:
        RunnerError: With every such key, and what to train instead.
    """
    problems = []
    if settings.sampling != "pad":
        problems.append(
            f"{_KEY}.sampling={settings.sampling}: frames are spread over the whole clip; train "
            "with sampling=pad and dataset.random_choose=true"
        )
    if settings.scale != "none":
        problems.append(
            f"{_KEY}.scale={settings.scale}: the length is a mean over the whole clip; train with "
            "scale=none"
        )
    if settings.interpolate:
        problems.append(
            f"{_KEY}.interpolate=true: a missing joint is filled in from later frames; train with "
            "interpolate=false"
        )
    if settings.frame_rate and settings.frame_rate != frame_rate:
        found = "not told" if frame_rate is None else f"{frame_rate:g}"
        problems.append(
            f"{_KEY}.frame_rate={settings.frame_rate:g}: clips were resampled to it, and the "
            f"stream's frame rate is {found}; send {settings.frame_rate:g} frames per second and "
            f"say so with --frame-rate {settings.frame_rate:g}"
        )
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise RunnerError(
            f"{what} cannot name actions while frames come, since its training looked at whole "
            f"clips:\n{listed}\nor use the inference action on a recorded file"
        )


class Preparation:
    """The steps of a model, for all people.

    Args:
        settings: What training did, after `check_streamable`.
        layout: Skeleton of the data; None: not known, if the settings need none.
        streams: The network's, or None.
    """

    def __init__(
        self,
        settings: PreprocessingSpec,
        layout: Layout | None,
        streams: nn.Module | None = None,
    ) -> None:
        self.settings = settings
        self.layout = layout
        self.streams = streams
        self.looks_ahead = streams is not None and "motion" in settings.streams
        self.references = () if layout is None else reference_joints(settings, layout)

    def shows(self, x_CV: Clip, joints: tuple[int, ...]) -> bool:
        """Whether none of these joints is missing in a frame."""
        if not self.settings.has_confidence:
            return bool(x_CV.any())
        return bool(x_CV[:-1].any() and (x_CV[-1, list(joints)] > 0).all())

    def run(self, frames: list[Clip]) -> Clip:
        """The last of some frames (C, V), after what training did."""
        if self.layout is None:
            return frames[-1]
        clip_CTV1 = np.stack(frames, axis=1)[..., None]
        rate = self.settings.frame_rate or None
        return preprocess(clip_CTV1, self.settings, self.layout, frame_rate=rate)[:, -1, :, 0]

    def stream(self, frames: list[Clip]) -> Tensor:
        """All streams (V, D) of the first of one or two frames (C, V) that follow each other."""
        x_CTV = torch.from_numpy(np.stack(frames, axis=1))
        if self.streams is None:
            return x_CTV[:, 0].t()
        with torch.no_grad():
            x_1DTV1: Tensor = self.streams(x_CTV[None, ..., None])
        return x_1DTV1[0, :, 0, :, 0].t()


class PersonPreparation:
    """The steps for one person.

    Args:
        shared: The steps.
    """

    def __init__(self, shared: Preparation) -> None:
        self._shared = shared
        self._first_CV: Clip | None = None
        # For each of the references the newest frame that shows it, and when that was.
        self._newest: list[tuple[int, Clip]] = []
        self._waiting: tuple[int, Clip] | None = None

    def push(self, number: int, x_CV: Clip) -> list[PreparedFrame]:
        """Take a person's next frame, as the conversion gives it; what can be fed now."""
        prepared_CV = self._prepare(number, x_CV)
        if prepared_CV is None:
            return []
        if not self._shared.looks_ahead:
            return [PreparedFrame(number, self._shared.stream([prepared_CV]))]
        before, self._waiting = self._waiting, (number, prepared_CV)
        if before is None:
            return []
        return [PreparedFrame(before[0], self._shared.stream([before[1], prepared_CV]))]

    def end(self) -> list[PreparedFrame]:
        """What is left to feed after a person's last frame."""
        before, self._waiting = self._waiting, None
        return [PreparedFrame(before[0], self._shared.stream([before[1]]))] if before else []

    def _prepare(self, number: int, x_CV: Clip) -> Clip | None:
        shared = self._shared
        shows = [shared.shows(x_CV, joints) for joints in shared.references]
        if self._first_CV is None:
            if not all(shows):
                return None
            self._first_CV = x_CV
            self._newest = [(number, x_CV)] * len(shows)
        for index, is_shown in enumerate(shows):
            if is_shown:
                self._newest[index] = number, x_CV
        before = [frame_CV for _, frame_CV in sorted(self._newest, key=itemgetter(0))]
        return shared.run([self._first_CV, *before, x_CV] if shows else [x_CV])
