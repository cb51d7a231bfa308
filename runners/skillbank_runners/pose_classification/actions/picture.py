"""The timeline as a picture: a lane per person, a colour per action, the score below each lane."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from skillbank_runners.pose_classification.actions.merging import TrackActions
from skillbank_runners.pose_classification.actions.timeline import Segment, segments
from skillbank_runners.pose_classification.actions.tracks import TrackKey
from skillbank_runners.training.report_figures import chart, inline_svg

MOST_LANES = 40
_WIDTH = 13.0  # inches
_LANE = 0.42
_BAR, _STRIP = 0.50, 0.26  # of the height of a lane
_CHARACTER_SHARE = 0.0075  # of the width that a letter of a label takes
_UNKNOWN = "#d5d8dc"
_INK = "#2b3036"
_LINE = "#d8dde3"
_STRIP_COLOUR = "#8a94a0"
_STYLE: dict[Any, Any] = {"font.family": "sans-serif", "font.size": 9, "text.parse_math": False}


@dataclass(frozen=True)
class Lane:
    """One person in the picture.

    Attributes:
        key: Who.
        actions: What they do, frame by frame.
        segments: The same as stretches of time.
        frame_rate: Frames per second; None: the picture counts frames.
    """

    key: TrackKey
    actions: TrackActions
    segments: tuple[Segment, ...]
    frame_rate: float | None


def lanes(
    tracks: Mapping[TrackKey, TrackActions], frame_rates: Mapping[str, float | None]
) -> list[Lane]:
    """A lane for every track; where one of the recordings has no frame rate, none is used."""
    used = {frame_rates.get(key.source) for key in tracks}
    in_seconds = None not in used
    return [
        Lane(
            key,
            actions,
            tuple(segments(key, actions)),
            frame_rates[key.source] if in_seconds else None,
        )
        for key, actions in tracks.items()
    ]


def timeline_png(people: Sequence[Lane], class_names: Sequence[str], title: str) -> bytes:
    """The picture as a PNG file of 110 dots per inch.

    Args:
        people: Of more than MOST_LANES those seen for longest are drawn, and the title says so.
        class_names: In the order of class ids.
        title: What stands above.
    """
    shown = _shown(people)
    legend = _legend(shown, class_names)
    file = io.BytesIO()
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        size = (_WIDTH, _height(shown, legend))
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        draw(axes, shown, class_names)
        axes.set_title(title + _left_out(people), loc="left", fontsize=11, color=_INK)
        _add_legend(figure, legend)
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()


def timeline_svg(people: Sequence[Lane], class_names: Sequence[str]) -> Markup:
    """The picture for a report: an SVG element in the page's colours."""
    shown = _shown(people)
    legend = _legend(shown, class_names)
    with chart(_WIDTH, _height(shown, legend)) as (figure, axes):
        draw(axes, shown, class_names, most_points=300)
        axes.set_title(_left_out(people).strip(" ()"), loc="left")
        _add_legend(figure, legend)
        return inline_svg(figure, "timeline", f"Actions of {len(shown)} people over time")


def draw(
    axes: Axes, people: Sequence[Lane], class_names: Sequence[str], most_points: int = 1500
) -> None:
    """Lanes from top to bottom on one axis of time.

    Args:
        axes: To draw on.
        people: One lane each.
        class_names: In the order of class ids.
        most_points: Of a score strip; a longer one is averaged in bins.
    """
    low, high = _span(people)
    for row, lane in enumerate(people):
        _draw_bars(axes, lane, row, class_names, high - low)
        _draw_scores(axes, lane, row, most_points)
    axes.set(xlim=(low, high), ylim=(len(people) - 0.45, -0.55))
    axes.set_yticks(range(len(people)), [_name(lane.key, people) for lane in people])
    axes.set_xlabel("seconds" if people[0].frame_rate else "frame")
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=_LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _shown(people: Sequence[Lane]) -> list[Lane]:
    longest = sorted(people, key=lambda lane: -len(lane.actions.frames_F))[:MOST_LANES]
    return sorted(longest, key=lambda lane: (lane.key.source, lane.key.camera, lane.key.object_id))


def _left_out(people: Sequence[Lane]) -> str:
    if len(people) <= MOST_LANES:
        return ""
    return f" ({MOST_LANES} of {len(people)} people: those seen for longest)"


def _height(people: Sequence[Lane], legend: Sequence[Patch]) -> float:
    return 1.3 + _LANE * len(people) + 0.22 * math.ceil(len(legend) / _columns(legend))


