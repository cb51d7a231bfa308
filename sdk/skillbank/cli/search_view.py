"""Follow a search: a table that stays on the terminal, plain lines in a pipe, events as JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from skillbank.automl.history import TrialState
from skillbank.automl.result import FILE, SearchResult, SearchState, TrialRecord, read_result
from skillbank.cli.output import console, print_event
from skillbank.cli.search_words import (
    COLUMNS,
    choose_trials,
    headline,
    progress_line,
    search_facts,
    trial_row,
)
from skillbank.errors import CheckpointNotFound
from skillbank.job import JobState
from skillbank.result_documents import job_document

if TYPE_CHECKING:
    from rich.console import Group, JustifyMethod
    from rich.table import Table

    from skillbank.following import StatusLine
    from skillbank.job import Job

_STYLES = {
    TrialState.COMPLETE: "green",
    TrialState.RUNNING: "cyan",
    TrialState.PAUSED: "yellow",
    TrialState.PRUNED: "dim",
    TrialState.FAILED: "red",
}
_FRAME_LINES = 5  # two above the table, its heading, what is left out, the cursor
_GAP = 2
_NARROWEST_NOTE = 24
_WORDS = ("STATE", "ORIGIN", "WHAT")
_LEAST_FIRST = ("ORIGIN", "TIME", "WHAT")


class SearchView(Protocol):
    """Where a search is shown; see `follow.View`."""

    def show_state(self, job: Job) -> None:
        """Show that the job came into another state."""

    def show(self, line: StatusLine) -> None:
        """Show one status line, and what has changed since the last."""


class SearchFile:
    """The result of a search, read again when it has changed.

    Args:
        results: Results folder of its job.
    """

    def __init__(self, results: Path) -> None:
        self._results = results
        self._seen = 0
        self.result: SearchResult | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the result was written."""
        return max(time.time() - self._seen / 1e9, 0.0) if self._seen else 0.0

    def read_new(self) -> SearchResult | None:
        """The result if it has changed since the last call."""
        try:
            changed = (self._results / FILE).stat().st_mtime_ns
            if changed == self._seen:
                return None
            self.result = read_result(self._results)
        except (FileNotFoundError, CheckpointNotFound):
            return None  # not begun yet, or written by another version: its end will tell
        self._seen = changed
        return self.result


def choose_search_view(job: Job, *, as_json: bool) -> AbstractContextManager[SearchView]:
    """The view that fits where the output goes."""
    file = SearchFile(job.results)
    if as_json:
        return nullcontext(JsonSearchView(file))
    return LiveSearchView(file) if sys.stdout.isatty() else nullcontext(PlainSearchView(file))


def show_search_end(results: Path) -> bool:
    """Tell what came of a search; False when it left no result."""
    try:
        result = read_result(results)
    except CheckpointNotFound:
        return False
    for name, value in search_facts(result):
        if name not in {"search", "state"} or result.stop_reason:
            print(f"{name}: {value}")
    return True


class JsonSearchView:
    """Every status line, and after each what has changed of the search."""

    def __init__(self, file: SearchFile) -> None:
        self._file = file
        self._told: dict[int, TrialRecord] = {}
        self._state: SearchState | None = None

    def show_state(self, job: Job) -> None:
        """Print the job with its new state."""
        print_event("job", job=job_document(job))

    def show(self, line: StatusLine) -> None:
        """Print the line as it is, and then the trials that have changed."""
        print_event("status", **line)
        result = self._file.read_new()
        if result is None:
            return
        changed = [r for r in result.history if self._told.get(r.trial) != r]
        if changed or result.state is not self._state:
            print_event("search", **search_event(result, changed))
        self._told |= {record.trial: record for record in changed}
        self._state = result.state


def search_event(result: SearchResult, changed: list[TrialRecord]) -> dict[str, object]:
    """A search in one compact event."""
    best, baseline = result.best, result.baseline
    return {
        "state": result.state.value,
        "metric": result.metric,
        "best": best and {"trial": best.trial, "metric_value": best.metric_value},
        "baseline": baseline and baseline.metric_value,
        "progress": result.progress.model_dump(mode="json"),
        "trials": [
            record.model_dump(
                mode="json",
                include={"trial", "job_id", "state", "metric", "epochs", "target_epochs"},
            )
            for record in changed
        ],
    }


