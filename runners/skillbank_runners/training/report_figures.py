"""Charts of a report as inline SVG that follows the page's colours, light or dark."""

from __future__ import annotations

import html
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skillbank_runners.training.classification_metrics import ClassificationMetrics
from skillbank_runners.training.report_content import Epoch, Selection, best_epoch

# Drawn in colours that no chart uses otherwise, then replaced by the page's own.
_INK, _GRID, _FIRST, _SECOND = "#010001", "#020002", "#030003", "#040004"
_PAGE_COLOURS = {
    _INK: "currentColor",
    _GRID: "var(--line)",
    _FIRST: "var(--first)",
    _SECOND: "var(--second)",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,
    "text.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.facecolor": "none",
    "axes.labelcolor": _INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
}
# Counts in the cells are legible up to here; the per-class table holds the rest.
_MOST_CLASSES_WITH_COUNTS = 30
_MOST_EPOCHS_WITH_DOTS = 40
_BLUES = LinearSegmentedColormap.from_list("blues", [(0.11, 0.37, 0.75, 0), (0.11, 0.37, 0.75, 1)])


def training_curves(history: Sequence[Epoch], selection: Selection) -> list[Markup]:
    """One chart per kind of metric: losses, learning rate, and scores."""
    names = list(dict.fromkeys(name for epoch in history for name in epoch.metrics))
    losses = [name for name in names if "loss" in name]
    rates = [name for name in names if name in {"lr", "learning_rate"}]
    scores = [name for name in names if name not in {*losses, *rates}]
    groups = {"loss": losses, "accuracy": scores, "learning rate": rates}
    return [
        _curves(title, {name: _series(history, name) for name in group}, selection)
        for title, group in groups.items()
        if group
    ]


def confusion_matrix(metrics: ClassificationMetrics) -> Markup:
    """Rows are true classes, coloured by share of the row, with counts where they fit."""
    counts_CC = np.array(metrics.confusion)
    shares_CC = counts_CC / np.maximum(counts_CC.sum(axis=1, keepdims=True), 1)
    names = [_shorten(result.name) for result in metrics.classes]
    side = 1.6 + 0.42 * len(names) if len(names) <= _MOST_CLASSES_WITH_COUNTS else 9.0
    with chart(side + 0.7, side) as (figure, axes):
        axes.grid(visible=False)
        axes.pcolormesh(shares_CC, cmap=_BLUES, vmin=0, vmax=1, edgecolors=_GRID, linewidth=0.5)
        middles = np.arange(len(names)) + 0.5
        axes.set_xticks(middles, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(middles, names)
        axes.tick_params(length=0, labelsize=9 if len(names) <= _MOST_CLASSES_WITH_COUNTS else 6)
        axes.invert_yaxis()
        axes.set(xlabel="predicted class", ylabel="true class", aspect="equal")
        if len(names) <= _MOST_CLASSES_WITH_COUNTS:
            _write_counts(axes, counts_CC, shares_CC)
        label = (
            f"Confusion matrix of {len(names)} classes: {metrics.num_correct} of "
            f"{metrics.num_clips} clips on the diagonal"
        )
        return inline_svg(figure, "confusion", label)


def prediction_bars(predictions: Mapping[str, int]) -> Markup:
    """How many clips were taken for each class."""
    names = [_shorten(name) for name in predictions]
    with chart(6.4, 0.7 + 0.26 * len(names)) as (figure, axes):
        axes.grid(visible=False, axis="y")
        bars = axes.barh(range(len(names)), list(predictions.values()), color=_FIRST, height=0.7)
        axes.bar_label(bars, padding=3)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_xlabel("clips")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        total = sum(predictions.values())
        return inline_svg(figure, "predictions", f"Predicted classes of {total} clips, as bars")


def _series(history: Sequence[Epoch], name: str) -> tuple[list[int], list[float]]:
    points = [(e.number, e.metrics[name]) for e in history if name in e.metrics]
    return [number for number, _ in points], [value for _, value in points]


def _curves(
    title: str, lines: Mapping[str, tuple[list[int], list[float]]], selection: Selection
) -> Markup:
    with chart(4.6, 2.7) as (figure, axes):
        for name, (epochs, values) in lines.items():
            is_validation = name.startswith("val")
            axes.plot(
                epochs,
                values,
                label=name,
                color=_SECOND if is_validation else _FIRST,
                linewidth=1.6,
                linestyle="-" if is_validation else (0, (4, 1.5)),
                marker="o" if len(epochs) <= _MOST_EPOCHS_WITH_DOTS else None,
                markersize=2.5,
            )
        _mark_best(axes, lines, selection)
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if max(v for _, values in lines.values() for v in values) <= 1 and title == "accuracy":
            axes.set_ylim(0, 1.02)
        if len(lines) > 1:
            axes.legend(loc="best")
        else:
            axes.set_title(next(iter(lines)))
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, (_, values) in lines.items())
        return inline_svg(figure, title.replace(" ", "-"), f"{title} by epoch; at the end: {last}")


def _mark_best(
    axes: Axes, lines: Mapping[str, tuple[list[int], list[float]]], selection: Selection
) -> None:
    epochs, values = lines.get(selection.metric, ([], []))
    history = [Epoch(e, {selection.metric: v}) for e, v in zip(epochs, values, strict=True)]
    best = best_epoch(history, selection)
    if best:
        value = best.metrics[selection.metric]
        axes.axvline(best.number, color=_SECOND, linewidth=0.8, linestyle=":")
        axes.plot([best.number], [value], "*", color=_SECOND, markersize=11, label="best")


def _write_counts(
    axes: Axes, counts_CC: np.typing.NDArray[np.int64], shares_CC: np.typing.NDArray[np.float64]
) -> None:
    for (row, column), count in np.ndenumerate(counts_CC):
        if count:
            colour = "white" if shares_CC[row, column] > 0.45 else _INK
            axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", color=colour)


def _shorten(name: str, most: int = 28) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


@contextmanager
def chart(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure in the report's style; sizes in inches of 72 points."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def inline_svg(figure: Figure, name: str, label: str) -> Markup:
    """The figure as an SVG element with ids of its own, page colours and a text alternative.

    Args:
        figure: From `chart`.
        name: Prefix of its ids, unlike any other figure's of the page.
        label: What it shows, for those who cannot see it.
    """
    file = io.StringIO()
    no_metadata = dict.fromkeys(["Creator", "Date", "Format", "Type"])
    with warnings.catch_warnings():
        # The text stays text: the browser has glyphs that Matplotlib's font lacks.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        figure.savefig(file, format="svg", metadata=no_metadata)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    for drawn, shown in _PAGE_COLOURS.items():
        text = text.replace(drawn, shown)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    width = math.ceil(figure.get_figwidth() * 72 * 1.25)
    head = f'<svg role="img" aria-label="{html.escape(label)}" style="max-width:{width}px"'
    text = re.sub(r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", text, count=1)
    text = re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", text, count=1)
    return Markup(text.replace("<svg", head, 1))
