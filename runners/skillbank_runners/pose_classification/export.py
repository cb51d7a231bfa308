"""Export a checkpoint to ONNX; a file that does not compute the same fails the job."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skillbank_runners.api import ArtefactKind, Run, describe_file, write_atomically
from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.contract import ClipSet, Files, check_data, class_names
from skillbank_runners.pose_classification.model_files import checkpoint_path
from skillbank_runners.pose_classification.serving import METADATA_KEY, ServingFacts, prepare
from skillbank_runners.pose_classification.spec import ExportAction, FilesSpec
from skillbank_runners.training.run_info import installed_versions

if TYPE_CHECKING:
    from torch import Tensor

    from skillbank_runners.pose_classification.agreement import Opened
    from skillbank_runners.pose_classification.exporting import OnnxCheck
    from skillbank_runners.pose_classification.network import STGCN

ONNX_FILE = "model.onnx"
CHECK_FILE = "onnx_check.json"
_CHECKPOINT_KEY = "export.checkpoint"
_NUM_CLIPS = 8  # compared; one wrong weight shows in the first

log = logging.getLogger(__name__)


def main(spec: ExportAction, run: Run) -> None:
    """Write model.onnx, onnx_check.json and the report."""
    path = checkpoint_path("export", spec.export.checkpoint)
    text = spec.export.onnx_file
    target = Path(text).expanduser() if text else run.results / ONNX_FILE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerError(f"export.onnx_file: cannot write {text!r}: {error.strerror}") from error
    from skillbank_runners.pose_classification.agreement import open_checkpoint

    _export(open_checkpoint(spec, path, _CHECKPOINT_KEY, may_cut=True), run, target)


def _export(opened: Opened[ExportAction], run: Run, target: Path) -> None:
    from skillbank_runners.pose_classification.exporting import pose_form, write_onnx
    from skillbank_runners.pose_classification.reporting import begin
    from skillbank_runners.training.report import OnnxFacts

    spec, clips = opened.spec, _known_clips(opened)
    # Tracing and checking are quick everywhere, and the CPU gives the same file on any machine.
    sets, note = [clips] if clips else [], "exporting on the CPU"
    record = replace(begin(spec, run, sets, note), layout=opened.layout)
    record.write_info()
    network = opened.network()
    facts = opened.facts(clips.x_NCTVM.shape[1:] if clips else _usual_shape(opened))
    x_NCTVM, source = _examples(opened, clips, facts)
    log.info("input (batch, %s), compared on %s", ", ".join(map(str, x_NCTVM.shape[1:])), source)
    form = pose_form(
        spec.export.opset_version,
        dynamic_time=spec.export.dynamic_time,
        metadata=_metadata(spec, facts),
    )
    if form.opset != spec.export.opset_version:
        log.info("export.opset_version: written as %d, the lowest that there is", form.opset)
    write_onnx(network, x_NCTVM, target, form)
    check = _check(network, run, target, (x_NCTVM, source))
    entry = describe_file(target, run.results, ArtefactKind.ONNX)
    run.record(entry)
    log.info("ONNX: %s", target)
    kpi = {"max_difference": check.max_difference}
    run.report(f"exported to {target.name}, opset {form.opset}", kpi=kpi)
    frames = "frames" if spec.export.dynamic_time else x_NCTVM.shape[2]
    _, C, _, V, M = x_NCTVM.shape
    onnx = OnnxFacts(
        path=entry.path,
        opset=form.opset,
        input=f"input (batch, {C}, {frames}, {V}, {M})",
        output=f"fc_pred (batch, {spec.dataset.num_classes})",
        num_clips=check.num_clips,
        max_difference=check.max_difference,
        tolerance=check.tolerance,
    )
    record.write_report(onnx=onnx, notes=[f"checkpoint: {opened.path}", f"compared on {source}"])


def _check(network: STGCN, run: Run, target: Path, clips: tuple[Tensor, str]) -> OnnxCheck:
    """Compare the file with the network; one that computes something else is removed."""
    from skillbank_runners.pose_classification.exporting import compare_with_network

    check = compare_with_network(network, target, *clips)
    text = json.dumps(check.to_json(), indent=1) + "\n"
    write_atomically(run.results / CHECK_FILE, text.encode())
    log.info(
        "ONNX against checkpoint: max abs difference %.3g on %d clips, tolerance %.3g",
        check.max_difference, check.num_clips, check.tolerance,
    )  # fmt: skip
    if not check.passed:
        target.unlink()
        raise RunnerError(
            f"the ONNX file differs from the checkpoint by {check.max_difference:.3g}, more than "
            f"{check.tolerance:.3g}, so it was removed; please report this with the checkpoint"
        )
    return check


def _metadata(spec: ExportAction, facts: ServingFacts) -> dict[str, str]:
    versions = {name: str(number) for name, number in installed_versions().items() if number}
    return {
        "class_names": json.dumps(class_names(spec), ensure_ascii=False),
        "graph_layout": spec.model.graph_layout,
        "graph_strategy": spec.model.graph_strategy,
        "versions": json.dumps(versions),
        METADATA_KEY: facts.to_json(),
    }


def _known_clips(opened: Opened[ExportAction]) -> ClipSet | None:
    """Clips that the spec happens to name: a real input to compare on, and its size."""
    spec = opened.spec
    for key in ("val_dataset", "train_dataset"):
        files: FilesSpec = getattr(spec.dataset, key)
        if files.data_path:
            data = FilesSpec(data_path=files.data_path)
            wanted = [Files(f"dataset.{key}", data, needs_labels=False)]
            return check_data(spec, wanted, opened.layout)[0]
    return None


def _usual_shape(opened: Opened[ExportAction]) -> tuple[int, int, int, int]:
    """(C, T, V, M) that was trained on, or else what data sets of the layout usually have."""
    hyper_parameters = opened.state.get("hyper_parameters", {})
    if "clip_shape" in hyper_parameters:
        C, T, V, M = (int(size) for size in hyper_parameters["clip_shape"])
        return C, T, V, M
    layout = opened.layout
    joints, people = layout.num_joints, layout.num_person
    return opened.spec.model.input_channels, layout.sequence_length, joints, people


def _examples(
    opened: Opened[ExportAction], clips: ClipSet | None, facts: ServingFacts
) -> tuple[Tensor, str]:
    """Clips to compare on; without any, random ones of the size that the checkpoint knows."""
    import torch

    from skillbank_runners.pose_classification.data import Batches, BatchKey

    if clips is not None:
        batch = Batches(clips, opened.feeding(clips, _NUM_CLIPS))[BatchKey(0, 0)]
        return batch.x_NCTVM, clips.key
    is_known = opened.trained is not None or "clip_shape" in opened.state.get(
        "hyper_parameters", {}
    )
    size = "size that was trained on" if is_known else "layout's usual size"
    x_NCTVM = np.random.default_rng(0).normal(size=(2, *facts.clip_shape)).astype(np.float32)
    if facts.preprocessing.has_confidence:
        x_NCTVM[:, -1] = 1
    prepared = [prepare(x_CTVM, facts) for x_CTVM in x_NCTVM]
    return torch.from_numpy(np.stack(prepared)), f"random clips of the {size}"
