"""Charts of the space that was searched: one per parameter, and all of them side by side."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from skillbank.automl.parameter import Parameter, is_same
from skillbank.automl.result import SearchResult, TrialRecord
from skillbank.automl.space import SearchSpace
from skillbank.search.report_marks import (
    FIRST,
    SECOND,
    SOFT,
    Chart,
    Json,
    axis,
    base_layout,
    escape,
    groups_of,
    hover,
    metric_axis,
    name_best,
    ranked,
    show,
)
from skillbank.spec_keys import get_value

_GOOD_SHARE = 0.25
_LEAST_LINES = 3
_OFF_GAP = 0.2  # of the axis, between "off" and the range
_AXIS_WIDTH = 92


@dataclass(frozen=True)
class Scale:
    """Places on an axis for the values of a parameter.

    Attributes:
        parameter: The parameter.
    """

    parameter: Parameter

    def place(self, value: object) -> float | None:
        """Where a value stands, 0 to 1 from the low to the high end; "off" stands before 0."""
        if self.parameter.has_off and is_same(value, self.parameter.off):
            return -_OFF_GAP
        if self.parameter.options:
            found = [i for i, o in enumerate(self.parameter.options) if is_same(o, value)]
            last = max(len(self.parameter.options) - 1, 1)
            return found[0] / last if found else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        low, high = self._ends
        return (self._position(float(value)) - low) / ((high - low) or 1.0)

    @cached_property
    def ticks(self) -> list[tuple[float, str]]:
        """Places that are named, in order, with their names."""
        values: Sequence[object] = self.parameter.options or self._round_values()
        named = [(self.place(value), show(value)) for value in values]
        off = [(-_OFF_GAP, "off")] if self.parameter.has_off else []
        return [*off, *((place, name) for place, name in named if place is not None)]

    @cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = self.parameter.range
        return self._position(low), self._position(high)

    def _position(self, value: float) -> float:
        """A value on the scale on which it is searched, rising with the value."""
        if self.parameter.complement and self.parameter.log:
            return -math.log(max(1 - value, 1e-12))
        if self._is_log:
            return math.log(max(value, 1e-300))
        return value

    @property
    def _is_log(self) -> bool:
        low = self.parameter.range[0]
        return low > 0 and (self.parameter.log or self.parameter.power_of is not None)

    def _round_values(self) -> list[float]:
        low, high = self.parameter.range
        if self.parameter.power_of is not None:
            found = _powers(low, high, self.parameter.power_of)
            return found[:: math.ceil(len(found) / 8)]
        if self.parameter.complement and self.parameter.log:
            return [v for v in (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999) if low <= v <= high]
        if self._is_log:
            decades = _powers(low, high, 10)
            finer = sorted({m * d for d in _powers(low / 10, high, 10) for m in (1, 2, 5)})
            fitting = decades if len(decades) > 2 else [v for v in finer if low <= v <= high]
            return fitting[:: math.ceil(len(fitting) / 6)]
        step = _round_step((high - low) / 5)
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        return [float(f"{k * step:.12g}") for k in range(first, last + 1)] if step else [low]


def slice_charts(result: SearchResult, space: SearchSpace, order: Sequence[str]) -> list[Chart]:
    """The metric over each parameter; those that `order` names first."""
    if len(ranked(result)) < 2:
        return []
    places = {name: index for index, name in enumerate(order)}
    parameters = sorted(space.parameters, key=lambda p: places.get(p.name, len(places)))
    return [_slice(result, space, p, index) for index, p in enumerate(parameters)]


def parallel_chart(result: SearchResult, space: SearchSpace) -> Chart | None:
    """Every trial as a line over all parameters; the best quarter stands out."""
    known = ranked(result)
    if len(known) < _LEAST_LINES or len(space.parameters) < 2:
        return None
    scales = [Scale(parameter) for parameter in space.parameters]
    good = known[: math.ceil(_GOOD_SHARE * len(known))]
    looks: tuple[tuple[str, Sequence[TrialRecord], str, float], ...] = (
        ("the others", known[len(good) :], SOFT, 1),
        ("the best quarter", good[1:], FIRST, 1.8),
        (name_best(known[0].trial), known[:1], SECOND, 3),
    )
    traces = [
        _lines(result, space, scales, records) | {"name": name, "line": _line(colour, width)}
        for name, records, colour, width in looks
        if records
    ]
    titles = [*_short_names(space.parameters), result.metric]
    layout = base_layout(
        showlegend=True,
        margin={"l": 60, "r": 60, "t": 44, "b": 90},
        xaxis=axis(
            tickvals=list(range(len(titles))),
            ticktext=[escape(title) for title in titles],
            range=[-0.3, len(titles) - 0.5],
            fixedrange=True,
            tickangle=-30,
        ),
        yaxis={"visible": False, "range": [-_OFF_GAP - 0.06, 1.06], "fixedrange": True},
        annotations=_axis_names(scales, known),
    )
    label = f"{len(known)} trials over {len(scales)} parameters"
    width = _AXIS_WIDTH * len(titles)
    return Chart("parallel", label, traces, layout, height=440, min_width=width)


def value_in(record: TrialRecord, parameter: Parameter, space: SearchSpace) -> object:
    """A trial's value of a parameter; None when it had no effect there."""
    if record.trial == 0:
        found = get_value(space.base, parameter.key)
        is_active = {parameter.drawn_name, parameter.switch_name} & set(record.params)
        return _element(found, parameter) if is_active else None
    values = {**space.values(record.params), **record.specs}
    return _element(values.get(parameter.key), parameter)


