"""Write a network as ONNX, and check the file against the checkpoint.

Axes: N clips, C channels or classes, T frames, V joints, M people.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # ships no stubs
import torch
from torch import Tensor

from skillbank_runners.pose_classification.folded import fold
from skillbank_runners.pose_classification.network import STGCN

INPUT, OUTPUT = "input", "fc_pred"
LOWEST_OPSET = 18  # of PyTorch's exporter

# float32 sums of a few thousand products in another order differ by about 1e-6 of their size, and
# a wrong weight or axis by 1e-1: in between lies what tells the two apart. Logits above 1 carry
# the rounding of their own size, so the tolerance grows with them.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class OnnxCheck:
    """Checkpoint and ONNX file on the same clips.

    Attributes:
        num_clips: Clips compared.
        max_difference: Largest absolute difference of their logits.
        tolerance: Difference from which on the check fails.
        clips: Where the clips came from.
    """

    num_clips: int
    max_difference: float
    tolerance: float
    clips: str

    @property
    def passed(self) -> bool:
        """Whether the file computes what the checkpoint computes; not so if anything is NaN."""
        return self.max_difference <= self.tolerance

    def to_json(self) -> dict[str, object]:
        """Values for strict JSON."""
        return {**asdict(self), "passed": self.passed}


@dataclass(frozen=True)
class OnnxForm:
    """What the file shall be like.

    Attributes:
        opset: ONNX operator set.
        dynamic_time: Whether the number of frames stays open, as the number of clips always does.
        metadata: Facts for whoever loads the file.
    """

    opset: int
    dynamic_time: bool
    metadata: Mapping[str, str]


def write_onnx(network: STGCN, example_NCTVM: Tensor, path: Path, form: OnnxForm) -> int:
    """Write the network's inference form; the operator set that the file has."""
    batch, frames = torch.export.Dim("batch"), torch.export.Dim("frames")
    shapes = {0: batch, 2: frames} if form.dynamic_time else {0: batch}
    # The export takes sizes of 1 for constants: two clips keep the number of clips open.
    two = example_NCTVM[:1].repeat(2, 1, 1, 1, 1)
    with _quiet_exporter():
        torch.onnx.export(
            fold(network),
            (two,),
            path,
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=form.opset,
            dynamic_shapes=(shapes,),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, dict(form.metadata))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    opsets: list[int] = [entry.version for entry in model.opset_import if entry.domain == ""]
    return opsets[0]


def compare_with_network(network: STGCN, path: Path, x_NCTVM: Tensor, clips: str) -> OnnxCheck:
    """Logits of the file in ONNX Runtime against those of the network, clip by clip and at once."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    whole = session.run([OUTPUT], {INPUT: x_NCTVM.numpy()})[0]
    single = [session.run([OUTPUT], {INPUT: x[None].numpy()})[0] for x in x_NCTVM]
    with torch.inference_mode():
        expected = network(x_NCTVM).numpy()
    differences = [np.abs(found - expected).max() for found in (whole, np.concatenate(single))]
    scale = max(1.0, float(np.abs(expected).max()))
    return OnnxCheck(len(x_NCTVM), float(max(differences)), TOLERANCE * scale, clips)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep PyTorch's remarks on its own inner workings out of the log."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.onnx._internal")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
