"""What all charts of a search's report share: how a trial is marked and named, how axes look.

A chart is a figure in Plotly's JSON format. Colours are the page's own, `var(--first)`; the page's
script puts in what they are, light or dark. Texts may come from anywhere: they are escaped here,
since Plotly reads a little HTML.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchResult, TrialRecord

Json = Mapping[str, object]

INK, SOFT, LINE = "var(--ink)", "var(--soft)", "var(--line)"
FIRST, SECOND, BAD = "var(--first)", "var(--second)", "var(--bad)"

_MANY_DECADES = 30
_MOST_IN_HOVER = 16


@dataclass(frozen=True)
class Chart:
    """One figure.

    Attributes:
        name: Unique on the page, fit for an id.
        label: What it shows, for those who cannot see it.
        traces: Plotly's `data`.
        layout: Plotly's `layout`.
        title: Heading above it; empty for none.
        height: In pixels.
        min_width: In pixels; what does not fit on the screen is scrolled to.
    """

    name: str
    label: str
    traces: Sequence[Json]
    layout: Json
    title: str = ""
    height: int = 340
    min_width: int = 0

    @cached_property
    def json(self) -> str:
        """The figure as JSON that can stand in a script element."""
        text = json.dumps({"data": self.traces, "layout": self.layout}, allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@dataclass(frozen=True)
class Group:
    """Trials that are marked alike.

    Attributes:
        name: What they are called in a legend.
        symbol: Plotly's name of the mark.
        colour: One of the page's.
        size: In pixels.
        records: The trials.
    """

    name: str
    symbol: str
    colour: str
    size: int
    records: tuple[TrialRecord, ...]

    @property
    def marker(self) -> Json:
        """How Plotly draws it."""
        line = {"width": 1.5, "color": self.colour}
        return {"symbol": self.symbol, "color": self.colour, "size": self.size, "line": line}


_STATES: Mapping[tuple[TrialState, ...], tuple[str, str, str, int]] = {
    (TrialState.COMPLETE,): ("complete", "circle", FIRST, 8),
    (TrialState.PRUNED,): ("pruned", "circle-open", SOFT, 8),
    (TrialState.PAUSED,): ("paused", "square-open", FIRST, 8),
    (TrialState.RUNNING, TrialState.WAITING): ("running", "triangle-right", FIRST, 9),
    (TrialState.FAILED,): ("failed", "x", BAD, 8),
}


def groups_of(result: SearchResult, records: Sequence[TrialRecord]) -> Iterator[Group]:
    """The trials by how they are marked; each is in one group, the best in one of its own."""
    best = result.best.trial if result.best else None
    rest = [record for record in records if record.trial not in {0, best}]
    for states, (name, symbol, colour, size) in _STATES.items():
        alike = tuple(record for record in rest if record.state in states)
        if alike:
            yield Group(name, symbol, colour, size, alike)
    # A baseline that failed is marked as what it is: a failure is what its reader looks for.
    baseline = tuple(r for r in records if r.trial == 0 and r.trial != best)
    if baseline:
        has_failed = baseline[0].state is TrialState.FAILED
        yield Group("baseline", "diamond", BAD if has_failed else INK, 11, baseline)
    winner = tuple(r for r in records if r.trial == best)
    if winner:
        name = "best: the baseline" if best == 0 else "best"
        yield Group(name, "star", SECOND, 15, winner)


def hover(record: TrialRecord, metric: str) -> str:
    """What is shown when a trial is pointed at."""
    value = "no result" if record.metric is None else f"{metric} {show(record.metric)}"
    lines = [f"trial {record.trial}, {record.state.value}: {value}"]
    lines.append(f"{record.epochs} epochs, {record.origin}".rstrip(", "))
    points = [f"{key} = {show(v)}" for key, v in record.specs.items()]
    lines += points[:_MOST_IN_HOVER]
    if len(points) > _MOST_IN_HOVER:
        lines.append(f"and {len(points) - _MOST_IN_HOVER} more")
    return "<br>".join(escape(line) for line in lines)


def name_best(trial: int) -> str:
    """What the best trial is called in a legend."""
    return f"best: trial {trial}" if trial else "best: the baseline"


def show(value: object) -> str:
    """A value as a reader sees it: numbers in four figures, anything else as JSON has it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(show, value))}]"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def escape(text: str) -> str:
    """A text that Plotly shows as it is."""
    return html.escape(text, quote=False)


def base_layout(**changes: object) -> dict[str, object]:
    """What every chart looks like."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 12, "family": "system-ui, sans-serif"},
        "margin": {"l": 58, "r": 12, "t": 12, "b": 44},
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": "var(--card)",
            "bordercolor": LINE,
            "font": {"color": INK, "size": 12},
            "align": "left",
        },
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "xanchor": "left"},
        "showlegend": False,
        **changes,
    }


def axis(title: str = "", **changes: object) -> dict[str, object]:
    """One axis."""
    return {
        "title": {"text": escape(title), "standoff": 8},
        "gridcolor": LINE,
        "linecolor": LINE,
        "zeroline": False,
        "automargin": True,
        **changes,
    }


def metric_axis(result: SearchResult, values: Sequence[float], *, is_named: bool = True) -> Json:
    """The axis of the metric; a loss that spans decades, as when some diverge, gets a log one."""
    is_wide = bool(values) and min(values) > 0 and max(values) > _MANY_DECADES * min(values)
    kind = "log" if is_wide and result.goal.minimize else "linear"
    return axis(result.metric if is_named else "", type=kind)


def ranked(result: SearchResult) -> list[TrialRecord]:
    """Trials that have a result and did not fail, the best first."""
    known = [r for r in result.history if r.metric is not None and r.state is not TrialState.FAILED]
    return sorted(known, key=lambda r: (result.goal.loss(r.metric or 0.0), r.trial))
