"""Name the action in each clip, or of everybody over time."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skillbank_runners.api import ArtefactKind, Run, describe_file, write_atomically
from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.actions.request import Source, find_source
from skillbank_runners.pose_classification.contract import ClipSet, Files, check_data, class_names
from skillbank_runners.pose_classification.model_files import checkpoint_path
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.spec_reading import SpecInvalid

if TYPE_CHECKING:
    from skillbank_runners.pose_classification.agreement import Opened

OUTPUT_FILE = "results.txt"
SCORES_FILE = "predictions.json"
_KEY = "inference.checkpoint"
_TOP_K = 5

log = logging.getLogger(__name__)


def main(spec: InferenceAction, run: Run) -> None:
    """Write one class name per clip and line, as TAO does, and a JSON file with the scores.

    Poses and videos give the action of everybody over time instead: `actions.infer`.
    """
    settings = spec.inference
    source = find_source(settings)
    path = checkpoint_path("inference", settings.checkpoint, settings.trt_engine)
    from skillbank_runners.pose_classification.agreement import open_checkpoint

    opened = open_checkpoint(spec, path, _KEY)
    if opened.spec.dataset.label_map is None:
        raise SpecInvalid(
            [
                "dataset.label_map: missing, expected the class names, since inference writes "
                "them; give the map that training had, such as dataset.label_map='{sit: 0, run: 1}'"
            ]
        )
    if source is not Source.ARRAYS:
        from skillbank_runners.pose_classification.actions.infer import run_actions

        run_actions(opened, run, source)
        return
    files = Files("inference.test_dataset", settings.test_dataset, needs_labels=False)
    (clips,) = check_data(opened.spec, [files], opened.layout)
    log.info("%s", clips)
    _infer(opened, run, clips, path)


def _infer(opened: Opened[InferenceAction], run: Run, clips: ClipSet, path: Path) -> None:
    from skillbank_runners.pose_classification.prediction import Score, predict, top_scores
    from skillbank_runners.pose_classification.reporting import begin
    from skillbank_runners.training.devices import choose_devices
    from skillbank_runners.training.report import ClipSet as Drawable
    from skillbank_runners.training.report import choose_clips, count_predictions

    spec = opened.spec
    devices = choose_devices(spec.inference)
    record = replace(begin(spec, run, [clips], devices.note), layout=opened.layout)
    record.write_info()
    feeding, workers = opened.feeding(clips, spec.inference.batch_size), spec.dataset.num_workers
    logits_NC = predict(opened.network(), clips, feeding, devices.first, num_workers=workers)
    names = class_names(spec)
    scores: list[list[Score]] = top_scores(logits_NC, names, _TOP_K)
    text = spec.inference.output_file
    output = Path(text).expanduser() if text else run.results / OUTPUT_FILE
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _write(run, output, "".join(f"{best[0].class_name}\n" for best in scores))
    except OSError as error:
        raise RunnerError(
            f"inference.output_file: cannot write {str(output)!r}: {error.strerror}"
        ) from error
    predictions = [
        {
            "clip": name,
            "class_name": best[0].class_name,
            "class_id": names.index(best[0].class_name),
            "score": best[0].share,
            "top": [{"class_name": score.class_name, "score": score.share} for score in best],
        }
        for name, best in zip(clips.names, scores, strict=True)
    ]
    content = {"checkpoint": str(path), "class_names": names, "predictions": predictions}
    _write(run, run.results / SCORES_FILE, json.dumps(content, indent=1, allow_nan=False) + "\n")
    run.report(f"named {len(clips)} clips")
    drawable = Drawable(clips.x_NCTVM, clips.names, names)
    scores_NC = logits_NC.numpy()
    record.write_report(
        predictions=count_predictions(scores_NC, names),
        clips=choose_clips(drawable, scores_NC, clips.labels_N),
        notes=[f"checkpoint: {path}"],
    )


def _write(run: Run, path: Path, text: str) -> None:
    write_atomically(path, text.encode())
    run.record(describe_file(path, run.results, ArtefactKind.PREDICTIONS))
    log.info("predictions: %s", path)
