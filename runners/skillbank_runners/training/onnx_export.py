"""Write any network as one ONNX file, and compare the file with the network it came from.

PyTorch's current exporter (`dynamo=True`) is used: its graphs are small and keep axes open. It
writes operator set 18 and above only; what it converts down to 17 fails on reductions.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]  # ships no types
import torch
from onnxruntime.capi import (  # type: ignore[import-untyped]
    onnxruntime_pybind11_state as runtime_errors,
)
from torch import Tensor, nn

from skillbank_runners.api import placed_whole
from skillbank_runners.errors import RunnerError

LOWEST_OPSET = 18

# ONNX Runtime's exceptions have no base of their own.
_RUNTIME_ERRORS = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NoSuchFile,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)


@dataclass(frozen=True)
class OnnxForm:
    """What a file shall look like from outside.

    Attributes:
        input_name: Name of the only input.
        output_name: Name of the only output.
        dynamic_axes: Input axes whose length stays open, with their names, such as {0: "batch"}.
        opset: ONNX operator set, at least `LOWEST_OPSET`.
        metadata: Facts for whoever loads the file (`metadata_props`).
    """

    input_name: str
    output_name: str
    dynamic_axes: Mapping[int, str] = field(default_factory=lambda: {0: "batch"})
    opset: int = LOWEST_OPSET
    metadata: Mapping[str, str] = field(default_factory=dict)


def export_onnx(module: nn.Module, example: Tensor, path: Path, form: OnnxForm) -> None:
    """Write a network in evaluation mode; the file appears whole, checked, or not at all.

    Args:
        module: Takes and returns one tensor.
        example: An input; open axes may have any length, 1 too.
        path: Of the file, replaced if it is there.
        form: Names, open axes, operator set and metadata.

    Raises:
        RunnerError: An operator set that cannot be written.
    """
    if form.opset < LOWEST_OPSET:
        raise RunnerError(
            f"opset {form.opset} cannot be written; the exporter needs at least {LOWEST_OPSET}"
        )
    model = _trace(module.eval(), _open(example, form.dynamic_axes), form)
    _drop_trace_notes(model)
    onnx.helper.set_model_props(model, dict(form.metadata))
    onnx.checker.check_model(model, full_check=True)
    with placed_whole(path) as temporary:
        onnx.save(model, temporary)


def compare_onnx(path: Path, network: nn.Module, examples: Iterable[Tensor]) -> float:
    """Largest absolute difference between a file and a network over some inputs.

    Args:
        path: The file, run by ONNX Runtime on the CPU in float32.
        network: What the file was made from, in the form that its checkpoint is loaded into.
        examples: Inputs of the network, float32 on the CPU; best of several batch sizes.

    Returns:
        The difference; NaN if either gives NaN, so that no limit holds.

    Raises:
        RunnerError: ONNX Runtime cannot load or run the file.
    """
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        network.eval()
        differences = []
        for example in examples:
            found = session.run(None, {name: example.numpy()})[0]
            with torch.no_grad():
                expected = network(example).numpy()
            differences.append(np.abs(found - expected).max())
    except _RUNTIME_ERRORS as error:
        raise RunnerError(f"{path}: ONNX Runtime cannot run the file: {error}") from error
    return float(np.max(differences))


def _open(example: Tensor, dynamic_axes: Mapping[int, str]) -> Tensor:
    """The example with open axes of at least 2: the exporter takes a length of 1 for a constant."""
    for axis in dynamic_axes:
        if example.shape[axis] == 1:
            example = example.repeat_interleave(2, dim=axis)
    return example


def _trace(module: nn.Module, example: Tensor, form: OnnxForm) -> onnx.ModelProto:
    with _quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            module,
            (example,),
            input_names=[form.input_name],
            output_names=[form.output_name],
            opset_version=form.opset,
            dynamic_shapes=(dict(form.dynamic_axes),),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _drop_trace_notes(model: onnx.ModelProto) -> None:
    """Forget the exporter's notes: stack traces that hold this machine's paths."""
    graph = model.graph
    for entries in ([graph], graph.node, graph.input, graph.output, graph.initializer):
        for entry in entries:
            del entry.metadata_props[:]
    del graph.value_info[:]


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep PyTorch's remarks on its own inner workings out of the log."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            # torch.export's copies of its own tree specs, and its use of its own older names.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)
