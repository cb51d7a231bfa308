"""Specs of the pose classification actions: the one source of their schemas and templates.

Names, types, defaults and bounds are TAO's. Settled here where TAO leaves it open:

- `wandb.enable` is false: nothing contacts an outside service unless asked to.
- `evaluate.checkpoint` and `inference.checkpoint` are empty by default (TAO writes `???`).
- `dataset_convert` also has `results_dir` and `encryption_key`, as every action has.

Keys that TAO lacks:

- `dataset.preprocessing`, `dataset.augmentation`: docs/preprocessing.md.
- `train.label_smoothing`; `torch.optim.AdamW` of `train.optim.optimizer_type`; `Cosine` of
  `train.optim.lr_scheduler`, and `train.optim.warmup_epochs` for it.
- `evaluate.top_k`: the k of the top-k accuracy.
- `inference.poses`, `inference.video` and what belongs to them: spec_inference.py.
- `export.opset_version`: ONNX operator set.
- `export.dynamic_time`: whether the number of frames stays open in the exported network.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.pose_classification.spec_inference import ActionsSpec
from skillbank_runners.pose_classification.spec_pose import PoseSpec
from skillbank_runners.pose_classification.spec_preprocessing import (
    AugmentationSpec,
    PreprocessingSpec,
)
from skillbank_runners.pose_classification.spec_training import TrainLoopSpec, TrainSpec
from skillbank_runners.skeletons.layout_field import LayoutName
from skillbank_runners.spec_fields import NotZero, Real, SearchRange, Text, extras
from skillbank_runners.spec_sections import ActionSpec, DeviceSpec, WandbSpec

_TRAINED = (
    "How the network was trained; gpu_ids and the like of this action are in its own section."
)


class FilesSpec(SpecModel):
    """One set of sequences with their labels."""

    data_path: Text = Field(
        default="",
        description="NumPy file (.npy) of shape (sequences, channels, frames, joints, people).",
    )
    label_path: Text = Field(
        default="",
        description="Pickle file (.pkl) of the pair (sequence names, class indices).",
    )


class DatasetSpec(SpecModel):
    """The data and how it is fed to the network."""

    train_dataset: FilesSpec = Field(default=FilesSpec(), description="Sequences to learn from.")
    val_dataset: FilesSpec = Field(
        default=FilesSpec(), description="Sequences that measure every epoch."
    )
    num_classes: int = Field(default=6, ge=1, description="Number of action classes.")
    label_map: dict[str, Annotated[int, Field(ge=0)]] | None = Field(
        default=None,
        description="Class name -> index, each index of [0, num_classes) once; null: train and "
        "evaluate name the classes class_0, class_1, ..., and inference refuses to run.",
    )
    random_choose: bool = Field(
        default=False,
        description="Train on a random stretch of window_size frames of each sequence.",
    )
    random_move: bool = Field(
        default=False,
        description="Train on sequences that are rotated, scaled and shifted at random.",
    )
    window_size: NotZero = Field(
        default=-1,
        ge=-1,
        description="Frames per sequence that the network sees; longer ones are cut, shorter ones "
        "padded. -1: all frames, whatever their number.",
        json_schema_extra=extras(search=SearchRange(-1, -1), math_cond="!= 0"),
    )
    batch_size: int = Field(default=16, ge=1, description="Sequences per optimizer step and GPU.")
    num_workers: int = Field(
        default=1, ge=1, description="Processes that load data beside the training."
    )
    preprocessing: PreprocessingSpec = Field(
        default=PreprocessingSpec(),
        description="What is done to every sequence, in training and in every later action.",
    )
    augmentation: AugmentationSpec = Field(
        default=AugmentationSpec(), description="Random changes of sequences, in training only."
    )

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        problems = []
        found = None if self.label_map is None else sorted(self.label_map.values())
        if found is not None and found != list(range(self.num_classes)):
            problems.append(
                f"dataset.label_map: found {len(found)} classes with the indices {found}, "
                f"expected every index from 0 to {self.num_classes - 1} once, since "
                f"dataset.num_classes is {self.num_classes}"
            )
        if self.random_choose and self.window_size < 1:
            problems.append(
                f"dataset.random_choose: found true with dataset.window_size {self.window_size}, "
                "expected a window_size of at least 1 frame to choose from each sequence"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self


class ModelSpec(SpecModel):
    """The network."""

    model_type: Literal["ST-GCN"] = Field(default="ST-GCN", description="Kind of network.")
    pretrained_model_path: Text = Field(
        default="",
        description="Checkpoint (.pth) whose weights training starts from; a head for another "
        "number of classes is initialised anew.",
    )
    input_channels: int = Field(
        default=3, ge=1, description="Values per joint and frame, such as x, y and z."
    )
    dropout: Real = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Chance that a unit is silenced while training; more of it fits the training "
        "data less closely.",
        json_schema_extra=extras(search=SearchRange(0.0, 0.9)),
    )
    graph_layout: LayoutName = Field(
        default="nvidia",
        description="Skeleton of the data: number of joints and the bones between them. A name "
        "or the path of a layout file (.yaml).",
    )
    graph_strategy: Literal["uniform", "distance", "spatial"] = Field(
        default="spatial",
        description="How a joint's neighbours are grouped: all alike (uniform), by distance, or "
        "also by which is nearer to the skeleton's centre (spatial).",
    )
    edge_importance_weighting: bool = Field(
        default=True, description="Learn a weight for every bone in every layer."
    )


class EvaluateSpec(DeviceSpec):
    """Evaluation."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to evaluate.")
    trt_engine: Text = Field(
        default="", description="TensorRT engine to evaluate instead of the checkpoint."
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/evaluate."
    )
    batch_size: NotZero = Field(
        default=-1,
        ge=-1,
        description="Sequences per batch; -1: dataset.batch_size.",
        json_schema_extra=extras(math_cond="!= 0"),
    )
    test_dataset: FilesSpec = Field(default=FilesSpec(), description="Sequences to evaluate on.")
    top_k: int = Field(
        default=5,
        ge=1,
        description="A sequence also counts as right for the top-k accuracy when its class is "
        "among the k highest scores.",
    )


