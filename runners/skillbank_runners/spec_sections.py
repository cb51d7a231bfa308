"""Sections that the specs of every network share, under TAO's names and defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Text, extras

GpuIds = tuple[Annotated[int, Field(ge=0)], ...]

_TOP_K = extras(depends_on="train.checkpointer.enable_topk == true")


class WandbSpec(SpecModel):
    """Reporting to Weights & Biases; nothing leaves the machine unless `enable` is true."""

    enable: bool = Field(
        default=False,
        description="Send metrics to Weights & Biases. Needs the wandb package and a login.",
    )
    project: Text = Field(default="TAO Toolkit", description="Project that the run belongs to.")
    entity: Text = Field(default="", description="Team or user; empty: the login's own.")
    group: Text = Field(default="", description="Group that the run is listed under.")
    name: Text = Field(default="TAO Toolkit Training", description="Name shown for the run.")
    run_id: Text = Field(default="", description="Id of a run to continue; empty: a new run.")
    tags: tuple[str, ...] = Field(default=("tao-toolkit",), description="Tags of the run.")
    reinit: bool = Field(default=False, description="Allow more than one run in the same process.")
    sync_tensorboard: bool = Field(
        default=False, description="Also send what is written for TensorBoard."
    )
    save_code: bool = Field(default=False, description="Also upload the main script.")


class CudnnSpec(SpecModel):
    """Behaviour of cuDNN; without effect on the CPU."""

    benchmark: bool = Field(
        default=False,
        description="Time several convolution algorithms and keep the fastest: faster for inputs "
        "of one size, and not bit-reproducible.",
    )
    deterministic: bool = Field(
        default=True, description="Use only algorithms that give the same bits every time."
    )


class CheckpointerSpec(SpecModel):
    """Keeping the best checkpoints beside the periodic ones."""

    enable_topk: bool = Field(
        default=False, description="Keep the best `save_top_k` checkpoints by `monitor`."
    )
    replace_periodic: bool = Field(
        default=False,
        description="Write no periodic checkpoints besides the best ones and the latest.",
        json_schema_extra=_TOP_K,
    )
    monitor: Text = Field(
        default="",
        description="Metric that ranks checkpoints, such as val_loss or val_acc; empty: the "
        "metric that the skill selects by.",
        json_schema_extra=_TOP_K,
    )
    mode: Literal["min", "max"] | None = Field(
        default=None,
        description="Whether a small or a large metric is better; null: known from the metric.",
        json_schema_extra=_TOP_K,
    )
    save_top_k: int = Field(
        default=1, ge=1, description="Number of best checkpoints kept.", json_schema_extra=_TOP_K
    )
    filename: Text = Field(
        default="model_best_{epoch:03d}",
        description="Name of a best checkpoint without .pth; {epoch} and {step} are filled in.",
        json_schema_extra=_TOP_K,
    )
    dirpath: Text = Field(
        default="",
        description="Folder of the best checkpoints; empty: the results folder.",
        json_schema_extra=_TOP_K,
    )
    auto_insert_metric_name: bool = Field(
        default=False,
        description="Write epoch=007 instead of 007 into the name.",
        json_schema_extra=_TOP_K,
    )


class DeviceSpec(SpecModel):
    """Which GPUs an action uses; without a GPU it runs on the CPU and says so."""

    num_gpus: int = Field(
        default=1,
        ge=1,
        description="Number of GPUs. When gpu_ids names more, that number wins.",
        json_schema_extra=extras(popular=True),
    )
    gpu_ids: GpuIds = Field(
        default=(0,),
        description="Indices of the GPUs. When num_gpus is larger, that number wins.",
        json_schema_extra=extras(popular=True),
    )
    num_nodes: int = Field(
        default=1,
        ge=1,
        description="Number of machines that work on the job together.",
        json_schema_extra=extras(popular=True),
    )


class LoopSpec(DeviceSpec):
    """How a training goes through its epochs."""

    seed: int = Field(
        default=1234,
        ge=-1,
        description="Seed of every random choice; the same seed gives the same result. "
        "-1: a new one each time.",
    )
    cudnn: CudnnSpec = Field(default=CudnnSpec(), description="Behaviour of cuDNN.")
    num_epochs: int = Field(
        default=10,
        ge=1,
        description="Passes over the training data.",
        json_schema_extra=extras(popular=True),
    )
    checkpoint_interval: int = Field(
        default=1,
        ge=1,
        description="Epochs, or steps, between two checkpoints.",
        json_schema_extra=extras(popular=True),
    )
    checkpoint_interval_unit: Literal["epoch", "step"] = Field(
        default="epoch", description="What checkpoint_interval counts."
    )
    validation_interval: int = Field(
        default=1,
        ge=1,
        description="Epochs between two validations.",
        json_schema_extra=extras(popular=True),
    )
    resume_training_checkpoint_path: Text = Field(
        default="",
        description="Checkpoint (.pth) to continue from, with optimizer and epoch; empty: the "
        "newest one in the results folder, if there is one.",
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/train."
    )


class ActionSpec(SpecModel):
    """What the specs of all actions of all networks share."""

    encryption_key: Text = Field(
        default="",
        description="Key of encrypted checkpoints, as a reference (env:NAME or file:PATH); "
        "empty: none.",
    )
    results_dir: Text = Field(default="", description="Folder above the results of the actions.")