def _columns(legend: Sequence[Patch]) -> int:
    widest = max(len(str(patch.get_label())) for patch in legend)
    return max(1, min(6, len(legend), 100 // widest))


def _add_legend(figure: Figure, legend: Sequence[Patch]) -> None:
    figure.legend(
        handles=legend,
        loc="outside lower left",
        ncols=_columns(legend),
        frameon=False,
        fontsize=8.5,
    )


def colour(class_id: int) -> str:
    """Colour of a class, the same in every picture: 9 strong, 9 light, 10 dark, and no grey."""
    tab20, tab20b = (mpl.colormaps[name] for name in ("tab20", "tab20b"))
    palette = [tab20(i) for i in (*range(0, 20, 2), *range(1, 20, 2)) if i not in {14, 15}]
    palette += [tab20b(i) for i in (0, 4, 8, 12, 16, 2, 6, 14, 10, 18)]
    return to_hex(palette[class_id % len(palette)])


def _span(people: Sequence[Lane]) -> tuple[float, float]:
    """From the first frame to the end of the last one."""
    starts = [_time(lane, int(lane.actions.frames_F[0])) for lane in people]
    ends = [_time(lane, int(lane.actions.frames_F[-1]) + 1) for lane in people]
    return min(starts), max(ends)


def _time(lane: Lane, frame: int) -> float:
    return frame / lane.frame_rate if lane.frame_rate else float(frame)


def _name(key: TrackKey, people: Sequence[Lane]) -> str:
    """As much of the key as is needed to tell the lanes apart."""
    parts = [f"id {key.object_id}"]
    if len({lane.key.camera for lane in people}) > 1:
        parts.insert(0, f"camera {key.camera}")
    if len({lane.key.source for lane in people}) > 1:
        name = key.source if len(key.source) <= 24 else f"…{key.source[-23:]}"
        parts.insert(0, name)
    return ", ".join(parts)


def _draw_bars(axes: Axes, lane: Lane, row: int, class_names: Sequence[str], span: float) -> None:
    top = row - 0.42
    for one in lane.segments:
        start, end = _time(lane, one.start_frame), _time(lane, one.end_frame + 1)
        face = colour(one.class_id) if one.is_known else _UNKNOWN
        bar = Rectangle((start, top), end - start, _BAR, facecolor=face, edgecolor="white")
        bar.set_linewidth(0.5)
        axes.add_patch(bar)
        if one.is_known and _fits(class_names[one.class_id], (end - start) / span):
            axes.text(
                (start + end) / 2,
                top + _BAR / 2,
                class_names[one.class_id],
                ha="center",
                va="center_baseline",
                fontsize=7.5,
                color=_ink_on(face),
                clip_on=True,
            )


def _draw_scores(axes: Axes, lane: Lane, row: int, most_points: int) -> None:
    """The share of the action, from 0 at the strip's foot to 1 at its head."""
    foot = row + 0.42
    scores_F = lane.actions.scores_F
    for start, end in pairwise((*lane.actions.starts, len(scores_F))):
        step = max(1, math.ceil((end - start) * len(lane.actions.starts) / most_points))
        positions = np.arange(start, end, step)
        bins = [scores_F[p : min(p + step, end)].mean() for p in positions.tolist()]
        times = [_time(lane, int(f)) for f in lane.actions.frames_F[positions]]
        times.append(_time(lane, int(lane.actions.frames_F[end - 1]) + 1))
        heights = foot - _STRIP * np.array([*bins, bins[-1]])
        axes.fill_between(times, heights, foot, step="post", color=_STRIP_COLOUR, linewidth=0)
    first, last = lane.actions.frames_F[[0, -1]].tolist()
    axes.hlines(foot, _time(lane, first), _time(lane, last + 1), color=_STRIP_COLOUR, linewidth=0.5)


def _legend(people: Sequence[Lane], class_names: Sequence[str]) -> list[Patch]:
    """The actions that occur, the longest first, and what else there is to explain."""
    frames: dict[int, int] = {}
    for lane in people:
        classes, counts = np.unique(lane.actions.classes_F, return_counts=True)
        for class_id, count in zip(classes.tolist(), counts.tolist(), strict=True):
            frames[class_id] = frames.get(class_id, 0) + count
    known = sorted((c for c in frames if c >= 0), key=lambda c: -frames[c])
    patches = [Patch(facecolor=colour(c), label=class_names[c]) for c in known]
    if len(known) < len(frames):
        patches.append(Patch(facecolor=_UNKNOWN, label="not known"))
    return [*patches, Patch(facecolor=_STRIP_COLOUR, label="strip: score, 0 to 1")]


def _fits(text: str, share: float) -> bool:
    return len(text) * _CHARACTER_SHARE < share


def _ink_on(face: str) -> str:
    """White on dark, dark on light (relative luminance of sRGB, without its gamma)."""
    red, green, blue = (int(face[i : i + 2], 16) for i in (1, 3, 5))
    return _INK if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "white"
