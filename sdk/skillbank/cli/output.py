"""What a command prints: tables and sentences for people, JSON for programs, errors for both."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from textwrap import TextWrapper
from typing import TYPE_CHECKING

from skillbank.result_documents import write_json

if TYPE_CHECKING:
    from rich.console import Console

DONE, JOB_FAILED, WRONG_REQUEST = 0, 1, 2

_LARGEST_COUNT = 1e15  # from here on a float does not hold every integer

_STYLES = {
    "COMPLETE": "green",
    "RUNNING": "cyan",
    "ERROR": "red",
    "LOST": "red",
    "CANCELED": "yellow",
    "PAUSED": "yellow",
}


def print_json(document: object) -> None:
    """Print one JSON document: paths as text, tuples as lists."""
    print(write_json(document))


def print_event(kind: str, **content: object) -> None:
    """Print one event as a line of JSON, at once, for whoever follows."""
    print(json.dumps({"event": kind, **content}, default=str, ensure_ascii=False), flush=True)


def print_error(message: str) -> None:
    """Tell on stderr what went wrong, as plain text that can be searched and copied."""
    print_aside(f"error: {message}")


def print_aside(message: str) -> None:
    """Print to stderr, after everything that was printed before."""
    sys.stdout.flush()
    print(message, file=sys.stderr)


def print_text(text: str, indent: str = "") -> None:
    """Print prose, wrapped at words on a terminal and untouched in a pipe.

    Paths and command lines are printed with `print` instead: whoever copies one wants no breaks.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    whole = TextWrapper(
        width=width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in text.splitlines():
        print(whole.fill(line))


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values in two columns; further lines of a value below its first."""
    rows = [(name, str(value)) for name, value in facts]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:{width}}  " + value.replace("\n", "\n" + " " * (width + 2)))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings; on a terminal only the last column is folded to fit."""
    cells = [[_cell(value) for value in row] for row in rows]
    if sys.stdout.isatty() and _has_room([columns, *cells]):
        _show_table(columns, cells)
    else:
        _write_columns([columns, *cells])


def console() -> Console:
    """The terminal through rich, which reads its width and honours NO_COLOR."""
    from rich.console import Console

    return Console(highlight=False, markup=False)


def _has_room(cells: Sequence[Sequence[str]]) -> bool:
    """Tell whether the terminal shows every column whole but the last, and some of that."""
    widths = [max(map(len, column)) + 2 for column in zip(*cells, strict=True)]
    return sum(widths[:-1]) + min(widths[-1], 20) <= shutil.get_terminal_size().columns


def _show_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Fit a table to the terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column is not columns[-1], overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    console().print(table)


def _write_columns(cells: Sequence[Sequence[str]]) -> None:
    """Align columns with spaces, each as wide as it needs to be: for pipes, without rich."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(line).rstrip())


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).splitlines())


def show_duration(seconds: float | None) -> str:
    """A span of time such as 0:01:23; empty when it is not known."""
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))


def show_moment(seconds: float) -> str:
    """A time, given in seconds since the epoch, where the reader is."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"


def show_age(since: float) -> str:
    """How long ago a time was, in the largest unit that fits."""
    passed_s = time.time() - since
    units = (("days", 86400), ("h", 3600), ("min", 60), ("s", 1))
    unit, size_s = next((unit for unit in units if passed_s >= 2 * unit[1]), units[-1])
    return f"{passed_s // size_s:.0f} {unit} ago"


def show_figures(figures: Mapping[str, float | None]) -> str:
    """Metrics in a row: `val_loss 0.4271  val_acc 0.8605`."""
    return "  ".join(f"{name} {_figure(value)}" for name, value in figures.items())


def _figure(value: float | None) -> str:
    if value is None:
        return "not finite"
    is_count = float(value).is_integer() and abs(value) < _LARGEST_COUNT
    return f"{value:.0f}" if is_count else f"{value:.4g}"