class PlainSearchView:
    """One line per event of a trial, and how far the search is whenever one has ended."""

    def __init__(self, file: SearchFile) -> None:
        self._file = file
        self._num_ended = 0

    def show_state(self, job: Job) -> None:
        """Print that the search waits; that it runs is told by its own lines."""
        if job.state is JobState.QUEUED:
            print(f"queued {job.detail}".rstrip(), flush=True)

    def show(self, line: StatusLine) -> None:
        """Print the line; single epochs are left out."""
        message = str(line.get("message", ""))
        if not _is_epoch(message):
            print(message, flush=True)
        result = self._file.read_new()
        if result is None:
            return
        num_ended = sum(record.state.is_final for record in result.history)
        if num_ended > self._num_ended:
            print(f"  {progress_line(result, 0.0)}", flush=True)
            self._num_ended = num_ended


class LiveSearchView:
    """A table of the trials that redraws itself in place, whatever the size of the terminal."""

    def __init__(self, file: SearchFile) -> None:
        from rich.live import Live

        self._file = file
        self._state = "search"
        self._console = console()
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=2,
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveSearchView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show_state(self, job: Job) -> None:
        """Name the state until there is a table."""
        self._state = f"search {job.state.value.lower()} {job.detail}".rstrip()

    def show(self, line: StatusLine) -> None:
        """Print above the table what is not about one trial, and redraw it."""
        message = str(line.get("message", ""))
        if not message.startswith("trial "):
            self._console.print(message)
        self._live.refresh()

    def _draw(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        self._file.read_new()
        result = self._file.result
        if result is None:
            return Group(Text(self._state))
        height, width = self._console.height, self._console.width
        shown = choose_trials(result, height - _FRAME_LINES)
        head = [headline(result), progress_line(result, self._file.age_s)]
        lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in head]
        if not shown:
            return Group(*lines[: max(height - 1, 1)])
        hidden = len(result.history) - len(shown)
        rest = [Text(f"and {hidden} more trials", style="dim")] if hidden else []
        return Group(*lines, draw_table(result, shown, width), *rest)


def draw_table(result: SearchResult, records: list[TrialRecord], width: int) -> Table:
    """Trials as a table in which every row takes one line of `width` columns."""
    from rich.table import Table
    from rich.text import Text

    best = result.best.trial if result.best else None
    heads = [result.metric if column == "METRIC" else column for column in COLUMNS]
    rows = [trial_row(record, best) for record in records]
    widths = _fit([heads, *rows], width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, room in widths.items():
        justify: JustifyMethod = "left" if column in _WORDS else "right"
        head = heads[COLUMNS.index(column)]
        table.add_column(head, justify=justify, no_wrap=True, overflow="ellipsis", width=room)
    for record, row in zip(records, rows, strict=True):
        styles = {"STATE": _STYLES.get(record.state, ""), "TRIAL": "bold" * (record.trial == best)}
        cells = dict(zip(COLUMNS, row, strict=True))
        table.add_row(*(Text(cells[column], styles.get(column, "")) for column in widths))
    return table


def _fit(rows: Sequence[Sequence[str]], width: int) -> dict[str, int]:
    """Columns that fit and their widths; what matters least is left out first."""
    widths = {
        column: max(map(len, cells))
        for column, cells in zip(COLUMNS, zip(*rows, strict=True), strict=True)
    }
    for column in _LEAST_FIRST:
        others = sum(widths.values()) - widths[COLUMNS[-1]] + _GAP * (len(widths) - 1)
        if width - others >= _NARROWEST_NOTE:
            break
        del widths[column]
    if COLUMNS[-1] in widths:
        others = sum(widths.values()) - widths[COLUMNS[-1]] + _GAP * (len(widths) - 1)
        widths[COLUMNS[-1]] = width - others
    return widths


def _is_epoch(message: str) -> bool:
    return message.startswith("trial ") and ": epoch " in message
