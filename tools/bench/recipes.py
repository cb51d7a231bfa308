"""The training recipes that recipe_search.py compares."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from skillbank_runners.pose_classification.spec_preprocessing import (
    AugmentationSpec,
    PreprocessingSpec,
)


@dataclass(frozen=True)
class Recipe:
    """How to train; the defaults are those of the stock recipe at half its frames.

    Attributes:
        is_absolute: Clips in the camera's coordinates, rather than from the hip of each frame.
        stride: Keep every n-th frame of the 128.
        frames: Frames that the network sees.
        lr_steps: Epochs at which the learning rate falls to a tenth; none: it falls to 0 along half
            a cosine, after `warmup` epochs of a linear rise.
    """

    preprocessing: PreprocessingSpec = field(default_factory=PreprocessingSpec)
    augmentation: AugmentationSpec = field(default_factory=AugmentationSpec)
    is_absolute: bool = False
    stride: int = 4
    frames: int = 32
    layout: str = "human3.6m"
    strategy: str = "spatial"
    dropout: float = 0.2
    optimizer_type: str = "Adam"
    lr: float = 5e-4
    weight_decay: float = 1e-4
    lr_steps: tuple[int, ...] = (20, 27)
    warmup: float = 0.0
    batch_size: int = 8
    epochs: int = 30
    label_smoothing: float = 0.0

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """A new optimizer of the model's weights."""
        if self.optimizer_type == "SGD":
            return torch.optim.SGD(
                model.parameters(), self.lr, 0.9, weight_decay=self.weight_decay, nesterov=True
            )
        kind = getattr(torch.optim, self.optimizer_type)
        made: torch.optim.Optimizer = kind(
            model.parameters(), self.lr, weight_decay=self.weight_decay
        )
        return made

    def rate(self, epoch: float) -> float:
        """Learning rate at a moment, in epochs since the start."""
        if self.lr_steps:
            return self.lr * 0.1 ** sum(epoch >= step for step in self.lr_steps)
        if epoch < self.warmup:
            return self.lr * max(epoch, 0.1) / self.warmup
        share = (epoch - self.warmup) / (self.epochs - self.warmup)
        return self.lr * (1 + math.cos(math.pi * share)) / 2


def _preprocessing(**changes: object) -> PreprocessingSpec:
    values: dict[str, object] = {
        "centring": "first_frame",
        "scale": "torso",
        "sampling": "uniform",
        "streams": ("joint", "bone", "motion"),
    }
    return PreprocessingSpec.model_validate(values | changes)


def _augmentation(**changes: object) -> AugmentationSpec:
    values: dict[str, object] = {
        "rotation_deg": 20.0,
        "tilt_deg": 10.0,
        "scale": 0.15,
        "time_warp": 0.2,
        "time_crop": 0.15,
    }
    return AugmentationSpec.model_validate(values | changes)


_BASE = Recipe(
    preprocessing=_preprocessing(),
    augmentation=_augmentation(),
    is_absolute=True,
    stride=1,
    lr=1e-3,
    lr_steps=(),
    warmup=2,
    batch_size=8,
    label_smoothing=0.1,
)


_ADAMW = replace(_BASE, optimizer_type="AdamW", weight_decay=0.05)
_ALIGNED = replace(_ADAMW, preprocessing=_preprocessing(alignment="first_frame"))


def _augmented(**changes: object) -> Recipe:
    return replace(_ALIGNED, augmentation=_augmentation(**changes))


def _prepared(**changes: object) -> Recipe:
    changed = _preprocessing(**({"alignment": "first_frame"} | changes))
    return replace(_ALIGNED, preprocessing=changed)


RECIPES: dict[str, Recipe] = {
    "stock32": Recipe(),
    # first round: from Adam
    "base": _BASE,
    "batch_16": replace(_BASE, batch_size=16),
    "batch_16_aligned": replace(_ALIGNED, batch_size=16, optimizer_type="Adam", weight_decay=1e-4),
    "anatomical": replace(_BASE, layout="h36m17"),
    # second round: from AdamW
    "adamw_0.05": _ADAMW,
    "adamw_0.2": replace(_ADAMW, weight_decay=0.2),
    "hip_centred": replace(_ADAMW, is_absolute=False),
    "aligned": _ALIGNED,
    # ablation: the chosen recipe, aligned, with one option changed
    "no_augmentation": replace(_ALIGNED, augmentation=AugmentationSpec()),
    "no_rotation": _augmented(rotation_deg=0.0, tilt_deg=0.0),
    "no_sizes": _augmented(scale=0.0),
    "no_time": _augmented(time_warp=0.0, time_crop=0.0),
    "joint_only": _prepared(streams=("joint",)),
    "joint_bone": _prepared(streams=("joint", "bone")),
    "padded": replace(_prepared(sampling="pad"), stride=4),
    "unscaled": _prepared(scale="none"),
    "no_smoothing": replace(_ALIGNED, label_smoothing=0.0),
    "steps": replace(_ALIGNED, lr_steps=(20, 27)),
    "adam": replace(_ALIGNED, optimizer_type="Adam", weight_decay=1e-4),
}
