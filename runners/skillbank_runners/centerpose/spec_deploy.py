"""The export and gen_trt_engine sections of the CenterPose specs: ONNX and TensorRT."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import UPPER_CASE, NotNegative, NotZero, Text, extras

_TENSORRT = "gen_trt_engine.tensorrt"
_INT8 = f"{_TENSORRT}.data_type == INT8"


class ExportSpec(SpecModel):
    """Export to ONNX."""

    checkpoint: Text = Field(default="", description="Checkpoint (.pth) to export.")
    onnx_file: Text = Field(default="", title="ONNX File", description="File (.onnx) to write.")
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/export."
    )
    gpu_id: NotNegative = Field(
        default=0,
        title="GPU Id",
        description="Index of the GPU that traces the network.",
        json_schema_extra=extras(math_cond=">= 0", depends_on="export.on_cpu == false"),
    )
    on_cpu: bool = Field(default=False, title="On CPU", description="Trace the network on the CPU.")
    batch_size: NotZero = Field(
        default=-1,
        description="Pictures per batch in the file; -1: left open.",
        json_schema_extra=extras(math_cond="!= 0"),
    )
    input_channel: int = Field(
        default=3, ge=3, le=3, description="Colours of the network's input: 3."
    )
    input_width: int = Field(
        default=512, ge=512, le=512, description="Pixels of the network's input, across: 512."
    )
    input_height: int = Field(
        default=512, ge=512, le=512, description="Pixels of the network's input, down: 512."
    )
    num_select: int = Field(
        default=100,
        ge=100,
        le=100,
        title="Number of Candidates",
        description="Centres per picture that the file decodes, the brightest ones: 100.",
    )
    opset_version: int = Field(
        default=16, ge=16, le=16, description="ONNX operator set of the file: 16."
    )
    do_constant_folding: bool = Field(
        default=True, description="Compute what does not depend on the input while exporting."
    )
    verbose: bool = Field(default=False, description="Also log the traced graph.")


class CalibrationSpec(SpecModel):
    """Pictures from which INT8 takes the range of every layer."""

    cal_image_dir: tuple[str, ...] = Field(
        default=(),
        title="Calibration Images",
        description="Folders of pictures like those the engine will see; INT8 needs them.",
        json_schema_extra=extras(depends_on=_INT8),
    )
    cal_cache_file: Text = Field(
        default="",
        title="Calibration Cache",
        description="File that keeps the ranges; one that is there is used in place of pictures.",
        json_schema_extra=extras(depends_on=_INT8),
    )
    cal_batch_size: int = Field(
        default=1,
        ge=1,
        title="Calibration Batch Size",
        description="Pictures per batch of the calibration.",
        json_schema_extra=extras(popular=True, depends_on=_INT8),
    )
    cal_batches: int = Field(
        default=1,
        ge=1,
        title="Calibration Batches",
        description="Batches that the ranges are taken from; a hundred or more give good ones.",
        json_schema_extra=extras(popular=True, depends_on=_INT8),
    )


class TensorRTSpec(SpecModel):
    """How TensorRT builds the engine."""

    data_type: Annotated[Literal["FP32", "FP16", "INT8"], UPPER_CASE] = Field(
        default="FP32",
        description="Arithmetic of the engine: fewer bits are faster and less exact; INT8 needs "
        "calibration.",
    )
    workspace_size: int = Field(
        default=1024, ge=0, description="Mebibytes of GPU memory that building may use."
    )
    min_batch_size: int = Field(
        default=1,
        ge=1,
        title="Smallest Batch Size",
        description="Smallest batch that the engine takes.",
        json_schema_extra=extras(popular=True),
    )
    opt_batch_size: int = Field(
        default=4,
        ge=1,
        title="Best Batch Size",
        description="Batch that the engine is fastest for.",
        json_schema_extra=extras(
            popular=True, math_cond=">= depends_on", depends_on=f"{_TENSORRT}.min_batch_size"
        ),
    )
    max_batch_size: int = Field(
        default=8,
        ge=1,
        title="Largest Batch Size",
        description="Largest batch that the engine takes.",
        json_schema_extra=extras(
            popular=True, math_cond=">= depends_on", depends_on=f"{_TENSORRT}.opt_batch_size"
        ),
    )
    layers_precision: tuple[str, ...] = Field(
        default=(),
        description="Layers with an arithmetic of their own, as 'name:FP32'; names may hold *.",
    )
    calibration: CalibrationSpec = Field(
        default=CalibrationSpec(), description="Where INT8 takes the range of every layer from."
    )

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        problems = []
        sizes = [self.min_batch_size, self.opt_batch_size, self.max_batch_size]
        if sizes != sorted(sizes):
            problems.append(
                f"{_TENSORRT}: found min_batch_size {sizes[0]}, opt_batch_size {sizes[1]} and "
                f"max_batch_size {sizes[2]}, expected none smaller than the one before"
            )
        if self.data_type == "INT8" and not self.calibration.cal_image_dir:
            problems.append(
                f"{_TENSORRT}.calibration.cal_image_dir: found no folder with data_type 'INT8', "
                "expected pictures to calibrate with"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self


class GenTrtEngineSpec(SpecModel):
    """Building a TensorRT engine."""

    onnx_file: Text = Field(
        default="", title="ONNX File", description="File (.onnx) that export wrote."
    )
    trt_engine: Text = Field(
        default="", title="TensorRT Engine", description="File (.engine) to write."
    )
    results_dir: Text = Field(
        default="", description="Folder of the results; empty: <results_dir>/gen_trt_engine."
    )
    gpu_id: int = Field(
        default=0,
        ge=0,
        title="GPU Id",
        description="Index of the GPU that the engine is built on, and for.",
        json_schema_extra=extras(popular=True),
    )
    batch_size: NotZero = Field(
        default=-1,
        ge=-1,
        description="Pictures per batch where the ONNX file leaves it open; -1: as tensorrt says.",
        json_schema_extra=extras(popular=True, math_cond="!= 0"),
    )
    timing_cache: Text = Field(
        default="",
        description="File that keeps how fast layers ran, so that the next build is faster.",
    )
    verbose: bool = Field(default=False, description="Also log what TensorRT says.")
    tensorrt: TensorRTSpec = Field(
        default=TensorRTSpec(), title="TensorRT", description="How TensorRT builds the engine."
    )
