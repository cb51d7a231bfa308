"""The two networks of BlazePose, run by LiteRT on the processor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skillbank_runners.skeletons.poses import Floats
from skillbank_runners.video.blazepose import detection, landmarks
from skillbank_runners.video.errors import VideoMissing
from skillbank_runners.video.models import DETECTION, LANDMARKS, ModelFile, model_path


class DetectionNetwork:
    """Finds people in a square picture."""

    def __init__(self, folder: Path | None, num_threads: int) -> None:
        self._network = _Network(DETECTION, folder, num_threads)
        self._anchors_A2 = detection.anchors()

    def run(self, square_HW3: Floats, min_score: float) -> detection.Detections:
        """People; `square_HW3` is (224, 224, 3) in [0, 255]."""
        outputs = self._network.run((square_HW3 / 127.5 - 1).astype(np.float32))
        logits_A = outputs[1].reshape(-1)
        return detection.decode(outputs[12], logits_A, self._anchors_A2, min_score)


class LandmarkNetwork:
    """Finds the joints of one person in a square picture."""

    def __init__(self, folder: Path | None, num_threads: int) -> None:
        self._network = _Network(LANDMARKS, folder, num_threads)

    def run(self, square_HW3: Floats) -> landmarks.Landmarks:
        """Landmarks; `square_HW3` is (256, 256, 3) in [0, 255]."""
        outputs = self._network.run((square_HW3 / 255).astype(np.float32))
        return landmarks.decode(
            outputs[5 * landmarks.NUM_LANDMARKS],
            float(outputs[1].item()),
            outputs[landmarks.NUM_LANDMARKS],
            outputs[3 * landmarks.NUM_LANDMARKS],
        )


class _Network:
    """A network with one input; its outputs are known by the length of their last axis.

    The landmark network has two outputs of last axis 1; the smaller one is kept.
    """

    def __init__(self, model: ModelFile, folder: Path | None, num_threads: int) -> None:
        path = model_path(model, folder)
        try:
            from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]
        except ImportError as error:
            raise VideoMissing(
                "pose.estimator blazepose needs LiteRT, which is not installed; run "
                "pip install 'skillbank[video]'"
            ) from error
        self._interpreter: Any = Interpreter(str(path), num_threads=num_threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {
            int(each["shape"][-1]): each["index"]
            for each in sorted(
                self._interpreter.get_output_details(),
                key=lambda each: -int(np.prod(each["shape"])),
            )
        }

    def run(self, square_HW3: Floats) -> dict[int, Floats]:
        """Length of an output's last axis -> the output, without its axis of one picture."""
        self._interpreter.set_tensor(self._input, square_HW3[None])
        self._interpreter.invoke()
        return {
            size: self._interpreter.get_tensor(index)[0] for size, index in self._outputs.items()
        }
