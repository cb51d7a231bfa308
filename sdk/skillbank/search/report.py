"""Write report.html of a search: one file that shows it to a person and asks nothing of a network.

The page's charts are Plotly's, whose script stands in the page. Only the two scripts that are
written here can run in it: the page names them by their digests.
"""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from skillbank.automl.result import SearchResult
from skillbank.automl.space import SearchSpace
from skillbank.search import report_page
from skillbank.search.importance import explain_importance
from skillbank.search.report_figures import (
    curves_chart,
    history_chart,
    importance_chart,
    pareto_charts,
)
from skillbank.search.report_slices import parallel_chart, slice_charts

_FOLDER = Path(__file__).parent


def write_report(path: Path, result: SearchResult, space: SearchSpace) -> None:
    """Write a report, whole or not at all.

    Args:
        path: `results/report.html` in the folder of the search's job.
        result: The search.
        space: What was searched.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    job_id = path.absolute().parent.parent.name
    draft.write_text(_render(result, space, job_id), encoding="utf-8")
    draft.replace(path)


def _render(result: SearchResult, space: SearchSpace, job_id: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = report_page.duration
    importance = explain_importance(result, space)
    scripts = {"plotly": _plotly(), "page": _page_script()}
    return environment.get_template("report.html.j2").render(
        result=result,
        job_id=job_id,
        tiles=list(report_page.tiles(result)),
        notes=list(report_page.notes(result)),
        commands=report_page.commands(result, job_id),
        changes=report_page.spec_changes(result, space),
        rows=report_page.rows(result),
        importance=importance,
        history=history_chart(result),
        curves=curves_chart(result),
        shares=importance_chart(importance.shares),
        slices=slice_charts(result, space, list(importance.shares)),
        parallel=parallel_chart(result, space),
        pareto=pareto_charts(result),
        fixed=[each for each in space.fixed if each.was_asked_for],
        scripts={name: Markup(text) for name, text in scripts.items()},
        digests=[_digest(text) for text in scripts.values()],
    )


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # it has no types

    return str(get_plotlyjs())


@cache
def _page_script() -> str:
    return (_FOLDER / "report.js").read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """What a Content-Security-Policy calls a script by."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
