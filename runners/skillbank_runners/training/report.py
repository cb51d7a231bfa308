"""Write results/report.html: one file that shows a run to a person and asks nothing of a network.

How an action calls it, at its end, after its artefacts are recorded:

    content = ReportContent(
        facts=RunFacts("pose_classification", "train", device="cpu (2 threads)", duration_s=81.2),
        changes=spec_changes(spec.model_dump(), PoseClassificationSpec().model_dump()),
        data=[data_source("dataset.train_dataset.data_path", Path(...), "135 x 3 x 60 x 17 x 1")],
        notes=["no GPU here: trained on the CPU"],
        history=training_history(run.results / "status.json"),        # train
        selection=Selection("val_loss", minimize=True),               # train
        metrics=classification_metrics(scores_NC, labels_N, names),   # train, evaluate
        clips=choose_clips(ClipSet(values_NCTVM, clip_names, class_names), scores_NC, labels_N),
        layout=load_layout(spec.model.graph_layout),
        predictions=count_predictions(scores_NC, class_names),        # inference
        onnx=OnnxFacts("model.onnx", 17, "input (batch, 3, 60, 17, 1)", ...),   # export
    )
    write_report(run, content)

Every part but `facts` may be left out; its section then is too. Arrays are NumPy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from skillbank_runners.api import ArtefactKind, Run, describe_file, write_atomically
from skillbank_runners.training import report_figures, report_skeleton
from skillbank_runners.training.report_content import (
    Clip,
    ClipSet,
    DataSource,
    Epoch,
    OnnxFacts,
    ReportContent,
    RunFacts,
    Selection,
    SpecChange,
    best_epoch,
    choose_clips,
    count_predictions,
    data_source,
    spec_changes,
    training_history,
)

__all__ = [
    "Clip",
    "ClipSet",
    "DataSource",
    "Epoch",
    "OnnxFacts",
    "ReportContent",
    "RunFacts",
    "Selection",
    "SpecChange",
    "choose_clips",
    "count_predictions",
    "data_source",
    "spec_changes",
    "training_history",
    "write_report",
]

FILE = "report.html"


@dataclass(frozen=True)
class Tile:
    """One number at the head of a report."""

    label: str
    value: str
    detail: str = ""


def write_report(run: Run, content: ReportContent) -> Path:
    """Write results/report.html whole or not at all, record it, and return its path."""
    path = run.results / FILE
    write_atomically(path, _render(run, content).encode())
    run.record(describe_file(path, run.results, ArtefactKind.REPORT))
    return path


def _render(run: Run, content: ReportContent) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "duration": duration, "size": size}
    return environment.get_template("report.html.j2").render(
        content=content,
        facts=content.facts,
        metrics=content.metrics,
        tiles=list(_tiles(content)),
        figures=_figures(content),
        drawings=_drawings(content),
        best=best_epoch(content.history, content.selection),
        artefacts=[a for a in run.artefacts() if a.kind is not ArtefactKind.REPORT],
    )


def _figures(content: ReportContent) -> dict[str, list[Markup]]:
    """SVG pictures by section."""
    curves = report_figures.training_curves(content.history, content.selection)
    confusion = [report_figures.confusion_matrix(content.metrics)] if content.metrics else []
    bars = [report_figures.prediction_bars(content.predictions)] if content.predictions else []
    return {"curves": curves, "confusion": confusion, "predictions": bars}


def _drawings(content: ReportContent) -> list[tuple[Clip, Markup]]:
    if content.layout is None:
        return []
    strips = report_skeleton.skeleton_strips(content.clips, content.layout)
    return list(zip(content.clips, strips, strict=True))


def _tiles(content: ReportContent) -> Iterator[Tile]:
    if content.metrics:
        metrics, low_high = content.metrics, content.metrics.interval
        interval = f"95 %: {100 * low_high.low:.1f} to {percent(low_high.high)}"
        yield Tile("accuracy", percent(metrics.accuracy), interval)
        of_clips = f"{metrics.num_correct} of {metrics.num_clips} clips right"
        yield Tile("mean class accuracy", percent(metrics.mean_class_accuracy), of_clips)
        yield Tile("macro F1", percent(metrics.macro_f1))
    best = best_epoch(content.history, content.selection)
    if best:
        name = content.selection.metric
        yield Tile(f"best {name}", f"{best.metrics[name]:.4f}", f"epoch {best.number}")
    if content.onnx:
        verdict = "ONNX agrees" if content.onnx.passed else "ONNX differs"
        detail = f"tolerance {content.onnx.tolerance:.0e}"
        yield Tile(verdict, f"{content.onnx.max_difference:.1e}", detail)
    if content.predictions:
        yield Tile("clips predicted", str(sum(content.predictions.values())))


def percent(share: float | None) -> str:
    """A share as a reader sees it; a dash where it is not defined."""
    return "-" if share is None else f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that matter."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest_s} s"


def size(num_bytes: int) -> str:
    """Bytes in decimal units."""
    if num_bytes < 1000:
        return f"{num_bytes} B"
    if num_bytes < 1_000_000:
        return f"{num_bytes / 1e3:.1f} kB"
    return f"{num_bytes / 1e6:.1f} MB"
