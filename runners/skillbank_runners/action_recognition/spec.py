"""Specs of the action recognition actions: the one source of their schemas and templates.

Names, types, defaults and bounds are TAO's. Settled here where TAO leaves it open:

- `wandb.enable` is false: nothing contacts an outside service unless asked to.
- Checkpoints and dataset folders are empty by default (TAO writes `???`).
- Counts without a bound in TAO's schema (`sample_rate`, `patience`, `video_num_segments`) are at
  least 1, and `export.gpu_id` at least 0, by math_cond.
- `train.checkpointer`, which TAO's schemas lack and its programs read, is train's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skillbank_runners.action_recognition.spec_data import DatasetSpec
from skillbank_runners.action_recognition.spec_model import ModelSpec
from skillbank_runners.action_recognition.spec_training import TrainLoopSpec, TrainSpec
from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import AtLeastOne, NotNegative, Text, extras
from skillbank_runners.spec_sections import ActionSpec, DeviceSpec, WandbSpec

Mode = Literal["center", "conv", "all"]

_MODE = (
    "Which clips of a video are looked at: the one in its middle (center), video_num_segments of "
    "them, evenly spread (conv), or one after the other to its end (all)."
)
_SEGMENTS = "Clips per video of the mode conv, which needs model.sample_strategy consecutive."
_TRAINED = (
    "How the network was trained; gpu_ids and the like of this action are in its own section."
)


class EvaluateSpec(DeviceSpec):
    """Evaluation."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to evaluate.")
    trt_engine: Text = Field(
        default="",
        title="TensorRT Engine",
        description="TensorRT engine to evaluate instead of the checkpoint.",
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/evaluate."
    )
    batch_size: int = Field(default=1, ge=1, description="Clips per batch.")
    test_dataset_dir: Text = Field(
        default="",
        description="Folder of classes to evaluate on: CLASS/VIDEO, as for training.",
    )
    video_eval_mode: Mode = Field(default="center", description=_MODE)
    video_num_segments: AtLeastOne = Field(
        default=10,
        description=_SEGMENTS,
        json_schema_extra=extras(math_cond=">= 1", depends_on="evaluate.video_eval_mode == conv"),
    )


class InferenceSpec(DeviceSpec):
    """Inference."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to predict with.")
    trt_engine: Text = Field(
        default="",
        title="TensorRT Engine",
        description="TensorRT engine to predict with instead of the checkpoint.",
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/inference."
    )
    batch_size: int = Field(default=1, ge=1, description="Clips per batch.")
    inference_dataset_dir: Text = Field(
        default="",
        description="Folder of videos to name the actions in, each a folder with the frames in "
        "rgb/ and the flow in u/ and v/; there are no folders of classes above them.",
    )
    video_inf_mode: Mode = Field(default="center", title="Video Inference Mode", description=_MODE)
    video_num_segments: AtLeastOne = Field(
        default=1,
        description=_SEGMENTS,
        json_schema_extra=extras(math_cond=">= 1", depends_on="inference.video_inf_mode == conv"),
    )


class ExportSpec(SpecModel):
    """Export to ONNX."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to export.")
    onnx_file: Text = Field(
        default="", title="ONNX File", description="File (.onnx) to write; batches stay open."
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/export."
    )
    batch_size: int = Field(
        default=1, ge=1, description="Clips in the batch that the network is traced with."
    )
    gpu_id: NotNegative = Field(
        default=0,
        title="GPU Id",
        description="Index of the GPU that traces the network.",
        json_schema_extra=extras(math_cond=">= 0"),
    )


class NetworkAction(ActionSpec):
    """What the specs of all actions share."""

    model_name: Text = Field(default="", description="Name of the model, for the reader.")
    dataset: DatasetSpec = Field(default=DatasetSpec(), description="The data.")
    model: ModelSpec = Field(default=ModelSpec(), description="The network.")
    wandb: WandbSpec = Field(default=WandbSpec(), description="Weights & Biases.")


class TrainAction(NetworkAction):
    """Spec of train."""

    train: TrainLoopSpec = Field(default=TrainLoopSpec(), description="Training.")


class EvaluateAction(NetworkAction):
    """Spec of evaluate."""

    train: TrainSpec = Field(default=TrainSpec(), description=_TRAINED)
    evaluate: EvaluateSpec = Field(default=EvaluateSpec(), description="Evaluation.")


class InferenceAction(NetworkAction):
    """Spec of inference."""

    train: TrainSpec = Field(default=TrainSpec(), description=_TRAINED)
    inference: InferenceSpec = Field(default=InferenceSpec(), description="Inference.")


class ExportAction(NetworkAction):
    """Spec of export."""

    train: TrainSpec = Field(default=TrainSpec(), description=_TRAINED)
    export: ExportSpec = Field(default=ExportSpec(), description="Export.")


class ExperimentSpec(NetworkAction):
    """All sections in one file, as TAO's experiment specs hold them; any action reads its own."""

    train: TrainLoopSpec = Field(default=TrainLoopSpec(), description="Training.")
    evaluate: EvaluateSpec = Field(default=EvaluateSpec(), description="Evaluation.")
    inference: InferenceSpec = Field(default=InferenceSpec(), description="Inference.")
    export: ExportSpec = Field(default=ExportSpec(), description="Export.")


EXPERIMENT = ExperimentSpec

SPECS: dict[str, type[SpecModel]] = {
    "train": TrainAction,
    "evaluate": EvaluateAction,
    "inference": InferenceAction,
    "export": ExportAction,
}
