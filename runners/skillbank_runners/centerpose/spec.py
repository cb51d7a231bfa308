"""Specs of the CenterPose actions: the one source of their schemas and templates.

Names, types, defaults and bounds are TAO's. Settled here where TAO leaves it open, or contradicts
itself:

- `wandb.enable` is false: nothing contacts an outside service unless asked to.
- Checkpoints, engines and what they are made from are empty by default (TAO writes `???`).
- `evaluate.eval_num_symmetry` may be 1, its default, although TAO's schema wants 3 or more.
- `opt_batch_size` and `max_batch_size` of an engine start at 1: TAO's schema has their defaults as
  bounds, and TAO's own example of an engine is smaller.
- `export.gpu_id` is at least 0 and `export.batch_size` not 0, by math_cond.
- `model.backbone.model_type`, `train.precision`, `train.optim.lr_scheduler` and
  `train.loss_config.reg_loss` list what TAO's programs know; TAO's schema takes any text.
- `train.checkpointer`, which TAO's schemas lack and its programs read, is train's.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skillbank_runners.api import SpecModel
from skillbank_runners.centerpose.spec_data import DatasetSpec
from skillbank_runners.centerpose.spec_deploy import ExportSpec, GenTrtEngineSpec
from skillbank_runners.centerpose.spec_training import TrainLoopSpec, TrainSpec
from skillbank_runners.spec_fields import NotZero, Real, Text, extras
from skillbank_runners.spec_sections import ActionSpec, DeviceSpec, WandbSpec

_TRAINED = (
    "How the network was trained; gpu_ids and the like of this action are in its own section."
)
_OPENCV = (
    "Coordinates of poses: OpenCV's, x to the right, y down, z ahead; false: OpenGL's, z towards "
    "the viewer, as Objectron's JSON files have them."
)
_PNP = "inference.use_pnp == true"


class BackboneSpec(SpecModel):
    """The network that sees the picture."""

    model_type: Literal["fan_small", "fan_base", "fan_large", "DLA34"] = Field(
        default="fan_small",
        description="Network that sees the picture: FAN transformers, the larger the slower and "
        "the more exact, or DLA34, the convolutional one of the paper.",
    )
    pretrained_backbone_path: Text = Field(
        default="",
        description="Weights (.pth) that the backbone starts from, with model.use_pretrained.",
    )


class ModelSpec(SpecModel):
    """The network; numbers that TAO's schema fixes take their one value."""

    backbone: BackboneSpec = Field(
        default=BackboneSpec(), description="The network that sees the picture."
    )
    use_pretrained: bool = Field(
        default=False,
        description="Start the backbone from backbone.pretrained_backbone_path; DLA34 from weights "
        "that were learned on ImageNet.",
    )
    use_convGRU: bool = Field(
        default=True,
        title="Use ConvGRU",
        description="Predict in three steps that know of one another: centres, then corners, then "
        "proportions; false: all at once.",
    )
    down_ratio: int = Field(
        default=4, ge=4, le=4, description="Pixels of the input per cell of a heat map: 4."
    )
    head_conv: int = Field(
        default=256, ge=256, le=256, description="Channels of the heads' first layer: 256."
    )
    final_kernel: int = Field(
        default=1, ge=1, le=1, description="Size of the heads' last convolution: 1."
    )
    last_level: int = Field(
        default=5, ge=5, le=5, description="Coarsest level of the backbone that is used: 5."
    )
    out_channel: int = Field(
        default=0, ge=0, le=0, description="Channels before the heads: 0, as the backbone has."
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
    batch_size: NotZero = Field(
        default=-1,
        ge=-1,
        description="Pictures per batch; -1: dataset.batch_size.",
        json_schema_extra=extras(math_cond="!= 0"),
    )
    opencv: bool = Field(
        default=True,
        title="OpenCV",
        description=f"{_OPENCV} Evaluation compares with the JSON files in these.",
    )
    eval_num_symmetry: int = Field(
        default=1,
        ge=1,
        title="Number of Symmetries",
        description="Turns about its upright axis after which the object counts as the same; the "
        "best match is measured.",
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
    batch_size: NotZero = Field(
        default=-1,
        ge=-1,
        description="Pictures per batch; -1: dataset.batch_size.",
        json_schema_extra=extras(math_cond="!= 0"),
    )
    visualization_threshold: Real = Field(
        default=0.3,
        ge=0.3,
        le=0.3,
        description="Score from which on an object counts as found: 0.3.",
    )
    num_select: int = Field(
        default=100,
        ge=100,
        le=100,
        title="Number of Candidates",
        description="Centres per picture that are looked at, the brightest ones: 100.",
    )
    use_pnp: bool = Field(
        default=True,
        title="Use PnP",
        description="Compute place and rotation of each box from its corners; needs the camera: "
        "focal lengths and principal point.",
    )
    focal_length_x: Real = Field(
        default=0.0,
        ge=0.0,
        description="Focal length of the camera across, in pixels of the picture.",
        json_schema_extra=extras(depends_on=_PNP),
    )
    focal_length_y: Real = Field(
        default=0.0,
        ge=0.0,
        description="Focal length of the camera down, in pixels of the picture.",
        json_schema_extra=extras(depends_on=_PNP),
    )
    principle_point_x: Real = Field(
        default=0.0,
        ge=0.0,
        title="Principal Point X",
        description="Where the camera's axis meets the picture, in pixels from its left.",
        json_schema_extra=extras(depends_on=_PNP),
    )
    principle_point_y: Real = Field(
        default=0.0,
        ge=0.0,
        title="Principal Point Y",
        description="Where the camera's axis meets the picture, in pixels from its top.",
        json_schema_extra=extras(depends_on=_PNP),
    )
    skew: Real = Field(
        default=0.0,
        ge=0.0,
        description="Skew of the camera's pixels; 0 for nearly every camera.",
        json_schema_extra=extras(depends_on=_PNP),
    )
    opencv: bool = Field(
        default=True,
        title="OpenCV",
        description=_OPENCV,
        json_schema_extra=extras(depends_on=_PNP),
    )
    save_json: bool = Field(
        default=True,
        title="Save JSON",
        description="Write the found boxes of each picture into a JSON file.",
    )
    save_visualization: bool = Field(
        default=True, description="Write each picture with boxes and axes drawn."
    )
    axis_size: Real = Field(
        default=0.5,
        ge=0.1,
        description="Length of the drawn axes, in heights of the box; in the annotations' unit "
        "with dataset.use_absolute_scale.",
        json_schema_extra=extras(depends_on="inference.save_visualization == true"),
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


class GenTrtEngineAction(NetworkAction):
    """Spec of gen_trt_engine."""

    train: TrainSpec = Field(default=TrainSpec(), description=_TRAINED)
    gen_trt_engine: GenTrtEngineSpec = Field(
        default=GenTrtEngineSpec(), title="Engine", description="Building a TensorRT engine."
    )


class ExperimentSpec(NetworkAction):
    """All sections in one file, as TAO's experiment specs hold them; any action reads its own."""

    train: TrainLoopSpec = Field(default=TrainLoopSpec(), description="Training.")
    evaluate: EvaluateSpec = Field(default=EvaluateSpec(), description="Evaluation.")
    inference: InferenceSpec = Field(default=InferenceSpec(), description="Inference.")
    export: ExportSpec = Field(default=ExportSpec(), description="Export.")
    gen_trt_engine: GenTrtEngineSpec = Field(
        default=GenTrtEngineSpec(), description="Building a TensorRT engine."
    )


EXPERIMENT = ExperimentSpec

SPECS: dict[str, type[SpecModel]] = {
    "train": TrainAction,
    "evaluate": EvaluateAction,
    "inference": InferenceAction,
    "export": ExportAction,
    "gen_trt_engine": GenTrtEngineAction,
}
