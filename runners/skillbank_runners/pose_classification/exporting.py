"""ST-GCN as an ONNX file, checked against the checkpoint.

Axes: N clips, C channels or classes, T frames, V joints, M people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from skillbank_runners.pose_classification.folded import fold
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.training.onnx_export import (
    LOWEST_OPSET,
    OnnxForm,
    compare_onnx,
    export_onnx,
)

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
        """Values for strict JSON: null for a difference that is no number."""
        difference = self.max_difference if math.isfinite(self.max_difference) else None
        return {**asdict(self), "max_difference": difference, "passed": self.passed}


def pose_form(opset: int, *, dynamic_time: bool, metadata: Mapping[str, str]) -> OnnxForm:
    """TAO's names; the number of clips is open, and that of frames where asked."""
    axes = {0: "batch", 2: "frames"} if dynamic_time else {0: "batch"}
    return OnnxForm("input", "fc_pred", axes, max(opset, LOWEST_OPSET), metadata)


def write_onnx(network: STGCN, example_NCTVM: Tensor, path: Path, form: OnnxForm) -> None:
    """Write the network's inference form."""
    export_onnx(fold(network), example_NCTVM, path, form)


def compare_with_network(network: STGCN, path: Path, x_NCTVM: Tensor, clips: str) -> OnnxCheck:
    """Logits of the file against those of the network, clip by clip and all at once."""
    difference = compare_onnx(path, network, [x_NCTVM, *(x_CTVM[None] for x_CTVM in x_NCTVM)])
    with torch.inference_mode():
        scale = max(1.0, float(network(x_NCTVM).abs().max()))
    return OnnxCheck(len(x_NCTVM), difference, TOLERANCE * scale, clips)