class InferenceSpec(ActionsSpec):
    """Inference."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to predict with.")
    trt_engine: Text = Field(
        default="", description="TensorRT engine to predict with instead of the checkpoint."
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/inference."
    )
    batch_size: NotZero = Field(
        default=-1,
        ge=-1,
        description="Sequences per batch; -1: dataset.batch_size.",
        json_schema_extra=extras(math_cond="!= 0"),
    )
    output_file: Text = Field(
        default="", description="Text file that gets one class name per sequence and line."
    )
    test_dataset: FilesSpec = Field(
        default=FilesSpec(), description="Sequences to name; their labels are not needed."
    )


class ExportSpec(SpecModel):
    """Export to ONNX."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to export.")
    onnx_file: Text = Field(default="", description="File (.onnx) to write.")
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/export."
    )
    gpu_id: int = Field(default=0, ge=0, description="Index of the GPU that traces the network.")
    opset_version: int = Field(default=17, ge=17, description="ONNX operator set of the file.")
    dynamic_time: bool = Field(
        default=False,
        description="Leave the number of frames open in the file; false: one fixed number.",
    )


class DatasetConvertAction(ActionSpec):
    """Spec of dataset_convert."""

    dataset_convert: DatasetConvertSpec = Field(
        default=DatasetConvertSpec(), description="The conversion."
    )


class PoseAction(ActionSpec):
    """Spec of pose."""

    pose: PoseSpec = Field(default=PoseSpec(), description="People's poses out of a video.")


class NetworkAction(ActionSpec):
    """What the specs of all actions on a network share."""

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
    dataset_convert: DatasetConvertSpec = Field(
        default=DatasetConvertSpec(),
        description="How poses become sequences, for a checkpoint that does not say it itself.",
    )
    pose: PoseSpec = Field(default=PoseSpec(), description="How people are found in a video.")


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
    dataset_convert: DatasetConvertSpec = Field(
        default=DatasetConvertSpec(), description="Conversion."
    )
    pose: PoseSpec = Field(default=PoseSpec(), description="People's poses out of a video.")


EXPERIMENT = ExperimentSpec

SPECS: dict[str, type[SpecModel]] = {
    "dataset_convert": DatasetConvertAction,
    "train": TrainAction,
    "evaluate": EvaluateAction,
    "inference": InferenceAction,
    "export": ExportAction,
    "pose": PoseAction,
}