def _element(value: object, parameter: Parameter) -> object:
    if parameter.index is None:
        return value
    is_there = isinstance(value, list | tuple) and parameter.index < len(value)
    return value[parameter.index] if is_there else None  # type: ignore[index]


def _slice(result: SearchResult, space: SearchSpace, parameter: Parameter, index: int) -> Chart:
    scale = Scale(parameter)
    known = [r for r in ranked(result) if scale.place(value_in(r, parameter, space)) is not None]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": group.name,
            "x": [scale.place(value_in(r, parameter, space)) for r in group.records],
            "y": [r.metric for r in group.records],
            "marker": group.marker,
            "hovertext": [
                f"{escape(show(value_in(r, parameter, space)))}<br>{hover(r, result.metric)}"
                for r in group.records
            ],
            "hoverinfo": "text",
        }
        for group in groups_of(result, known)
    ]
    metrics = [r.metric for r in known if r.metric is not None]
    layout = base_layout(
        margin={"l": 48, "r": 8, "t": 6, "b": 34},
        xaxis=axis(
            tickvals=[place for place, _ in scale.ticks],
            ticktext=[escape(_shorten(name)) for _, name in scale.ticks],
            range=[-_OFF_GAP - 0.08 if parameter.has_off else -0.08, 1.08],
            tickangle=0,
        ),
        yaxis=metric_axis(result, metrics, is_named=False),
    )
    kind = "logarithmic" if parameter.log or parameter.power_of else parameter.type
    title = f"{parameter.name}" + (f" (when {parameter.active})" if parameter.active else "")
    label = f"{result.metric} over {parameter.name}, {kind}, in {len(known)} trials"
    return Chart(f"slice-{index}", label, traces, layout, title=title, height=230)


def _lines(
    result: SearchResult,
    space: SearchSpace,
    scales: Sequence[Scale],
    records: Sequence[TrialRecord],
) -> dict[str, object]:
    known = [r.metric for r in ranked(result) if r.metric is not None]
    worst, best = known[-1], known[0]
    x: list[int | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for record in records:
        places = [scale.place(value_in(record, scale.parameter, space)) for scale in scales]
        share = ((record.metric or 0.0) - worst) / ((best - worst) or 1.0)
        points = [(at, place) for at, place in enumerate([*places, share]) if place is not None]
        x += [*(at for at, _ in points), None]
        y += [*(place for _, place in points), None]
        texts += [hover(record, result.metric)] * (len(points) + 1)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "connectgaps": False,
        "opacity": 0.75,
        "hovertext": texts,
        "hoverinfo": "text",
    }


def _line(colour: str, width: float) -> Json:
    return {"color": colour, "width": width, "shape": "linear"}


def _axis_names(scales: Sequence[Scale], known: Sequence[TrialRecord]) -> list[Json]:
    """Names of places beside each axis; the last axis is the metric, better above."""
    ticks = [scale.ticks for scale in scales]
    ticks.append([(0.0, show(known[-1].metric)), (1.0, show(known[0].metric))])
    return [
        {
            "x": index,
            "y": place,
            "text": escape(_shorten(name)),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 3,
            "bgcolor": "var(--paper)",
            "opacity": 0.85,
            "font": {"size": 10, "color": SOFT},
        }
        for index, named in enumerate(ticks)
        for place, name in named
    ]


def _short_names(parameters: Sequence[Parameter]) -> list[str]:
    """Last parts of the names, as many of them as it takes to tell them apart."""
    lasts = [parameter.name.rpartition(".")[2] for parameter in parameters]
    counts = Counter(lasts)
    names = [p.name for p in parameters]
    return [
        last if counts[last] == 1 else ".".join(name.split(".")[-2:])
        for name, last in zip(names, lasts, strict=True)
    ]


def _shorten(name: str, most: int = 14) -> str:
    """Options such as torch.optim.SGD by what tells them apart."""
    last = name.rpartition(".")[2] if re.fullmatch(r"[A-Za-z_][\w.]*", name) else name
    return last if len(last) <= most else last[: most - 1] + "…"


def _powers(low: float, high: float, base: int) -> list[float]:
    first = math.ceil(math.log(low, base) - 1e-9)
    last = math.floor(math.log(high, base) + 1e-9)
    return [float(f"{float(base) ** k:.12g}") for k in range(first, last + 1)]


def _round_step(width: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    if width <= 0:
        return 0.0
    decade = 10.0 ** math.floor(math.log10(width))
    return next(m * decade for m in (1, 2, 5, 10) if m * decade >= width * (1 - 1e-9))
