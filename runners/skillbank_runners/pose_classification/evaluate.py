"""Evaluate a checkpoint on labelled clips."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skillbank_runners.api import ArtefactKind, Run, describe_file, write_atomically
from skillbank_runners.pose_classification.contract import ClipSet, Files, check_data, class_names
from skillbank_runners.pose_classification.model_files import checkpoint_path
from skillbank_runners.pose_classification.spec import EvaluateAction

if TYPE_CHECKING:
    from skillbank_runners.pose_classification.agreement import Opened

METRICS_FILE = "metrics.json"
_KEY = "evaluate.checkpoint"

log = logging.getLogger(__name__)


def main(spec: EvaluateAction, run: Run) -> None:
    """Print the per-class table; write metrics.json and the report."""
    settings = spec.evaluate
    path = checkpoint_path("evaluate", settings.checkpoint, settings.trt_engine)
    from skillbank_runners.pose_classification.agreement import open_checkpoint

    opened = open_checkpoint(spec, path, _KEY)
    wanted = [Files("evaluate.test_dataset", settings.test_dataset)]
    (clips,) = check_data(opened.spec, wanted, opened.layout)
    log.info("%s", clips)
    _evaluate(opened, run, clips, path)


def _evaluate(opened: Opened[EvaluateAction], run: Run, clips: ClipSet, path: Path) -> None:
    import torch

    from skillbank_runners.pose_classification.prediction import predict, top_k_accuracy
    from skillbank_runners.pose_classification.reporting import begin
    from skillbank_runners.training.classification_metrics import classification_metrics
    from skillbank_runners.training.devices import choose_devices
    from skillbank_runners.training.report import ClipSet as Drawable
    from skillbank_runners.training.report import choose_clips

    spec = opened.spec
    devices = choose_devices(spec.evaluate)
    record = replace(begin(spec, run, [clips], devices.note), layout=opened.layout)
    record.write_info()
    feeding, workers = opened.feeding(clips, spec.evaluate.batch_size), spec.dataset.num_workers
    logits_NC = predict(opened.network(), clips, feeding, devices.first, num_workers=workers)
    assert clips.labels_N is not None
    names, k = class_names(spec), spec.evaluate.top_k
    labels_N = torch.from_numpy(clips.labels_N)
    metrics = classification_metrics(logits_NC, labels_N, names)
    if k < len(names) and k not in metrics.top_k:
        top_k = {**metrics.top_k, k: top_k_accuracy(logits_NC, labels_N, k)}
        metrics = replace(metrics, top_k=dict(sorted(top_k.items())))
    log.info("%s", metrics.table())
    _write(run, {"checkpoint": str(path), **metrics.to_json()})
    kpi = {
        "accuracy": metrics.accuracy,
        "mean_class_accuracy": metrics.mean_class_accuracy,
        "macro_f1": metrics.macro_f1,
        **{f"top_{k}_accuracy": share for k, share in metrics.top_k.items() if k > 1},
        "val_loss": metrics.cross_entropy,
        "val_acc": metrics.accuracy,
    }
    run.report(f"accuracy {100 * metrics.accuracy:.2f} % on {len(clips)} clips", kpi=kpi)
    drawable = Drawable(clips.x_NCTVM, clips.names, names)
    shown = choose_clips(drawable, logits_NC.numpy(), clips.labels_N)
    record.write_report(metrics=metrics, clips=shown, notes=[f"checkpoint: {path}"])


def _write(run: Run, content: dict[str, object]) -> None:
    target = run.results / METRICS_FILE
    write_atomically(target, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    run.record(describe_file(target, run.results, ArtefactKind.METRICS))
    log.info("metrics: %s", target)
