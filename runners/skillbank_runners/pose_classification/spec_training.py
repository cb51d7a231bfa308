"""The train section of the pose classification specs: optimizer, schedule, loop."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Real, SearchRange, extras
from skillbank_runners.spec_sections import CheckpointerSpec, LoopSpec

_SGD = "train.optim.optimizer_type == torch.optim.SGD"
_AUTO_REDUCE = "train.optim.lr_scheduler == AutoReduce"
_MULTI_STEP = "train.optim.lr_scheduler == MultiStep"
_COSINE = "train.optim.lr_scheduler == Cosine"


class OptimSpec(SpecModel):
    """The optimizer and the schedule of its learning rate."""

    optimizer_type: Literal[
        "torch.optim.SGD", "torch.optim.Adam", "torch.optim.Adamax", "torch.optim.AdamW"
    ] = Field(
        default="torch.optim.SGD",
        description="Rule that turns gradients into steps. AdamW is Adam with a weight decay that "
        "does not depend on the gradients.",
    )
    lr: Real = Field(
        default=0.1,
        ge=0.0,
        description="Learning rate: length of a step. Adam, AdamW and Adamax want about a "
        "hundredth of what SGD wants.",
        json_schema_extra=extras(search=SearchRange(0.001, 1.0, log=True)),
    )
    momentum: Real = Field(
        default=0.9,
        ge=0.0,
        description="Share of the previous step that is kept; SGD only.",
        json_schema_extra=extras(
            search=SearchRange(0.5, 0.99, log=True, complement=True), depends_on=_SGD
        ),
    )
    nesterov: bool = Field(
        default=True,
        description="Take the gradient where the momentum leads; SGD only.",
        json_schema_extra=extras(depends_on=_SGD),
    )
    weight_decay: Real = Field(
        default=0.0001,
        ge=0.0,
        description="Pull of every weight towards zero, per step and unit of learning rate; AdamW "
        "wants far more of it than the others, such as 0.05.",
        json_schema_extra=extras(search=SearchRange(1e-6, 0.01, log=True)),
    )
    lr_scheduler: Literal["AutoReduce", "MultiStep", "Cosine"] = Field(
        default="MultiStep",
        description="Lower the learning rate at fixed epochs (MultiStep), when lr_monitor stops "
        "falling (AutoReduce), or steadily along half a cosine to the last epoch (Cosine).",
    )
    warmup_epochs: int = Field(
        default=0,
        ge=0,
        description="Epochs in which the learning rate rises to lr, before Cosine lowers it.",
        json_schema_extra=extras(depends_on=_COSINE),
    )
    lr_monitor: Literal["val_loss", "train_loss"] = Field(
        default="val_loss",
        description="Metric that AutoReduce watches.",
        json_schema_extra=extras(depends_on=_AUTO_REDUCE),
    )
    patience: int = Field(
        default=1,
        ge=1,
        description="Epochs without progress after which AutoReduce lowers the learning rate.",
        json_schema_extra=extras(search=SearchRange(1, 5), depends_on=_AUTO_REDUCE),
    )
    min_lr: Real = Field(
        default=0.0001,
        ge=0.0,
        description="Learning rate below which AutoReduce does not go.",
        json_schema_extra=extras(depends_on=_AUTO_REDUCE),
    )
    lr_steps: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(10, 60),
        description="Epochs at which MultiStep lowers the learning rate.",
        json_schema_extra=extras(depends_on=_MULTI_STEP),
    )
    lr_decay: Real = Field(
        default=0.1,
        ge=0.0,
        description="Factor by which the learning rate is multiplied when it is lowered; "
        "AutoReduce needs one below 1.",
        json_schema_extra=extras(search=SearchRange(0.01, 0.99, log=True)),
    )

    @model_validator(mode="after")
    def _check_nesterov(self) -> Self:
        if self.optimizer_type == "torch.optim.SGD" and self.nesterov and self.momentum == 0:
            raise ValueError(
                "train.optim.momentum: found 0.0 with train.optim.nesterov true, expected a "
                "momentum above 0; set train.optim.nesterov to false for plain SGD"
            )
        return self


class TrainSpec(LoopSpec):
    """Training."""

    optim: OptimSpec = Field(default=OptimSpec(), description="Optimizer and its schedule.")
    grad_clip: Real = Field(
        default=0.0,
        ge=0.0,
        description="Largest norm of the gradient; a larger one is scaled down. 0.0: no limit.",
        json_schema_extra=extras(search=SearchRange(0.1, 10.0, log=True, off=0.0)),
    )
    label_smoothing: Real = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="Share of each training label that is spread evenly over all classes, against "
        "overconfidence; train_loss is measured with it, val_loss without.",
    )


class TrainLoopSpec(TrainSpec):
    """Training, with the keys that only the train action reads."""

    checkpointer: CheckpointerSpec = Field(
        default=CheckpointerSpec(), description="Keeping the best checkpoints."
    )
