"""The train section of the CenterPose specs: losses, optimizer, schedule, loop."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import LOWER_CASE, Real, SearchRange, Text, extras
from skillbank_runners.spec_sections import CheckpointerSpec, LoopSpec

_LOSS = "train.loss_config"


class LossSpec(SpecModel):
    """The sum of losses; weights that TAO's schema fixes take their one value."""

    mse_loss: bool = Field(
        default=False,
        title="MSE Loss",
        description="Compare heat maps by their mean squared error instead of by the focal loss.",
    )
    hm_weight: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Centre Heat Map Weight",
        description="Weight of the heat map of centres: 1.",
    )
    hm_hp: bool = Field(
        default=True,
        title="Corner Heat Maps",
        description="Compare a heat map for each of the eight corners.",
    )
    hm_hp_weight: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Corner Heat Map Weight",
        description="Weight of the heat maps of corners: 1.",
        json_schema_extra=extras(depends_on=f"{_LOSS}.hm_hp == true"),
    )
    dense_hp: bool = Field(
        default=False,
        title="Dense Corners",
        description="Compare corners as seen from every pixel near a centre, not only from it.",
    )
    hp_weight: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Corner Weight",
        description="Weight of the way from a centre to its corners: 1.",
    )
    hps_uncertainty: bool = Field(
        default=False,
        title="Corner Uncertainty",
        description="Weigh corners by how sure the network says they are.",
    )
    reg_bbox: bool = Field(
        default=True,
        title="Bounding Box Regression",
        description="Compare the width and height of the 2D box around an object.",
    )
    wh_weight: Real = Field(
        default=0.1,
        ge=0.1,
        le=0.1,
        title="Width and Height Weight",
        description="Weight of the 2D box's width and height: 0.1.",
        json_schema_extra=extras(depends_on=f"{_LOSS}.reg_bbox == true"),
    )
    reg_offset: bool = Field(
        default=True,
        title="Centre Offset Regression",
        description="Compare where in its cell of the heat map a centre lies.",
    )
    reg_hp_offset: bool = Field(
        default=True,
        title="Corner Offset Regression",
        description="Compare where in its cell of the heat map a corner lies.",
    )
    off_weight: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Offset Weight",
        description="Weight of where centres and corners lie in their cells: 1.",
    )
    reg_loss: Literal["l1"] = Field(
        default="l1",
        title="Regression Loss",
        description="How numbers are compared: by their absolute difference (l1).",
    )
    obj_scale: bool = Field(
        default=True, title="Object Scale", description="Compare the box's proportions."
    )
    obj_scale_weight: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Object Scale Weight",
        description="Weight of the box's proportions: 1.",
        json_schema_extra=extras(depends_on=f"{_LOSS}.obj_scale == true"),
    )
    obj_scale_uncertainty: bool = Field(
        default=False,
        title="Object Scale Uncertainty",
        description="Weigh proportions by how sure the network says they are.",
        json_schema_extra=extras(depends_on=f"{_LOSS}.obj_scale == true"),
    )
    use_residual: bool = Field(
        default=False,
        description="Learn by what factor the box differs from dimension_ref, instead of its "
        "proportions themselves.",
        json_schema_extra=extras(depends_on=f"{_LOSS}.obj_scale == true"),
    )
    dimension_ref: Text = Field(
        default="",
        title="Reference Dimensions",
        description="Width, height and depth of the category's usual object, as 'x,y,z'.",
        json_schema_extra=extras(depends_on=f"{_LOSS}.use_residual == true"),
    )
    num_stacks: int = Field(
        default=1,
        ge=1,
        le=1,
        title="Number of Stacks",
        description="Networks that follow one another, each with a loss: 1.",
    )

    @model_validator(mode="after")
    def _check_reference(self) -> Self:
        if self.use_residual and not _is_size(self.dimension_ref):
            raise ValueError(
                f"{_LOSS}.dimension_ref: found {self.dimension_ref!r} with {_LOSS}.use_residual "
                "true, expected three sizes above 0 such as '0.9,1,0.4'"
            )
        return self


def _is_size(text: str) -> bool:
    """Tell whether a text holds three numbers above 0."""
    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError:
        return False
    return len(sizes) == 3 and all(0 < size < float("inf") for size in sizes)


class OptimSpec(SpecModel):
    """Adam and the schedule of its learning rate."""

    lr: Real = Field(
        default=6e-05,
        ge=0.0,
        title="Learning Rate",
        description="Learning rate of Adam: length of a step.",
        json_schema_extra=extras(search=SearchRange(6e-07, 0.0006, log=True)),
    )
    lr_scheduler: Literal["MultiStep"] = Field(
        default="MultiStep",
        title="Learning Rate Scheduler",
        description="Lower the learning rate at fixed epochs (MultiStep).",
    )
    lr_steps: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(90, 120),
        title="Learning Rate Steps",
        description="Epochs at which the learning rate is lowered; past num_epochs it never is.",
    )
    lr_decay: Real = Field(
        default=0.1,
        ge=0.0,
        title="Learning Rate Decay",
        description="Factor by which the learning rate is multiplied when it is lowered.",
        json_schema_extra=extras(search=SearchRange(0.01, 1.0, log=True)),
    )


class TrainSpec(LoopSpec):
    """Training."""

    pretrained_model_path: Text = Field(
        default="",
        description="Checkpoint (.pth) of a whole CenterPose network that training starts from; "
        "model.backbone.pretrained_backbone_path has weights for the backbone alone.",
    )
    precision: Annotated[Literal["fp32", "fp16"], LOWER_CASE] = Field(
        default="fp32",
        description="Arithmetic: 32 bits everywhere, or 16 where that is safe (fp16), which is "
        "faster on a GPU and needs less of its memory.",
    )
    clip_grad_val: Real = Field(
        default=100.0,
        ge=1.0,
        title="Gradient Clipping Value",
        description="Largest norm of the gradient; a larger one is scaled down.",
        json_schema_extra=extras(search=SearchRange(1.0, 1000.0, log=True), is_recommended=False),
    )
    is_dry_run: bool = Field(
        default=False,
        title="Dry Run",
        description="Train and validate on one batch and write no checkpoint, to see that all is "
        "there.",
    )
    optim: OptimSpec = Field(default=OptimSpec(), description="Optimizer and its schedule.")
    loss_config: LossSpec = Field(
        default=LossSpec(), title="Losses", description="What training minimises."
    )


class TrainLoopSpec(TrainSpec):
    """Training, with the keys that only the train action reads."""

    checkpointer: CheckpointerSpec = Field(
        default=CheckpointerSpec(), description="Keeping the best checkpoints."
    )
