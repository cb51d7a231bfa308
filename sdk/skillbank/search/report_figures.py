"""Charts of a search: its history, its learning curves, importance of parameters, Pareto set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from skillbank.automl.history import Goal, TrialState
from skillbank.automl.result import SearchResult, TrialRecord
from skillbank.search.importance import values_of
from skillbank.search.report_marks import (
    FIRST,
    INK,
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

_BAR_HEIGHT = 26
_FEW_TICKS = 10
_LONG_NAME = 36


def history_chart(result: SearchResult) -> Chart | None:
    """Best value of every trial, and the best so far; failures along the lower edge."""
    known = ranked(result)
    if not known:
        return None
    others = [r for r in result.history if r not in known]
    traces = [_running_best(result, known)]
    for group in groups_of(result, known):
        reached = [r.metric for r in group.records]
        traces.append(_points(result, group.records, reached, group.marker, group.name))
    for group in groups_of(result, others):
        edge = {**_points(result, group.records, [0.03] * len(group.records)), "yaxis": "y2"}
        traces.append({**edge, "marker": group.marker, "name": f"{group.name}, no result"})
    values = [r.metric for r in known if r.metric is not None]
    last = max(record.trial for record in result.history)
    layout = base_layout(
        showlegend=True,
        margin={"l": 58, "r": 12, "t": 60, "b": 44},
        xaxis=axis("trial", range=[-0.6, last + 0.6], **_whole_ticks(last)),
        yaxis=metric_axis(result, values),
        yaxis2={"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        shapes=_baseline_line(result),
    )
    best = f"best {show(known[0].metric)} in trial {known[0].trial}"
    label = f"{result.metric} of {len(result.history)} trials; {best}"
    return Chart("history", label, traces, layout, height=390)


def curves_chart(result: SearchResult) -> Chart | None:
    """Learning curves of all trials; best and baseline stand out."""
    measured = [r for r in result.history if any(value is not None for _, value in r.curve)]
    if not measured:
        return None
    best = result.best.trial if result.best else None
    others = [r for r in measured if r.trial not in {0, best}]
    traces = list(_other_curves(result, others))
    for record in measured:
        if record.trial in {0, best}:
            traces.append(_own_curve(record, is_best=record.trial == best))
    values = [value for r in measured for _, value in r.curve if value is not None]
    last = max(epochs for r in measured for epochs, _ in r.curve)
    layout = base_layout(
        showlegend=True,
        margin={"l": 58, "r": 12, "t": 44, "b": 44},
        xaxis=axis("epochs", rangemode="tozero", **_whole_ticks(last)),
        yaxis=metric_axis(result, values),
    )
    label = f"{result.metric} by epoch, of {len(measured)} trials"
    return Chart("curves", label, traces, layout, height=390)


def importance_chart(shares: Mapping[str, float]) -> Chart | None:
    """Share of each parameter, the largest on top."""
    if not shares:
        return None
    names = list(shares)[::-1]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [shares[name] for name in names],
        "y": [escape(_shorten(name)) for name in names],
        "text": [f"{100 * shares[name]:.0f} %" for name in names],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": FIRST},
        "hoverinfo": "skip",
    }
    layout = base_layout(
        bargap=0.35,
        margin={"l": 10, "r": 44, "t": 6, "b": 6},
        xaxis={"visible": False, "rangemode": "tozero", "fixedrange": True},
        yaxis=axis(fixedrange=True, showgrid=False),
    )
    label = "; ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    height = 12 + _BAR_HEIGHT * len(names)
    return Chart("importance", f"Importance of parameters: {label}", [trace], layout, height=height)


def pareto_charts(result: SearchResult) -> list[Chart]:
    """The first metric against each other one; none in a search for one metric."""
    return [_pareto(result, index, goal) for index, goal in enumerate(result.goals) if index]


def _pareto(result: SearchResult, index: int, goal: Goal) -> Chart:
    whole = [r for r in result.history if r.state is not TrialState.FAILED]
    points = {r.trial: values_of(r, result.goals) for r in whole}
    measured = [r for r in whole if points[r.trial][0] is not None]
    measured = [r for r in measured if points[r.trial][index] is not None]
    front = [r for r in measured if r.trial in result.pareto_front]
    front.sort(key=lambda r: points[r.trial][index] or 0.0)
    baseline = [r for r in measured if r.trial == 0]
    rest = [r for r in measured if r not in front and r not in baseline]
    unfinished = [r for r in rest if r.state is not TrialState.COMPLETE]
    beaten = [r for r in rest if r.state is TrialState.COMPLETE]
    corners = "hv" if goal.minimize else "vh"  # on the side of what is beaten
    looks: tuple[tuple[str, Sequence[TrialRecord], Json], ...] = (
        ("not trained to the end", unfinished, {"color": SOFT, "size": 7, "symbol": "circle-open"}),
        ("beaten by others", beaten, {"color": FIRST, "size": 8}),
        ("Pareto set", front, {"color": SECOND, "size": 10}),
        ("baseline", baseline, {"color": INK, "size": 11, "symbol": "diamond"}),
    )
    traces = [
        {
            **_points(result, records, [r.metric for r in records], marker, name),
            "x": [points[r.trial][index] for r in records],
            "mode": "lines+markers" if records is front else "markers",
            "line": {"color": SECOND, "width": 1.5, "shape": corners},
        }
        for name, records, marker in looks
        if records
    ]
    layout = base_layout(
        showlegend=True,
        margin={"l": 58, "r": 12, "t": 44, "b": 44},
        xaxis=axis(f"{goal.metric} ({_better(goal)})"),
        yaxis=axis(f"{result.metric} ({_better(result.goal)})"),
    )
    label = f"{result.metric} against {goal.metric}: {len(front)} trials in the Pareto set"
    return Chart(f"pareto-{index}", label, traces, layout, height=400)


def _whole_ticks(last: int) -> dict[str, object]:
    return {"tickformat": "d", **({"dtick": 1} if last <= _FEW_TICKS else {})}


def _shorten(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= _LONG_NAME else f"…{name[-_LONG_NAME:]}"


def _better(goal: Goal) -> str:
    return "lower is better" if goal.minimize else "higher is better"


def _points(
    result: SearchResult,
    records: Sequence[TrialRecord],
    values: Sequence[float | None],
    marker: Json | None = None,
    name: str = "",
) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [record.trial for record in records],
        "y": list(values),
        "marker": marker or {},
        "hovertext": [hover(record, result.metric) for record in records],
        "hoverinfo": "text",
    }


def _running_best(result: SearchResult, known: Sequence[TrialRecord]) -> Json:
    in_order = sorted(known, key=lambda record: record.trial)
    losses = [result.goal.loss(r.metric) for r in in_order if r.metric is not None]
    best = [result.goal.loss(loss) for loss in accumulate(losses, min)]  # loss undoes itself
    last = max(record.trial for record in result.history)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": [*(record.trial for record in in_order), last],
        "y": [*best, best[-1]],
        "line": {"color": SECOND, "width": 2, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _baseline_line(result: SearchResult) -> list[Json]:
    if result.baseline is None or result.baseline.metric_value is None:
        return []
    value = result.baseline.metric_value
    return [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": value,
            "y1": value,
            "line": {"color": INK, "width": 1, "dash": "dot"},
        }
    ]


def _other_curves(result: SearchResult, records: Sequence[TrialRecord]) -> Iterator[Json]:
    """One trace per kind of end, whatever the number of trials: gaps part the curves."""
    for group in groups_of(result, records):
        x: list[int | None] = []
        y: list[float | None] = []
        texts: list[str] = []
        for record in group.records:
            x += [*(epochs for epochs, _ in record.curve), None]
            y += [*(value for _, value in record.curve), None]
            texts += [_curve_hover(record, *point) for point in record.curve] + [""]
        yield {
            "type": "scatter",
            "mode": "lines+markers",
            "name": group.name,
            "x": x,
            "y": y,
            "connectgaps": False,
            "line": {"color": group.colour, "width": 1},
            "marker": {"size": 4, "color": group.colour},
            "opacity": 0.5,
            "hovertext": texts,
            "hoverinfo": "text",
        }


def _own_curve(record: TrialRecord, *, is_best: bool) -> Json:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name_best(record.trial) if is_best else "baseline",
        "x": [epochs for epochs, _ in record.curve],
        "y": [value for _, value in record.curve],
        "line": {"color": SECOND if is_best else INK, "width": 3 if is_best else 2},
        "marker": {"size": 5 if is_best else 4},
        "hovertext": [_curve_hover(record, *point) for point in record.curve],
        "hoverinfo": "text",
    }


def _curve_hover(record: TrialRecord, epochs: int, value: float | None) -> str:
    found = "not finite" if value is None else show(value)
    return escape(f"trial {record.trial}, epoch {epochs}: {found}")
