"""The train section of the action recognition specs: optimizer, schedule, loop."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import AtLeastOne, Real, SearchRange, extras
from skillbank_runners.spec_sections import CheckpointerSpec, LoopSpec

_AUTO_REDUCE = "train.optim.lr_scheduler == AutoReduce"
_MULTI_STEP = "train.optim.lr_scheduler == MultiStep"


class OptimSpec(SpecModel):
    """Stochastic gradient descent and the schedule of its learning rate."""

    lr: Real = Field(
        default=0.0005,
        ge=0.0,
        title="Learning Rate",
        description="Learning rate: length of a step.",
        json_schema_extra=extras(search=SearchRange(5e-06, 0.005, log=True)),
    )
    momentum: Real = Field(
        default=0.9,
        ge=0.0,
        le=1.0,
        description="Share of the previous step that is kept.",
        json_schema_extra=extras(
            search=SearchRange(0.5, 0.99, log=True, complement=True), is_recommended=False
        ),
    )
    weight_decay: Real = Field(
        default=0.0005,
        ge=0.0,
        description="Pull of every weight towards zero, per step and unit of learning rate.",
        json_schema_extra=extras(search=SearchRange(5e-06, 0.05, log=True), is_recommended=False),
    )
    lr_scheduler: Literal["MultiStep", "AutoReduce"] = Field(
        default="MultiStep",
        title="Learning Rate Scheduler",
        description="Lower the learning rate at fixed epochs (MultiStep), or when lr_monitor stops "
        "falling (AutoReduce).",
    )
    lr_monitor: Literal["val_loss", "train_loss"] = Field(
        default="val_loss",
        title="Learning Rate Monitor",
        description="Metric that AutoReduce watches.",
        json_schema_extra=extras(depends_on=_AUTO_REDUCE),
    )
    patience: AtLeastOne = Field(
        default=1,
        description="Epochs without progress after which AutoReduce lowers the learning rate.",
        json_schema_extra=extras(
            search=SearchRange(1, 5),
            is_recommended=False,
            math_cond=">= 1",
            depends_on=_AUTO_REDUCE,
        ),
    )
    min_lr: Real = Field(
        default=0.0001,
        ge=0.0,
        title="Minimum Learning Rate",
        description="Learning rate below which AutoReduce does not go.",
        json_schema_extra=extras(depends_on=_AUTO_REDUCE),
    )
    lr_steps: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(15, 25),
        title="Learning Rate Steps",
        description="Epochs at which MultiStep lowers the learning rate.",
        json_schema_extra=extras(depends_on=_MULTI_STEP),
    )
    lr_decay: Real = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        title="Learning Rate Decay",
        description="Factor by which the learning rate is multiplied when it is lowered.",
        json_schema_extra=extras(search=SearchRange(0.01, 0.99, log=True), is_recommended=False),
    )


class TrainSpec(LoopSpec):
    """Training."""

    optim: OptimSpec = Field(default=OptimSpec(), description="Optimizer and its schedule.")
    clip_grad_norm: Real = Field(
        default=0.0,
        ge=0.0,
        title="Gradient Clipping Norm",
        description="Largest norm of the gradient; a larger one is scaled down. 0.0: no limit.",
        json_schema_extra=extras(
            search=SearchRange(0.1, 10.0, log=True, off=0.0), is_recommended=False
        ),
    )


class TrainLoopSpec(TrainSpec):
    """Training, with the keys that only the train action reads."""

    checkpointer: CheckpointerSpec = Field(
        default=CheckpointerSpec(), description="Keeping the best checkpoints."
    )
